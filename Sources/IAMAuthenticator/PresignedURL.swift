import HTTP

/// A URL in the parts that the verifier looks at, taken apart as Go's `net/url` does.
public struct PresignedURL: Sendable, Hashable {
    /// The scheme in lower case.
    public let scheme: String
    /// Host and port as written, without user info.
    public let host: String
    /// The path as written.
    public let rawPath: String
    /// The path with escapes resolved.
    public let path: String
    /// The query as written, without `?`; empty when there is none.
    public let rawQuery: String

    /// The URL inside a `k8s-aws-v1.` token; `nil` when there is none.
    public init?(token: String) {
        guard token.hasPrefix(TokenVerifier.prefix),
            case .success(let bytes) = GoBase64URL.decode(token.dropFirst(TokenVerifier.prefix.count)),
            let text = String(validating: bytes, as: UTF8.self)
        else { return nil }
        self.init(text)
    }

    /// Takes a URL apart; `nil` when Go would not parse it.
    public init?(_ text: String) {
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
        var rest = text[...]
        if let fragment = rest.utf8.firstIndex(of: UInt8(ascii: "#")) {
            guard PercentEncoding.decode(rest[rest.utf8.index(after: fragment)...]) != nil else { return nil }
            rest = rest[..<fragment]
        }
        guard let colon = rest.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let scheme = rest[..<colon]
        guard Self.isScheme(scheme.utf8) else { return nil }
        self.scheme = scheme.lowercased()
        rest = rest[rest.utf8.index(after: colon)...]
        if let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?")) {
            rawQuery = String(rest[rest.utf8.index(after: mark)...])
            rest = rest[..<mark]
        } else {
            rawQuery = ""
        }
        guard rest.hasPrefix("//") else {
            host = ""
            rawPath = String(rest)
            guard let path = PercentEncoding.decode(rest) else { return nil }
            self.path = path
            return
        }
        rest = rest.dropFirst(2)
        let slash = rest.utf8.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        var authority = rest[..<slash]
        if let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) {
            guard PercentEncoding.decode(authority[..<at]) != nil else { return nil }
            authority = authority[authority.utf8.index(after: at)...]
        }
        guard Self.isHost(authority.utf8) else { return nil }
        host = String(authority)
        rawPath = String(rest[slash...])
        guard let path = PercentEncoding.decode(rawPath) else { return nil }
        self.path = path
    }

    /// A letter, then letters, digits, `+`, `-` and `.`.
    private static func isScheme(_ text: Substring.UTF8View) -> Bool {
        guard let first = text.first, isLetter(first) else { return false }
        return text.allSatisfy {
            isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
    }

    private static func isHost(_ text: Substring.UTF8View) -> Bool {
        guard !text.contains(where: { excluded.contains($0) }) else { return false }
        let isBracketed = text.first == UInt8(ascii: "[")
        let bracket = text.lastIndex(of: UInt8(ascii: "]"))
        if isBracketed, bracket == nil { return false }
        let afterBracket = bracket.map { text[text.index(after: $0)...] } ?? text
        guard let colon = afterBracket.firstIndex(of: UInt8(ascii: ":")) else {
            return isBracketed || !afterBracket.contains(UInt8(ascii: "%"))
        }
        return afterBracket[afterBracket.index(after: colon)...].allSatisfy(isDigit)
    }

    private static let excluded = Array(" <>\"`{}|\\^".utf8)
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// The query's pairs in order; `nil` when Go's `url.ParseQuery` would refuse it (`;`, or a malformed escape).
    public var queryPairs: [(name: String, value: String)]? {
        rawQuery.utf8.contains(UInt8(ascii: ";")) ? nil : PercentEncoding.pairs(rawQuery)
    }
}
