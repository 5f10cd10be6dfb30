import EKSSim
import HTTP
import JSON
import Testing
import World

/// Requests from vantage points, without sockets: the same decisions as on a port.
@Suite("Vantage points")
struct VantageTests {
    /// The status of a request from a vantage point; `nil` when the connection is dropped.
    private func status(_ harness: Harness, from vantage: String) async throws -> Int? {
        do {
            let headers: HTTPHeaders = ["Authorization": "Bearer \(harness.token())"]
            return try await harness.simulator.handle(
                .clusterFrom(vantage: vantage, "demo"), method: "GET", path: "/api/v1/namespaces", headers: headers
            ).status
        } catch Simulator.Failure.start { return nil }
    }

    private func update(_ harness: Harness, _ settings: JSON) async throws {
        let answer = try await harness.eks("POST", "/clusters/demo/update-config", ["resourcesVpcConfig": settings])
        #expect(answer.status == 200, "\(answer.text)")
        await harness.simulator.world.advance(by: .seconds(60))
    }

    @Test("the public endpoint lets in what its blocks have, and its refusal is explained")
    func publicBlocks() async throws {
        try await Harness.run { harness in
            try await harness.simulator.addVantage("office", .internet("198.51.100.7"))
            try await harness.simulator.addVantage("home", .internet("203.0.113.9"))
            #expect(try await status(harness, from: "home") == 200)
            try await update(harness, ["publicAccessCidrs": ["198.51.100.0/24"]])
            #expect(try await status(harness, from: "office") == 200)
            #expect(try await status(harness, from: "home") == nil)
            let refusal = try #require(harness.simulator.world.traces.recent(limit: 1).first).snapshot
            #expect(refusal.summary == "connection from vantage point home")
            #expect(refusal.steps.last?.fix?.hasSuffix("publicAccessCidrs=198.51.100.0/24,203.0.113.9/32") == true)
            let report = try await harness.simulator.path(from: "home", to: "demo")
            #expect(report.record.steps.map(\.check) == ["name", "route", "publicAccessCidrs"])
        }
    }

    @Test("an API server sees the address with which a caller leaves, by the path that it takes")
    func sourceAddresses() async throws {
        try await Harness.run { harness in
            try await harness.simulator.addVantage("office", .internet("198.51.100.7"))
            _ = try await status(harness, from: "office")
            let trace = try #require(harness.simulator.world.traces.recent(limit: 1).first).snapshot
            #expect(trace.steps.contains { $0.hop == "path" && $0.actual == "198.51.100.7 is in 0.0.0.0/0" })
        }
    }

    @Test("a private endpoint is for its VPC and for networks that are connected and let in")
    func privateEndpoint() async throws {
        try await Harness.run { harness in
            let cluster = try await harness.eks("GET", "/clusters/demo").json["cluster"]
            let subnet = try #require(cluster?.at("resourcesVpcConfig", "subnetIds")?.strings?.first)
            let group = try #require(cluster?.at("resourcesVpcConfig", "clusterSecurityGroupId")?.string)
            try await harness.simulator.addVantage("office", .internet("198.51.100.7"))
            try await harness.simulator.addVantage("plant", .peered("192.168.1.5", leavesAs: "203.0.113.9"))
            try await harness.simulator.addVantage("stray", .subnet(subnet, groups: []))
            try await harness.simulator.addVantage("node", .subnet(subnet, groups: [group]))
            #expect(try await status(harness, from: "plant") == 200)
            try await update(harness, ["endpointPrivateAccess": true])
            try await update(harness, ["endpointPublicAccess": false])
            for (name, wanted) in [("office", nil), ("plant", nil), ("stray", nil), ("node", 200)] {
                #expect(try await status(harness, from: name) == wanted, "\(name)")
            }
        }
    }

    @Test("a network ACL refuses calls in either direction, but none within its subnet; the path names the rule, whose fix opens it")
    func networkACLs() async throws {
        try await Harness.run { harness in
            let cluster = try await harness.eks("GET", "/clusters/demo").json["cluster"]
            let subnets = try #require(cluster?.at("resourcesVpcConfig", "subnetIds")?.strings)
            let group = try #require(cluster?.at("resourcesVpcConfig", "clusterSecurityGroupId")?.string)
            let vpc = try #require(cluster?.at("resourcesVpcConfig", "vpcId")?.string)
            try await update(harness, ["endpointPrivateAccess": true])
            let other = try await harness.ec2("CreateSubnet", [("VpcId", vpc), ("CidrBlock", "172.31.240.0/24")])
            let subnet = try #require(other.at("subnet", "subnetId")?.string)
            try await harness.simulator.addVantage("beside", .subnet(subnet, groups: [group]))
            try await harness.simulator.addVantage("inside", .subnet(subnets[0], groups: [group]))
            #expect(try await status(harness, from: "beside") == 200)
            let acls = try await harness.ec2("DescribeNetworkAcls")["networkAclSet"]?.array
            let acl = try #require(acls?.first?["networkAclId"]?.string)
            func deny(_ number: Int, egress: Bool, _ block: String, _ from: Int, _ to: Int) async throws {
                _ = try await harness.ec2(
                    "CreateNetworkAclEntry",
                    [
                        ("NetworkAclId", acl), ("RuleNumber", "\(number)"), ("Egress", "\(egress)"), ("Protocol", "6"),
                        ("RuleAction", "deny"), ("CidrBlock", block), ("PortRange.From", "\(from)"), ("PortRange.To", "\(to)"),
                    ])
            }
            try await deny(50, egress: true, "172.31.240.0/24", 1024, 65535)
            #expect(try await status(harness, from: "beside") == nil)
            #expect(try await status(harness, from: "inside") == 200)
            let step = try #require(try await harness.simulator.path(from: "beside", to: "demo").record.steps.last)
            #expect(step.check == "network ACL")
            #expect(step.actual?.contains("\(acl) of \(subnets[0]): outbound rule 50 denies answers to 32768-60999 to 172.31.240.") == true)
            #expect(step.fix?.contains("--egress --rule-number 49 --protocol tcp --port-range From=32768,To=60999") == true)
        }
    }

    @Test(
        "what can be no vantage point is refused",
        arguments: [
            ("a b", VantageOrigin.internet("198.51.100.7")), ("", .internet("198.51.100.7")), ("x", .internet("10.0.0.1")),
            ("x", .internet("nowhere")), ("x", .peered("nowhere", leavesAs: nil)), ("x", .peered("10.0.0.1", leavesAs: "10.0.0.2")),
            ("x", .subnet("subnet-0", groups: [])), ("x", .bastion("i-0")),
        ])
    func refused(name: String, origin: VantageOrigin) async throws {
        try await Harness.run { harness in
            await #expect(throws: Simulator.VantageFailure.self) { try await harness.simulator.addVantage(name, origin) }
            #expect(harness.simulator.vantagePoints.isEmpty)
        }
    }

    @Test("an interface in a security group that does not exist is not made")
    func unknownGroup() async throws {
        try await Harness.run { harness in
            let cluster = try await harness.eks("GET", "/clusters/demo").json["cluster"]
            let subnet = try #require(cluster?.at("resourcesVpcConfig", "subnetIds")?.strings?.first)
            await #expect(throws: Simulator.VantageFailure.self) {
                try await harness.simulator.addVantage("x", .subnet(subnet, groups: ["sg-0123456789abcdef0"]))
            }
        }
    }
}
