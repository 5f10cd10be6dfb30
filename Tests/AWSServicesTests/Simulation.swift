import AWSServices
import HTTP
import JSON
import Store
import World

/// The AWS side alone: frozen clock, memory, clusters that start at once.
final class Simulation: Sendable {
    static let account = "111122223333"
    static let region = "ap-northeast-1"
    /// 2026-11-24T00:00:00Z
    static let start = Instant(seconds: 1_795_478_400)

    let world: World
    let store: MemoryStore
    let provisioner: FakeProvisioner
    let door: AWSFrontDoor
    let admin: ClientKey

    init(store: MemoryStore? = nil, furtherAccounts: [String] = [], delay: Duration = .seconds(60)) async throws {
        world = World(clock: .frozen(at: Self.start))
        self.store = store ?? MemoryStore(world: world)
        provisioner = FakeProvisioner()
        door = AWSFrontDoor(
            configuration: AWSConfiguration(
                accountID: Self.account, furtherAccounts: furtherAccounts, region: Self.region, clusterDelay: delay,
                resourceDelay: .seconds(30)),
            world: world, store: self.store, provisioner: provisioner)
        let credentials = try await door.start()
        admin = ClientKey(id: credentials.accessKeyID, secret: credentials.secretAccessKey)
    }

    func signer(_ service: String, _ key: ClientKey? = nil) -> RequestSigner {
        RequestSigner(key: key ?? admin, region: service == "iam" ? "us-east-1" : Self.region, service: service, date: world.now)
    }

    func send(_ request: HTTPRequest) async -> Answer { Answer(await door.handle(request), request.trace.snapshot) }

    /// Calls a query service.
    func call(
        _ service: String, _ action: String, _ parameters: [(String, String)] = [], as key: ClientKey? = nil,
        headers: [(String, String)] = []
    ) async -> Answer {
        let form = ([("Action", action), ("Version", "2010-05-08")] + parameters)
            .map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        return await send(
            signer(service, key).sign(
                "POST", "/", headers: headers + [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], body: form))
    }

    func iam(_ action: String, _ parameters: (String, String)..., as key: ClientKey? = nil) async -> Answer {
        await call("iam", action, parameters, as: key)
    }

    /// Calls EKS; `path` is percent-encoded already.
    func eks(
        _ method: String, _ path: String, _ body: JSON? = nil, query: [(String, String)] = [], region: String = Simulation.region,
        as key: ClientKey? = nil
    ) async -> Answer {
        var signer = signer("eks", key)
        signer.region = region
        return await send(signer.sign(method, path, query: query, body: body?.text ?? ""))
    }

    /// Calls a service of the JSON 1.1 protocol.
    func json(_ service: String, _ target: String, _ input: JSON, as key: ClientKey? = nil) async -> Answer {
        let headers = [("X-Amz-Target", target), ("Content-Type", "application/x-amz-json-1.1")]
        return await send(signer(service, key).sign("POST", "/", headers: headers, body: input.text))
    }

    // MARK: What many tests need

    static func trust(_ principal: JSON) -> String {
        (["Version": "2012-10-17", "Statement": [["Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"]]] as JSON).text
    }

    static func allow(_ action: String, on resource: String = "*", effect: String = "Allow") -> String {
        (["Version": "2012-10-17", "Statement": [["Effect": .string(effect), "Action": .string(action), "Resource": .string(resource)]]]
            as JSON).text
    }

    func makeRole(_ name: String, trusting principal: JSON = ["Service": "eks.amazonaws.com"], path: String = "/") async -> String {
        await iam("CreateRole", ("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", Self.trust(principal))).field("Arn") ?? ""
    }

    func makeUser(_ name: String, allowing action: String? = nil) async -> ClientKey {
        _ = await iam("CreateUser", ("UserName", name))
        if let action {
            _ = await iam("PutUserPolicy", ("UserName", name), ("PolicyName", "p"), ("PolicyDocument", Self.allow(action)))
        }
        let key = await iam("CreateAccessKey", ("UserName", name))
        return ClientKey(id: key.field("AccessKeyId") ?? "", secret: key.field("SecretAccessKey") ?? "")
    }

    func assume(_ role: String, as key: ClientKey? = nil, session: String = "s1", _ more: (String, String)...) async -> (Answer, ClientKey)
    {
        let answer = await call("sts", "AssumeRole", [("RoleArn", role), ("RoleSessionName", session)] + more, as: key)
        return (
            answer,
            ClientKey(
                id: answer.field("AccessKeyId") ?? "", secret: answer.field("SecretAccessKey") ?? "", token: answer.field("SessionToken"))
        )
    }

    func subnets() async -> [String] { (await call("ec2", "DescribeSubnets")).fields("subnetId") }

    /// The body of a valid CreateCluster.
    func clusterBody(_ name: String, mode: String? = "API_AND_CONFIG_MAP") async -> JSON {
        var body: JSON = [
            "name": .string(name), "roleArn": .string(await makeRole("role-of-\(name)")),
            "resourcesVpcConfig": ["subnetIds": JSON(strings: await subnets())],
        ]
        if let mode { body["accessConfig"] = ["authenticationMode": .string(mode)] }
        return body
    }

    /// Makes a cluster and waits on the clock until it is ACTIVE.
    func makeCluster(_ name: String, mode: String? = "API_AND_CONFIG_MAP") async {
        _ = await eks("POST", "/clusters", await clusterBody(name, mode: mode))
        await world.advance(by: .seconds(60))
    }
}

/// An answer taken apart.
struct Answer: Sendable {
    let status: Int
    let text: String
    let headers: HTTPHeaders
    let trace: RequestTrace.Record

    init(_ response: HTTPResponse, _ trace: RequestTrace.Record) {
        status = response.status
        text = String(decoding: response.collected ?? [], as: UTF8.self)
        headers = response.headers
        self.trace = trace
    }

    var json: JSON { (try? JSON(parsing: text)) ?? .null }

    /// The text of the first XML element of a name.
    func field(_ name: String) -> String? { fields(name).first }

    /// The texts of all XML elements of a name.
    func fields(_ name: String) -> [String] {
        var rest = text[...]
        var found: [String] = []
        while let open = rest.firstRange(of: "<\(name)>"), let close = rest[open.upperBound...].firstRange(of: "</\(name)>") {
            found.append(String(rest[open.upperBound..<close.lowerBound]))
            rest = rest[close.upperBound...]
        }
        return found
    }

    /// `400 ValidationError`, or the status alone.
    var verdict: String {
        guard let code = headers["x-amzn-ErrorType"] ?? field("Code") ?? json["__type"]?.string else { return String(status) }
        return "\(status) \(code)"
    }

    /// The message of an error.
    var message: String {
        let text = field("Message")?.replacing("&quot;", with: "\"").replacing("&lt;", with: "<").replacing("&gt;", with: ">")
        return text?.replacing("&amp;", with: "&") ?? json["message"]?.string ?? ""
    }

    /// The trace step that refused.
    var refusal: TraceStep? { trace.steps.last { $0.verdict == .fail } }
}

/// Notes what EKS asks of it.
final class FakeProvisioner: ClusterProvisioner {
    private let log = Lock<[String]>([])
    private let failing = Lock(false)

    var calls: [String] { log.withLock { $0 } }

    struct Failure: Error {}

    func fail() { failing.withLock { $0 = true } }

    func provision(_ cluster: ClusterRecord) async throws -> (endpoint: String, certificateAuthority: String) {
        log.withLock { $0.append("provision \(cluster.name)") }
        if failing.withLock({ $0 }) { throw Failure() }
        return ("https://127.0.0.1:6443", "PEM")
    }

    func update(_ cluster: ClusterRecord) async {
        log.withLock {
            $0.append(
                "update \(cluster.name) public=\(cluster.hasPublicAccess) private=\(cluster.hasPrivateAccess) \(cluster.publicAccessCIDRs)")
        }
    }

    func deprovision(_ cluster: ClusterRecord) async { log.withLock { $0.append("deprovision \(cluster.name)") } }
}
