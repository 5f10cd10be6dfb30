import IPAddress
import JSON
import VPCModel

/// A subnet's network ACL, which knows nothing of connections: what goes in is judged by itself, and so is the answer that goes out
/// (VPC User Guide, vpc-network-acls).
struct SubnetGate {
    /// A way through the ACL.
    struct Passage {
        let isEgress: Bool
        let ports: ClosedRange<Int64>
        let peer: IPAddress
    }

    /// The ports from which Linux calls (`net.ipv4.ip_local_port_range`), and those from which NAT gateways do.
    static let callerPorts: ClosedRange<Int64> = 32768...60999
    static let translatedPorts: ClosedRange<Int64> = 1024...65535
    static let endpointPorts: ClosedRange<Int64> = 443...443

    private static let tcp = "6"
    private static let lastRule: Int64 = 32767

    private let subnet: String
    private let id: String
    private let entries: [JSON]

    /// The ACL that a subnet is in.
    init?(_ subnet: String, _ draft: ResourceDraft) {
        let vpc = draft.get(.subnet, subnet)?["vpcId"]?.string ?? ""
        let acl = draft.list(.networkACL, "vpcId", vpc).first { acl in
            acl["associationSet"]?.array?.contains { $0["subnetId"]?.string == subnet } == true
        }
        guard let acl, let id = acl["networkAclId"]?.string else { return nil }
        self.subnet = subnet
        self.id = id
        entries = (acl["entrySet"]?.array ?? []).sorted { ($0["ruleNumber"]?.integer ?? 0) < ($1["ruleNumber"]?.integer ?? 0) }
    }

    /// Whether a call and its answers pass; the first passage that is refused says why not.
    func step(_ passages: [Passage]) -> EndpointReach.Step {
        let hop = "network ACL of \(subnet)"
        for passage in passages {
            if let rule = refusal(of: passage) {
                let number = rule >= Self.lastRule ? "*" : String(rule)
                let ports =
                    passage.ports.count == 1 ? "\(passage.ports.lowerBound)" : "\(passage.ports.lowerBound)-\(passage.ports.upperBound)"
                return EndpointReach.Step(
                    hop: hop, isPassed: false,
                    detail: passage.isEgress
                        ? "rule \(number) of \(id) denies what goes out to \(ports) of \(passage.peer)"
                        : "rule \(number) of \(id) denies what comes in from \(passage.peer) to \(ports)")
            }
        }
        return EndpointReach.Step(hop: hop, isPassed: true, detail: "\(id) lets the call and its answers through")
    }

    /// The number of the rule that denies some of the ports; `nil` when all pass.
    private func refusal(of passage: Passage) -> Int64? {
        var left = [passage.ports]
        for entry in entries where entry["egress"]?.bool == passage.isEgress {
            let member = passage.peer.family == .ipv4 ? "cidrBlock" : "ipv6CidrBlock"
            guard let block = entry[member]?.string.flatMap({ CIDRBlock($0) }), block.contains(passage.peer) else { continue }
            let kind = entry["protocol"]?.string
            guard kind == "-1" || kind == Self.tcp else { continue }
            var ports: ClosedRange<Int64> = 0...65535
            if kind == Self.tcp, let from = entry.at("portRange", "from")?.integer, let to = entry.at("portRange", "to")?.integer,
                from <= to
            {
                ports = from...to
            }
            guard left.contains(where: { $0.overlaps(ports) }) else { continue }
            guard entry["ruleAction"]?.string == "allow" else { return entry["ruleNumber"]?.integer ?? Self.lastRule }
            left = left.flatMap { Self.subtract(ports, from: $0) }
            if left.isEmpty { return nil }
        }
        return Self.lastRule
    }

    private static func subtract(_ gone: ClosedRange<Int64>, from range: ClosedRange<Int64>) -> [ClosedRange<Int64>] {
        guard range.overlaps(gone) else { return [range] }
        var parts: [ClosedRange<Int64>] = []
        if range.lowerBound < gone.lowerBound { parts.append(range.lowerBound...(gone.lowerBound - 1)) }
        if range.upperBound > gone.upperBound { parts.append((gone.upperBound + 1)...range.upperBound) }
        return parts
    }
}

extension SubnetGate {
    /// What a caller in the subnet needs: his call goes out, the answer comes in.
    static func calling(_ target: IPAddress, from ports: ClosedRange<Int64> = callerPorts) -> [Passage] {
        [Passage(isEgress: true, ports: endpointPorts, peer: target), Passage(isEgress: false, ports: ports, peer: target)]
    }

    /// What somebody in the subnet needs who is called: the call comes in, the answer goes out.
    static func called(by caller: IPAddress) -> [Passage] {
        [Passage(isEgress: false, ports: endpointPorts, peer: caller), Passage(isEgress: true, ports: callerPorts, peer: caller)]
    }
}
