public import IPAddress

/// One end of a call at a subnet's border: the packets of the call, and those of its answers.
public struct SubnetCrossing: Sendable, Hashable {
    /// Ports from which Linux calls (`net.ipv4.ip_local_port_range`).
    public static let linuxPorts: ClosedRange<Int64> = 32768...60999
    /// Ports from which a NAT gateway calls.
    public static let gatewayPorts: ClosedRange<Int64> = 1024...65535

    /// The ACL there.
    public let acl: NetworkACL
    /// Which way the call goes; its answers go the other.
    public let direction: NetworkACL.Direction
    /// The other end.
    public let address: IPAddress
    /// Where answers go.
    public let callerPorts: ClosedRange<Int64>

    /// Makes a crossing of a call to port 443.
    public init(_ acl: NetworkACL, _ direction: NetworkACL.Direction, _ address: IPAddress, callerPorts: ClosedRange<Int64> = linuxPorts) {
        self.acl = acl
        self.direction = direction
        self.address = address
        self.callerPorts = callerPorts
    }

    /// The packets that are refused first, the call's before those of answers; `nil` when all pass.
    public var refusal: (direction: NetworkACL.Direction, verdict: NetworkACL.Verdict)? {
        for (direction, ports) in legs {
            let verdict = acl.judge(direction, address, ports: ports)
            if !verdict.isAllowed { return (direction, verdict) }
        }
        return nil
    }

    private var legs: [(NetworkACL.Direction, ClosedRange<Int64>)] {
        [(direction, 443...443), (direction == .inbound ? .outbound : .inbound, callerPorts)]
    }

    /// The hop of an explanation.
    public var step: EndpointReach.Step {
        func text(_ ports: ClosedRange<Int64>) -> String {
            ports.lowerBound == ports.upperBound ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
        }
        guard let (refused, verdict) = refusal else {
            let passed = legs.map { direction, ports in
                "\(direction.rawValue) rule \(acl.judge(direction, address, ports: ports).rule?.name ?? "*")"
            }
            return EndpointReach.Step(
                hop: "network ACL", isPassed: true,
                detail: "\(acl.id) of \(acl.subnet): 443 and answers to \(text(callerPorts)), \(passed.joined(separator: ", "))")
        }
        let what = refused == direction ? "TCP to \(text(verdict.ports))" : "answers to \(text(verdict.ports))"
        let way = refused == .inbound ? "from" : "to"
        return EndpointReach.Step(
            hop: "network ACL", isPassed: false,
            detail: "\(acl.id) of \(acl.subnet): \(refused.rawValue) rule \(verdict.rule?.name ?? "*") denies \(what) \(way) \(address)",
            fix: fix)
    }

    /// What lets the refused packets pass, as a command to paste; `nil` when nothing is refused.
    public var fix: String? {
        guard let (refused, verdict) = refusal else { return nil }
        let ports = refused == direction ? 443...443 : callerPorts
        let number = acl.number(before: verdict.rule, refused)
        let verb = number == nil ? "replace" : "create"
        return
            "aws ec2 \(verb)-network-acl-entry --network-acl-id \(acl.id) --\(refused == .inbound ? "ingress" : "egress") --rule-number \(number ?? verdict.rule?.number ?? 1) --protocol tcp --port-range From=\(ports.lowerBound),To=\(ports.upperBound) --cidr-block \(address)/\(address.family == .ipv4 ? 32 : 128) --rule-action allow"
    }
}
