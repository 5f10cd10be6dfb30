import Encoding
import HTTP
import IAMAuthenticator
import JSON
import Testing
import World

private struct FixedSources: IdentitySources {
    var authenticationMode = AuthenticationMode.apiAndConfigMap
    var accessEntries: [AccessEntry] = []
    var awsAuth = AWSAuthConfigMap()
    var creatorARN: String?
    func privateDNSName(ofInstance id: String) async -> String? { nil }
}

/// Keeps the lines of a log.
private final class Lines: LogSink {
    private let kept = Lock<[String]>([])
    let isOpen: Bool

    init(isOpen: Bool = true) { self.isOpen = isOpen }

    var all: [String] { kept.withLock { $0 } }

    func write(_ line: [UInt8], at time: Instant) { kept.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}

private struct FixedSTS: HTTPHandler {
    let status: Int
    let body: String
    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", Array(body.utf8))
    }
}

@Suite("Authenticator")
struct AuthenticatorTests {
    private static let alice = """
        {"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Account":"111122223333",\
        "Arn":"arn:aws:sts::111122223333:assumed-role/Dev/alice","UserId":"AROADEV:alice"}}}
        """
    private static let signed =
        "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date=20260710T120000Z&X-Amz-Expires=60"
        + "&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"

    /// The verdicts that a review leaves, and its status.
    private func review(
        _ url: String = signed, at time: String = "2026-07-10T12:05:00Z", sts: FixedSTS = FixedSTS(status: 200, body: alice),
        sources: FixedSources = FixedSources(), log: Lines? = nil, method: String = "POST", scrubbed: Set<String> = []
    ) async throws -> (status: Int, steps: [TraceStep]) {
        let now = try #require(Instant(rfc3339: time))
        let world = World(clock: .frozen(at: now))
        let partition = try #require(Partition.named("aws"))
        let webhook = AuthenticatorWebhook(
            clusterName: "demo", verifier: TokenVerifier(partition: partition, region: "us-west-2"), sources: sources, sts: sts,
            log: log, world: world, scrubbedAccounts: scrubbed)
        let trace = RequestTrace(id: "t", received: now, summary: "", target: "")
        let body = JSON.object(["spec": ["token": .string("k8s-aws-v1." + Base64.encodeURL(Array(url.utf8)))]]).serialized()
        let answer = await webhook.handle(
            HTTPRequest(method: method, path: "/authenticate", body: body, connection: .inProcess(listener: "test"), trace: trace))
        return (answer.status, trace.snapshot.steps)
    }

    private static let head = "time=\"2026-07-10T12:05:00Z\" level="
    private static let request = "client=\"127.0.0.1:0\""

    @Test("who is let in leaves what STS said and what it was mapped to")
    func granted() async throws {
        let roles = """
            - rolearn: arn:aws:iam::111122223333:role/Dev
              username: dev:{{SessionName}}
              groups: [a, "b c"]
            """
        let log = Lines()
        let sources = FixedSources(awsAuth: AWSAuthConfigMap(data: ["mapRoles": roles]))
        #expect(try await review(sources: sources, log: log).status == 200)
        #expect(
            log.all == [
                Self.head + "info msg=\"STS response\" accesskeyid= accountid=111122223333 "
                    + "arn=\"arn:aws:sts::111122223333:assumed-role/Dev/alice\" \(Self.request) method=POST path=/authenticate session=alice "
                    + "stsendpoint=sts.us-west-2.amazonaws.com userid=AROADEV",
                Self.head + "info msg=\"access granted\" arn=\"arn:aws:iam::111122223333:role/Dev\" \(Self.request) groups=\"[a b c]\" "
                    + "method=POST path=/authenticate stsendpoint=sts.us-west-2.amazonaws.com "
                    + "uid=\"aws-iam-authenticator:111122223333:AROADEV\" username=\"dev:alice\"",
            ])
        let scrubbed = Lines()
        _ = try await review(sources: sources, log: scrubbed, scrubbed: ["111122223333"])
        #expect(
            scrubbed.all == [
                Self.head + "info msg=\"access granted\" \(Self.request) groups=\"[a b c]\" method=POST path=/authenticate "
                    + "stsendpoint=sts.us-west-2.amazonaws.com uid=\"aws-iam-authenticator:administrative:dev:alice\" username=\"dev:alice\""
            ])
    }

    @Test("who is refused leaves the reason; a log that nobody wants stays empty")
    func denied() async throws {
        let log = Lines()
        _ = try await review(log: log)
        #expect(
            log.all.last == Self.head + "warning msg=\"access denied\" arn=\"arn:aws:iam::111122223333:role/Dev\" \(Self.request) "
                + "error=\"identity is not mapped\" method=POST path=/authenticate stsendpoint=sts.us-west-2.amazonaws.com")
        let foreign = Lines()
        _ = try await review(sts: FixedSTS(status: 403, body: "{\"Error\":\n{}}"), log: foreign)
        #expect(
            foreign.all == [
                Self.head
                    + "warning msg=\"access denied\" \(Self.request) error=\"sts getCallerIdentity failed: error from AWS (expected 200, "
                    + "got 403) on us-west-2 endpoint. Body: {\\\"Error\\\":\\n{}}\" method=POST path=/authenticate"
            ])
        let wrong = Lines()
        _ = try await review(log: wrong, method: "GET")
        #expect(wrong.all == [Self.head + "error msg=\"unexpected request method\" \(Self.request) method=GET path=/authenticate"])
        let closed = Lines(isOpen: false)
        _ = try await review(log: closed)
        #expect(closed.all.isEmpty)
    }

    @Test("an expired token is refused with its age and the way out")
    func expired() async throws {
        let result = try await review(at: "2026-07-10T12:15:01Z")
        let step = try #require(result.steps.first { $0.check == "X-Amz-Date" })
        #expect(result.status == 403)
        #expect(step.verdict == .fail)
        #expect(step.actual == "2026-07-10T12:00:00Z: expired, 901 s old")
        #expect(step.fix?.contains("aws eks get-token") == true)
        #expect(result.steps.last?.check == "access denied")
    }

    @Test("a refusal by STS tells of foreign clusters, throttling answers 429")
    func sts() async throws {
        let foreign = try await review(sts: FixedSTS(status: 403, body: #"{"Error":{"Code":"SignatureDoesNotMatch"}}"#))
        let step = try #require(foreign.steps.first { $0.check == "GetCallerIdentity" })
        #expect(foreign.status == 403)
        #expect(step.actual == "SignatureDoesNotMatch")
        #expect(step.nearMisses.first?.contains("another cluster than \"demo\"") == true)
        #expect(try await review(sts: FixedSTS(status: 400, body: "Throttling")).status == 429)
        let garbage = try await review(sts: FixedSTS(status: 200, body: "<xml/>"))
        #expect(garbage.steps.contains { $0.check == "GetCallerIdentity" && $0.verdict == .fail })
    }

    @Test("lines of aws-auth that nearly match say what is wrong with them")
    func nearLines() async throws {
        let lines = """
            - rolearn: arn:aws:iam::111122223333:role/team/Dev
              username: a
            - rolearn: arn:aws:sts::111122223333:assumed-role/Dev/alice
              username: b
            - rolearn: arn:aws:iam::444455556666:role/Dev
              username: c
            - username: d
            """
        let sources = FixedSources(awsAuth: AWSAuthConfigMap(data: ["mapRoles": lines]))
        let result = try await review(sources: sources)
        let step = try #require(result.steps.first { $0.check == "aws-auth" })
        #expect(result.status == 403)
        let ends = ["role/Dev [path]", "role/Dev [ARN]", "partition [account]", "mapRoles[3]: no rolearn"]
        #expect(step.nearMisses.count == ends.count && zip(step.nearMisses, ends).allSatisfy { $0.hasSuffix($1) }, "\(step.nearMisses)")
        #expect(step.fix == "aws eks create-access-entry --cluster-name demo --principal-arn arn:aws:iam::111122223333:role/Dev")
    }

    @Test("an entry of a role that was made anew is told apart from no entry")
    func recreatedRole() async throws {
        let entry = AccessEntry(principalARN: "arn:aws:iam::111122223333:role/Dev", principalID: "AROAOLD", username: "u", groups: [])
        let result = try await review(sources: FixedSources(authenticationMode: .api, accessEntries: [entry]))
        let step = try #require(result.steps.first { $0.check == "access entries" })
        #expect(
            step.nearMisses == [
                "entry for arn:aws:iam::111122223333:role/Dev was made for AROAOLD, the caller is AROADEV: deleted and created again [principal id]"
            ])
    }

    @Test("the creator is administrator in mode CONFIG_MAP only")
    func creator() async throws {
        for mode in AuthenticationMode.allCases {
            let result = try await review(
                sources: FixedSources(authenticationMode: mode, creatorARN: "arn:aws:iam::111122223333:role/path/Dev"))
            #expect((result.status == 200) == (mode == .configMap), "\(mode)")
        }
    }

    @Test("a type error in aws-auth loses one field, a byte order mark nothing")
    func awsAuth() {
        let map = AWSAuthConfigMap(data: [
            "mapRoles": "\u{FEFF}- rolearn: a\n  username: 42\n  groups: [g, 7]\n- rolearn: b\n  username: u\n",
            "mapAccounts": "- 012345678901\n- 111122223333\n", "mapUsers": "- userarn: [",
        ])
        #expect(map.roles.map(\.arn) == ["a", "b"])
        #expect(map.roles.map(\.username) == ["", "u"])
        #expect(map.roles.first?.groups == ["g", ""])
        #expect(map.accounts == ["012345678901", "111122223333"])
        #expect(map.users.isEmpty)
        #expect(map.problems.count == 3)
    }

    @Test("the pattern of a permission set cannot make matching slow")
    func patterns() {
        let stars = String(repeating: "*?", count: 200)
        #expect(ARN.isLike("arn:aws:iam::1:role/\(String(repeating: "a", count: 500))", "arn:aws:iam::1:role/\(stars)a"))
        #expect(!ARN.isLike("arn:aws:iam::1:role/\(String(repeating: "a", count: 500))", "arn:aws:iam::1:role/\(stars)b"))
    }
}

@Suite("Looking into a token")
struct TokenCheckTests {
    @Test("every check leaves its verdict, up to the first that fails")
    func everyCheck() throws {
        let now = try #require(Instant(rfc3339: "2026-07-10T12:05:00Z"))
        let partition = try #require(Partition.named("aws"))
        let verifier = TokenVerifier(partition: partition, region: "us-west-2", tellsEveryCheck: true)
        func verdicts(_ url: String) -> [String] {
            var steps: [TraceStep] = []
            _ = try? verifier.verify("k8s-aws-v1." + Base64.encodeURL(Array(url.utf8)), at: now, steps: &steps)
            return steps.map { "\($0.check) \($0.verdict.rawValue)" }
        }
        let head = ["length pass", "prefix pass", "base64url pass", "scheme pass"]
        let query =
            "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date=20260710T120000Z&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Expires="
        #expect(
            verdicts("https://sts.us-west-2.amazonaws.com\(query)60")
                == head + [
                    "host pass", "path pass", "query pass", "Action pass", "signed headers pass", "X-Amz-Expires pass",
                    "X-Amz-Date pass",
                ])
        #expect(verdicts("https://sts.us-west-2.amazonaws.com\(query)901").last == "X-Amz-Expires fail")
        #expect(verdicts("https://example.com\(query)60").last == "host fail")
        #expect(verdicts("http://sts.us-west-2.amazonaws.com\(query)60").last == "scheme fail")
    }
}
