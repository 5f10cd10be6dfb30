import IPAddress
import Testing
import VPCCNI
import World

@Suite("Traffic of pods with branch interfaces")
struct EnforcingModeTests {
    private static let translation = SourceTranslation(
        HostNetworkSettings(), vpcBlocks: [CIDRBlock("10.0.0.0/16")].compactMap(\.self), nodeAddress: IPAddress(10, 0, 0, 9))
    private static let pod = IPAddress(10, 0, 0, 20)

    @Test("strict keeps the pod's address everywhere, standard only in the VPC")
    func source() {
        let outside = IPAddress(198, 51, 100, 1)
        #expect(EnforcingMode.strict.source(of: Self.pod, to: outside, Self.translation) == Self.pod)
        #expect(EnforcingMode.standard.source(of: Self.pod, to: outside, Self.translation) == IPAddress(10, 0, 0, 9))
        for mode in [EnforcingMode.strict, .standard] {
            #expect(mode.source(of: Self.pod, to: IPAddress(10, 0, 3, 1), Self.translation) == Self.pod)
        }
    }

    @Test("a node reaches its pod past the groups in standard; in strict by them, and by a kernel that lets the answer in")
    func node() {
        for isOpen in [false, true] {
            for hasEarlyDemux in [false, true] {
                #expect(EnforcingMode.standard.nodeReaches(isOpen: isOpen, hasEarlyDemux: hasEarlyDemux))
                #expect(EnforcingMode.strict.nodeReaches(isOpen: isOpen, hasEarlyDemux: hasEarlyDemux) == (isOpen && !hasEarlyDemux))
            }
        }
    }

    @Test(
        "the mode is strict unless the agent's environment says otherwise",
        arguments: [
            ([:], EnforcingMode.strict), (["POD_SECURITY_GROUP_ENFORCING_MODE": "standard"], .standard),
            (["POD_SECURITY_GROUP_ENFORCING_MODE": "loose"], .strict),
        ])
    func setting(environment: [String: String], mode: EnforcingMode) {
        #expect(AgentSettings(environment: environment).enforcingMode == mode)
    }

    @Test("an interface that nobody's pod has is deleted at once; one of a pod waits, and a shorter wait is heard")
    func deletion() throws {
        func branch(_ vlan: Int) throws -> BranchInterfaces.Branch {
            BranchInterfaces.Branch(
                id: "eni-\(vlan)", hardwareAddress: "06:00:00:00:00:01", address: Self.pod, vlan: vlan,
                subnetBlock: try #require(CIDRBlock("10.0.0.0/24")), association: "trunk-assoc-\(vlan)")
        }
        var branches = BranchInterfaces(limit: 9)
        branches.discard(try branch(1))
        branches.add(try branch(2), to: "pod")
        branches.remove("pod", at: .init(seconds: 1000))
        #expect(branches.due(at: .init(seconds: 1000)).map(\.vlan) == [1])
        #expect(branches.nextVLAN == 3)
        branches.deleted(try branch(1))
        #expect(branches.nextDeadline == .init(seconds: 1060))
        branches.cooldown = .seconds(30)
        #expect(branches.nextDeadline == .init(seconds: 1030))
        #expect(branches.due(at: .init(seconds: 1030)).map(\.vlan) == [2])
    }

    @Test("the annotation of a pod says all of its interface")
    func annotation() throws {
        let branch = BranchInterfaces.Branch(
            id: "eni-1", hardwareAddress: "06:00:00:00:00:01", address: Self.pod, vlan: 7,
            subnetBlock: try #require(CIDRBlock("10.0.0.0/24")), association: "trunk-assoc-1")
        #expect(BranchInterfaces.Branch(annotation: branch.annotation) == branch)
        for text in ["", "[]", "{}", "[{\"eniId\":\"eni-1\"}]"] { #expect(BranchInterfaces.Branch(annotation: text) == nil) }
    }
}
