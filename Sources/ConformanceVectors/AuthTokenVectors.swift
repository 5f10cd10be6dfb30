import AWSServices
import Encoding
import HTTP
import IAMAuthenticator
import JSON
import Store
import World

/// Areas `token` and `token-review`: the authenticator as a whole, with an STS that answers as given, or the simulator's own.
enum AuthTokenVectors {
    static func token(_ given: JSON, _ expected: JSON, _ defaults: JSON) async -> VectorOutcome {
        let setting = defaults.overlaid(given)
        guard let authenticator = Authenticator(setting) else { return .failed("the case's verifier or time cannot be read") }
        var edits = given["token"] ?? [:]
        if let wish = given["sign"] {
            let signing = TokenSigning(wish, query: setting.at("token", "query") ?? [])
            do { try await authenticator.useOwnSTS(knowing: signing, owner: given["sts"]?.string ?? "") } catch {
                return .failed("\(error)")
            }
            edits["query"] = signing.signedQuery
        }
        let token = TokenText(setting["token"] ?? [:], edits: edits).text
        var differences = Differences()
        var steps: [TraceStep] = []
        do throws(TokenError) {
            let identity = try await authenticator.webhook.identify(token, trace: authenticator.trace, steps: &steps)
            differences.compare("outcome", expected["outcome"], "ok")
            differences.compare(
                "identity", expected["identity"],
                [
                    "arn": .string(identity.arn), "canonicalArn": .string(identity.canonicalARN), "accountId": .string(identity.accountID),
                    "userId": .string(identity.userID), "sessionName": .string(identity.sessionName),
                    "accessKeyId": .string(identity.accessKeyID), "stsEndpoint": .string(authenticator.sts.lastHost),
                ])
        } catch {
            differences.compare("outcome", expected["outcome"], .string(error.outcome))
            differences.compare("message", expected["message"], .string(error.description))
            let prefix = expected["messagePrefix"]?.string ?? ""
            differences.require(error.description.hasPrefix(prefix), "message: expected \(prefix)…, got \(error)")
            let said = error.description
            let answer = said.firstRange(of: "Body: ").flatMap { try? JSON(parsing: String(said[$0.upperBound...])) }
            differences.compare("stsErrorCode", expected["stsErrorCode"], answer?.at("Error", "Code") ?? answer?["code"])
            differences.compare("stsStatus", expected["stsStatus"], .integer(Int64(authenticator.sts.lastStatus)))
            differences.require(steps.contains { $0.verdict == .fail }, "no step of the trace says why it was refused")
        }
        differences.compare("stsCalls", expected["stsCalls"], .integer(Int64(authenticator.calls)))
        if let status = expected["webhookStatus"] {
            guard let again = given["sign"] == nil ? Authenticator(setting) : authenticator else {
                return .failed("no second authenticator")
            }
            differences.compare("webhookStatus", status, .integer(Int64(await again.review(token).status)))
        }
        return VectorOutcome(differences.texts)
    }

    static func review(_ given: JSON, _ expected: JSON, _ defaults: JSON) async -> VectorOutcome {
        var setting = defaults
        let identity = given["identity"] ?? [:]
        if let arn = identity["arn"] {
            let session = identity["sessionName"]?.string ?? ""
            let userID = (identity["userId"]?.string ?? "") + (session.isEmpty ? "" : ":\(session)")
            setting["sts"] = [
                "status": 200,
                "identity": ["Arn": arn, "UserId": .string(userID), "Account": identity["accountId"] ?? ""],
            ]
        }
        if let status = given["stsStatus"] { setting["sts"] = ["status": status, "body": given["stsBody"] ?? ""] }
        guard let authenticator = Authenticator(setting, mapping: given["mapping"], given["scrubbedAccounts"]) else {
            return .failed("the case's verifier or time cannot be read")
        }
        let key = identity["accessKeyId"]?.string ?? "ASIAEXAMPLE"
        let credential: JSON = ["set": ["X-Amz-Credential": .string("\(key)/20260710/us-west-2/sts/aws4_request")]]
        let body: [UInt8] =
            given["body"]?.string.map { Array($0.utf8) } ?? Authenticator.body(TokenText(setting["token"] ?? [:], edits: credential).text)
        let answer = await authenticator.send(given["method"]?.string ?? "POST", body)
        let bytes = answer.collected ?? []
        let status = (try? JSON(parsing: bytes))?["status"]
        var differences = Differences()
        differences.compare("status", expected["httpStatus"], .integer(Int64(answer.status)))
        differences.compare("type", expected["contentType"], .string(answer.headers["Content-Type"] ?? ""))
        differences.compare("body", expected["body"], .string(String(decoding: bytes, as: UTF8.self)))
        if let wanted = expected["status"] {
            differences.require(status.map(wanted.isEquivalent(to:)) ?? false, "status: expected \(wanted), got \(status ?? .null)")
        }
        differences.compare("extra", expected["extraSubset"], status?.at("user", "extra"))
        differences.compare("uid", expected["uid"], status?.at("user", "uid"))
        return VectorOutcome(differences.texts)
    }
}

extension TokenError {
    /// The name of the outcome in the vectors.
    fileprivate var outcome: String {
        switch self {
        case .format: "format_error"
        case .sts: "sts_error"
        case .throttled: "throttled"
        case .notMapped, .mapper: "other_error"
        }
    }
}

/// An authenticator whose STS answers as a case says.
private struct Authenticator {
    let webhook: AuthenticatorWebhook
    let sts: WatchedSTS
    let trace: RequestTrace
    private let world: World
    private let failsToConnect: Bool

    init?(_ setting: JSON, mapping: JSON? = nil, _ scrubbed: JSON? = nil) {
        guard let now = setting["now"]?.string.flatMap({ Instant(rfc3339: $0) }),
            let partition = setting.at("verifier", "partition")?.string.flatMap(Partition.named),
            let region = setting.at("verifier", "region")?.string
        else { return nil }
        let answer = setting["sts"] ?? [:]
        world = World(clock: .frozen(at: now))
        sts = WatchedSTS(ScriptedSTS(answer: answer))
        trace = RequestTrace(id: "vector", received: now, summary: "", target: "")
        failsToConnect = answer["networkError"] != nil
        if let error = answer["networkError"]?.string {
            world.faults.arm("sts.unavailable", FaultPoints.Fault(remaining: 1, detail: error))
        }
        webhook = AuthenticatorWebhook(
            clusterName: setting.at("verifier", "clusterId")?.string ?? "",
            verifier: TokenVerifier(partition: partition, region: region), sources: Sources(answer["identity"] ?? [:], mapping), sts: sts,
            world: world, scrubbedAccounts: Set(scrubbed?.strings ?? []))
    }

    /// Lets the simulator's own STS answer, which checks signatures. `owner` says whose the signing key is: `… user NAME (ID)`.
    func useOwnSTS(knowing signing: TokenSigning, owner: String) async throws {
        let words = owner.split { " ()".contains($0) }.map(String.init)
        let name =
            words.firstIndex(of: "user").flatMap { $0 + 2 < words.count ? (words[$0 + 1], words[$0 + 2]) : nil } ?? ("u", "AIDAEXAMPLE")
        let aws = AWSFrontDoor(
            configuration: AWSConfiguration(accountID: "111122223333", region: "us-west-2"), world: world,
            store: MemoryStore(world: world), provisioner: NoClusters())
        try await aws.addUser(named: name.0, id: name.1, key: signing.key)
        sts.use(aws)
    }

    /// Requests to STS, one that found no connection included.
    var calls: Int { sts.calls + (failsToConnect && world.faults.all.isEmpty ? 1 : 0) }

    static func body(_ token: String) -> [UInt8] { JSON.object(["spec": ["token": .string(token)]]).serialized() }

    func review(_ token: String) async -> HTTPResponse { await send("POST", Self.body(token)) }

    func send(_ method: String, _ body: [UInt8]) async -> HTTPResponse {
        await webhook.handle(
            HTTPRequest(method: method, path: "/authenticate", body: body, connection: .inProcess(listener: "vectors"), trace: trace))
    }
}

/// One line of `aws-auth` for the caller, or none.
private struct Sources: IdentitySources {
    let authenticationMode = AuthenticationMode.configMap
    let accessEntries: [AccessEntry] = []
    let awsAuth: AWSAuthConfigMap

    init(_ identity: JSON, _ mapping: JSON?) {
        guard let username = mapping?["username"]?.string, let arn = identity["Arn"]?.string,
            let canonical = try? ARN(canonicalizing: arn)
        else {
            awsAuth = AWSAuthConfigMap()
            return
        }
        let line: JSON = ["rolearn": .string(canonical.text), "username": .string(username), "groups": mapping?["groups"] ?? []]
        awsAuth = AWSAuthConfigMap(data: ["mapRoles": JSON.array([line]).text])
    }

    func privateDNSName(ofInstance id: String) async -> String? { nil }
}

/// STS as the authenticator reaches it, watched: how often, under which name, with which answer.
private final class WatchedSTS: HTTPHandler {
    private struct State: Sendable {
        var next: any HTTPHandler
        var calls = 0
        var host = ""
        var status = 0
    }

    private let state: Lock<State>

    init(_ next: any HTTPHandler) { state = Lock(State(next: next)) }

    var calls: Int { state.withLock { $0.calls } }
    var lastHost: String { state.withLock { $0.host } }
    var lastStatus: Int { state.withLock { $0.status } }

    /// Lets another one answer from now on.
    func use(_ next: any HTTPHandler) { state.withLock { $0.next = next } }

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        let next = state.withLock { state in
            state.calls += 1
            state.host = request.headers["Host"] ?? ""
            return state.next
        }
        let response = await next.handle(request)
        state.withLock { $0.status = response.status }
        return response
    }
}

/// An STS that gives one answer.
private struct ScriptedSTS: HTTPHandler {
    let answer: JSON

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        let status = Int(clamping: answer["status"]?.integer ?? 200)
        var body = answer["body"]?.string.map { Array($0.utf8) } ?? []
        if let identity = answer["identity"] {
            body =
                JSON.object([
                    "GetCallerIdentityResponse": ["GetCallerIdentityResult": identity, "ResponseMetadata": ["RequestId": "r"]]
                ]).serialized(escaping: .minimal)
        }
        return HTTPResponse(status: status, contentType: "application/json", body)
    }
}

/// A token made as the format of the vectors says.
private struct TokenText {
    let text: String

    init(_ base: JSON, edits: JSON) {
        var pairs = ((edits["query"] ?? base["query"])?.array ?? []).map { (name: $0[0]?.string ?? "", value: $0[1]?.string ?? "") }
        for edit in edits["set"]?.object?.members ?? [] {
            for index in pairs.indices where pairs[index].name == edit.key { pairs[index].value = edit.value.string ?? "" }
        }
        for edit in edits["rename"]?.object?.members ?? [] {
            for index in pairs.indices where pairs[index].name == edit.key { pairs[index].name = edit.value.string ?? "" }
        }
        let removed = edits["remove"]?.strings ?? []
        pairs.removeAll { removed.contains($0.name) }
        for pair in edits["append"]?.array ?? [] { pairs.append((pair[0]?.string ?? "", pair[1]?.string ?? "")) }
        func part(_ key: String) -> String { (edits[key] ?? base[key])?.string ?? "" }
        func token() -> String {
            let query = pairs.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
            let url =
                "\(part("scheme"))://\(part("userinfo"))\(part("host"))\(part("path"))?\(query)\(part("rawQuerySuffix"))\(part("fragment"))"
            var encoded = Base64.encodeURL(Array(url.utf8))
            if edits["base64"]?.string == "padded" { encoded += String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4) }
            if let place = edits["insertNewlineAt"]?.integer {
                encoded.insert("\n", at: encoded.index(encoded.startIndex, offsetBy: min(Int(clamping: place), encoded.utf8.count)))
            }
            return part("prefix") + encoded
        }
        var text = token()
        if let length = edits["totalLength"]?.integer, let index = pairs.firstIndex(where: { $0.name == "X-Amz-Security-Token" }) {
            while text.utf8.count < length {
                pairs[index].value += "F"
                text = token()
            }
        }
        self.text = text
    }
}

extension JSON {
    /// This object with the members of another in front of its own: `token` is merged by the token's maker, others replace.
    fileprivate func overlaid(_ given: JSON) -> JSON {
        var result = self
        for key in ["verifier", "now", "sts"] { if let value = given[key] { result[key] = value } }
        return result
    }
}
