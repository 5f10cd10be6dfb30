extension JSONParser {
    /// Reads a string; the position is at its opening quote.
    mutating func string(isName: Bool = false) throws(JSONError) -> String {
        position += 1
        let start = position
        var isASCII = true
        while true {
            let next =
                position + 8 <= bytes.count ? EightBytes(bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)).stringEnd : 0
            if next == 8 {
                position += 8
                continue
            }
            position += next
            guard position < bytes.count else { throw error(.unexpectedEnd, .stringCharacter) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = try text(start, position, isASCII: isASCII, isName: isName)
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw error(.invalidString, .stringCharacter) }
            if byte >= 0x80 { isASCII = false }
            position += 1
        }
    }

    @inline(__always)
    private mutating func text(_ start: Int, _ end: Int, isASCII: Bool, isName: Bool) throws(JSONError) -> String {
        // Shorter texts live inside the string itself; longer names are worth sharing.
        if isName, isASCII, end - start > 15 { return names.name(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) }
        let slice = UnsafeBufferPointer(rebasing: bytes.assumingMemoryBound(to: UInt8.self)[start..<end])
        if isASCII { return String(decoding: slice, as: UTF8.self) }
        return try validated(slice, start)
    }

    private mutating func validated(_ bytes: some RandomAccessCollection<UInt8>, _ start: Int) throws(JSONError) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        guard limits.repairsStrings else { throw error(.invalidUTF8, at: start, .stringCharacter) }
        return GoUTF8.repaired(Array(bytes))
    }

    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                return try validated(text, start)
            case UInt8(ascii: "\\"):
                guard position < bytes.count else { throw error(.unexpectedEnd, .stringCharacter) }
                let escape = bytes[position]
                position += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
                case UInt8(ascii: "b"): text.append(0x08)
                case UInt8(ascii: "f"): text.append(0x0C)
                case UInt8(ascii: "n"): text.append(0x0A)
                case UInt8(ascii: "r"): text.append(0x0D)
                case UInt8(ascii: "t"): text.append(0x09)
                case UInt8(ascii: "u"): text.append(contentsOf: UTF8.encode(try unicodeEscape()) ?? UTF8.encodedReplacementCharacter)
                default: throw error(.invalidEscape, at: position - 1, .escapeLetter)
                }
            case 0..<0x20: throw error(.invalidString, at: position - 1, .stringCharacter)
            default: text.append(byte)
            }
        }
        throw error(.unexpectedEnd, .stringCharacter)
    }

    /// Reads four hex digits, and a second escape when they are a high surrogate. A lone surrogate becomes U+FFFD, as in Go.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try hexQuad()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        if first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") {
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

    private mutating func hexQuad() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count else { throw error(.unexpectedEnd, .stringCharacter) }
            let digit: UInt8
            switch bytes[position] {
            case let byte where byte &- 0x30 < 10: digit = byte &- 0x30
            case let byte where (byte | 0x20) &- UInt8(ascii: "a") < 6: digit = (byte | 0x20) &- UInt8(ascii: "a") &+ 10
            default: throw error(.invalidEscape, .hexDigit)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}

/// UTF-8 as Go reads it.
enum GoUTF8 {
    /// Each byte that begins no valid sequence becomes a U+FFFD of its own (`utf8.DecodeRune`).
    static func repaired(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let length =
                switch bytes[position] {
                case 0xF0...: 4
                case 0xE0...: 3
                case 0xC0...: 2
                default: 1
                }
            let sequence = bytes[position..<min(position + length, bytes.count)]
            if String(validating: sequence, as: UTF8.self) != nil {
                result += sequence
                position += length
            } else {
                result += [0xEF, 0xBF, 0xBD]
                position += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// Eight bytes looked at together.
struct EightBytes {
    let value: UInt64

    @inline(__always)
    init(_ value: UInt64) { self.value = UInt64(littleEndian: value) }

    @inline(__always)
    static func all(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    /// The high bit of each byte of `value` that is zero. Bytes above a zero byte may be marked wrongly.
    @inline(__always)
    static func zeros(_ value: UInt64) -> UInt64 { (value &- all(1)) & ~value & all(0x80) }

    /// The place of the first byte that is a quote, a backslash, a control character or no ASCII; 8 if there is none.
    @inline(__always)
    var stringEnd: Int {
        let quote = Self.zeros(value ^ Self.all(UInt8(ascii: "\"")))
        let backslash = Self.zeros(value ^ Self.all(UInt8(ascii: "\\")))
        let control = (value &- Self.all(0x20)) & ~value & Self.all(0x80)
        return (quote | backslash | control | (value & Self.all(0x80))).trailingZeroBitCount >> 3
    }
}
