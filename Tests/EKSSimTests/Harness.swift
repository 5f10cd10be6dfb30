import EKSSim
import Encoding
import HTTP
import JSON
import Testing
import World

/// A simulator in this process and the bootstrap principal's keys, on a standing clock.
struct Harness: Sendable {
    /// An answer, with its body read.
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let bytes: [UInt8]
        var json: JSON { (try? JSON(parsing: bytes)) ?? .null }
        var text: String { String(decoding: bytes, as: UTF8.self) }

        init(_ response: HTTPResponse) {
            status = response.status
            headers = response.headers
            bytes = response.collected ?? []
        }
    }

    static let start = Instant(seconds: 1_800_000_000)

    let simulator: Simulator
    let key: ClientKey
    let region: String

    /// In memory, without sockets, with the cluster `demo`.
    static func configuration(seed: UInt64 = 1) -> Configuration {
        var configuration = Configuration()
        configuration.sockets = .none
        configuration.clock = .frozen(at: start)
        configuration.seed = seed
        configuration.isEmpty = false
        return configuration
    }

    init(_ configuration: Configuration = configuration()) async throws {
        simulator = try await Simulator.start(configuration)
        let status = await simulator.status
        key = ClientKey(id: status.accessKeyID, secret: status.secretAccessKey)
        region = status.region
    }

    /// Runs `body` with a simulator, and stops it.
    static func run<Result: Sendable>(
        _ configuration: Configuration = configuration(), _ body: (Harness) async throws -> Result
    ) async throws -> Result {
        let harness = try await Harness(configuration)
        do {
            let result = try await body(harness)
            await harness.simulator.stop()
            return result
        } catch {
            await harness.simulator.stop()
            throw error
        }
    }

    // MARK: AWS

    func eks(_ method: String, _ path: String, _ body: JSON? = nil, query: [(String, String)] = []) async throws -> Answer {
        try await aws("eks", method, path, body, query: query)
    }

    /// Calls a service of REST and JSON.
    func aws(
        _ service: String, _ method: String, _ path: String, _ body: JSON? = nil, query: [(String, String)] = []
    ) async throws -> Answer {
        let signer = RequestSigner(key: key, region: region, service: service, date: simulator.world.now)
        let headers = body == nil ? [] : [("Content-Type", "application/json")]
        return try await send(signer.sign(method, path, query: query, headers: headers, body: body?.text ?? ""))
    }

    /// Calls CloudWatch Logs.
    func logs(_ operation: String, _ input: JSON = [:]) async throws -> Answer {
        let signer = RequestSigner(key: key, region: region, service: "logs", date: simulator.world.now)
        let headers = [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "Logs_20140328.\(operation)")]
        return try await send(signer.sign("POST", "/", headers: headers, body: input.text))
    }

    func iam(_ action: String, _ parameters: [(String, String)] = []) async throws -> Answer {
        try await query("iam", in: "us-east-1", action, version: "2010-05-08", parameters)
    }

    func ec2(_ action: String, _ parameters: [(String, String)] = []) async throws -> Answer {
        try await query("ec2", in: region, action, version: "2016-11-15", parameters)
    }

    private func query(
        _ service: String, in region: String, _ action: String, version: String, _ parameters: [(String, String)]
    ) async throws -> Answer {
        let signer = RequestSigner(key: key, region: region, service: service, date: simulator.world.now)
        let form = ([("Action", action), ("Version", version)] + parameters)
            .map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        return try await send(
            signer.sign("POST", "/", headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], body: form))
    }

    private func send(_ request: HTTPRequest) async throws -> Answer {
        Answer(
            try await simulator.handle(
                .aws, method: request.method, path: request.path, query: request.query, headers: request.headers, body: request.body))
    }

    /// What `aws eks get-token` prints as the token.
    func token(for cluster: String = "demo") -> String {
        let signer = RequestSigner(key: key, region: region, service: "sts", date: simulator.world.now)
        let host = "sts.\(region).amazonaws.com"
        let request = signer.presign(
            [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")], host: host, headers: [("x-k8s-aws-id", cluster)])
        return "k8s-aws-v1." + Base64.encodeURL(Array("https://\(host)/?\(request.query ?? "")".utf8))
    }

    // MARK: Kubernetes

    func kubernetes(
        _ method: String, _ path: String, _ body: JSON? = nil, query: String? = nil, token: String? = nil, cluster: String = "demo",
        from address: String = "127.0.0.1", type: String = "application/json"
    ) async throws -> Answer {
        var headers = HTTPHeaders()
        if let token { headers["Authorization"] = "Bearer \(token)" }
        if body != nil { headers["Content-Type"] = type }
        return Answer(
            try await simulator.handle(
                .cluster(cluster), method: method, path: path, query: query, headers: headers, body: body?.serialized() ?? [], from: address
            ))
    }

    /// A request whose status is known.
    func expect(_ status: Int, _ method: String, _ path: String, token: String? = nil, from address: String = "127.0.0.1") async throws {
        let answer = try await kubernetes(method, path, token: token, from: address)
        #expect(answer.status == status, "\(method) \(path)")
    }
}
