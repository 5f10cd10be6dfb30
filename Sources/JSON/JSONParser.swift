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
    public init(parsing bytes: UnsafeRawBufferPointer, limits: Limits = Limits()) throws(JSONError) {
        var duplicates: [DuplicatePath] = []
        self = try JSON.parse(bytes, limits: limits, duplicates: &duplicates)
    }

    /// Parses text.
    public init(parsing text: String, limits: Limits = Limits()) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// Parses a document and tells which names were repeated, in the order found.
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

/// A recursive-descent parser over UTF-8 bytes.
struct JSONParser {
    let buffer: UnsafeRawBufferPointer
    let limits: JSON.Limits
    var position = 0
    var depth = 0
    var duplicates: [JSON.DuplicatePath] = []

    init(buffer: UnsafeRawBufferPointer, limits: JSON.Limits) {
        self.buffer = buffer
        self.limits = limits
    }

    func error(_ reason: JSONError.Reason, at offset: Int? = nil) -> JSONError {
        let offset = min(offset ?? position, buffer.count)
        var line = 1
        var column = 1
        for byte in buffer[..<offset] {
            if byte == 0x0A {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        return JSONError(reason: reason, offset: offset, line: line, column: column)
    }

    mutating func document() throws(JSONError) -> JSON {
        guard buffer.count <= limits.bytes else { throw error(.tooLarge(limit: limits.bytes), at: 0) }
        let result = try value()
        skipSpace()
        guard position == buffer.count else { throw error(.trailingData) }
        return result
    }

    mutating func skipSpace() {
        while position < buffer.count {
            switch buffer[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    mutating func value() throws(JSONError) -> JSON {
        skipSpace()
        guard position < buffer.count else { throw error(.unexpectedEnd) }
        switch buffer[position] {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case let byte: throw error(.unexpectedByte(byte))
        }
    }

    mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = text.utf8CodeUnitCount
        for index in 0..<count {
            guard position + index < buffer.count else { throw error(.unexpectedEnd, at: buffer.count) }
            let byte = buffer[position + index]
            guard byte == text.utf8Start[index] else { throw error(.unexpectedByte(byte), at: position + index) }
        }
        position += count
        return value
    }

    mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= limits.depth else { throw error(.tooDeep(limit: limits.depth)) }
        position += 1
    }

    mutating func array() throws(JSONError) -> [JSON] {
        try enter()
        defer { depth -= 1 }
        var elements: [JSON] = []
        skipSpace()
        if position < buffer.count, buffer[position] == UInt8(ascii: "]") {
            position += 1
            return elements
        }
        while true {
            let before = duplicates.count
            elements.append(try value())
            if duplicates.count > before { prefixDuplicates(from: before, with: "[\(elements.count - 1)]") }
            skipSpace()
            guard position < buffer.count else { throw error(.unexpectedEnd) }
            switch buffer[position] {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return elements
            case let byte: throw error(.unexpectedByte(byte))
            }
        }
    }

    mutating func object() throws(JSONError) -> JSONObject {
        try enter()
        defer { depth -= 1 }
        var members: [JSONObject.Member] = []
        skipSpace()
        if position < buffer.count, buffer[position] == UInt8(ascii: "}") {
            position += 1
            return JSONObject()
        }
        while true {
            skipSpace()
            guard position < buffer.count else { throw error(.unexpectedEnd) }
            guard buffer[position] == UInt8(ascii: "\"") else { throw error(.unexpectedByte(buffer[position])) }
            let key = try string()
            skipSpace()
            guard position < buffer.count else { throw error(.unexpectedEnd) }
            guard buffer[position] == UInt8(ascii: ":") else { throw error(.unexpectedByte(buffer[position])) }
            position += 1
            let before = duplicates.count
            let value = try value()
            if duplicates.count > before { prefixDuplicates(from: before, with: key) }
            if let index = members.firstIndex(where: { $0.key == key }) {
                members[index].value = value
                duplicates.append(key)
            } else {
                members.append(JSONObject.Member(key: key, value: value))
            }
            skipSpace()
            guard position < buffer.count else { throw error(.unexpectedEnd) }
            switch buffer[position] {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return JSONObject(unique: members)
            case let byte: throw error(.unexpectedByte(byte))
            }
        }
    }

    /// Puts a path element before the paths found inside a value.
    mutating func prefixDuplicates(from start: Int, with element: String) {
        for index in start..<duplicates.count {
            duplicates[index] = duplicates[index].hasPrefix("[") ? element + duplicates[index] : element + "." + duplicates[index]
        }
    }

    mutating func number() throws(JSONError) -> JSON {
        let start = position
        var isInteger = true
        func peek() -> UInt8? { position < buffer.count ? buffer[position] : nil }
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
        if peek() == UInt8(ascii: "-") { position += 1 }
        guard isDigit(peek()) else { throw error(.invalidNumber) }
        if peek() == UInt8(ascii: "0") {
            position += 1
            if isDigit(peek()) { throw error(.invalidNumber) }
        } else {
            while isDigit(peek()) { position += 1 }
        }
        if peek() == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard isDigit(peek()) else { throw error(.invalidNumber) }
            while isDigit(peek()) { position += 1 }
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            guard isDigit(peek()) else { throw error(.invalidNumber) }
            while isDigit(peek()) { position += 1 }
        }
        let text = String(decoding: buffer[start..<position], as: UTF8.self)
        if isInteger, text != "-0", let value = Int64(text) { return .integer(value) }
        return .number(text)
    }

    mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while position < buffer.count {
            let byte = buffer[position]
            if byte == UInt8(ascii: "\"") {
                defer { position += 1 }
                return try text(buffer[start..<position], at: start)
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw error(.invalidString) }
            position += 1
        }
        throw error(.unexpectedEnd)
    }

    func text(_ bytes: Slice<UnsafeRawBufferPointer>, at start: Int) throws(JSONError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw error(.invalidUTF8, at: start) }
        return text
    }

    mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var bytes = Array(buffer[start..<position])
        while position < buffer.count {
            let byte = buffer[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: bytes, as: UTF8.self) else { throw error(.invalidUTF8, at: start) }
                return text
            case UInt8(ascii: "\\"):
                guard position < buffer.count else { throw error(.unexpectedEnd) }
                let escape = buffer[position]
                position += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(escape)
                case UInt8(ascii: "b"): bytes.append(0x08)
                case UInt8(ascii: "f"): bytes.append(0x0C)
                case UInt8(ascii: "n"): bytes.append(0x0A)
                case UInt8(ascii: "r"): bytes.append(0x0D)
                case UInt8(ascii: "t"): bytes.append(0x09)
                case UInt8(ascii: "u"): bytes.append(contentsOf: String(try unicodeEscape()).utf8)
                default: throw error(.invalidEscape, at: position - 1)
                }
            case 0..<0x20: throw error(.invalidString, at: position - 1)
            default: bytes.append(byte)
            }
        }
        throw error(.unexpectedEnd)
    }

    /// Reads four hex digits, and a second escape when they are a high surrogate. A lone surrogate becomes U+FFFD, as in Go.
    mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try hexQuad()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        if first < 0xDC00, position + 1 < buffer.count, buffer[position] == UInt8(ascii: "\\"), buffer[position + 1] == UInt8(ascii: "u") {
            let mark = position
            position += 2
            let second = try hexQuad()
            if second >= 0xDC00, second <= 0xDFFF {
                let value = 0x10000 + ((UInt32(first) - 0xD800) << 10) + (UInt32(second) - 0xDC00)
                return Unicode.Scalar(value) ?? "\u{FFFD}"
            }
            position = mark
        }
        return "\u{FFFD}"
    }

    mutating func hexQuad() throws(JSONError) -> UInt16 {
        guard position + 4 <= buffer.count else { throw error(.unexpectedEnd, at: buffer.count) }
        var value: UInt16 = 0
        for _ in 0..<4 {
            let byte = buffer[position]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw error(.invalidEscape)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
