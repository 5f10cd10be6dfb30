import EKSSim
import HTTP
import IPAddress
import JSON
import Testing
import World

/// Where interfaces for pods go on running nodes: ENIConfigs, and subnets by their tags.
@Suite("Custom networking and subnet discovery on running nodes")
struct CustomNetworkingTests: NodegroupSuite {
    private static let daemonSet = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"
    private static let configs = "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs"

    private func set(_ harness: Harness, _ variables: [(String, String)]) async throws {
        let container: JSON = [
            "name": "aws-node", "env": .array(variables.map { ["name": .string($0.0), "value": .string($0.1)] }),
        ]
        let done = try await harness.kubernetes(
            "PATCH", Self.daemonSet, ["spec": ["template": ["spec": ["containers": [container]]]]], token: harness.token(),
            type: "application/strategic-merge-patch+json")
        #expect(done.status == 200, "\(done.text)")
    }

    /// A subnet of a second block of the default VPC in a zone.
    private func makeSubnet(_ harness: Harness, _ block: String, _ zone: String) async throws -> String {
        let vpc = try await harness.eks("GET", "/clusters/demo").json.at("cluster", "resourcesVpcConfig", "vpcId")?.string ?? ""
        _ = try await harness.ec2Answer("AssociateVpcCidrBlock", [("VpcId", vpc), ("CidrBlock", "100.64.0.0/16")])
        let made = try await harness.ec2Answer(
            "CreateSubnet", [("VpcId", vpc), ("CidrBlock", block), ("AvailabilityZone", harness.region + zone)])
        #expect(made.status == 200, "\(made.text)")
        let rest = made.text.split(separator: "<subnetId>", maxSplits: 1).dropFirst().first ?? ""
        return String(rest.prefix { $0 != "<" })
    }

    private func tag(_ harness: Harness, _ subnet: String, _ key: String, _ value: String) async throws {
        let done = try await harness.ec2Answer("CreateTags", [("ResourceId.1", subnet), ("Tag.1.Key", key), ("Tag.1.Value", value)])
        #expect(done.status == 200, "\(done.text)")
    }

    private func makeConfig(_ harness: Harness, _ name: String, _ subnet: String) async throws {
        let made = try await harness.kubernetes(
            "POST", Self.configs,
            [
                "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": ["name": .string(name)],
                "spec": ["subnet": .string(subnet)],
            ], token: harness.token())
        #expect(made.status == 201, "\(made.text)")
    }

    /// Makes one node in zone a.
    private func makeNode(_ harness: Harness) async throws {
        let subnets = try await harness.ec2Answer(
            "DescribeSubnets",
            [
                ("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", harness.region + "a"), ("Filter.2.Name", "default-for-az"),
                ("Filter.2.Value.1", "true"),
            ])
        let rest = subnets.text.split(separator: "<subnetId>", maxSplits: 1).dropFirst().first ?? ""
        try await makeRole(harness, Self.policies)
        try await makeGroup(
            harness,
            ["subnets": [.string(String(rest.prefix { $0 != "<" }))], "scalingConfig": ["minSize": 1, "maxSize": 1, "desiredSize": 1]])
    }

    private func interfaces(_ harness: Harness) async throws -> [JSON] {
        try await harness.simulator.pools(cluster: "demo", node: nil)["nodes"]?[0]?["interfaces"]?.array ?? []
    }

    private func dns(_ harness: Harness) async throws -> [IPAddress] {
        let pods = try await harness.kubernetes("GET", "/api/v1/namespaces/kube-system/pods", token: harness.token()).json
        return (pods["items"]?.array ?? []).filter { $0.at("metadata", "labels", "k8s-app") == "kube-dns" }
            .compactMap { $0.at("status", "podIP")?.string.flatMap { IPAddress($0) } }
    }

    @Test("without label and annotation the ENIConfig named default counts; the first interface keeps its address and serves no pods")
    func defaultConfig() async throws {
        try await Harness.run { harness in
            let subnet = try await makeSubnet(harness, "100.64.0.0/24", "a")
            try await set(harness, [("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true")])
            try await makeNode(harness)
            await advance(harness, .seconds(60))
            #expect(try await Array(nodes(harness).values) == [false])
            try await makeConfig(harness, "default", subnet)
            await advance(harness, .seconds(60))
            #expect(try await Array(nodes(harness).values) == [true])
            let block = try #require(CIDRBlock("100.64.0.0/24"))
            let addresses = try await dns(harness)
            #expect(addresses.count == 2 && addresses.allSatisfy(block.contains), "\(addresses)")
            let known = try await interfaces(harness)
            #expect(known[0]["held"] == 0 && known.dropFirst().allSatisfy { $0["subnet"]?.string == subnet && $0["held"] == 9 })
        }
    }

    private func room(_ harness: Harness) async throws -> Set<String> {
        let list = try await harness.kubernetes("GET", "/api/v1/nodes", token: harness.token()).json
        return Set((list["items"]?.array ?? []).compactMap { $0.at("status", "capacity", "pods")?.string })
    }

    @Test("nodes have room for the pods that the plugin served when their group was made, or when its nodes were replaced")
    func room() async throws {
        try await Harness.run { harness in
            let subnet = try await makeSubnet(harness, "100.64.0.0/20", "a")
            try await makeNode(harness)
            await advance(harness, .seconds(60))
            #expect(try await room(harness) == ["29"])
            try await makeConfig(harness, "default", subnet)
            try await set(harness, [("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true")])
            await advance(harness, .seconds(120))
            let sizes: JSON = ["scalingConfig": ["desiredSize": 2, "maxSize": 2]]
            #expect(try await harness.eks("POST", "/clusters/demo/node-groups/main/update-config", sizes).status == 200)
            await advance(harness, .seconds(120))
            #expect(try await nodes(harness).count == 2)
            #expect(try await room(harness) == ["29"])
            #expect(try await harness.eks("POST", "/clusters/demo/node-groups/main/update-version", ["force": true]).status == 200)
            await advance(harness, .seconds(1800))
            #expect(try await room(harness) == ["20"])
            #expect(try await Array(nodes(harness).values) == [true, true])
        }
    }

    @Test("an ENIConfig that goes takes nothing from the pods that are there")
    func removedConfig() async throws {
        try await Harness.run { harness in
            let subnet = try await makeSubnet(harness, "100.64.0.0/24", "a")
            try await set(
                harness,
                [("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true"), ("ENI_CONFIG_LABEL_DEF", "topology.kubernetes.io/zone")])
            try await makeConfig(harness, harness.region + "a", subnet)
            try await makeNode(harness)
            await advance(harness, .seconds(60))
            let before = try await dns(harness)
            #expect(before.count == 2)
            try await harness.expect(200, "DELETE", "\(Self.configs)/\(harness.region)a", token: harness.token())
            await advance(harness, .seconds(300))
            #expect(try await dns(harness) == before)
            #expect(try await Array(nodes(harness).values) == [true])
        }
    }

    @Test(
        "of tagged subnets in the node's zone a new interface goes to the one with most free addresses; other zones and clusters do not count"
    )
    func discovery() async throws {
        try await Harness.run { harness in
            let small = try await makeSubnet(harness, "100.64.0.0/20", "a")
            let large = try await makeSubnet(harness, "100.64.64.0/18", "a")
            let far = try await makeSubnet(harness, "100.64.128.0/18", "c")
            let foreign = try await makeSubnet(harness, "100.64.192.0/18", "a")
            for subnet in [small, large, far, foreign] { try await tag(harness, subnet, "kubernetes.io/role/cni", "1") }
            try await tag(harness, foreign, "cni.networking.k8s.aws/cluster/other", "1")
            try await makeNode(harness)
            await advance(harness, .seconds(60))
            let known = try await interfaces(harness)
            #expect(known.count == 2 && known[1]["subnet"]?.string == large, "\(known)")
        }
    }
}
