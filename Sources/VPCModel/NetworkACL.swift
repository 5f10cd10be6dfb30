public import IPAddress

/// A network ACL: rules by number, each direction by itself, because it keeps nothing of connections (VPC User Guide, "Network ACL rules").
public struct NetworkACL: Sendable, Hashable {
    /// Which way packets go, seen from the subnet.
    public enum Direction: String, Sendable, Hashable {
        /// Into the subnet.
        case inbound
        /// Out of it.
        case outbound
    }

    /// A rule about TCP.
    public struct Rule: Sendable, Hashable {
        /// The lowest number that fits decides; `nil` for the last rule, `*`, which refuses everything.
        public let number: Int64?
        /// Which way.
        public let direction: Direction
        /// Whether packets go on.
        public let isAllowed: Bool
        /// Their other end.
        public let block: CIDRBlock
        /// Their destination ports.
        public let ports: ClosedRange<Int64>

        /// Makes a rule.
        public init(_ number: Int64?, _ direction: Direction, isAllowed: Bool, _ block: CIDRBlock, ports: ClosedRange<Int64> = 0...65535) {
            self.number = number
            self.direction = direction
            self.isAllowed = isAllowed
            self.block = block
            self.ports = ports
        }

        /// The number as EC2's console writes it.
        public var name: String { number.map { "\($0)" } ?? "*" }
    }

    /// What becomes of packets.
    public struct Verdict: Sendable, Hashable {
        /// Whether all of them go on.
        public let isAllowed: Bool
        /// The rule that refuses, or the first that let some of them pass; `nil` when none fits, which refuses as well.
        public let rule: Rule?
        /// The ports that the rule is about.
        public let ports: ClosedRange<Int64>
    }

    /// `acl-…`
    public let id: String
    /// The subnet that it stands before.
    public let subnet: String
    private let rules: [Rule]

    /// An ACL, which sorts its rules.
    public init(id: String, subnet: String, rules: [Rule]) {
        self.id = id
        self.subnet = subnet
        self.rules = rules.sorted { ($0.number ?? .max) < ($1.number ?? .max) }
    }

    /// Whether TCP packets to all of these ports pass, whose other end is an address. Callers take any of their ports, so that a rule which
    /// refuses some of them refuses calls.
    public func judge(_ direction: Direction, _ address: IPAddress, ports wanted: ClosedRange<Int64>) -> Verdict {
        var open = [wanted]
        var first: Rule?
        for rule in rules where rule.direction == direction && rule.block.contains(address) {
            guard let met = open.first(where: { $0.overlaps(rule.ports) }) else { continue }
            guard rule.isAllowed else { return Verdict(isAllowed: false, rule: rule, ports: met.clamped(to: rule.ports)) }
            first = first ?? rule
            open = open.flatMap { Self.rest(of: $0, without: rule.ports) }
            if open.isEmpty { return Verdict(isAllowed: true, rule: first, ports: wanted) }
        }
        return Verdict(isAllowed: false, rule: nil, ports: open.first ?? wanted)
    }

    private static func rest(of range: ClosedRange<Int64>, without taken: ClosedRange<Int64>) -> [ClosedRange<Int64>] {
        guard range.overlaps(taken) else { return [range] }
        var rest: [ClosedRange<Int64>] = []
        if range.lowerBound < taken.lowerBound { rest.append(range.lowerBound...(taken.lowerBound - 1)) }
        if range.upperBound > taken.upperBound { rest.append((taken.upperBound + 1)...range.upperBound) }
        return rest
    }

    /// A number for a new rule that is to decide before another; `nil` when there is no room.
    public func number(before rule: Rule?, _ direction: Direction) -> Int64? {
        let taken = Set(rules.filter { $0.direction == direction }.compactMap(\.number))
        guard let limit = rule?.number else {
            let next = (taken.max() ?? 90) + 10
            return next <= 32766 ? next : (1...32766).last { !taken.contains($0) }
        }
        // Right before it: what decides earlier did not fit.
        return limit <= 1 ? nil : stride(from: limit - 1, through: 1, by: -1).first { !taken.contains($0) }
    }
}
