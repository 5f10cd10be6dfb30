import JSON
import Testing
import World

@Suite("EKS in its owner's network")
struct ClusterNetworkTests {
    private static let eks = [("Filter.1.Name", "description"), ("Filter.1.Value.1", "Amazon EKS demo")]

    @Test("a cluster has interfaces in two zones, in its security group, which keep its subnets from going")
    func interfaces() async throws {
        let simulation = try await Simulation()
        let subnets = await simulation.subnets()
        await simulation.makeCluster("demo")
        let cluster = await simulation.eks("GET", "/clusters/demo").json.at("cluster", "resourcesVpcConfig") ?? .null
        let group = cluster["clusterSecurityGroupId"]?.string ?? ""
        let found = await simulation.ec2("DescribeNetworkInterfaces", Self.eks)
        #expect(found.fields("subnetId") == Array(subnets.prefix(2)) && found.fields("groupId") == [group, group])
        #expect(found.fields("requesterManaged") == ["true", "true"] && found.fields("privateIpAddress").first == "172.31.0.4")
        let interface = found.field("networkInterfaceId") ?? ""
        _ = await simulation.walk([
            .no("DeleteNetworkInterface", ("NetworkInterfaceId", interface), because: "InvalidParameterValue"),
            .no("DetachNetworkInterface", ("AttachmentId", found.field("attachmentId") ?? ""), because: "OperationNotPermitted"),
            .no("DeleteSubnet", ("SubnetId", subnets[0]), because: "DependencyViolation"),
            .no("DeleteSecurityGroup", ("GroupId", group), because: "DependencyViolation: resource \(group) has a dependent object"),
            .ok(
                "DescribeSecurityGroupRules", ("Filter.1.Name", "group-id"), ("Filter.1.Value.1", group),
                show: [("isEgress", ["true", "false"]), ("cidrIpv4", ["0.0.0.0/0"])]),
        ])
        _ = await simulation.eks("DELETE", "/clusters/demo")
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.ec2("DescribeNetworkInterfaces").fields("networkInterfaceId") == [])
        #expect(await simulation.ec2("DescribeSecurityGroups").fields("groupName") == ["default"])
    }

    @Test("other subnets and groups move the interfaces; what is missing by then makes the update fail")
    func moves() async throws {
        let simulation = try await Simulation()
        let subnets = await simulation.subnets()
        await simulation.makeCluster("demo")
        let group = await simulation.ec2("CreateSecurityGroup", ("GroupName", "g"), ("GroupDescription", "d")).field("groupId") ?? ""
        let path = "/clusters/demo/update-config"
        let wish: JSON = [
            "resourcesVpcConfig": ["subnetIds": JSON(strings: subnets.suffix(2)), "securityGroupIds": [.string(group)]]
        ]
        let update = await simulation.eks("POST", path, wish)
        #expect(update.json.at("update", "params")?.array?.map { $0["type"] ?? .null } == ["Subnets", "SecurityGroups"])
        await simulation.world.advance(by: .seconds(60))
        let moved = await simulation.ec2("DescribeNetworkInterfaces", Self.eks)
        #expect(moved.fields("subnetId") == Array(subnets.suffix(2)) && moved.fields("groupId").filter { $0 == group }.count == 2)
        let back = await simulation.eks("POST", path, ["resourcesVpcConfig": ["securityGroupIds": []]])
        #expect(back.status == 200)
        await simulation.world.advance(by: .seconds(60))
        _ = await simulation.eks("POST", path, ["resourcesVpcConfig": ["securityGroupIds": [.string(group)]]])
        _ = await simulation.ec2("DeleteSecurityGroup", ("GroupId", group))
        await simulation.world.advance(by: .seconds(60))
        let ids = await simulation.eks("GET", "/clusters/demo/updates").json["updateIds"]?.strings ?? []
        let failed = await simulation.eks("GET", "/clusters/demo/updates/\(ids.last ?? "")").json["update"] ?? .null
        #expect(failed["status"] == "Failed" && failed["errors"]?[0]?["errorCode"] == "SecurityGroupNotFound", "\(failed.text)")
        let cluster = await simulation.eks("GET", "/clusters/demo").json["cluster"] ?? .null
        #expect(cluster["status"] == "ACTIVE" && cluster.at("resourcesVpcConfig", "securityGroupIds") == [])
    }

    @Test("subnets need room, two zones, one network and zones that EKS serves")
    func placement() async throws {
        let simulation = try await Simulation()
        var body = await simulation.clusterBody("demo")
        let known = await simulation.walk([
            .ok("CreateVpc", ("CidrBlock", "10.0.0.0/16"), keep: [("vpc", "vpcId")]),
            .ok(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/28"), ("AvailabilityZone", "ap-northeast-1a"),
                keep: [("a", "subnetId")]),
            .ok(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.1.0/24"), ("AvailabilityZone", "ap-northeast-1c"),
                keep: [("c", "subnetId")]),
            .ok("CreateNetworkInterface", ("SubnetId", "$a"), ("SecondaryPrivateIpAddressCount", "5")),
        ])
        let a = known["a"] ?? ""
        let c = known["c"] ?? ""
        let cases: [([String], String)] = [
            ([c], "Subnets specified must be in at least two different AZs"),
            ([a, c], "Subnet \(a) does not have enough free addresses: 5 of at least 6"),
            ([await simulation.subnets()[0], c], "Subnets specified must belong to the same VPC"),
            (["subnet-0123", c], "The subnet ID 'subnet-0123' does not exist (Service: Ec2, Status Code: 400)"),
        ]
        for (subnets, message) in cases {
            body["resourcesVpcConfig"]?["subnetIds"] = JSON(strings: subnets)
            let answer = await simulation.eks("POST", "/clusters", body)
            #expect(answer.verdict == "400 InvalidParameterException" && answer.message == message, "\(answer.text)")
        }
    }
}

@Suite("EKS managed node groups")
struct NodegroupTests {
    private static let path = "/clusters/demo/node-groups"

    /// A simulation with an ACTIVE cluster, and the body of a valid CreateNodegroup.
    private func simulation(policy: Bool = true) async throws -> (Simulation, JSON) {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let role = await simulation.makeRole("node", trusting: ["Service": "ec2.amazonaws.com"])
        if policy {
            _ = await simulation.iam(
                "AttachRolePolicy", ("RoleName", "node"), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"))
        }
        return (
            simulation,
            [
                "nodegroupName": "g", "nodeRole": .string(role), "subnets": JSON(strings: await simulation.subnets()),
                "scalingConfig": ["minSize": 2, "maxSize": 4, "desiredSize": 3], "instanceTypes": ["m5.large"],
                "labels": ["a": "b"], "tags": ["Env": "x"],
            ]
        )
    }

    private func group(_ simulation: Simulation) async -> JSON {
        await simulation.eks("GET", "\(Self.path)/g").json["nodegroup"] ?? .null
    }

    private func running(_ simulation: Simulation) async -> Answer {
        await simulation.ec2("DescribeInstances", ("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", "running"))
    }

    @Test("a node group is CREATING until its nodes have joined; its parts are the owner's to see; it goes with its last instance")
    func life() async throws {
        let (simulation, body) = try await simulation()
        let made = await simulation.eks("POST", Self.path, body).json["nodegroup"] ?? .null
        #expect(made["status"] == "CREATING" && made["version"] == "1.34" && made["amiType"] == "AL2023_x86_64_STANDARD", "\(made.text)")
        #expect(made["releaseVersion"] == "1.34.2-20251112" && made["diskSize"] == 20 && made["capacityType"] == "ON_DEMAND")
        let scaling = made.at("resources", "autoScalingGroups")?[0]?["name"]?.string ?? ""
        #expect(scaling.hasPrefix("eks-g-"))
        #expect(await simulation.eks("GET", Self.path).json == ["nodegroups": ["g"]])
        #expect(await simulation.eks("DELETE", "/clusters/demo").message == "Cluster has nodegroups attached")
        await simulation.world.advance(by: .seconds(60))
        #expect(await group(simulation)["status"] == "ACTIVE")
        let nodes = await running(simulation)
        #expect(Set(nodes.fields("availabilityZone")).count == 3 && nodes.fields("imageId").count == 3)
        let cluster = await simulation.eks("GET", "/clusters/demo").json.at("cluster", "resourcesVpcConfig", "clusterSecurityGroupId")
        #expect(nodes.fields("groupId").allSatisfy { $0 == cluster?.string })
        #expect(nodes.field("arn")?.contains(":instance-profile/eks-") == true)
        let tags = await simulation.ec2(
            "DescribeTags", ("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", nodes.field("instanceId") ?? ""))
        for key in ["eks:cluster-name", "eks:nodegroup-name", "kubernetes.io/cluster/demo", "k8s.io/cluster-autoscaler/enabled"] {
            #expect(tags.fields("key").contains(key), "\(key)")
        }
        let entry = await simulation.eks("GET", "/clusters/demo/access-entries").json["accessEntries"]?.strings ?? []
        #expect(entry.contains { $0.hasSuffix(":role/node") })
        #expect(await simulation.eks("DELETE", "\(Self.path)/g").json.at("nodegroup", "status") == "DELETING")
        #expect(await simulation.eks("DELETE", "\(Self.path)/g").verdict == "409 ResourceInUseException")
        await simulation.world.advance(by: .seconds(120))
        let gone = await simulation.eks("GET", "\(Self.path)/g")
        #expect(gone.verdict == "404 ResourceNotFoundException" && gone.message == "No node group found for name: g.")
        #expect(await simulation.ec2("DescribeLaunchTemplates").fields("launchTemplateId") == [])
        #expect(await simulation.iam("ListInstanceProfiles").fields("InstanceProfileName") == [])
        #expect(await simulation.autoScaling("DescribeAutoScalingGroups").fields("AutoScalingGroupName") == [])
        #expect(await simulation.eks("DELETE", "/clusters/demo").status == 200)
    }

    @Test("what CreateNodegroup refuses, in EKS' words")
    func refusals() async throws {
        let (simulation, body) = try await simulation()
        _ = await simulation.makeRole("other", trusting: ["Service": "eks.amazonaws.com"])
        let template = await simulation.ec2(
            "CreateLaunchTemplate", ("LaunchTemplateName", "tpl"), ("LaunchTemplateData.IamInstanceProfile.Name", "p"))
        let id = template.field("launchTemplateId") ?? ""
        let account = Simulation.account
        let cases: [(JSON, String)] = [
            (["scalingConfig": ["minSize": 3, "maxSize": 4, "desiredSize": 5]], "400 desiredSize can't be greater than maxSize"),
            (["scalingConfig": ["minSize": 3, "maxSize": 5, "desiredSize": 2]], "400 minSize can't be greater than desiredSize"),
            (["subnets": ["subnet-0123"]], "400 The subnet ID 'subnet-0123' does not exist"),
            (
                ["nodeRole": .string("arn:aws:iam::\(account):role/other")],
                "400 Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of nodeRole arn:aws:iam::\(account):role/other"
            ),
            (
                ["instanceTypes": ["t4g.medium"], "amiType": "AL2023_x86_64_STANDARD"],
                "400 [t4g.medium] is not a valid instance type for requested amiType AL2023_x86_64_STANDARD"
            ),
            (
                ["labels": ["kubernetes.io/x": "y"]],
                "400 Label cannot contain reserved prefixes [kubernetes.io/, k8s.io/, eks.amazonaws.com/]"
            ),
            (["launchTemplate": ["id": .string(id)], "diskSize": 30], "400 Disk size must be specified within the launch template."),
            (
                ["launchTemplate": ["id": .string(id)]],
                "400 Launch template should not specify an instance profile. The noderole in your request will be used to construct an instance profile."
            ),
            (
                ["releaseVersion": "1.34.0-20200101"],
                "400 Requested release version 1.34.0-20200101 is not valid for kubernetes version 1.34."
            ),
            (
                ["updateConfig": ["maxUnavailable": 1, "maxUnavailablePercentage": 10]],
                "400 You cannot specify both maxUnavailable and maxUnavailablePercentage."
            ),
            ([:], "200"), ([:], "409 NodeGroup already exists with name g and cluster name demo"),
        ]
        for (change, want) in cases {
            var wish = body
            for member in change.object?.members ?? [] { wish[member.key] = member.value }
            let answer = await simulation.eks("POST", Self.path, wish)
            #expect("\(answer.status)\(answer.status == 200 ? "" : " \(answer.message)")" == want, "\(change.text): \(answer.text)")
        }
        #expect(await simulation.eks("POST", "/clusters/none/node-groups", body).verdict == "404 ResourceNotFoundException")
    }

    @Test("sizes, labels and taints change as one update, which ends when the nodes are there")
    func configuration() async throws {
        let (simulation, body) = try await simulation()
        _ = await simulation.eks("POST", Self.path, body)
        await simulation.world.advance(by: .seconds(60))
        let path = "\(Self.path)/g/update-config"
        #expect(
            await simulation.eks("POST", path, ["scalingConfig": ["minSize": 4]]).message
                == "Minimum capacity 4 can't be greater than desired size 3")
        let taint: JSON = ["key": "k", "value": "v", "effect": "NO_SCHEDULE"]
        let wish: JSON = [
            "scalingConfig": ["minSize": 2, "maxSize": 6, "desiredSize": 4],
            "labels": ["addOrUpdateLabels": ["tier": "web"], "removeLabels": ["a"]], "taints": ["addOrUpdateTaints": [taint]],
            "updateConfig": ["maxUnavailable": 2], "clientRequestToken": "t",
        ]
        let update = await simulation.eks("POST", path, wish)
        #expect(update.json.at("update", "type") == "ConfigUpdate" && update.json.at("update", "status") == "InProgress", "\(update.text)")
        #expect(await simulation.eks("POST", path, wish).json == update.json)
        let id = update.json.at("update", "id")?.string ?? ""
        #expect(await group(simulation)["status"] == "UPDATING")
        #expect(await simulation.eks("POST", path, ["scalingConfig": ["maxSize": 7]]).verdict == "409 ResourceInUseException")
        await simulation.world.advance(by: .seconds(60))
        let after = await group(simulation)
        #expect(after["status"] == "ACTIVE" && after["labels"] == ["tier": "web"] && after["taints"] == [taint])
        #expect(after.at("scalingConfig", "desiredSize") == 4 && after.at("updateConfig", "maxUnavailable") == 2)
        #expect(await running(simulation).fields("imageId").count == 4)
        let query = [("nodegroupName", "g")]
        #expect(await simulation.eks("GET", "/clusters/demo/updates", query: query).json == ["updateIds": [.string(id)]])
        #expect(await simulation.eks("GET", "/clusters/demo/updates").json == ["updateIds": []])
        #expect(await simulation.eks("GET", "/clusters/demo/updates/\(id)", query: query).json.at("update", "status") == "Successful")
        #expect(await simulation.eks("GET", "/clusters/demo/updates/\(id)").verdict == "404 ResourceNotFoundException")
    }

    @Test("a version update replaces every node with a new one and ends with the sizes it began with")
    func version() async throws {
        let (simulation, body) = try await simulation()
        var older = await simulation.clusterBody("old")
        older["version"] = "1.33"
        _ = await simulation.eks("POST", "/clusters", older)
        await simulation.world.advance(by: .seconds(60))
        let path = "/clusters/old/node-groups"
        _ = await simulation.eks("POST", path, body)
        await simulation.world.advance(by: .seconds(60))
        let before = await running(simulation).fields("instanceId")
        #expect(
            await simulation.eks("POST", "\(path)/g/update-version", ["version": "1.34"]).message
                == "Nodegroup Kubernetes version 1.34 must be between 1.33 and the cluster's version 1.33")
        _ = await simulation.eks("POST", "/clusters/old/updates", ["version": "1.34"])
        await simulation.world.advance(by: .seconds(60))
        let update = await simulation.eks("POST", "\(path)/g/update-version", [:])
        #expect(update.json.at("update", "type") == "VersionUpdate", "\(update.text)")
        #expect(update.json.at("update", "params")?[1] == ["type": "ReleaseVersion", "value": "1.34.2-20251112"])
        await simulation.world.advance(by: .seconds(30))
        // Twice the three zones more.
        #expect(await simulation.autoScaling("DescribeAutoScalingGroups").field("DesiredCapacity") == "9")
        await simulation.world.advance(by: .seconds(900))
        let id = update.json.at("update", "id")?.string ?? ""
        let done = await simulation.eks("GET", "/clusters/old/updates/\(id)", query: [("nodegroupName", "g")]).json["update"] ?? .null
        #expect(done["status"] == "Successful", "\(done.text)")
        let after = await simulation.eks("GET", "\(path)/g").json["nodegroup"] ?? .null
        #expect(after["version"] == "1.34" && after["status"] == "ACTIVE" && after["releaseVersion"] == "1.34.2-20251112")
        let nodes = await running(simulation)
        #expect(nodes.fields("imageId").count == 3 && Set(nodes.fields("instanceId")).isDisjoint(with: before))
        #expect(Set(nodes.fields("availabilityZone")).count == 3)
        let sizes = await simulation.autoScaling("DescribeAutoScalingGroups")
        #expect([sizes.field("MinSize"), sizes.field("MaxSize"), sizes.field("DesiredCapacity")] == ["2", "4", "3"])
    }

    @Test("nodes that cannot join make the creation fail after a quarter of an hour; full subnets, too")
    func failures() async throws {
        let (simulation, body) = try await simulation(policy: false)
        _ = await simulation.eks("POST", Self.path, body)
        await simulation.world.advance(by: .seconds(14 * 60))
        #expect(await group(simulation)["status"] == "CREATING")
        await simulation.world.advance(by: .seconds(2 * 60))
        let failed = await group(simulation)
        let issue = failed.at("health", "issues")?[0] ?? .null
        #expect(failed["status"] == "CREATE_FAILED" && issue["code"] == "NodeCreationFailure", "\(failed.text)")
        #expect(issue["message"] == "Instances failed to join the kubernetes cluster" && issue["resourceIds"]?.array?.count == 3)
        // Another group in a subnet that has no room for it.
        let vpc = await simulation.ec2("DescribeVpcs").field("vpcId") ?? ""
        let small = await simulation.ec2("CreateSubnet", ("VpcId", vpc), ("CidrBlock", "172.31.200.0/28"))
        _ = await simulation.ec2(
            "CreateNetworkInterface", ("SubnetId", small.field("subnetId") ?? ""), ("SecondaryPrivateIpAddressCount", "10"))
        var full = body
        full["nodegroupName"] = "full"
        full["subnets"] = [.string(small.field("subnetId") ?? "")]
        _ = await simulation.eks("POST", Self.path, full)
        await simulation.world.advance(by: .seconds(16 * 60))
        let dry = await simulation.eks("GET", "\(Self.path)/full").json["nodegroup"] ?? .null
        #expect(dry.at("health", "issues")?[0]?["code"] == "InsufficientFreeAddresses", "\(dry.text)")
    }

    @Test("what is taken away behind EKS' back shows as an issue")
    func health() async throws {
        let (simulation, body) = try await simulation()
        _ = await simulation.eks("POST", Self.path, body)
        await simulation.world.advance(by: .seconds(60))
        let scaling = await group(simulation).at("resources", "autoScalingGroups")?[0]?["name"]?.string ?? ""
        let template = await simulation.ec2("DescribeLaunchTemplates").field("launchTemplateId") ?? ""
        _ = await simulation.ec2("DeleteLaunchTemplate", ("LaunchTemplateId", template))
        #expect(await group(simulation)["status"] == "DEGRADED")
        _ = await simulation.autoScaling("DeleteAutoScalingGroup", ("AutoScalingGroupName", scaling), ("ForceDelete", "true"))
        await simulation.world.advance(by: .seconds(60))
        let codes = await group(simulation).at("health", "issues")?.array?.compactMap { $0["code"]?.string }
        #expect(codes == ["AutoScalingGroupNotFound", "Ec2LaunchTemplateNotFound"])
    }

    @Test("a node group's own launch template: what it gives the nodes, what the answer shows")
    func ownTemplate() async throws {
        let (simulation, body) = try await simulation()
        let image = await simulation.image("arm64")
        let template = await simulation.ec2(
            "CreateLaunchTemplate", ("LaunchTemplateName", "mine"), ("LaunchTemplateData.ImageId", image),
            ("LaunchTemplateData.InstanceType", "m6g.large"), ("LaunchTemplateData.UserData", "Zm9v"))
        var wish = body
        wish["instanceTypes"] = nil
        wish["launchTemplate"] = ["id": .string(template.field("launchTemplateId") ?? "")]
        let made = await simulation.eks("POST", Self.path, wish).json["nodegroup"] ?? .null
        #expect(made["amiType"] == "CUSTOM" && made["releaseVersion"]?.string == image && made["diskSize"] == nil, "\(made.text)")
        #expect(made["instanceTypes"] == nil && made.at("launchTemplate", "name") == "mine" && made.at("launchTemplate", "version") == "1")
        await simulation.world.advance(by: .seconds(60))
        let nodes = await running(simulation)
        #expect(
            nodes.fields("imageId") == [image, image, image] && nodes.fields("instanceType") == ["m6g.large", "m6g.large", "m6g.large"])
        let data = await simulation.ec2(
            "DescribeInstanceAttribute", ("InstanceId", nodes.field("instanceId") ?? ""), ("Attribute", "userData"))
        #expect(data.field("value") == "Zm9v")
        #expect(
            await simulation.eks("POST", "\(Self.path)/g/update-version", ["version": "1.34"]).message
                == "You cannot specify the field kubernetesVersion when using custom AMIs")
    }
}
