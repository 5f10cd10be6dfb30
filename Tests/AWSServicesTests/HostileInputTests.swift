import HTTP
import JSON
import Testing
import World

@Suite("AWS under bad and concurrent input")
struct HostileInputTests {
    private static let fragments = [
        "", "/", "%", "%zz", "%00", "%ff", "+", "=", "&", ";", "..", "clusters", "access-entries", "tags", "arn:aws:iam::1:role/x",
        "a/b/c/d/e",
        "AWS4-HMAC-SHA256 ", "Credential=", "SignedHeaders=host;", "Signature=", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Date=",
        "20150830T123600Z", "Action=", "Version=", "Tags.member.1.Key", "Filter.1.Name", "MaxItems=-1", "{", "[[[[", "null", "\u{0}", "é",
        "999999999999999999999",
    ]

    private func text(_ random: RandomSource) -> String {
        (0..<random.next(below: 6)).map { _ in Self.fragments[random.next(below: Self.fragments.count)] }.joined()
    }

    @Test("no request, signed or not, ends in anything but an answer below 500")
    func fuzz() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let random = RandomSource(seed: 7)
        for round in 0..<3000 {
            let service = ["eks", "iam", "sts", "ec2", "ssm", "x"][random.next(below: 6)]
            var request = simulation.signer(service).sign(
                ["GET", "POST", "DELETE", "PUT"][random.next(below: 4)], "/" + text(random), query: [(text(random), text(random))],
                headers: [("Content-Type", "application/x-www-form-urlencoded")], body: text(random))
            if round.isMultiple(of: 3) { request.headers["Authorization"] = text(random) }
            if round.isMultiple(of: 5) { request.query = text(random) }
            if round.isMultiple(of: 7) { request.body = random.bytes(random.next(below: 40)) }
            let answer = await simulation.send(request)
            #expect(
                answer.status < 500 && (answer.status < 400 || answer.refusal != nil), "\(request.method) \(request.path) \(answer.text)")
        }
    }

    /// Signed, so that it reaches the operations: values that no client of the model sends.
    @Test("operations answer odd members of any JSON type with a client error")
    func oddBodies() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let odd: [JSON] = [.null, true, 1, "x", "", [], [:], [1], ["a": [[]]], .string(String(repeating: "x", count: 5000))]
        let members = [
            "name", "version", "roleArn", "resourcesVpcConfig", "kubernetesNetworkConfig", "logging", "accessConfig", "tags",
            "upgradePolicy",
            "principalArn", "kubernetesGroups", "username", "type", "policyArn", "accessScope", "clientRequestToken", "deletionProtection",
        ]
        let valid = await simulation.clusterBody("other")
        for path in ["/clusters", "/clusters/demo/access-entries", "/clusters/demo/update-config", "/tags/arn%3Aaws%3Aeks%3Ax"] {
            for member in members {
                for value in odd {
                    var body: JSON = path == "/clusters" ? valid : ["principalArn": "x"]
                    body[member] = value
                    if path == "/clusters" { body["roleArn"] = value }
                    let answer = await simulation.eks("POST", path, body)
                    #expect(
                        (400..<500).contains(answer.status) || path.hasSuffix("config"),
                        "\(path) \(member)=\(value.text.prefix(40)): \(answer.text)")
                    #expect(answer.status < 500)
                }
            }
        }
    }

    @Test("of many calls that make the same thing at once one wins")
    func races() async throws {
        let simulation = try await Simulation()
        let body = await simulation.clusterBody("demo")
        func outcomes(_ call: @escaping @Sendable (Int) async -> Answer) async -> [String: Int] {
            await withTaskGroup(of: String.self) { group in
                for number in 0..<20 { group.addTask { await call(number).verdict } }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
        }
        #expect(await outcomes { _ in await simulation.eks("POST", "/clusters", body) } == ["200": 1, "409 ResourceInUseException": 19])
        await simulation.world.advance(by: .seconds(60))
        let role = await simulation.makeRole("dev")
        let entry: JSON = ["principalArn": .string(role)]
        let made = await outcomes { _ in await simulation.eks("POST", "/clusters/demo/access-entries", entry) }
        #expect(made == ["200": 1, "409 ResourceInUseException": 19])
        let users = await outcomes { _ in await simulation.iam("CreateUser", ("UserName", "ann")) }
        #expect(users == ["200": 1, "409 EntityAlreadyExists": 19])
        let policies = await outcomes {
            await simulation.iam("PutUserPolicy", ("UserName", "ann"), ("PolicyName", "p\($0)"), ("PolicyDocument", Simulation.allow("*")))
        }
        #expect(policies["200", default: 0] + policies["409 ConcurrentModification", default: 0] == 20)
        let kept = await simulation.iam("ListUserPolicies", ("UserName", "ann")).fields("member").count
        #expect(kept == policies["200"])
        let updates = await outcomes { _ in await simulation.eks("POST", "/clusters/demo/update-config", ["deletionProtection": true]) }
        #expect(updates["200"] == 1 && updates["409 ResourceInUseException"] == 19)
    }
}
