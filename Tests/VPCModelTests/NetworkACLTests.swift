import IPAddress
import Testing
import VPCModel

@Suite("Network ACLs")
struct NetworkACLTests {
    private static func rule(
        _ number: Int64?, _ direction: NetworkACL.Direction, _ isAllowed: Bool, _ block: String, _ ports: ClosedRange<Int64> = 0...65535
    ) throws -> NetworkACL.Rule {
        NetworkACL.Rule(number, direction, isAllowed: isAllowed, try #require(CIDRBlock(block)), ports: ports)
    }

    private static func acl(_ rules: [NetworkACL.Rule]) -> NetworkACL { NetworkACL(id: "acl-1", subnet: "subnet-1", rules: rules) }

    private let peer = IPAddress(10, 0, 1, 5)

    @Test("the rule with the lowest number that fits decides, and without one the packet is refused")
    func order() throws {
        let acl = Self.acl([
            try Self.rule(nil, .inbound, false, "0.0.0.0/0"), try Self.rule(200, .inbound, true, "10.0.0.0/16"),
            try Self.rule(100, .inbound, false, "10.0.1.0/24", 443...443), try Self.rule(90, .outbound, true, "0.0.0.0/0"),
        ])
        #expect(acl.judge(.inbound, peer, ports: 443...443).rule?.number == 100)
        #expect(acl.judge(.inbound, peer, ports: 80...80).isAllowed)
        #expect(acl.judge(.inbound, IPAddress(10, 0, 2, 5), ports: 443...443).rule?.number == 200)
        let last = acl.judge(.inbound, IPAddress(192, 168, 0, 1), ports: 443...443)
        #expect(!last.isAllowed && last.rule?.name == "*")
        #expect(acl.judge(.outbound, peer, ports: 1...65535).isAllowed)
    }

    @Test("ports of callers are taken together: rules may open them piece by piece, and one that refuses a few refuses")
    func ranges() throws {
        let halves = Self.acl([
            try Self.rule(1, .outbound, true, "0.0.0.0/0", 1024...40000), try Self.rule(2, .outbound, true, "0.0.0.0/0", 40001...65535),
        ])
        #expect(halves.judge(.outbound, peer, ports: SubnetCrossing.linuxPorts).isAllowed)
        let hole = Self.acl([
            try Self.rule(1, .outbound, false, "0.0.0.0/0", 50000...50010), try Self.rule(2, .outbound, true, "0.0.0.0/0"),
        ])
        let verdict = hole.judge(.outbound, peer, ports: SubnetCrossing.linuxPorts)
        #expect(!verdict.isAllowed && verdict.ports == 50000...50010)
        let windows = Self.acl([try Self.rule(1, .outbound, true, "0.0.0.0/0", 49152...65535)])
        #expect(windows.judge(.outbound, peer, ports: SubnetCrossing.linuxPorts).ports == 32768...49151)
    }

    @Test("a call needs both directions: the refused one is named with its rule, and the fix stands before it")
    func crossing() throws {
        let acl = Self.acl([
            try Self.rule(100, .inbound, true, "0.0.0.0/0", 443...443), try Self.rule(100, .outbound, false, "0.0.0.0/0", 1024...65535),
            try Self.rule(99, .outbound, true, "10.9.0.0/16"),
        ])
        let step = SubnetCrossing(acl, .inbound, peer).step
        #expect(!step.isPassed && step.hop == "network ACL")
        #expect(step.detail == "acl-1 of subnet-1: outbound rule 100 denies answers to 32768-60999 to 10.0.1.5")
        #expect(
            step.fix
                == "aws ec2 create-network-acl-entry --network-acl-id acl-1 --egress --rule-number 98 --protocol tcp --port-range From=32768,To=60999 --cidr-block 10.0.1.5/32 --rule-action allow"
        )
        let out = SubnetCrossing(acl, .outbound, peer, callerPorts: SubnetCrossing.gatewayPorts).step
        #expect(out.detail == "acl-1 of subnet-1: outbound rule * denies TCP to 443 to 10.0.1.5")
    }
}
