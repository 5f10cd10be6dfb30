import Benchmark
import Crypto
import EKSSim
import Encoding
import HTTP
import JSON
import World

/// A `k8s-aws-v1` token from the TokenReview to its verdict: local checks, STS with its signature, mapping; nothing is kept.
func tokenBenchmarks() {
    Benchmark("Authenticator: verify a token, uncached") { benchmark in
        let (simulator, review) = try await TokenCase.make()
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
            blackHole(try await simulator.handle(.authenticator("demo"), method: "POST", path: "/authenticate", body: review))
        }
        benchmark.stopMeasurement()
        await simulator.stop()
    }
}

/// A simulator with one cluster, and a TokenReview with a token of its administrator.
enum TokenCase {
    static func make() async throws -> (Simulator, [UInt8]) {
        var configuration = Configuration()
        configuration.sockets = .none
        configuration.isEmpty = false
        configuration.clock = .frozen(at: Instant(seconds: 1_795_478_400))
        let simulator = try await Simulator.start(configuration)
        let token = token(cluster: "demo", status: await simulator.status, at: simulator.world.now)
        let review: JSON = ["kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1beta1", "spec": ["token": .string(token)]]
        let answer = try await simulator.handle(.authenticator("demo"), method: "POST", path: "/authenticate", body: review.serialized())
        precondition(answer.status == 200, "the token is refused: \(String(decoding: answer.collected ?? [], as: UTF8.self))")
        return (simulator, review.serialized())
    }

    /// What `aws eks get-token` prints: a presigned GetCallerIdentity in base64url.
    private static func token(cluster: String, status: ReadyFile, at now: Instant) -> String {
        let host = "sts.\(status.region).amazonaws.com"
        let date = String(now.amzDate.prefix(8))
        let scope = "\(date)/\(status.region)/sts/aws4_request"
        let query = [
            ("Action", "GetCallerIdentity"), ("Version", "2011-06-15"), ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", "\(status.accessKeyID)/\(scope)"), ("X-Amz-Date", now.amzDate), ("X-Amz-Expires", "60"),
            ("X-Amz-SignedHeaders", "host;x-k8s-aws-id"),
        ].map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        let canonical = "GET\n/\n\(query)\nhost:\(host)\nx-k8s-aws-id:\(cluster)\n\nhost;x-k8s-aws-id\n\(hex(SHA256.hash(data: [UInt8]())))"
        let text = "AWS4-HMAC-SHA256\n\(now.amzDate)\n\(scope)\n\(hex(SHA256.hash(data: Array(canonical.utf8))))"
        var key = SymmetricKey(data: Array("AWS4\(status.secretAccessKey)".utf8))
        for part in [date, status.region, "sts", "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        let signature = hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
        return "k8s-aws-v1." + Base64.encodeURL(Array("https://\(host)/?\(query)&X-Amz-Signature=\(signature)".utf8))
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}
