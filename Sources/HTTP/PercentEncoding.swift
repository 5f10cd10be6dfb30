/// Percent-encoding and query strings (RFC 3986, and the form encoding of HTML where `+` is a space).
public enum PercentEncoding {
    /// Decodes `%XX`, and `+` to a space if asked; `nil` for a malformed escape or bytes that are no UTF-8.
    public static func decode(_ text: String, plusIsSpace: Bool = false) -> String? {
        hasEscapes(text.utf8, plusIsSpace) ? unescaped(text.utf8, plusIsSpace) : text
    }

    /// Decodes a part of a text in the same way.
    public static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        hasEscapes(text.utf8, plusIsSpace) ? unescaped(text.utf8, plusIsSpace) : String(text)
    }

    @inline(__always)
    private static func hasEscapes(_ text: some Sequence<UInt8>, _ plusIsSpace: Bool) -> Bool {
        for byte in text where byte == UInt8(ascii: "%") || (plusIsSpace && byte == UInt8(ascii: "+")) { return true }
        return false
    }

    @inline(__always)
    private static func unescaped(_ text: some Sequence<UInt8>, _ plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(nibble), let low = iterator.next().flatMap(nibble) else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Encodes everything but unreserved characters (`A-Z a-z 0-9 - . _ ~`), and `/` if asked to keep it: SigV4's rule.
    public static func encode(_ text: String, keepSlash: Bool = false) -> String {
        guard text.utf8.contains(where: { !isUnreserved($0) && !(keepSlash && $0 == UInt8(ascii: "/")) }) else { return text }
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 2)
        for byte in text.utf8 {
            if isUnreserved(byte) || (keepSlash && byte == UInt8(ascii: "/")) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digit(byte >> 4))
                bytes.append(digit(byte & 15))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @inline(__always)
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// The pairs of a query or form body in order; `nil` when an escape is malformed.
    public static func pairs(_ query: Substring) -> [(name: String, value: String)]? { pairs(String(query)) }

    /// The pairs of a query or form body in order; `nil` when an escape is malformed.
    public static func pairs(_ query: String) -> [(name: String, value: String)]? {
        guard !query.isEmpty else { return [] }
        var query = query
        return query.withUTF8 { bytes in
            var pairs: [(name: String, value: String)] = []
            var start = 0
            while start < bytes.count {
                let end = bytes[start...].firstIndex(of: UInt8(ascii: "&")) ?? bytes.count
                let piece = bytes[start..<end]
                start = end + 1
                guard !piece.isEmpty else { continue }
                let mark = piece.firstIndex(of: UInt8(ascii: "=")) ?? end
                guard let name = decodedForm(piece[..<mark]), let value = decodedForm(piece[min(mark + 1, end)...]) else { return nil }
                pairs.append((name, value))
            }
            return pairs
        }
    }

    private static func decodedForm(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        hasEscapes(bytes, true) ? unescaped(bytes, true) : String(decoding: bytes, as: UTF8.self)
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
