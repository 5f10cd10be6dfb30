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
        if let fragment = rest.firstIndex(of: "#") {
            guard PercentEncoding.decode(rest[rest.index(after: fragment)...]) != nil else { return nil }
            rest = rest[..<fragment]
        }
        guard let colon = rest.firstIndex(of: ":"), colon != rest.startIndex else { return nil }
        let scheme = rest[..<colon]
        guard let first = scheme.first, first.isASCII, first.isLetter,
            scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
        else { return nil }
        self.scheme = scheme.lowercased()
        rest = rest[rest.index(after: colon)...]
        if let mark = rest.firstIndex(of: "?") {
            rawQuery = String(rest[rest.index(after: mark)...])
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
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        if let at = authority.lastIndex(of: "@") {
            guard PercentEncoding.decode(authority[..<at]) != nil else { return nil }
            authority = authority[authority.index(after: at)...]
        }
        guard Self.isHost(authority) else { return nil }
        host = String(authority)
        rawPath = String(rest[slash...])
        guard let path = PercentEncoding.decode(rawPath) else { return nil }
        self.path = path
    }

    private static func isHost(_ text: Substring) -> Bool {
        guard !text.contains(where: { " <>\"`{}|\\^".contains($0) || !$0.isASCII && false }) else { return false }
        let afterBracket = text.lastIndex(of: "]").map { text[text.index(after: $0)...] } ?? text
        if text.hasPrefix("["), !text.contains("]") { return false }
        guard let colon = afterBracket.firstIndex(of: ":") else { return !afterBracket.contains("%") || text.hasPrefix("[") }
        return afterBracket[afterBracket.index(after: colon)...].allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// The query's pairs in order; `nil` when Go's `url.ParseQuery` would refuse it (`;`, or a malformed escape).
    public var queryPairs: [(name: String, value: String)]? {
        rawQuery.contains(";") ? nil : PercentEncoding.pairs(rawQuery)
    }
}
