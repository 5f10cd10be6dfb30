import AWSServices
import JSON
import Testing
import World

@Suite("EKS clusters of IPv6")
struct IPv6ClusterTests {
    /// A VPC of both families with two subnets, of which some have IPv6 blocks and give addresses of them.
    private func network(_ simulation: Simulation, blocks: Int = 2, giving: Bool = true) async -> (subnets: [String], vpcBlock: String) {
        let vpc = await simulation.ec2("CreateVpc", ("CidrBlock", "10.6.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true"))
        let id = vpc.field("vpcId") ?? ""
        let block = (vpc.field("ipv6CidrBlock") ?? "").replacing("::/56", with: "")
        let base = String(block.dropLast(2))
        var subnets: [String] = []
        for (place, zone) in ["a", "c"].enumerated() {
            var parameters = [
                ("VpcId", id), ("CidrBlock", "10.6.\(place).0/24"), ("AvailabilityZone", Simulation.region + zone),
            ]
            if place < blocks { parameters.append(("Ipv6CidrBlock", "\(base)0\(place)::/64")) }
            let subnet = await simulation.call("ec2", "CreateSubnet", parameters).field("subnetId") ?? ""
            if place < blocks, giving {
                _ = await simulation.ec2("ModifySubnetAttribute", ("SubnetId", subnet), ("AssignIpv6AddressOnCreation.Value", "true"))
            }
            subnets.append(subnet)
        }
        return (subnets, block)
    }

    private func body(_ simulation: Simulation, _ name: String, _ subnets: [String], _ network: JSON = ["ipFamily": "ipv6"]) async -> JSON {
        var body = await simulation.clusterBody(name)
        body["resourcesVpcConfig"] = ["subnetIds": JSON(strings: subnets)]
        body["kubernetesNetworkConfig"] = network
        return body
    }

    @Test("EKS chooses a /108 of fd00::/8 for each cluster, opens the endpoint to both families and gives the control plane IPv6")
    func made() async throws {
        let simulation = try await Simulation()
        let subnets = await network(simulation).subnets
        var ranges: Set<String> = []
        for name in ["one", "two"] {
            let cluster = await simulation.eks("POST", "/clusters", await body(simulation, name, subnets)).json["cluster"]
            let network = cluster?["kubernetesNetworkConfig"]
            #expect(network?["ipFamily"] == "ipv6" && network?["serviceIpv4Cidr"] == nil)
            let range = network?["serviceIpv6Cidr"]?.string ?? ""
            #expect(range.hasPrefix("fd") && range.hasSuffix("::/108"), "\(range)")
            ranges.insert(range)
            #expect(cluster?.at("resourcesVpcConfig", "publicAccessCidrs") == ["0.0.0.0/0", "::/0"])
            let interfaces = await simulation.ec2(
                "DescribeNetworkInterfaces", ("Filter.1.Name", "description"), ("Filter.1.Value.1", "Amazon EKS \(name)"))
            #expect(interfaces.fields("ipv6Address").filter { !$0.isEmpty }.count >= 2)
        }
        #expect(ranges.count == 2)
    }

    @Test("VPC and subnets need blocks of IPv6, and a range of IPv4 does not go with it")
    func refusals() async throws {
        let simulation = try await Simulation()
        let (half, _) = await network(simulation, blocks: 1)
        let partly = await simulation.eks("POST", "/clusters", await body(simulation, "six", half))
        #expect(partly.verdict == "400 InvalidParameterException" && partly.message.contains("[\(half[1])]"), "\(partly.message)")
        let ipv4 = await simulation.subnets().filter { !half.contains($0) }
        let plain = await simulation.eks("POST", "/clusters", await body(simulation, "seven", ipv4))
        #expect(plain.verdict == "400 InvalidParameterException" && plain.message.contains("does not have an IPv6 CIDR block"))
        let (full, _) = await network(simulation)
        let ranged = await simulation.eks(
            "POST", "/clusters", await body(simulation, "eight", full, ["ipFamily": "ipv6", "serviceIpv4Cidr": "172.20.0.0/16"]))
        #expect(ranged.verdict == "400 InvalidParameterException" && ranged.message.contains("172.20.0.0/16"), "\(ranged.message)")
        #expect(await simulation.eks("GET", "/clusters").json == ["clusters": []])
    }

    @Test("blocks of IPv6 are taken for the public endpoint of such a cluster only")
    func endpoint() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("four")
        let subnets = await network(simulation).subnets
        _ = await simulation.eks("POST", "/clusters", await body(simulation, "six", subnets))
        await simulation.world.advance(by: .seconds(60))
        let wish: JSON = ["resourcesVpcConfig": ["publicAccessCidrs": ["2600:1f13::/32", "203.0.113.0/24"]]]
        #expect(await simulation.eks("POST", "/clusters/four/update-config", wish).verdict == "400 InvalidParameterException")
        #expect(await simulation.eks("POST", "/clusters/six/update-config", wish).status == 200)
        await simulation.world.advance(by: .seconds(60))
        let cluster = await simulation.eks("GET", "/clusters/six").json["cluster"]
        #expect(cluster?.at("resourcesVpcConfig", "publicAccessCidrs") == ["2600:1f13::/32", "203.0.113.0/24"])
    }

    @Test("a node group in subnets that give no IPv6 addresses fails without an instance; with them its instances have one each")
    func nodegroup() async throws {
        let simulation = try await Simulation()
        let (subnets, block) = await network(simulation, giving: false)
        _ = await simulation.eks("POST", "/clusters", await body(simulation, "six", subnets))
        await simulation.world.advance(by: .seconds(60))
        let role = await simulation.makeRole("nodes", trusting: ["Service": "ec2.amazonaws.com"])
        for policy in ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"] {
            _ = await simulation.iam(
                "AttachRolePolicy", ("RoleName", "nodes"), ("PolicyArn", "arn:aws:iam::aws:policy/\(policy)"))
        }
        var group: JSON = [
            "nodegroupName": "main", "nodeRole": .string(role), "subnets": JSON(strings: subnets), "instanceTypes": ["m5.large"],
            "scalingConfig": ["minSize": 1, "maxSize": 2, "desiredSize": 2],
        ]
        #expect(await simulation.eks("POST", "/clusters/six/node-groups", group).status == 200)
        await simulation.world.advance(by: .seconds(60))
        let failed = await simulation.eks("GET", "/clusters/six/node-groups/main").json["nodegroup"]
        #expect(failed?["status"] == "CREATE_FAILED" && failed?.at("resources", "autoScalingGroups") == [])
        let issue = failed?.at("health", "issues")?.array?.first
        #expect(issue?["code"] == "Ec2SubnetMissingIpv6Assignment" && issue?["resourceIds"] == JSON(strings: subnets))
        #expect(failed?.text.contains("_problem") == false)
        #expect(await simulation.ec2("DescribeInstances").fields("instanceId").isEmpty)
        #expect(await simulation.eks("DELETE", "/clusters/six/node-groups/main").status == 200)
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.eks("GET", "/clusters/six/node-groups/main").status == 404)
        for subnet in subnets {
            _ = await simulation.ec2("ModifySubnetAttribute", ("SubnetId", subnet), ("AssignIpv6AddressOnCreation.Value", "true"))
        }
        group["nodegroupName"] = "second"
        #expect(await simulation.eks("POST", "/clusters/six/node-groups", group).status == 200)
        await simulation.world.advance(by: .seconds(120))
        let addresses = Set(await simulation.ec2("DescribeInstances").fields("ipv6Address").filter { !$0.isEmpty })
        #expect(addresses.count == 2 && addresses.allSatisfy { $0.hasPrefix(block.dropLast(2)) }, "\(addresses)")
    }
}
