import EKSSim
import HTTP
import JSON
import Testing
import World

/// Node groups from the call to Node objects, on a standing clock.
@Suite("Nodes of managed node groups")
struct NodeJoinTests {
    private static let role = "arn:aws:iam::111122223333:role/nodes"
    private static let policies = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"]

    private func makeRole(_ harness: Harness, _ policies: [String]) async throws {
        let trust =
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"}}]}"
        let made = try await harness.iam("CreateRole", [("RoleName", "nodes"), ("AssumeRolePolicyDocument", trust)])
        #expect(made.status == 200, "\(made.text)")
        for policy in policies { try await attach(harness, policy) }
    }

    private func attach(_ harness: Harness, _ policy: String) async throws {
        let done = try await harness.iam(
            "AttachRolePolicy", [("RoleName", "nodes"), ("PolicyArn", "arn:aws:iam::aws:policy/\(policy)")])
        #expect(done.status == 200, "\(done.text)")
    }

    private func makeGroup(_ harness: Harness, _ more: JSON = [:]) async throws {
        let cluster = try await harness.eks("GET", "/clusters/demo").json["cluster"]
        var body: JSON = [
            "nodegroupName": "main", "nodeRole": .string(Self.role), "subnets": cluster?.at("resourcesVpcConfig", "subnetIds") ?? [],
            "instanceTypes": ["m5.large"], "scalingConfig": ["minSize": 1, "maxSize": 3, "desiredSize": 2],
        ]
        for member in more.object ?? [:] { body[member.key] = member.value }
        let made = try await harness.eks("POST", "/clusters/demo/node-groups", body)
        #expect(made.status == 200, "\(made.text)")
    }

    private func group(_ harness: Harness) async throws -> JSON {
        try await harness.eks("GET", "/clusters/demo/node-groups/main").json["nodegroup"] ?? .null
    }

    /// The nodes' names with whether they are ready.
    private func nodes(_ harness: Harness) async throws -> [String: Bool] {
        let list = try await harness.kubernetes("GET", "/api/v1/nodes", token: harness.token()).json
        return Dictionary(
            (list["items"]?.array ?? []).map { node in
                let ready = node.at("status", "conditions")?.array?.first { $0["type"] == "Ready" }
                return (node.at("metadata", "name")?.string ?? "", ready?["status"] == "True")
            }
        ) { first, _ in first }
    }

    private func advance(_ harness: Harness, _ duration: Duration) async { await harness.simulator.world.advance(by: duration) }

    @Test("its instances become nodes, and the group is active when they are ready")
    func joins() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness)
            #expect(try await group(harness)["status"] == "CREATING")
            await advance(harness, .milliseconds(700))
            #expect(try await nodes(harness).values.filter { $0 }.isEmpty)
            await advance(harness, .seconds(10))
            #expect(try await Array(nodes(harness).values) == [true, true])
            #expect(try await group(harness)["status"] == "ACTIVE")
        }
    }

    @Test(
        "a role that lacks the right to look up instances keeps nodes out, and the group fails after a quarter of an hour",
        arguments: [[], ["AmazonEC2ContainerRegistryPullOnly"]])
    func keptOut(policies: [String]) async throws {
        try await Harness.run { harness in
            try await makeRole(harness, policies)
            try await makeGroup(harness)
            await advance(harness, .seconds(880))
            #expect(try await nodes(harness).isEmpty)
            #expect(try await group(harness)["status"] == "CREATING")
            await advance(harness, .seconds(30))
            let failed = try await group(harness)
            #expect(failed["status"] == "CREATE_FAILED")
            let issue = failed.at("health", "issues")?.array?.first
            #expect(issue?["code"] == "NodeCreationFailure")
            #expect(issue?["message"] == "Instances failed to join the kubernetes cluster")
            #expect(issue?["resourceIds"]?.array?.count == 2)
        }
    }

    @Test("without the network policy nodes register but do not get ready; with it they do", arguments: policies.dropFirst())
    func network(missing: String) async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies.filter { $0 != missing })
            try await makeGroup(harness)
            await advance(harness, .seconds(60))
            #expect(try await Array(nodes(harness).values) == [false, false])
            #expect(try await group(harness)["status"] == "CREATING")
            try await attach(harness, missing)
            await advance(harness, .seconds(30))
            #expect(try await Array(nodes(harness).values) == [true, true])
            #expect(try await group(harness)["status"] == "ACTIVE")
        }
    }

    @Test("an hour in which nothing happens costs no look at the instances")
    func idle() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness)
            await advance(harness, .seconds(10))
            let timers = harness.simulator.world.timers.pending.count
            await advance(harness, .seconds(3600))
            #expect(harness.simulator.world.timers.pending.count <= timers)
            #expect(try await Array(nodes(harness).values) == [true, true])
        }
    }
}
