import Crypto
import HTTP
import World

/// An access key as a client holds it.
struct ClientKey: Sendable {
    var id: String
    var secret: String
    var token: String?
}

/// A client's side of Signature Version 4, written independently of the server's.
struct RequestSigner: Sendable {
    var key: ClientKey
    var region = "us-east-1"
    var service: String
    var date: Instant

    private var stamp: String { date.amzDate }
    private var scope: String { "\(stamp.prefix(8))/\(region)/\(service)/aws4_request" }

    /// Signs with the `Authorization` header. `headers` are signed as well.
    func sign(
        _ method: String, _ path: String, query: [(String, String)] = [], host: String = "127.0.0.1:4566",
        headers: [(String, String)] = [], body: String = ""
    ) -> HTTPRequest {
        var all = headers + [("Host", host), ("X-Amz-Date", stamp)]
        if let token = key.token { all.append(("X-Amz-Security-Token", token)) }
        let canonical = canonical(method, path, query, all, body)
        let names = all.map { $0.0.lowercased() }.sorted().joined(separator: ";")
        all.append(
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=\(key.id)/\(scope), SignedHeaders=\(names), Signature=\(signature(canonical))"
            ))
        return request(method, path, query, all, body)
    }

    /// Signs in the query, as `aws eks get-token` does.
    func presign(_ query: [(String, String)], expires: Int = 60, host: String = "127.0.0.1:4566", headers: [(String, String)] = [])
        -> HTTPRequest
    {
        let all = headers + [("Host", host)]
        var query =
            query + [
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", "\(key.id)/\(scope)"), ("X-Amz-Date", stamp),
                ("X-Amz-Expires", String(expires)),
                ("X-Amz-SignedHeaders", all.map { $0.0.lowercased() }.sorted().joined(separator: ";")),
            ]
        if let token = key.token { query.append(("X-Amz-Security-Token", token)) }
        query.append(("X-Amz-Signature", signature(canonical("GET", "/", query, all, ""))))
        return request("GET", "/", query, all, "")
    }

    private func request(
        _ method: String, _ path: String, _ query: [(String, String)], _ headers: [(String, String)], _ body: String
    ) -> HTTPRequest {
        HTTPRequest(
            method: method, path: path, query: query.isEmpty ? nil : text(of: query), headers: HTTPHeaders(headers), body: Array(body.utf8),
            connection: .inProcess(listener: "aws"),
            trace: RequestTrace(id: "test", received: date, summary: "\(method) \(path)", target: "aws"))
    }

    private func text(of query: [(String, String)]) -> String {
        query.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    }

    func canonical(
        _ method: String, _ path: String, _ query: [(String, String)], _ headers: [(String, String)], _ body: String
    ) -> String {
        let sorted = headers.map { ($0.0.lowercased(), $0.1) }.sorted { $0.0 < $1.0 }
        return [
            method, PercentEncoding.encode(path, keepSlash: true), text(of: query.sorted { $0.0 < $1.0 }),
            sorted.map { "\($0.0):\($0.1)\n" }.joined(), sorted.map(\.0).joined(separator: ";"), hex(SHA256.hash(data: Array(body.utf8))),
        ].joined(separator: "\n")
    }

    func signature(_ canonical: String) -> String {
        let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(hex(SHA256.hash(data: Array(canonical.utf8))))"
        var signing = SymmetricKey(data: Array("AWS4\(key.secret)".utf8))
        for part in [String(stamp.prefix(8)), region, service, "aws4_request"] {
            signing = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: signing))
        }
        return hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: signing))
    }

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}
