import HTTP
import NIOCore

/// An absolute `http` or `https` URL in the parts that a client needs (RFC 3986 section 3).
struct DocumentURL: Sendable, CustomStringConvertible {
    let isSecure: Bool
    /// The host without brackets.
    let host: String
    let port: Int
    /// Host and port as written.
    let authority: String
    /// Path and query.
    let target: String

    var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

    /// The name that the server's certificate has to carry; `nil` for an IP address, which TLS does not send.
    var serverName: String? { (try? SocketAddress(ipAddress: host, port: port)) == nil ? host : nil }

    /// Takes a URL apart.
    ///
    /// - Throws: `FetchFailure`.
    init(parsing text: String) throws(FetchFailure) {
        let failure = FetchFailure("\(text) is no http or https URL")
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let mark = text.firstRange(of: "://") else { throw failure }
        switch text[..<mark.lowerBound].lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: throw failure
        }
        let rest = text[mark.upperBound...].prefix { $0 != "#" }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        let path = rest[end...]
        target = path.isEmpty ? "/" : path.hasPrefix("?") ? "/\(path)" : String(path)
        let colon = authority.lastIndex(of: ":").flatMap { authority[$0...].contains("]") ? nil : $0 }
        let name = authority[..<(colon ?? authority.endIndex)]
        let bare = name.hasPrefix("[") && name.hasSuffix("]") ? name.dropFirst().dropLast() : name
        let standard: UInt16 = isSecure ? 443 : 80
        let written = colon.map { UInt16(authority[authority.index(after: $0)...]) } ?? standard
        guard !bare.isEmpty, !authority.contains("@"), let written, written > 0 else { throw failure }
        self.authority = String(authority)
        host = String(bare)
        port = Int(written)
    }

    /// Where a redirect leads: a URL, or a path of the same server.
    ///
    /// - Throws: `FetchFailure`.
    func following(_ location: String) throws(FetchFailure) -> DocumentURL {
        try DocumentURL(parsing: location.hasPrefix("/") ? "\(isSecure ? "https" : "http")://\(authority)\(location)" : location)
    }
}
