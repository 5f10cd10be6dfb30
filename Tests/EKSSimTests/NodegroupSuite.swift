import EKSSim
import HTTP
import JSON
import Testing
import World

/// What tests of managed node groups do: a role, a group of two m5.large, its nodes.
protocol NodegroupSuite {}

extension NodegroupSuite {
    static var role: String { "arn:aws:iam::111122223333:role/nodes" }
    static var policies: [String] { ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"] }

    func makeRole(_ harness: Harness, _ policies: [String]) async throws {
        let trust =
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"}}]}"
        let made = try await harness.iam("CreateRole", [("RoleName", "nodes"), ("AssumeRolePolicyDocument", trust)])
        #expect(made.status == 200, "\(made.text)")
        for policy in policies { try await attach(harness, policy) }
    }

    func attach(_ harness: Harness, _ policy: String) async throws {
        let done = try await harness.iam(
            "AttachRolePolicy", [("RoleName", "nodes"), ("PolicyArn", "arn:aws:iam::aws:policy/\(policy)")])
        #expect(done.status == 200, "\(done.text)")
    }

    func makeGroup(_ harness: Harness, _ more: JSON = [:]) async throws {
        let cluster = try await harness.eks("GET", "/clusters/demo").json["cluster"]
        var body: JSON = [
            "nodegroupName": "main", "nodeRole": .string(Self.role), "subnets": cluster?.at("resourcesVpcConfig", "subnetIds") ?? [],
            "instanceTypes": ["m5.large"], "scalingConfig": ["minSize": 1, "maxSize": 3, "desiredSize": 2],
        ]
        for member in more.object ?? [:] { body[member.key] = member.value }
        let made = try await harness.eks("POST", "/clusters/demo/node-groups", body)
        #expect(made.status == 200, "\(made.text)")
    }

    func group(_ harness: Harness) async throws -> JSON {
        try await harness.eks("GET", "/clusters/demo/node-groups/main").json["nodegroup"] ?? .null
    }

    /// The nodes' names with whether they are ready.
    func nodes(_ harness: Harness) async throws -> [String: Bool] {
        let list = try await harness.kubernetes("GET", "/api/v1/nodes", token: harness.token()).json
        return Dictionary(
            (list["items"]?.array ?? []).map { node in
                let ready = node.at("status", "conditions")?.array?.first { $0["type"] == "Ready" }
                return (node.at("metadata", "name")?.string ?? "", ready?["status"] == "True")
            }
        ) { first, _ in first }
    }

    func advance(_ harness: Harness, _ duration: Duration) async { await harness.simulator.world.advance(by: duration) }
}
