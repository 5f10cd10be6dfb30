import Crypto
import HTTP
import World

/// A request's Signature Version 4, in the `Authorization` header or in the query (presigned).
struct SigV4: Sendable {
    /// The parts of `AK/date/region/service/aws4_request`.
    struct Scope: Sendable, Hashable {
        let accessKeyID: String
        let date: String
        let region: String
        let service: String

        init?(_ credential: String) {
            let parts = credential.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
            guard parts.count == 5, parts[4] == "aws4_request", parts[1].utf8.count == 8 else { return nil }
            (accessKeyID, date, region, service) = (parts[0], parts[1], parts[2], parts[3])
        }

        var text: String { "\(date)/\(region)/\(service)/aws4_request" }
    }

    let scope: Scope
    let amzDate: String
    let signedHeaders: [String]
    let signature: String
    let sessionToken: String?
    /// Seconds that a presigned request lives; `nil` for signed headers.
    let expires: Int?
    /// The query without the signature itself, decoded.
    let query: [(name: String, value: String)]

    /// What is wrong with the signature's form.
    enum Problem: Error, Sendable {
        case missing
        case incomplete(String)
    }

    /// Finds the signature of a request.
    init(_ request: HTTPRequest) throws(Problem) {
        guard let query = PercentEncoding.pairs(Self.protectingPlus(request.query ?? "")) else {
            throw .incomplete("The query string is malformed")
        }
        if let header = request.headers["Authorization"] {
            self.query = query
            guard header.hasPrefix("AWS4-HMAC-SHA256 ") else {
                throw .incomplete("Authorization header requires existence of AWS4-HMAC-SHA256")
            }
            var parts: [String: String] = [:]
            for piece in header.dropFirst("AWS4-HMAC-SHA256 ".count).split(separator: ",") {
                let pair = piece.trimmingPrefix(" ").split(separator: "=", maxSplits: 1)
                if pair.count == 2 { parts[String(pair[0])] = String(pair[1]) }
            }
            guard let credential = parts["Credential"], let signed = parts["SignedHeaders"], let signature = parts["Signature"] else {
                throw .incomplete("Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters")
            }
            guard let scope = Scope(credential) else { throw .incomplete("Credential must have exactly 5 slash-delimited elements") }
            guard let date = request.headers["X-Amz-Date"] else {
                throw .incomplete("Authorization header requires existence of 'X-Amz-Date'")
            }
            self.scope = scope
            amzDate = date
            signedHeaders = signed.split(separator: ";").map { $0.lowercased() }
            self.signature = signature
            sessionToken = request.headers["X-Amz-Security-Token"]
            expires = nil
            return
        }
        func value(_ name: String) -> String? { query.first { $0.name == name }?.value }
        guard value("X-Amz-Algorithm") == "AWS4-HMAC-SHA256" else { throw .missing }
        guard let scope = value("X-Amz-Credential").flatMap(Scope.init), let date = value("X-Amz-Date"),
            let signed = value("X-Amz-SignedHeaders"), let signature = value("X-Amz-Signature")
        else {
            throw .incomplete(
                "AWS query-string parameters must include X-Amz-Credential, X-Amz-Date, X-Amz-SignedHeaders and X-Amz-Signature")
        }
        self.scope = scope
        amzDate = date
        signedHeaders = signed.split(separator: ";").map { $0.lowercased() }
        self.signature = signature
        sessionToken = value("X-Amz-Security-Token")
        expires = value("X-Amz-Expires").flatMap { Int($0) } ?? 0
        self.query = query.filter { $0.name != "X-Amz-Signature" }
    }

    /// In a signed query `+` is itself, not a space.
    private static func protectingPlus(_ query: String) -> String {
        guard query.utf8.contains(UInt8(ascii: "+")) else { return query }
        return query.split(separator: "+", omittingEmptySubsequences: false).joined(separator: "%2B")
    }

    /// The canonical request of AWS' documentation; `host` stands in for the Host header.
    func canonicalRequest(_ request: HTTPRequest, host: String) -> [UInt8] {
        let path = PercentEncoding.encode(Self.normalized(request.path), keepSlash: true)
        let pairs = query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
            .sorted { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 < $1.0 }
        var text: [UInt8] = []
        text.reserveCapacity(1024)
        text += request.method.utf8
        text += "\n".utf8
        text += path.isEmpty ? "/".utf8 : path.utf8
        var separator = "\n"
        for pair in pairs {
            text += separator.utf8
            text += pair.0.utf8
            text += "=".utf8
            text += pair.1.utf8
            separator = "&"
        }
        text += pairs.isEmpty ? "\n\n".utf8 : "\n".utf8
        for name in signedHeaders {
            var value = name == "host" ? host : request.headers.all(name).map(Self.folded).joined(separator: ",")
            // The transport may have taken it away.
            if name == "content-length", value.isEmpty { value = String(request.body.count) }
            text += name.utf8
            text += ":".utf8
            text += value.utf8
            text += "\n".utf8
        }
        separator = "\n"
        for name in signedHeaders {
            text += separator.utf8
            text += name.utf8
            separator = ";"
        }
        text += signedHeaders.isEmpty ? "\n\n".utf8 : "\n".utf8
        text += expires != nil || request.body.isEmpty ? Self.emptyHash : Self.hex(SHA256.hash(data: request.body))
        return text
    }

    private static let emptyHash = hex(SHA256.hash(data: [UInt8]()))

    /// Whether the request was signed with this key: the Host header as sent, and without a default port, which clients leave out.
    func isValid(_ request: HTTPRequest, signingKey: SymmetricKey) -> Bool {
        let host = (request.headers["Host"] ?? "").lowercased()
        var hosts = [host]
        for port in [":443", ":80"] where host.hasSuffix(port) { hosts.append(String(host.dropLast(port.count))) }
        return hosts.contains { host in
            let canonical = canonicalRequest(request, host: host)
            var text = Array("AWS4-HMAC-SHA256\n\(amzDate)\n\(scope.text)\n".utf8)
            text += Self.hex(SHA256.hash(data: canonical))
            guard let given = Self.bytes(signature) else { return false }
            return HMAC<SHA256>.isValidAuthenticationCode(given, authenticating: text, using: signingKey)
        }
    }

    /// The key that a secret signs a scope with.
    static func signingKey(secret: String, scope: Scope) -> SymmetricKey {
        var key = SymmetricKey(data: Array("AWS4\(secret)".utf8))
        for part in [scope.date, scope.region, scope.service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        return key
    }

    /// Without outer spaces, and with one for each run of them.
    private static func folded(_ value: String) -> String {
        let space = UInt8(ascii: " ")
        guard
            value.utf8.first == space || value.utf8.last == space
                || zip(value.utf8, value.utf8.dropFirst()).contains(where: { $0 == space && $1 == space })
        else { return value }
        return value.utf8.split(separator: space).map { String($0) ?? "" }.joined(separator: " ")
    }

    /// Removes empty and dot segments (RFC 3986 section 5.2.4); a final slash stays.
    private static func normalized(_ path: String) -> String {
        var kept: [Substring] = []
        for segment in path.split(separator: "/", omittingEmptySubsequences: true) {
            if segment == "." { continue }
            if segment == ".." { _ = kept.popLast() } else { kept.append(segment) }
        }
        return "/" + kept.joined(separator: "/") + (path.hasSuffix("/") && !kept.isEmpty ? "/" : "")
    }

    private static func hex(_ digest: some Sequence<UInt8>) -> [UInt8] {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in digest {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return text
    }

    private static func bytes(_ hex: String) -> [UInt8]? {
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        for character in hex.utf8 {
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(character - 48)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digits.append(character - 87)
            default: return nil
            }
        }
        guard digits.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
