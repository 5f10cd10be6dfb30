import AWSServices
import Crypto
import HTTP
import JSON

/// Signs the URL of a token with a given key, as `sign` of a case says: Signature Version 4 in the query.
struct TokenSigning: Sendable {
    /// The key.
    let key: AWSFrontDoor.Credentials
    /// The query with its signature, in the vectors' form.
    let signedQuery: JSON

    /// Signs a query, whose credential becomes the key's; it belongs to a user, so that it carries no session token.
    init(_ wish: JSON, query: JSON) {
        let key = AWSFrontDoor.Credentials(
            accessKeyID: wish["accessKeyId"]?.string ?? "", secretAccessKey: wish["secretAccessKey"]?.string ?? "")
        var pairs = (query.array ?? []).map { (name: $0[0]?.string ?? "", value: $0[1]?.string ?? "") }
        pairs.removeAll { $0.name == "X-Amz-Security-Token" || $0.name == "X-Amz-Signature" }
        let headers = (wish["headers"]?.object?.members ?? []).map { (name: $0.key.lowercased(), value: $0.value.string ?? "") }
            .sorted { $0.name < $1.name }
        let names = headers.map(\.name).joined(separator: ";")
        var scope: [String] = []
        for index in pairs.indices {
            switch pairs[index].name {
            case "X-Amz-Credential":
                scope = pairs[index].value.split(separator: "/").dropFirst().map(String.init)
                pairs[index].value = ([key.accessKeyID] + scope).joined(separator: "/")
            case "X-Amz-SignedHeaders": pairs[index].value = names
            default: break
            }
        }
        let encoded = pairs.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }.sorted()
        let canonical = [
            "GET", "/", encoded.joined(separator: "&"), headers.map { "\($0.name):\($0.value)\n" }.joined(), names,
            wish["payloadHash"]?.string ?? Self.hex(SHA256.hash(data: [UInt8]())),
        ].joined(separator: "\n")
        let date = pairs.first { $0.name == "X-Amz-Date" }?.value ?? ""
        let text = ["AWS4-HMAC-SHA256", date, scope.joined(separator: "/"), Self.hex(SHA256.hash(data: Array(canonical.utf8)))]
            .joined(separator: "\n")
        var secret = SymmetricKey(data: Array("AWS4\(key.secretAccessKey)".utf8))
        for part in scope { secret = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: secret)) }
        pairs.append(("X-Amz-Signature", Self.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: secret))))
        self.key = key
        signedQuery = .array(pairs.map { [.string($0.name), .string($0.value)] })
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined()
    }
}

/// Runs no clusters: what a front door has that is asked for other things.
struct NoClusters: ClusterProvisioner {
    struct Unavailable: Error {}

    func provision(_ cluster: ClusterRecord) async throws -> (endpoint: String, certificateAuthority: String) { throw Unavailable() }
    func update(_ cluster: ClusterRecord) async {}
    func deprovision(_ cluster: ClusterRecord) async {}
}
