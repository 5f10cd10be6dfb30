import AWSServices
import JSON
import Testing
import World

@Suite("EKS clusters")
struct ClusterTests {
    @Test("a cluster is CREATING, then ACTIVE on the clock, then DELETING, then gone")
    func life() async throws {
        let simulation = try await Simulation()
        let body = await simulation.clusterBody("demo")
        let made = await simulation.eks("POST", "/clusters", body).json["cluster"] ?? .null
        #expect(
            made["status"] == "CREATING" && made["endpoint"] == nil && made["identity"] == nil
                && made.at("certificateAuthority", "data") == nil)
        #expect(made["arn"]?.string == "arn:aws:eks:\(Simulation.region):\(Simulation.account):cluster/demo")
        #expect(made["createdAt"]?.double == 1_795_478_400 && made["version"] == "1.34" && made["deletionProtection"] == false)
        #expect(made["zonalShiftConfig"] == nil && made["encryptionConfig"] == nil && !made.text.contains("\"_"))
        let vpc = made["resourcesVpcConfig"] ?? .null
        #expect(vpc["publicAccessCidrs"] == ["0.0.0.0/0"] && vpc["endpointPrivateAccess"] == false && vpc["endpointPublicAccess"] == true)
        let groups = await simulation.ec2(
            "DescribeSecurityGroups", ("Filter.1.Name", "tag:aws:eks:cluster-name"), ("Filter.1.Value.1", "demo"))
        #expect(groups.fields("groupId").first == vpc["clusterSecurityGroupId"]?.string && groups.fields("groupName").count == 1)
        #expect(groups.field("groupName")?.hasPrefix("eks-cluster-sg-demo-") == true)
        #expect(made.at("kubernetesNetworkConfig", "serviceIpv4Cidr") == "10.100.0.0/16")
        #expect(await simulation.eks("DELETE", "/clusters/demo").verdict == "409 ResourceInUseException")
        await simulation.world.advance(by: .seconds(59))
        #expect(await simulation.eks("GET", "/clusters/demo").json.at("cluster", "status") == "CREATING")
        await simulation.world.advance(by: .seconds(1))
        let active = await simulation.eks("GET", "/clusters/demo").json["cluster"] ?? .null
        #expect(active["status"] == "ACTIVE" && active["endpoint"] == "https://127.0.0.1:6443")
        #expect(active.at("certificateAuthority", "data") == "UEVN")
        #expect(active.at("identity", "oidc", "issuer")?.string?.hasPrefix("https://oidc.eks.ap-northeast-1.amazonaws.com/id/") == true)
        #expect(await simulation.eks("GET", "/clusters").json == ["clusters": ["demo"]])
        #expect(await simulation.eks("GET", "/clusters", region: "us-east-1").json == ["clusters": []])
        #expect(await simulation.eks("DELETE", "/clusters/demo").json.at("cluster", "status") == "DELETING")
        #expect(await simulation.eks("DELETE", "/clusters/demo").verdict == "409 ResourceInUseException")
        #expect(await simulation.eks("POST", "/clusters", body).verdict == "409 ResourceInUseException")
        await simulation.world.advance(by: .seconds(60))
        let gone = await simulation.eks("GET", "/clusters/demo")
        #expect(gone.verdict == "404 ResourceNotFoundException" && gone.message == "No cluster found for name: demo.")
        #expect(gone.json["clusterName"] == "demo" && gone.json["nodegroupName"] == .null)
        #expect(simulation.provisioner.calls == ["provision demo", "deprovision demo"])
        #expect(await simulation.ec2("DescribeSecurityGroups").fields("groupName") == ["default"])
        #expect(simulation.door.clusters.isEmpty)
    }

    @Test("a repeated call with its token makes nothing new; another input, or no token, meets the cluster that exists")
    func idempotency() async throws {
        let simulation = try await Simulation()
        var body = await simulation.clusterBody("demo")
        body["clientRequestToken"] = "t1"
        let first = await simulation.eks("POST", "/clusters", body)
        #expect(await simulation.eks("POST", "/clusters", body).json == first.json)
        body["version"] = "1.33"
        let other = await simulation.eks("POST", "/clusters", body)
        #expect(other.verdict == "409 ResourceInUseException" && other.message == "Cluster already exists with name: demo")
        await simulation.world.advance(by: .seconds(60))
        #expect(simulation.provisioner.calls == ["provision demo"])
    }

    /// One member of a valid request changed (`nil` removes it), and the answer.
    @Test("what CreateCluster refuses")
    func refusals() async throws {
        let simulation = try await Simulation()
        let valid = await simulation.clusterBody("demo")
        let subnets = await simulation.subnets()
        let role = "arn:aws:iam::\(Simulation.account):role"
        _ = await simulation.makeRole("ec2", trusting: ["Service": "ec2.amazonaws.com"])
        func vpc(_ members: [(String, JSON)]) -> JSON { .object(JSONObject([("subnetIds", JSON(strings: subnets))] + members)) }
        let cases: [(String, JSON?, String, String)] = [
            ("name", "-x", "400 InvalidParameterException", "is not valid"),
            ("name", nil, "400 InvalidParameterException", "must not be null"),
            ("name", 5, "400 SerializationException", "name"),
            ("name", .string(String(repeating: "x", count: 101)), "400 InvalidParameterException", "less than or equal to 100"),
            ("version", "1.29", "400 InvalidParameterException", "unsupported Kubernetes version"),
            ("roleArn", .string("\(role)/none"), "400 InvalidParameterException", "Role with arn: \(role)/none, could not be assumed"),
            ("roleArn", .string("\(role)/ec2"), "400 InvalidParameterException", "the trusted entity is not correct"),
            ("roleArn", "arn:aws:iam::999988887777:role/x", "403 AccessDeniedException", "Cross-account pass role is not allowed."),
            ("resourcesVpcConfig", ["subnetIds": []], "400 InvalidParameterException", "subnetIds"),
            ("resourcesVpcConfig", ["subnetIds": ["subnet-x"]], "400 InvalidParameterException", "The subnet ID 'subnet-x' does not exist"),
            (
                "resourcesVpcConfig", ["subnetIds": .array([.string(subnets[0])])], "400 InvalidParameterException",
                "Subnets specified must be in at least two different AZs"
            ),
            ("resourcesVpcConfig", vpc([("securityGroupIds", ["sg-x"])]), "400 InvalidParameterException", "The security group 'sg-x'"),
            ("resourcesVpcConfig", vpc([("endpointPublicAccess", false)]), "400 InvalidParameterException", "cannot be false"),
            ("resourcesVpcConfig", vpc([("publicAccessCidrs", ["x"])]), "400 InvalidParameterException", "publicAccessCidrs: [x]"),
            (
                "resourcesVpcConfig", vpc([("publicAccessCidrs", ["10.0.0.0/8"])]), "400 InvalidParameterException",
                "not allowed in publicAccessCidrs"
            ),
            (
                "resourcesVpcConfig", vpc([("publicAccessCidrs", JSON(strings: (0...40).map { "203.0.113.\($0)/32" }))]),
                "400 InvalidParameterException", "at most 40"
            ),
            ("kubernetesNetworkConfig", ["serviceIpv4Cidr": "8.8.0.0/16"], "400 InvalidParameterException", "serviceIpv4Cidr"),
            ("kubernetesNetworkConfig", ["serviceIpv4Cidr": "10.0.0.0/25"], "400 InvalidParameterException", "/12 to /24"),
            ("kubernetesNetworkConfig", ["serviceIpv4Cidr": "172.31.0.0/16"], "400 InvalidParameterException", "overlaps"),
            ("kubernetesNetworkConfig", ["ipFamily": "ipv5"], "400 InvalidParameterException", "enum value set"),
            ("accessConfig", ["authenticationMode": "BOTH"], "400 InvalidParameterException", "enum value set"),
            (
                "accessConfig", ["authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": false],
                "400 InvalidParameterException", "bootstrapClusterCreatorAdminPermissions must be true"
            ),
            ("logging", ["clusterLogging": [["types": ["x"], "enabled": true]]], "400 InvalidParameterException", "enum value set"),
            ("tags", ["aws:x": "1"], "400 InvalidParameterException", "aws:x"), ("tags", ["x": 1], "400 SerializationException", "tags.x"),
            ("tags", .object(JSONObject((0...50).map { ("k\($0)", "v") })), "400 InvalidParameterException", "at most 50"),
            ("encryptionConfig", [["resources": ["secrets"]]], "400 InvalidParameterException", "no key of this region"),
            ("computeConfig", ["enabled": true], "400 InvalidParameterException", "not simulated"),
        ]
        for (member, value, want, message) in cases {
            var body = valid
            body[member] = value
            let answer = await simulation.eks("POST", "/clusters", body)
            #expect(answer.verdict == want && answer.message.contains(message), "\(member) \(value?.text ?? "absent"): \(answer.text)")
        }
        #expect(await simulation.eks("GET", "/clusters").json == ["clusters": []])
        #expect(
            await simulation.send(simulation.signer("eks").sign("POST", "/clusters", body: "[")).verdict == "400 SerializationException")
    }

    @Test("the caller must be allowed to make a cluster and to pass its role")
    func passRole() async throws {
        let simulation = try await Simulation()
        let body = await simulation.clusterBody("demo")
        let ann = await simulation.makeUser("ann", allowing: "eks:*")
        let answer = await simulation.eks("POST", "/clusters", body, as: ann)
        #expect(answer.verdict == "403 AccessDeniedException" && answer.message.contains("iam:PassRole on resource: arn:aws:iam::"))
        _ = await simulation.iam(
            "PutUserPolicy", ("UserName", "ann"), ("PolicyName", "pass"),
            ("PolicyDocument", Simulation.allow("iam:PassRole", on: "*role-of-demo")))
        #expect(await simulation.eks("POST", "/clusters", body, as: ann).status == 200)
    }

    @Test("a control plane that does not start leaves a FAILED cluster, which can be deleted")
    func failure() async throws {
        let simulation = try await Simulation()
        simulation.provisioner.fail()
        await simulation.makeCluster("demo")
        let cluster = await simulation.eks("GET", "/clusters/demo").json["cluster"] ?? .null
        #expect(cluster["status"] == "FAILED" && cluster.at("health", "issues")?[0]?["code"] == "InternalFailure")
        #expect(await simulation.eks("DELETE", "/clusters/demo").status == 200)
    }

    @Test("lists page by maxResults and nextToken; both are checked")
    func pages() async throws {
        let simulation = try await Simulation()
        for name in ["a", "b", "c"] { await simulation.makeCluster(name) }
        let first = await simulation.eks("GET", "/clusters", query: [("maxResults", "2")]).json
        #expect(first["clusters"] == ["a", "b"])
        let token = first["nextToken"]?.string ?? ""
        #expect(await simulation.eks("GET", "/clusters", query: [("maxResults", "2"), ("nextToken", token)]).json == ["clusters": ["c"]])
        for (name, value) in [("maxResults", "0"), ("maxResults", "101"), ("nextToken", "x")] {
            #expect(
                await simulation.eks("GET", "/clusters", query: [(name, value)]).verdict == "400 InvalidParameterException",
                "\(name)=\(value)")
        }
        #expect(simulation.door.clusters.map(\.name) == ["a", "b", "c"])
    }

    @Test("deletion protection refuses to delete until it is switched off")
    func deletionProtection() async throws {
        let simulation = try await Simulation()
        var body = await simulation.clusterBody("demo")
        body["deletionProtection"] = true
        _ = await simulation.eks("POST", "/clusters", body)
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.eks("DELETE", "/clusters/demo").verdict == "400 InvalidRequestException")
        _ = await simulation.eks("POST", "/clusters/demo/update-config", ["deletionProtection": false])
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.eks("DELETE", "/clusters/demo").status == 200)
    }

    @Test("a restart goes on with what was under way, and keeps the bootstrap key")
    func restart() async throws {
        let before = try await Simulation()
        await before.makeCluster("ready")
        await before.makeCluster("changing")
        await before.makeCluster("leaving")
        _ = await before.eks("POST", "/clusters", await before.clusterBody("coming"))
        _ = await before.eks("POST", "/clusters/changing/update-config", ["resourcesVpcConfig": ["endpointPrivateAccess": true]])
        _ = await before.eks("DELETE", "/clusters/leaving")
        let after = try await Simulation(store: before.store)
        #expect(after.admin.id == before.admin.id && after.admin.secret == before.admin.secret)
        #expect(after.provisioner.calls == ["provision changing", "provision ready"])
        #expect(after.door.cluster(account: Simulation.account, region: Simulation.region, name: "changing")?.status == "UPDATING")
        await after.world.advance(by: .seconds(60))
        #expect(after.door.clusters.map { "\($0.name) \($0.status)" } == ["changing ACTIVE", "coming ACTIVE", "ready ACTIVE"])
        #expect(after.provisioner.calls.contains("deprovision leaving"))
        #expect(after.provisioner.calls.contains("update changing public=true private=true [\"0.0.0.0/0\"]"))
    }

    @Test("the demo cluster is ACTIVE at once, and the bootstrap principal is in")
    func demo() async throws {
        let simulation = try await Simulation()
        try await simulation.door.createDemoCluster(named: "demo")
        let cluster = try #require(simulation.door.clusters.first)
        #expect(cluster.status == "ACTIVE" && cluster.clusterID.utf8.count == 32 && cluster.oidcIssuer.hasSuffix(cluster.clusterID))
        let entries = simulation.door.accessEntries(of: cluster)
        #expect(entries.map(\.principalARN) == ["arn:aws:iam::\(Simulation.account):user/eks-sim"])
        #expect(entries.first?.policies.map(\.arn) == ["arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"])
    }

    @Test("DescribeClusterVersions follows the clock")
    func versions() async throws {
        let simulation = try await Simulation()
        let versions = { (query: [(String, String)]) async in
            (await simulation.eks("GET", "/cluster-versions", query: query).json["clusterVersions"]?.array ?? []).compactMap {
                $0["clusterVersion"]?.string
            }
        }
        #expect(await versions([]) == ["1.35", "1.34", "1.33", "1.32", "1.31"])
        #expect(await versions([("defaultOnly", "true")]) == ["1.34"])
        #expect(await versions([("versionStatus", "EXTENDED_SUPPORT")]) == ["1.33", "1.32", "1.31"])
        await simulation.world.advance(by: .seconds(30 * 86400))
        #expect(await versions([("status", "standard-support")]) == ["1.35"])
        #expect(await versions([("clusterVersions", "1.30")]) == ["1.30"])
    }
}
