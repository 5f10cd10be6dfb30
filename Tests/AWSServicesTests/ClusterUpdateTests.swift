import JSON
import Testing
import World

@Suite("EKS cluster updates")
struct ClusterUpdateTests {
    private let path = "/clusters/demo/update-config"

    @Test("an update is InProgress with the cluster UPDATING, then Successful on the clock, and the control plane is told")
    func life() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let wish: JSON = [
            "resourcesVpcConfig": ["endpointPrivateAccess": true, "publicAccessCidrs": ["203.0.113.0/24"]], "clientRequestToken": "t",
        ]
        let answer = await simulation.eks("POST", path, wish)
        let update = answer.json["update"] ?? .null
        #expect(update["status"] == "InProgress" && update["type"] == "EndpointAccessUpdate" && update["errors"] == [])
        #expect(
            update["params"] == [
                ["type": "EndpointPublicAccess", "value": "true"], ["type": "EndpointPrivateAccess", "value": "true"],
                ["type": "PublicAccessCidrs", "value": "[\"203.0.113.0/24\"]"],
            ])
        let id = update["id"]?.string ?? ""
        #expect(await simulation.eks("POST", path, wish).json == answer.json)
        let busy = await simulation.eks("POST", path, ["deletionProtection": true])
        #expect(busy.verdict == "409 ResourceInUseException")
        #expect(busy.message == "Cannot DeletionProtectionUpdate because cluster demo currently has update \(id) in progress")
        #expect(await simulation.eks("DELETE", "/clusters/demo").verdict == "409 ResourceInUseException")
        let during = await simulation.eks("GET", "/clusters/demo").json["cluster"] ?? .null
        #expect(during["status"] == "UPDATING" && during.at("resourcesVpcConfig", "endpointPrivateAccess") == false)
        await simulation.world.advance(by: .seconds(60))
        let after = await simulation.eks("GET", "/clusters/demo").json["cluster"] ?? .null
        #expect(after["status"] == "ACTIVE" && after.at("resourcesVpcConfig", "publicAccessCidrs") == ["203.0.113.0/24"])
        #expect(await simulation.eks("GET", "/clusters/demo/updates/\(id)").json.at("update", "status") == "Successful")
        #expect(await simulation.eks("GET", "/clusters/demo/updates").json == ["updateIds": [.string(id)]])
        #expect(simulation.provisioner.calls.last == "update demo public=true private=true [\"203.0.113.0/24\"]")
        #expect(await simulation.eks("GET", "/clusters/demo/updates/none").verdict == "404 ResourceNotFoundException")
        let group = await simulation.eks("GET", "/clusters/demo/updates", query: [("nodegroupName", "g")])
        #expect(group.message == "No node group found for name: g.")
    }

    @Test("each kind of update, one kind a call, never without effect")
    func kinds() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo", mode: nil)
        let subnets = await simulation.subnets()
        let logs: JSON = ["clusterLogging": [["types": ["audit", "api"], "enabled": true]]]
        let cases: [(JSON, String)] = [
            ([:], "400 names no change"),
            (["logging": logs, "deletionProtection": true], "400 Only one type of update can be allowed."),
            (
                ["resourcesVpcConfig": ["endpointPrivateAccess": true, "subnetIds": JSON(strings: subnets)]],
                "400 Only one type of update can be allowed."
            ),
            (
                ["resourcesVpcConfig": ["endpointPublicAccess": true]],
                "400 Cluster is already at the desired configuration with endpointPrivateAccess: false , endpointPublicAccess: true, and Public Endpoint Restrictions: [0.0.0.0/0]"
            ),
            (["resourcesVpcConfig": ["endpointPublicAccess": false]], "400 cannot be false"),
            (
                ["resourcesVpcConfig": ["publicAccessCidrs": ["192.168.0.0/24"]]],
                "400 The following CIDRs are not allowed in publicAccessCidrs: [192.168.0.0/24]"
            ),
            (["resourcesVpcConfig": ["subnetIds": ["subnet-x"]]], "400 does not exist"),
            (["resourcesVpcConfig": ["subnetIds": .array(subnets.prefix(2).map(JSON.string))]], "VpcConfigUpdate"),
            (["resourcesVpcConfig": ["endpointPublicAccess": false, "endpointPrivateAccess": true]], "EndpointAccessUpdate"),
            (["resourcesVpcConfig": ["endpointPublicAccess": true]], "EndpointAccessUpdate"),
            (["logging": logs], "LoggingUpdate"), (["logging": logs], "400 No changes needed for the logging config provided"),
            (["logging": ["clusterLogging": [["types": ["api"], "enabled": false]]]], "LoggingUpdate"),
            (["upgradePolicy": ["supportType": "STANDARD"]], "UpgradePolicyUpdate"),
            (["upgradePolicy": ["supportType": "X"]], "400 enum value set"), (["deletionProtection": true], "DeletionProtectionUpdate"),
            (["computeConfig": ["enabled": true]], "400 not simulated"),
            (
                ["accessConfig": ["authenticationMode": "CONFIG_MAP"]],
                "400 Unsupported authentication mode update from CONFIG_MAP to CONFIG_MAP"
            ),
            (["accessConfig": ["authenticationMode": "API"]], "400 Unsupported authentication mode update from CONFIG_MAP to API"),
            (["accessConfig": ["authenticationMode": "API_AND_CONFIG_MAP"]], "AccessConfigUpdate"),
            (
                ["accessConfig": ["authenticationMode": "CONFIG_MAP"]],
                "400 Unsupported authentication mode update from API_AND_CONFIG_MAP to CONFIG_MAP"
            ),
            (["accessConfig": ["authenticationMode": "API"]], "AccessConfigUpdate"),
        ]
        for (wish, want) in cases {
            let answer = await simulation.eks("POST", path, wish)
            if want.hasPrefix("400 ") {
                #expect(
                    answer.verdict == "400 InvalidParameterException" && answer.message.contains(want.dropFirst(4)),
                    "\(wish.text): \(answer.text)")
            } else {
                #expect(answer.json.at("update", "type")?.string == want, "\(wish.text): \(answer.text)")
                await simulation.world.advance(by: .seconds(60))
            }
        }
        let cluster = await simulation.eks("GET", "/clusters/demo").json["cluster"] ?? .null
        #expect(cluster.at("accessConfig", "authenticationMode") == "API" && cluster.at("upgradePolicy", "supportType") == "STANDARD")
        #expect(cluster.at("resourcesVpcConfig", "publicAccessCidrs") == ["0.0.0.0/0"])
        #expect(cluster.at("resourcesVpcConfig", "subnetIds")?.array?.count == 2)
        #expect(cluster.at("logging", "clusterLogging")?[0]?["types"] == ["audit"])
        #expect(await simulation.eks("GET", "/clusters/demo/updates").json["updateIds"]?.array?.count == 9)
        #expect(await simulation.eks("POST", "/clusters/none/update-config", ["logging": logs]).verdict == "404 ResourceNotFoundException")
    }

    @Test("leaving CONFIG_MAP lists the creator as an administrator")
    func creator() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo", mode: nil)
        #expect(await simulation.eks("GET", "/clusters/demo/access-entries").verdict == "400 InvalidRequestException")
        _ = await simulation.eks("POST", path, ["accessConfig": ["authenticationMode": "API_AND_CONFIG_MAP"]])
        await simulation.world.advance(by: .seconds(60))
        let entries = await simulation.eks("GET", "/clusters/demo/access-entries").json
        #expect(entries == ["accessEntries": [.string("arn:aws:iam::\(Simulation.account):user/eks-sim")]])
    }

    @Test("a cluster that is not ACTIVE is not updated")
    func idle() async throws {
        let simulation = try await Simulation()
        _ = await simulation.eks("POST", "/clusters", await simulation.clusterBody("demo"))
        let answer = await simulation.eks("POST", path, ["deletionProtection": true])
        #expect(answer.verdict == "400 InvalidRequestException" && answer.message == "Cluster 'demo' is not in ACTIVE status")
    }
}

@Suite("EKS cluster versions go up")
struct ClusterVersionTests {
    @Test("exactly one minor version up, as a VersionUpdate of which the control plane is told")
    func upgrade() async throws {
        let simulation = try await Simulation()
        var body = await simulation.clusterBody("demo")
        body["version"] = "1.32"
        _ = await simulation.eks("POST", "/clusters", body)
        await simulation.world.advance(by: .seconds(60))
        for (wanted, message) in [
            ("1.34", "Unsupported Kubernetes minor version update from 1.32 to 1.34"),
            ("1.32", "Unsupported Kubernetes minor version update from 1.32 to 1.32"),
            ("1.31", "Unsupported Kubernetes minor version update from 1.32 to 1.31"), ("9.9", "unsupported Kubernetes version"),
        ] {
            let answer = await simulation.eks("POST", "/clusters/demo/updates", ["version": .string(wanted)])
            #expect(answer.verdict == "400 InvalidParameterException" && answer.message == message)
        }
        let update = await simulation.eks("POST", "/clusters/demo/updates", ["version": "1.33", "clientRequestToken": "t"])
        #expect(update.json.at("update", "type") == "VersionUpdate")
        #expect(update.json.at("update", "params")?.array?.first == ["type": "Version", "value": "1.33"])
        #expect(await simulation.eks("POST", "/clusters/demo/updates", ["version": "1.33", "clientRequestToken": "t"]).json == update.json)
        #expect(await simulation.eks("GET", "/clusters/demo").json.at("cluster", "version") == "1.32")
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.eks("GET", "/clusters/demo").json.at("cluster", "version") == "1.33")
        #expect(simulation.provisioner.calls.last?.hasPrefix("update demo") == true)
    }
}
