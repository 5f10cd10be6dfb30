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
        try await query("iam", "2010-05-08", action, parameters, region: "us-east-1")
    }

    func autoScaling(_ action: String, _ parameters: [(String, String)] = []) async throws -> Answer {
        try await query("autoscaling", "2011-01-01", action, parameters, region: region)
    }

    /// Calls EC2; answers what it says as it says it.
    func ec2Answer(_ action: String, _ parameters: [(String, String)] = []) async throws -> Answer {
        try await query("ec2", "2016-11-15", action, parameters, region: region)
    }

    /// Calls a service whose calls are forms.
    private func query(
        _ service: String, _ version: String, _ action: String, _ parameters: [(String, String)], region: String
    ) async throws -> Answer {
        let signer = RequestSigner(key: key, region: region, service: service, date: simulator.world.now)
        let form = ([("Action", action), ("Version", version)] + parameters)
            .map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        return try await send(
            signer.sign("POST", "/", headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], body: form))
    }

    /// Calls EC2; answers the elements of the response as members, those of lists as elements, and all values as texts.
    func ec2(_ action: String, _ parameters: [(String, String)] = []) async throws -> JSON {
        let answer = try await ec2Answer(action, parameters)
        #expect(answer.status == 200, "\(answer.text)")
        return EC2Elements.read(answer.text)["\(action)Response"] ?? .null
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

/// Reads the XML of EC2's answers, which has no attributes but its namespace.
private enum EC2Elements {
    static func read(_ text: String) -> JSON {
        var rest = text[...]
        return elements(&rest)
    }

    /// What stands up to the end of the element around it.
    private static func elements(_ rest: inout Substring) -> JSON {
        var members = JSONObject()
        var items: [JSON]?
        while let open = rest.firstIndex(of: "<") {
            let before = rest[..<open]
            let tag = rest[rest.index(after: open)...].prefix { $0 != ">" }
            guard let end = rest[tag.endIndex...].firstIndex(of: ">") else { break }
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("?") { continue }
            if tag.hasPrefix("/") {
                if let items { return .array(items) }
                return members.isEmpty ? .string(unescaped(before)) : .object(members)
            }
            let name = String(tag.prefix { $0 != " " && $0 != "/" })
            let value: JSON = tag.hasSuffix("/") ? "" : elements(&rest)
            if name == "item" { items = (items ?? []) + [value] } else { members[name] = value }
        }
        return .object(members)
    }

    private static func unescaped(_ text: Substring) -> String {
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&")].reduce(String(text)) {
            $0.replacing($1.0, with: $1.1)
        }
    }
}
