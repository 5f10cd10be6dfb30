/// Why a document is not JSON, or not acceptable, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of refusal.
    public enum Reason: Sendable, Hashable {
        case unexpectedEnd
        case unexpectedByte(UInt8)
        case invalidNumber
        case invalidString
        case invalidEscape
        case invalidUTF8
        case trailingData
        case tooDeep(limit: Int)
        case tooLarge(limit: Int)
    }

    /// What is wrong.
    public let reason: Reason
    /// Zero-based byte offset in the document.
    public let offset: Int
    /// One-based line.
    public let line: Int
    /// One-based column, in bytes.
    public let column: Int

    /// Reason and place, for people.
    public var description: String { "\(reason) at line \(line), column \(column)" }
}

extension JSON {
    /// What a parse accepts.
    public struct Limits: Sendable {
        /// Deepest nesting of arrays and objects.
        public var depth: Int
        /// Largest document in bytes.
        public var bytes: Int

        /// Makes limits; the defaults are what a request body may have.
        public init(depth: Int = 512, bytes: Int = 64 << 20) {
            self.depth = depth
            self.bytes = bytes
        }
    }

    /// A name that occurred more than once in one object: its path in Kubernetes notation (`spec.ports[0].name`).
    public typealias DuplicatePath = String

    /// Parses a whole document. Of repeated names the last value counts, as in Kubernetes' decoder.
    ///
    /// - Throws: `JSONError` with position.
    public init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(JSONError) {
        var duplicates: [DuplicatePath] = []
        self = try JSON.parse(bytes, limits: limits, duplicates: &duplicates)
    }

    /// Parses a whole document held in raw memory.
    ///
    /// - Throws: `JSONError` with position.
    public init(parsing bytes: UnsafeRawBufferPointer, limits: Limits = Limits()) throws(JSONError) {
        var duplicates: [DuplicatePath] = []
        self = try JSON.parse(bytes, limits: limits, duplicates: &duplicates)
    }

    /// Parses text.
    ///
    /// - Throws: `JSONError` with position.
    public init(parsing text: String, limits: Limits = Limits()) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// Parses a document and tells which names were repeated, each once, in the order found. At most 100 are told, as in Kubernetes'
    /// strict decoder.
    ///
    /// - Throws: `JSONError` with position.
    public static func parse(_ bytes: [UInt8], limits: Limits = Limits(), duplicates: inout [DuplicatePath]) throws(JSONError) -> JSON {
        let outcome = bytes.withUnsafeBytes { buffer in
            var found: [DuplicatePath] = []
            return (
                Result { () throws(JSONError) -> JSON in try JSON.parse(buffer, limits: limits, duplicates: &found) }, found
            )
        }
        duplicates = outcome.1
        return try outcome.0.get()
    }

    static func parse(
        _ buffer: UnsafeRawBufferPointer, limits: Limits, duplicates: inout [DuplicatePath]
    ) throws(JSONError) -> JSON {
        var parser = JSONParser(buffer: buffer, limits: limits)
        let value = try parser.document()
        duplicates = parser.duplicates
        return value
    }
}
