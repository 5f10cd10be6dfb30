import JSON

/// Turns YAML into JSON values as Kubernetes' own tools do (sigs.k8s.io/yaml over go-yaml v2).
///
/// The text is read with libyaml, the parser inside Yams, event by event: Yams' node tree recurses without a limit of ours, always
/// refuses repeated keys, and hashes expanded aliases.
public enum YAMLDecoder {
    /// How a scalar without quotes becomes a value.
    public enum Scalars: Sendable, Hashable {
        /// By YAML 1.1 as go-yaml v2 reads it: `yes` is true, `0o17` and `017` are 15, `~` is null, a date stays text.
        case kubernetes
        /// Every scalar is its text, as when go-yaml decodes into strings: `012345678901` keeps its zero.
        case text
    }

    /// What happens to a key that occurs again in one mapping.
    public enum RepeatedKeys: Sendable, Hashable {
        /// The document is refused (`UnmarshalStrict`).
        case refused
        /// The last value counts (`Unmarshal`, `YAMLToJSON`).
        case lastWins
    }

    /// What a decode accepts.
    public struct Limits: Sendable, Hashable {
        /// Largest text in bytes.
        public var bytes: Int
        /// Deepest nesting of lists and mappings, expanded aliases included.
        public var depth: Int
        /// How many values aliases may stand for, all together.
        public var aliasedValues: Int

        /// Makes limits; the defaults are above what the API server takes in a request body.
        public init(bytes: Int = 4 << 20, depth: Int = 256, aliasedValues: Int = 100_000) {
            self.bytes = bytes
            self.depth = depth
            self.aliasedValues = aliasedValues
        }
    }

    /// The first document of a text; `null` when there is none. What follows the first document is not looked at.
    ///
    /// - Throws: `YAMLError`.
    public static func decode(
        _ text: String, scalars: Scalars = .kubernetes, repeatedKeys: RepeatedKeys = .refused, limits: Limits = Limits()
    ) throws(YAMLError) -> JSON {
        try decode(Array(text.utf8), scalars: scalars, repeatedKeys: repeatedKeys, limits: limits)
    }

    /// The first document of UTF-8 bytes; `null` when there is none. What follows the first document is not looked at.
    ///
    /// - Throws: `YAMLError`.
    public static func decode(
        _ bytes: [UInt8], scalars: Scalars = .kubernetes, repeatedKeys: RepeatedKeys = .refused, limits: Limits = Limits()
    ) throws(YAMLError) -> JSON {
        let composer = YAMLComposer(scalars: scalars, repeatedKeys: repeatedKeys, limits: limits)
        return try documents(of: bytes, composer: composer, atMost: 1).first ?? .null
    }

    /// All documents of a text, in order. An empty document is `null`.
    ///
    /// - Throws: `YAMLError`; then no document counts.
    public static func decodeAll(
        _ text: String, scalars: Scalars = .kubernetes, repeatedKeys: RepeatedKeys = .refused, limits: Limits = Limits()
    ) throws(YAMLError) -> [JSON] {
        let composer = YAMLComposer(scalars: scalars, repeatedKeys: repeatedKeys, limits: limits)
        return try documents(of: Array(text.utf8), composer: composer, atMost: .max)
    }

    private static func documents(of bytes: [UInt8], composer: YAMLComposer, atMost: Int) throws(YAMLError) -> [JSON] {
        let limit = composer.limits.bytes
        guard bytes.count <= limit else { throw YAMLError(.tooLarge(limit: limit), line: 0) }
        let outcome = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(YAMLError) -> [JSON] in
                let reader = try YAMLEventReader(buffer)
                var composer = composer
                var documents: [JSON] = []
                while documents.count < atMost, let document = try composer.document(from: reader) { documents.append(document) }
                return documents
            }
        }
        return try outcome.get()
    }
}
