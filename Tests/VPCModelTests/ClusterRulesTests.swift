import IPAddress
import Testing
import VPCModel

@Suite("A cluster's addresses and who reaches it")
struct ClusterRulesTests {
    @Test(
        "Service ranges that EKS refuses",
        arguments: [
            "10.100.0.0/25", "10.0.0.0/11", "100.64.0.0/16", "192.168.0.0/15", "172.16.0.0/11", "10.100.0.5/16", "fd00::/108", "nonsense",
            "",
        ])
    func unsuitable(text: String) {
        #expect(throws: ClusterServiceRange.Problem.unsuitable(text)) { try ClusterServiceRange(text, vpcBlocks: []) }
    }

    @Test("the default is judged like a wish: a VPC with both defaults has none")
    func bothDefaults() throws {
        let blocks = try ["10.0.0.0/16", "172.20.0.0/16"].map { try #require(CIDRBlock($0)) }
        #expect(throws: ClusterServiceRange.Problem.overlaps("172.20.0.0/16", blocks[1])) {
            try ClusterServiceRange(nil, vpcBlocks: blocks)
        }
    }

    private func endpoint(_ exposure: EndpointExposure, allowing: [String] = [], hasPrivateNames: Bool = true) throws -> ClusterEndpoint {
        ClusterEndpoint(
            exposure: exposure, interfaces: [IPAddress(10, 0, 1, 21)], publicAddresses: [IPAddress(203, 0, 113, 10)],
            allowedSources: try allowing.map { try #require(CIDRBlock($0)) }, hasPrivateNames: hasPrivateNames)
    }

    @Test("a node without a way out does not reach a public endpoint, and the steps say where the call ends")
    func noRoute() throws {
        let reach = try endpoint(EndpointExposure()).reach(from: Vantage(.vpc, IPAddress(10, 0, 3, 4)))
        #expect(!reach.isReachable && reach.steps.map(\.hop) == ["name", "route"] && reach.steps.last?.isPassed == false)
    }

    @Test("in a VPC without DNS hostnames the name of an endpoint with both accesses is public")
    func noPrivateNames() throws {
        let exposure = EndpointExposure(isPrivate: true)
        let node = Vantage(.vpc, IPAddress(10, 0, 3, 4), natAddress: IPAddress(198, 51, 100, 7), isInClusterGroup: true)
        #expect(try endpoint(exposure).reach(from: node).isPrivatePath)
        let reach = try endpoint(exposure, hasPrivateNames: false).reach(from: node)
        #expect(!reach.isPrivatePath && reach.source == IPAddress(198, 51, 100, 7))
    }

    @Test("an instance outside the cluster security group needs a rule on the private path")
    func bastion() throws {
        let exposure = EndpointExposure(isPublic: false, isPrivate: true, publicCIDRs: [])
        let bastion = Vantage(.vpc, IPAddress(10, 0, 9, 9))
        #expect(try !endpoint(exposure).reach(from: bastion).isReachable)
        #expect(try endpoint(exposure, allowing: ["10.0.9.0/24"]).reach(from: bastion).source == bastion.address)
    }

    @Test(
        "public access is for at most forty public blocks, of IPv4 unless the endpoint has both families",
        arguments: [
            (EndpointExposure(isPublic: false, publicCIDRs: []), EndpointExposure.Problem.closed),
            (EndpointExposure(publicCIDRs: Array(repeating: "203.0.113.0/24", count: 41)), .tooMany(40)),
            (EndpointExposure(publicCIDRs: ["10.0.0.0/8"]), .reserved(["10.0.0.0/8"])),
            (EndpointExposure(publicCIDRs: ["::/0", "8.8.8.8/33"]), .invalid(["::/0", "8.8.8.8/33"])),
        ])
    func exposure(exposure: EndpointExposure, problem: EndpointExposure.Problem) {
        #expect(throws: problem) { try exposure.check() }
    }

    @Test("an endpoint of both families takes blocks of either, but none of private addresses")
    func bothFamilies() throws {
        var exposure = EndpointExposure(publicCIDRs: EndpointExposure.everybodyOfBothFamilies + ["2600:1f13::/32"])
        exposure.isDualStack = true
        try exposure.check()
        exposure.publicCIDRs = ["fd00::/8"]
        #expect(throws: EndpointExposure.Problem.reserved(["fd00::/8"])) { try exposure.check() }
    }
}
