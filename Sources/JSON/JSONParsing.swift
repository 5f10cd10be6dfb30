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

    /// What the grammar wants at the place of the error.
    public enum Expectation: Sendable, Hashable {
        case value
        case name
        case colon
        case commaOrEndOfObject
        case commaOrEndOfArray
        case endOfDocument
        /// One letter of `true`, `false` or `null`.
        case letter(String, UInt8)
        case digit
        case fractionDigit
        case exponentDigit
        case stringCharacter
        case escapeLetter
        case hexDigit
    }

    /// What is wrong.
    public let reason: Reason
    /// What would have been right.
    public let expected: Expectation
    /// The byte at the place; `nil` at the end of the document.
    public let found: UInt8?
    /// Zero-based byte offset in the document.
    public let offset: Int
    /// One-based line.
    public let line: Int
    /// One-based column, in bytes.
    public let column: Int

    /// Reason and place, for people.
    public var description: String { "\(reason) at line \(line), column \(column)" }

    /// The refusal in the words of Go's `encoding/json`, which kube-apiserver passes on to clients.
    public var goMessage: String {
        switch reason {
        case .tooDeep: return "exceeded max depth"
        case .tooLarge(let limit): return "limit is \(limit)"
        case .invalidUTF8: return "invalid UTF-8 in string literal"
        default: break
        }
        guard let found else { return "unexpected end of JSON input" }
        let place =
            switch expected {
            case .value: "looking for beginning of value"
            case .name: "looking for beginning of object key string"
            case .colon: "after object key"
            case .commaOrEndOfObject: "after object key:value pair"
            case .commaOrEndOfArray: "after array element"
            case .endOfDocument: "after top-level value"
            case .letter(let word, let letter): "in literal \(word) (expecting \(Self.quoted(letter)))"
            case .digit: "in numeric literal"
            case .fractionDigit: "after decimal point in numeric literal"
            case .exponentDigit: "in exponent of numeric literal"
            case .stringCharacter: "in string literal"
            case .escapeLetter: "in string escape code"
            case .hexDigit: "in \\u hexadecimal character escape"
            }
        return "invalid character \(Self.quoted(found)) \(place)"
    }

    /// The same in the words of Go 1.26, which quotes bytes beyond ASCII as bytes; Kubernetes reads bodies with an older copy.
    public var goByteMessage: String {
        guard let found, found >= 0x80 else { return goMessage }
        return goMessage.replacing(Self.quoted(found), with: #"'\x"# + String(found, radix: 16) + "'")
    }

    /// A byte as Go quotes the character of that number.
    private static func quoted(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "'"): return #"'\''"#
        case UInt8(ascii: "\\"): return #"'\\'"#
        case 0x07: return #"'\a'"#
        case 0x08: return #"'\b'"#
        case 0x09: return #"'\t'"#
        case 0x0A: return #"'\n'"#
        case 0x0B: return #"'\v'"#
        case 0x0C: return #"'\f'"#
        case 0x0D: return #"'\r'"#
        case 0x20...0x7E, 0xA1...0xAC, 0xAE...0xFF: return "'\(Unicode.Scalar(byte))'"
        case 0x80...: return #"'\u00"# + String(byte, radix: 16) + "'"
        default: return #"'\x"# + (byte < 16 ? "0" : "") + String(byte, radix: 16) + "'"
        }
    }
}

extension JSON {
    /// What a parse accepts.
    public struct Limits: Sendable {
        /// Deepest nesting of arrays and objects.
        public var depth: Int
        /// Largest document in bytes.
        public var bytes: Int
        /// Whether bytes in strings that are no UTF-8 become U+FFFD, as Go reads them, instead of a refusal.
        public var repairsStrings: Bool
        /// Whether the values of a repeated name are put together, as Go does that decodes into a type, instead of the last one counting.
        public var mergesRepeatedNames: Bool

        /// Makes limits; the defaults are what a request body may have.
        public init(depth: Int = 512, bytes: Int = 64 << 20, repairsStrings: Bool = false, mergesRepeatedNames: Bool = false) {
            self.depth = depth
            self.bytes = bytes
            self.repairsStrings = repairsStrings
            self.mergesRepeatedNames = mergesRepeatedNames
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
