/// A URL taken apart as Go's `net/url` does.
struct CELURL: Sendable, Hashable {
    let text: String
    let scheme: String
    /// With brackets and port.
    let host: String
    /// As it was written.
    private let path: String
    private let query: String

    /// `nil` for what is neither an absolute URI nor an absolute path (`url.ParseRequestURI`).
    init?(_ text: String) {
        guard StringFormat.accepts(text.replacing(" ", with: "_"), "uri") else { return nil }
        self.text = text
        var rest = text.prefix { $0 != "#" }
        var scheme = ""
        if !rest.hasPrefix("/"), let colon = rest.firstIndex(of: ":") {
            scheme = rest[..<colon].lowercased()
            rest = rest[rest.index(after: colon)...]
        }
        if let mark = rest.firstIndex(of: "?") {
            query = String(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        } else {
            query = ""
        }
        var host = ""
        if rest.hasPrefix("//"), !scheme.isEmpty {
            let authority = rest.dropFirst(2).prefix { $0 != "/" }
            rest = rest.dropFirst(2 + authority.count)
            host = String(authority.split(separator: "@", omittingEmptySubsequences: false).last ?? "")
            guard Self.isValid(host) else { return nil }
        }
        self.scheme = scheme
        self.host = host
        // What follows a scheme without a slash is no path.
        path = rest.hasPrefix("/") ? String(rest) : ""
        guard Self.hasValidEscapes(path), Self.hasValidEscapes(host) else { return nil }
    }

    /// At most one port of digits behind the host.
    private static func isValid(_ host: String) -> Bool {
        let tail: Substring
        if host.hasPrefix("[") {
            guard let close = host.lastIndex(of: "]") else { return false }
            tail = host[host.index(after: close)...]
        } else {
            tail = host.drop { $0 != ":" }
        }
        return !host.contains(" ") && (tail.isEmpty || tail.first == ":" && tail.dropFirst().utf8.allSatisfy { $0 &- 0x30 < 10 })
    }

    private static func hasValidEscapes(_ text: String) -> Bool {
        text.split(separator: "%", omittingEmptySubsequences: false).dropFirst().allSatisfy { part in
            part.utf8.count >= 2 && part.utf8.prefix(2).allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        }
    }

    /// The host without brackets and port.
    var hostname: String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
        return String(host.prefix { $0 != ":" })
    }

    /// Empty when there is none.
    var port: String {
        let tail = host.hasPrefix("[") ? host.drop { $0 != "]" }.dropFirst() : host.drop { $0 != ":" }
        return String(tail.dropFirst())
    }

    /// The path, escaped where it was not.
    var escapedPath: String {
        let kept = "-_.~$&+,/:;=@!'()*[]%"
        func isKept(_ byte: UInt8) -> Bool {
            let character = Character(Unicode.Scalar(byte))
            return byte < 0x80 && (character.isLetter || character.isNumber || kept.contains(character))
        }
        if path.utf8.allSatisfy(isKept) { return path }
        let escapes = Set("!'()*[]".utf8)
        return Self.unescaped(path, plusIsSpace: false).utf8.map { byte in
            isKept(byte) && byte != UInt8(ascii: "%") && !escapes.contains(byte)
                ? String(Character(Unicode.Scalar(byte))) : "%\(GoText.hexadecimal(byte).uppercased())"
        }.joined()
    }

    /// The values of each key, in order.
    var queryValues: [String: [String]] {
        var values: [String: [String]] = [:]
        for pair in query.split(separator: "&") where !pair.contains(";") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard sides.allSatisfy(Self.hasValidEscapes) else { continue }
            let key = Self.unescaped(sides[0], plusIsSpace: true)
            values[key, default: []].append(sides.count > 1 ? Self.unescaped(sides[1], plusIsSpace: true) : "")
        }
        return values
    }

    private static func unescaped(_ text: String, plusIsSpace: Bool) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// URLs in expressions (`k8s.io/apiserver/pkg/cel/library/urls.go`).
enum CELURLs {
    static func add(to functions: inout CELFunctions) {
        functions.function("url", [.string], CELOpaque.urlType, cost: .traversal(0)) { (values) throws(CELError) in
            let text = try values[0].string()
            guard let url = CELURL(text) else {
                throw .message(
                    "URL parse error during conversion from string: parse \(GoText.quoted(text)): "
                        + (text.isEmpty ? "empty url" : "invalid URI for request"))
            }
            return .opaque(.url(url))
        }
        functions.function("isURL", [.string], .bool, cost: .traversal(0)) { (values) throws(CELError) in
            .bool(CELURL(try values[0].string()) != nil)
        }
        let parts: [(String, @Sendable (CELURL) -> String)] = [
            ("getScheme", { $0.scheme }), ("getHost", { $0.host }), ("getHostname", { $0.hostname }), ("getPort", { $0.port }),
            ("getEscapedPath", { $0.escapedPath }),
        ]
        for (name, part) in parts {
            functions.method(name, [CELOpaque.urlType], .string) { (values) throws(CELError) in .string(part(try url(values[0]))) }
        }
        functions.method("getQuery", [CELOpaque.urlType], .map(.string, .list(.string))) { (values) throws(CELError) in
            var entries: [CELKey: CELValue] = [:]
            for (key, texts) in try url(values[0]).queryValues { entries[.string(key)] = .list(texts.map(CELValue.string), .atomic) }
            return .map(entries)
        }
    }

    private static func url(_ value: CELValue) throws(CELError) -> CELURL {
        guard case .opaque(.url(let url)) = value else { throw CELFunctions.none }
        return url
    }
}
