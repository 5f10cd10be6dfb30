import EKSSim
import JSON
import Testing
import World

/// What happens to nodes whose mapping, role or running instance is taken away.
@Suite("Nodes lose what they are let in by, or stop")
struct NodePresenceTests: NodegroupSuite {
    /// Until API servers have forgotten whose a token is, and the grace period is over.
    private static let missed = Duration.seconds(120 + 60)

    private func makeNodes(_ harness: Harness) async throws {
        try await makeRole(harness, Self.policies)
        try await makeGroup(harness)
        await advance(harness, .seconds(60))
        #expect(try await Array(nodes(harness).values) == [true, true])
    }

    private func deleteEntry(_ harness: Harness) async throws {
        let entry = "/clusters/demo/access-entries/\(Self.role.replacing("/", with: "%2F"))"
        #expect(try await harness.eks("DELETE", entry).status == 200)
    }

    private func makeEntry(_ harness: Harness) async throws {
        let made = try await harness.eks(
            "POST", "/clusters/demo/access-entries", ["principalArn": .string(Self.role), "type": "EC2_LINUX"])
        #expect(made.status == 200, "\(made.text)")
    }

    private func readiness(_ harness: Harness) async throws -> [String] {
        let list = try await harness.kubernetes("GET", "/api/v1/nodes", token: harness.token()).json
        return (list["items"]?.array ?? []).map { node in
            node.at("status", "conditions")?.array?.first { $0["type"] == "Ready" }?["status"]?.string ?? ""
        }.sorted()
    }

    @Test("without its access entry a node is heard until tokens run out; with an entry again it comes back")
    func accessEntry() async throws {
        try await Harness.run { harness in
            try await makeNodes(harness)
            try await deleteEntry(harness)
            await advance(harness, .seconds(100))
            #expect(try await readiness(harness) == ["True", "True"])
            await advance(harness, Self.missed)
            #expect(try await readiness(harness) == ["Unknown", "Unknown"])
            try await makeEntry(harness)
            await advance(harness, .seconds(5))
            #expect(try await readiness(harness) == ["True", "True"])
        }
    }

    @Test("an entry that is back before tokens run out leaves no trace")
    func entryIsBackSoon() async throws {
        try await Harness.run { harness in
            try await makeNodes(harness)
            try await deleteEntry(harness)
            await advance(harness, .seconds(60))
            try await makeEntry(harness)
            await advance(harness, .seconds(600))
            #expect(try await readiness(harness) == ["True", "True"])
        }
    }

    @Test("nodes that aws-auth maps go with their line, and come back with it")
    func configMap() async throws {
        try await Harness.run { harness in
            try await makeNodes(harness)
            let maps = "/api/v1/namespaces/kube-system/configmaps"
            let line =
                "- rolearn: \(Self.role)\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:bootstrappers, system:nodes]\n"
            func map(_ roles: String) -> JSON {
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "aws-auth", "namespace": "kube-system"],
                    "data": ["mapRoles": .string(roles)],
                ]
            }
            #expect(try await harness.kubernetes("POST", maps, map(line), token: harness.token()).status == 201)
            try await deleteEntry(harness)
            await advance(harness, .seconds(600))
            #expect(try await readiness(harness) == ["True", "True"])
            #expect(try await harness.kubernetes("PUT", maps + "/aws-auth", map(""), token: harness.token()).status == 200)
            await advance(harness, Self.missed)
            #expect(try await readiness(harness) == ["Unknown", "Unknown"])
            #expect(try await harness.kubernetes("PUT", maps + "/aws-auth", map(line), token: harness.token()).status == 200)
            await advance(harness, .seconds(5))
            #expect(try await readiness(harness) == ["True", "True"])
        }
    }

    @Test("an instance that stops keeps its Node, is started or rebooted as the same one, and goes when it is terminated")
    func stops() async throws {
        try await Harness.run { harness in
            try await makeNodes(harness)
            let instance = try await ownInstance(harness)
            await advance(harness, .seconds(60))
            #expect(try await readiness(harness) == ["True", "True", "True"])
            _ = try await harness.ec2("StopInstances", [("InstanceId.1", instance)])
            await advance(harness, .seconds(120))
            #expect(try await readiness(harness) == ["True", "True", "Unknown"])
            let stopped = try await described(harness, instance)
            #expect(stopped.at("stateReason", "code") == "Client.UserInitiatedShutdown")
            _ = try await harness.ec2("StartInstances", [("InstanceId.1", instance)])
            await advance(harness, .seconds(60))
            #expect(try await readiness(harness) == ["True", "True", "True"])
            let boot = try await bootIDs(harness)
            _ = try await harness.ec2("RebootInstances", [("InstanceId.1", instance)])
            await advance(harness, .seconds(30))
            #expect(try await readiness(harness) == ["True", "True", "True"])
            #expect(try await bootIDs(harness).subtracting(boot).count == 1)
            _ = try await harness.ec2("TerminateInstances", [("InstanceId.1", instance)])
            await advance(harness, .seconds(60))
            #expect(try await readiness(harness) == ["True", "True"])
            let refused = try await harness.ec2Answer("RebootInstances", [("InstanceId.1", instance)])
            #expect(refused.text.contains("IncorrectInstanceState"))
        }
    }

    private func bootIDs(_ harness: Harness) async throws -> Set<String> {
        let list = try await harness.kubernetes("GET", "/api/v1/nodes", token: harness.token()).json
        return Set((list["items"]?.array ?? []).compactMap { $0.at("status", "nodeInfo", "bootID")?.string })
    }

    private func described(_ harness: Harness, _ instance: String) async throws -> JSON {
        let answer = try await harness.ec2("DescribeInstances", [("InstanceId.1", instance)])
        return answer.at("reservationSet")?[0]?.at("instancesSet")?[0] ?? .null
    }

    /// An instance of no group, with the nodes' role, that is a node of the cluster by its tag.
    private func ownInstance(_ harness: Harness) async throws -> String {
        _ = try await harness.iam("CreateInstanceProfile", [("InstanceProfileName", "own")])
        _ = try await harness.iam("AddRoleToInstanceProfile", [("InstanceProfileName", "own"), ("RoleName", "nodes")])
        let images = try await harness.ec2(
            "DescribeImages", [("Owner.1", "amazon"), ("Filter.1.Name", "name"), ("Filter.1.Value.1", "al2023-ami-*-x86_64")])
        let run = try await harness.ec2(
            "RunInstances",
            [
                ("ImageId", images.at("imagesSet")?[0]?["imageId"]?.string ?? ""), ("InstanceType", "m5.large"), ("MinCount", "1"),
                ("MaxCount", "1"), ("IamInstanceProfile.Name", "own"), ("TagSpecification.1.ResourceType", "instance"),
                ("TagSpecification.1.Tag.1.Key", "kubernetes.io/cluster/demo"), ("TagSpecification.1.Tag.1.Value", "owned"),
            ])
        return try #require(run.at("instancesSet")?[0]?["instanceId"]?.string)
    }
}
