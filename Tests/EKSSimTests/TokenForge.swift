import Crypto
import EKSSim
import Encoding
import HTTP
import JSON
import World

/// Makes `k8s-aws-v1.` tokens as `aws eks get-token` does, and takes them apart to be forged.
struct TokenForge {
    var accessKeyID: String
    var secret: String
    var region = "ap-northeast-1"
    var cluster = "demo"
    var scheme = "https"
    var host = "sts.ap-northeast-1.amazonaws.com"
    var path = "/"
    var date: Instant

    /// The parts of a signed URL: the query with its signature.
    func signed(expires: Int = 60) -> [(name: String, value: String)] {
        let stamp = date.amzDate
        let scope = "\(stamp.prefix(8))/\(region)/sts/aws4_request"
        var query = [
            ("Action", "GetCallerIdentity"), ("Version", "2011-06-15"), ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", "\(accessKeyID)/\(scope)"), ("X-Amz-Date", stamp), ("X-Amz-Expires", String(expires)),
            ("X-Amz-SignedHeaders", "host;x-k8s-aws-id"),
        ]
        let canonical = [
            "GET", path, Self.text(query.sorted { $0.0 < $1.0 }), "host:\(host)\nx-k8s-aws-id:\(cluster)\n", "host;x-k8s-aws-id",
            Self.hex(SHA256.hash(data: [UInt8]())),
        ].joined(separator: "\n")
        let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(Self.hex(SHA256.hash(data: Array(canonical.utf8))))"
        var key = SymmetricKey(data: Array("AWS4\(secret)".utf8))
        for part in [String(stamp.prefix(8)), region, "sts", "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        query.append(("X-Amz-Signature", Self.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))))
        return query.map { (name: $0.0, value: $0.1) }
    }

    func url(_ query: [(name: String, value: String)]) -> String {
        "\(scheme)://\(host)\(path)?\(Self.text(query.map { ($0.name, $0.value) }))"
    }

    var token: String { Self.token(url(signed())) }

    static func token(_ url: String) -> String { "k8s-aws-v1." + Base64.encodeURL(Array(url.utf8)) }

    private static func text(_ query: [(String, String)]) -> String {
        query.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}

/// A simulator without sockets and with one cluster, on a clock that stands.
struct SimulatedCluster {
    let simulator: Simulator
    let forge: TokenForge

    static func start() async throws -> SimulatedCluster {
        var configuration = Configuration()
        configuration.sockets = .none
        configuration.isEmpty = false
        configuration.clock = .frozen(at: Instant(seconds: 1_795_478_400))
        let simulator = try await Simulator.start(configuration)
        let status = await simulator.status
        return SimulatedCluster(
            simulator: simulator,
            forge: TokenForge(accessKeyID: status.accessKeyID, secret: status.secretAccessKey, date: simulator.world.now))
    }

    /// The status of the authenticator's webhook for a token: 200 lets in, 403 does not.
    func review(_ token: String) async throws -> Int {
        let body: JSON = ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": ["token": .string(token)]]
        let answer = try await simulator.handle(
            .authenticator("demo"), method: "POST", path: "/authenticate", headers: ["Content-Type": "application/json"],
            body: body.serialized())
        return answer.status
    }

    /// A request to the Kubernetes API with a bearer token.
    func kubernetes(_ method: String, _ path: String, token: String, body: JSON? = nil) async throws -> (status: Int, json: JSON) {
        let answer = try await simulator.handle(
            .cluster("demo"), method: method, path: path,
            headers: ["Authorization": "Bearer \(token)", "Content-Type": "application/json", "Accept": "application/json"],
            body: body?.serialized() ?? [])
        return (answer.status, (try? JSON(parsing: answer.collected ?? [])) ?? .null)
    }
}
