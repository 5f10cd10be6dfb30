import EKSSim
import HTTP
import IPAddress
import JSON
import Testing
import World

/// Nodes, pods and Services of a cluster of IPv6, on a standing clock.
@Suite("Nodes of clusters of IPv6")
struct IPv6NodeTests: NodegroupSuite {
    private static let cluster = "six"
    private static let agents = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"

    /// What an agent of IPv6 calls (amazon-vpc-cni-k8s, docs/iam-policy.md).
    private static let actions = [
        "ec2:AssignIpv6Addresses", "ec2:DescribeInstances", "ec2:DescribeTags", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeInstanceTypes", "ec2:DescribeSubnets", "ec2:CreateTags",
    ]

    private func field(_ answer: Harness.Answer, _ name: String) -> String {
        let rest = answer.text.split(separator: "<\(name)>", maxSplits: 1).dropFirst().first ?? ""
        return String(rest.prefix { $0 != "<" })
    }

    /// A VPC of both families with the cluster in it; answers its subnets.
    private func makeCluster(_ harness: Harness) async throws -> [String] {
        let vpc = try await harness.ec2Answer("CreateVpc", [("CidrBlock", "10.6.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true")])
        let base = String(field(vpc, "ipv6CidrBlock").replacing("::/56", with: "").dropLast(2))
        var subnets: [String] = []
        for (place, zone) in ["a", "c"].enumerated() {
            let made = try await harness.ec2Answer(
                "CreateSubnet",
                [
                    ("VpcId", field(vpc, "vpcId")), ("CidrBlock", "10.6.\(place).0/24"), ("AvailabilityZone", harness.region + zone),
                    ("Ipv6CidrBlock", "\(base)0\(place)::/64"),
                ])
            subnets.append(field(made, "subnetId"))
            _ = try await harness.ec2Answer(
                "ModifySubnetAttribute", [("SubnetId", subnets[place]), ("AssignIpv6AddressOnCreation.Value", "true")])
        }
        let demo = try await harness.eks("GET", "/clusters/demo").json["cluster"]
        let made = try await harness.eks(
            "POST", "/clusters",
            [
                "name": .string(Self.cluster), "roleArn": demo?["roleArn"] ?? "",
                "resourcesVpcConfig": ["subnetIds": JSON(strings: subnets)],
                "kubernetesNetworkConfig": ["ipFamily": "ipv6"], "accessConfig": ["authenticationMode": "API_AND_CONFIG_MAP"],
            ])
        #expect(made.status == 200, "\(made.text)")
        await advance(harness, .seconds(30))
        return subnets
    }

    private func makeGroup(_ harness: Harness, _ name: String, _ subnets: [String], type: String = "m5.large") async throws {
        let made = try await harness.eks(
            "POST", "/clusters/\(Self.cluster)/node-groups",
            [
                "nodegroupName": .string(name), "nodeRole": .string(Self.role), "subnets": JSON(strings: subnets),
                "instanceTypes": [.string(type)], "scalingConfig": ["minSize": 1, "maxSize": 3, "desiredSize": 2],
            ])
        #expect(made.status == 200, "\(made.text)")
    }

    private func allow(_ harness: Harness, _ actions: [String]) async throws {
        let document: JSON = [
            "Version": "2012-10-17", "Statement": [["Effect": "Allow", "Action": JSON(strings: actions), "Resource": "*"]],
        ]
        let done = try await harness.iam(
            "PutRolePolicy", [("RoleName", "nodes"), ("PolicyName", "ipv6"), ("PolicyDocument", document.text)])
        #expect(done.status == 200, "\(done.text)")
    }

    private func get(_ harness: Harness, _ path: String) async throws -> JSON {
        try await harness.kubernetes("GET", path, token: harness.token(for: Self.cluster), cluster: Self.cluster).json
    }

    private func items(_ harness: Harness, _ path: String) async throws -> [JSON] { try await get(harness, path)["items"]?.array ?? [] }

    private func ready(_ harness: Harness) async throws -> [Bool] {
        try await items(harness, "/api/v1/nodes").map { node in
            node.at("status", "conditions")?.array?.contains { $0["type"] == "Ready" && $0["status"] == "True" } == true
        }
    }

    private func dns(_ harness: Harness) async throws -> [JSON] {
        try await items(harness, "/api/v1/namespaces/kube-system/pods").filter { $0.at("metadata", "labels", "k8s-app") == "kube-dns" }
    }

    @Test("a node is known by its IPv6 address, its pods are of its one prefix, and Services and slices are of IPv6")
    func addresses() async throws {
        try await Harness.run { harness in
            let subnets = try await makeCluster(harness)
            try await makeRole(harness, ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])
            try await allow(harness, Self.actions)
            try await makeGroup(harness, "main", subnets)
            await advance(harness, .seconds(60))
            #expect(try await ready(harness) == [true, true])
            var own: [String: String] = [:]
            for node in try await items(harness, "/api/v1/nodes") {
                let addresses = node.at("status", "addresses")?.array ?? []
                #expect(addresses.map { $0["type"]?.string } == ["InternalIP", "Hostname"])
                let address = addresses.first?["address"]?.string ?? ""
                #expect(IPAddress(address)?.family == .ipv6)
                #expect(node.at("metadata", "annotations", "alpha.kubernetes.io/provided-node-ip")?.string == address)
                #expect(node.at("status", "capacity", "pods") == "110")
                own[node.at("metadata", "name")?.string ?? ""] = address
            }
            let rows = try await harness.simulator.pools(cluster: Self.cluster, node: nil)["nodes"]?.array ?? []
            for row in rows {
                let interface = row["interfaces"]?.array ?? []
                #expect(interface.count == 1 && interface.first?["prefixes"] == 1 && row["held"]?.integer == 1 << 48)
            }
            let pods = try await items(harness, "/api/v1/namespaces/kube-system/pods")
            for pod in pods {
                let node = pod.at("spec", "nodeName")?.string ?? ""
                let addresses = (pod.at("status", "podIPs")?.array ?? []).compactMap { $0["ip"]?.string }
                #expect(addresses.count == 1 && pod.at("status", "podIP")?.string == addresses.first)
                #expect(pod.at("status", "hostIP")?.string == own[node] && pod.at("status", "hostIPs")?.array?.count == 1)
                if pod.at("spec", "hostNetwork")?.bool == true {
                    #expect(addresses.first == own[node])
                } else {
                    let row = rows.first { $0["node"]?.string == node }
                    let prefix = row?["interfaces"]?[0]?["cidrs"]?[0]?.string.flatMap { CIDRBlock($0) }
                    let address = try #require(addresses.first.flatMap { IPAddress($0) })
                    #expect(prefix?.prefixLength == 80 && prefix?.contains(address) == true)
                }
            }
            #expect(try await dns(harness).count == 2)
            let range = try await harness.eks("GET", "/clusters/six").json.at("cluster", "kubernetesNetworkConfig", "serviceIpv6Cidr")
            let first = (range?.string ?? "").replacing("/108", with: "")
            let service = try await get(harness, "/api/v1/namespaces/default/services/kubernetes")["spec"]
            #expect(service?["clusterIP"]?.string == first + "1" && service?["ipFamilies"] == ["IPv6"])
            let address = try await get(harness, "/apis/networking.k8s.io/v1/ipaddresses/\(first)1")
            #expect(address.at("metadata", "labels", "ipaddress.kubernetes.io/ip-family") == "IPv6")
            let slices = try await items(harness, "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices")
            #expect(slices.count == 1 && slices.first?["addressType"] == "IPv6" && slices.first?["endpoints"]?.array?.count == 2)
            let maps = try await harness.simulator.subnetMaps(cluster: Self.cluster)
            #expect(maps.map(\.block.family) == [.ipv4, .ipv6, .ipv4, .ipv6] && maps[1].prefixLength == 80)
        }
    }

    @Test("AmazonEKS_CNI_Policy lets agents start, but not take a prefix: pods wait until agents start anew with the right")
    func rights() async throws {
        try await Harness.run { harness in
            let subnets = try await makeCluster(harness)
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness, "main", subnets)
            // Six tries, ten seconds apart, before an agent goes on without a prefix.
            await advance(harness, .seconds(40))
            #expect(try await ready(harness) == [false, false])
            await advance(harness, .seconds(40))
            #expect(try await ready(harness) == [true, true])
            #expect(try await dns(harness).allSatisfy { $0.at("status", "podIP") == nil })
            let node = try await items(harness, "/api/v1/nodes").first?.at("metadata", "name")?.string ?? ""
            let log = try await harness.simulator.agentPage(cluster: Self.cluster, node: node, "ipamd.log")
            #expect(log.contains("is not authorized to perform: ec2:AssignIpv6Addresses on resource: arn:aws:ec2:"))
            try await allow(harness, ["ec2:AssignIpv6Addresses"])
            await advance(harness, .seconds(600))
            #expect(try await dns(harness).allSatisfy { $0.at("status", "podIP") == nil })
            let restart: JSON = ["spec": ["template": ["metadata": ["annotations": ["restarted": "once"]]]]]
            let done = try await harness.kubernetes(
                "PATCH", Self.agents, restart, token: harness.token(for: Self.cluster), cluster: Self.cluster,
                type: "application/merge-patch+json")
            #expect(done.status == 200, "\(done.text)")
            await advance(harness, .seconds(400))
            #expect(try await dns(harness).allSatisfy { $0.at("status", "phase") == "Running" })
        }
    }

    @Test("without any right of EC2's interfaces agents do not start; with it nodes become ready by themselves")
    func noRights() async throws {
        try await Harness.run { harness in
            let subnets = try await makeCluster(harness)
            try await makeRole(harness, ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])
            try await makeGroup(harness, "main", subnets)
            await advance(harness, .seconds(120))
            #expect(try await ready(harness) == [false, false])
            try await allow(harness, Self.actions)
            await advance(harness, .seconds(60))
            #expect(try await ready(harness) == [true, true])
        }
    }

    @Test("types without prefixes, and settings that do not go with IPv6, leave nodes without an agent")
    func unsuitable() async throws {
        try await Harness.run { harness in
            let subnets = try await makeCluster(harness)
            try await makeRole(harness, Self.policies)
            try await allow(harness, Self.actions)
            try await makeGroup(harness, "old", subnets, type: "t2.medium")
            await advance(harness, .seconds(120))
            #expect(try await ready(harness) == [false, false])
            let node = try await items(harness, "/api/v1/nodes").first?.at("metadata", "name")?.string ?? ""
            let log = try await harness.simulator.agentPage(cluster: Self.cluster, node: node, "ipamd.log")
            #expect(log.contains("ipamd: failed to validate configuration"))
        }
    }

    @Test("added nodes that are no instances have addresses of IPv6, and so do their pods")
    func added() async throws {
        try await Harness.run { harness in
            _ = try await makeCluster(harness)
            let names = try await harness.simulator.addNodes(cluster: Self.cluster, count: 2, instanceType: "m5.large")
            #expect(Set(names).count == 2)
            await advance(harness, .seconds(60))
            #expect(try await ready(harness) == [true, true])
            let addresses = try await dns(harness).compactMap { $0.at("status", "podIP")?.string }
            #expect(Set(addresses).count == 2 && addresses.allSatisfy { IPAddress($0)?.family == .ipv6 }, "\(addresses)")
            let more = try await harness.simulator.addNodes(cluster: Self.cluster, count: 1, instanceType: "m5.large")
            #expect(!names.contains(more[0]))
        }
    }
}
