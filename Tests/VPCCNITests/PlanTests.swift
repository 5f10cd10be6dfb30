import JSON
import Testing
import VPCCNI
import VPCModel

@Suite("Plans of addresses")
struct PlanTests {
    /// A row of a documented table: settings, pods, and what the node holds then.
    struct Row: Sendable, CustomTestStringConvertible {
        let type: String
        let settings: [String: String]
        let pods: Int
        let interfaces: Int
        let unused: Int
        let prefixes: Int
        var testDescription: String { "\(type) \(settings) \(pods) pods" }

        init(_ type: String, _ settings: [String: String], _ pods: Int, _ interfaces: Int, unused: Int, prefixes: Int = 0) {
            self.type = type
            self.settings = settings
            self.pods = pods
            self.interfaces = interfaces
            self.unused = unused
            self.prefixes = prefixes
        }
    }

    private static func target(_ warm: Int, _ minimum: Int, prefixes: Bool = false) -> [String: String] {
        let settings = ["WARM_IP_TARGET": "\(warm)", "MINIMUM_IP_TARGET": "\(minimum)"]
        return prefixes ? settings.merging(["ENABLE_PREFIX_DELEGATION": "true"]) { $1 } : settings
    }
    private static let delegation = ["ENABLE_PREFIX_DELEGATION": "true"]

    /// amazon-vpc-cni-k8s docs/eni-and-ip-target.md and docs/prefix-and-ip-target.md, but for the rows that the code contradicts
    /// (p3dn.24xlarge has one interface in prefix mode; WARM_IP_TARGET=7 with MINIMUM_IP_TARGET=20 takes two prefixes without pods).
    private static let documented = [
        Row("t3.small", [:], 0, 1, unused: 3), Row("t3.small", [:], 5, 3, unused: 4), Row("t3.small", [:], 9, 3, unused: 0),
        Row("t3.small", target(1, 1), 0, 1, unused: 1), Row("t3.small", target(1, 1), 5, 2, unused: 1),
        Row("t3.small", target(1, 1), 9, 3, unused: 0), Row("t3.small", target(2, 5), 0, 2, unused: 5),
        Row("t3.small", target(2, 5), 5, 3, unused: 2), Row("t3.small", target(2, 5), 9, 3, unused: 0),
        Row("p3dn.24xlarge", [:], 0, 1, unused: 49), Row("p3dn.24xlarge", [:], 3, 2, unused: 95),
        Row("p3dn.24xlarge", [:], 95, 3, unused: 52), Row("p3dn.24xlarge", target(5, 10), 0, 1, unused: 10),
        Row("p3dn.24xlarge", target(5, 10), 7, 1, unused: 5), Row("p3dn.24xlarge", target(5, 10), 15, 1, unused: 5),
        Row("p3dn.24xlarge", target(5, 10), 45, 2, unused: 5), Row("t3.small", delegation, 0, 1, unused: 16, prefixes: 1),
        Row("t3.small", delegation, 5, 1, unused: 27, prefixes: 2), Row("t3.small", delegation, 16, 1, unused: 16, prefixes: 2),
        Row("t3.small", delegation, 17, 1, unused: 31, prefixes: 3), Row("t3.small", delegation, 58, 2, unused: 22, prefixes: 5),
        Row("t3.small", target(1, 1, prefixes: true), 5, 1, unused: 11, prefixes: 1),
        Row("t3.small", target(1, 1, prefixes: true), 17, 1, unused: 15, prefixes: 2),
        Row("t3.small", target(1, 1, prefixes: true), 58, 2, unused: 6, prefixes: 4),
        Row("t3.small", target(7, 20, prefixes: true), 5, 1, unused: 27, prefixes: 2),
        Row("t3.small", target(7, 20, prefixes: true), 17, 1, unused: 15, prefixes: 2),
        Row("t3.small", target(7, 20, prefixes: true), 58, 2, unused: 22, prefixes: 5),
        Row("p3dn.24xlarge", delegation, 95, 1, unused: 17, prefixes: 7),
        Row("p3dn.24xlarge", target(5, 10, prefixes: true), 15, 1, unused: 17, prefixes: 2),
        Row("p3dn.24xlarge", target(5, 10, prefixes: true), 45, 1, unused: 19, prefixes: 4),
    ]

    @Test("the tables of AWS's documentation", arguments: documented)
    func table(row: Row) async throws {
        let plan = try await IPPlan(
            PlanScenario(type: row.type, podsPerNode: max(row.pods, 1), subnets: ["/22"], settings: row.settings, maxPods: 250))
        let step = try #require(row.pods == 0 ? plan.steps.first : plan.end)
        #expect(plan.failure == nil && step.running == row.pods)
        #expect(step.interfaces == row.interfaces && step.unused == row.unused && step.prefixes == row.prefixes)
    }

    @Test("the node has no room for more pods than max-pods, those on the host's network among them")
    func maxPods() async throws {
        let plan = try await IPPlan(PlanScenario(type: "m5.large", podsPerNode: 30, subnets: ["/22"]))
        #expect(plan.failure?.pod == 28 && plan.failure?.node == 1 && plan.failure?.reason == .maxPods(29))
        #expect(plan.end?.running == 27 && plan.end?.waiting == 3)
    }

    @Test("a full node says so")
    func nodeFull() async throws {
        let plan = try await IPPlan(PlanScenario(type: "t3.small", podsPerNode: 12, subnets: ["/24"], maxPods: 110))
        #expect(plan.failure?.pod == 10 && plan.failure?.node == 1 && plan.failure?.reason == .nodeFull(interfaces: 3, addresses: 9))
    }

    @Test("a subnet that runs dry is named by EC2's own error")
    func subnetFull() async throws {
        let plan = try await IPPlan(PlanScenario(type: "m5.large", nodes: 3, podsPerNode: 10, subnets: ["/27"]))
        let failure = try #require(plan.failure)
        guard case .refused(let refusal) = failure.reason else {
            Issue.record("\(failure)")
            return
        }
        #expect(refusal.code == "InsufficientFreeAddressesInSubnet")
        #expect(plan.end?.free == 0 && plan.end?.running == 24)
    }

    @Test("MINIMUM_IP_TARGET alone stops at itself")
    func minimumOnly() async throws {
        let plan = try await IPPlan(
            PlanScenario(type: "m5.large", podsPerNode: 6, subnets: ["/24"], settings: ["MINIMUM_IP_TARGET": "4"]))
        #expect(plan.failure?.pod == 5 && plan.failure?.node == 1 && plan.failure?.reason == .targetReached)
    }

    @Test("pods of custom networking take nothing of the nodes' subnet but the interfaces' own addresses")
    func customNetworking() async throws {
        let plan = try await IPPlan(
            PlanScenario(type: "m5.large", nodes: 2, podsPerNode: 18, subnets: ["/28", "/28"], podSubnets: ["/26", "/26"]))
        #expect(plan.failure == nil)
        #expect(plan.subnets.map { Int($0.pool.availableAddressCount) } == [10, 10, 59 - 20, 59 - 20])
    }

    @Test(
        "scenarios that cannot be",
        arguments: [
            ("m5.huge", 1, "/24", PlanScenario.Problem.unknownType("m5.huge")), ("m5.large", 0, "/24", .outOfRange("nodes", 1...1000)),
            ("m5.large", 1, "/29", .noSubnet("/29")), ("m5.large", 1, "ten", .noSubnet("ten")),
        ])
    func problems(type: String, nodes: Int, subnet: String, problem: PlanScenario.Problem) {
        #expect(throws: problem) { try PlanScenario(type: type, nodes: nodes, podsPerNode: 1, subnets: [subnet]) }
    }

    @Test("a setting that the agent does not read changes nothing, so it is refused", arguments: ["WARM_IP_TARGETS", "warm-ip-target", ""])
    func unknownSetting(name: String) throws {
        #expect(throws: PlanScenario.Problem.unknownSetting(name)) {
            try PlanScenario(type: "m5.large", podsPerNode: 1, subnets: ["/24"], settings: [name: "2"])
        }
        let base = try PlanScenario(type: "m5.large", podsPerNode: 1, subnets: ["/24"], settings: ["AWS_VPC_ENI_MTU": "1500"])
        #expect(throws: PlanScenario.Problem.unknownSetting(name)) { try base.with([name: "2"], label: "") }
    }

    @Test("more nodes than a subnet has addresses for")
    func noRoom() async throws {
        let scenario = try PlanScenario(type: "t3.nano", nodes: 12, podsPerNode: 1, subnets: ["/28"], settings: ["WARM_IP_TARGET": "1"])
        let problem = await #expect(throws: PlanScenario.Problem.self) { try await IPPlan(scenario) }
        #expect(problem?.description.contains("InsufficientFreeAddressesInSubnet") == true)
    }

    @Test("reports: rows side by side, JSON of every step, a chart that is well formed")
    func reports() async throws {
        let base = try PlanScenario(label: "manifest", type: "m5.large", nodes: 2, podsPerNode: 12, subnets: ["/26"])
        let other = try base.with(["WARM_IP_TARGET": "2"], label: "WARM_IP_TARGET=2 <&\">")
        let plans = [try await IPPlan(base), try await IPPlan(other)]
        let text = IPPlan.text(plans)
        #expect(text.hasPrefix("2 × m5.large, 12 pods each, in 10.0.0.0/26 (59 addresses)\n\nsettings"))
        #expect(text.split(separator: "\n").count { $0.hasPrefix("manifest ") || $0.hasPrefix("WARM_IP_TARGET=2 ") } == 2)
        let json = plans[1].json
        #expect(json["steps"]?.array?.count == 13 && json.at("settings", "WARM_IP_TARGET")?.string == "2")
        let svg = PlanChart(plans).svg
        #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n") && svg.contains("WARM_IP_TARGET=2 &lt;&amp;&quot;&gt;"))
        #expect(svg.split(separator: "\n").count { $0.hasPrefix("<path") } == 2)
    }
}
