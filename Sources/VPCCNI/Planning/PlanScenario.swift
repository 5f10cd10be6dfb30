import IPAddress
import VPCModel

/// Nodes, their pods and the subnets that give the addresses: what a plan is made of.
public struct PlanScenario: Sendable, Hashable {
    /// Why a scenario cannot be planned.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// No table has the type.
        case unknownType(String)
        /// A number is out of range.
        case outOfRange(String, ClosedRange<Int>)
        /// The text names no subnet that EC2 makes.
        case noSubnet(String)
        /// The agent reads no variable of this name.
        case unknownSetting(String)
        /// A subnet cannot give the nodes their own addresses.
        case noRoomForNode(Int, EC2Failure)
        /// The agents do not start.
        case noStart(StartError)

        /// What is wrong.
        public var description: String {
            switch self {
            case .unknownType(let name): "\(name): no limits are known for this instance type"
            case .outOfRange(let name, let range): "\(name) must be \(range.lowerBound) to \(range.upperBound)"
            case .noSubnet(let text): "\(text): no subnet: a length from /16 to /28, or a block of such a length"
            case .unknownSetting(let name):
                "\(name): the agent has no such setting; it has \(AgentSettings.variables.sorted().joined(separator: ", "))"
            case .noRoomForNode(let number, let failure): "node \(number) does not start: \(failure.code): \(failure.message)"
            case .noStart(let error): "the agent does not start: \(error)"
            }
        }
    }

    /// What the shipped manifest sets, on which a plan's own settings come.
    public static let manifest = ["ENABLE_IPv4": "true", "WARM_ENI_TARGET": "1", "WARM_PREFIX_TARGET": "1"]
    private static let counts = 1...1000

    /// What the scenario is called.
    public var label: String
    /// The nodes' type.
    public let type: InstanceLimits
    /// How many nodes there are; each lies in the next subnet.
    public let nodes: Int
    /// How many pods with an address of their own each node is to have.
    public let podsPerNode: Int
    /// The nodes' subnets, each in a zone of its own.
    public let subnets: [CIDRBlock]
    /// Subnets for pods only (custom networking), by zone; empty without.
    public let podSubnets: [CIDRBlock]
    /// The agents' environment.
    public var environment: [String: String]
    /// The nodes' `max-pods`.
    public let maxPods: Int
    /// Pods on the host's network, which count in `max-pods` and need no address.
    public let hostNetworkPods: Int
    /// Seconds between one pod of a node and the next.
    public let interval: Int

    /// Makes a scenario. `settings` come on those of the manifest; without `maxPods` it is what nodeadm sets.
    ///
    /// - Throws: `unknownType`, `outOfRange`, `unknownSetting` or `noSubnet`.
    public init(
        label: String = "", type name: String, nodes: Int = 1, podsPerNode: Int, subnets: [String], podSubnets: [String] = [],
        settings: [String: String] = [:], maxPods: Int? = nil, hostNetworkPods: Int = 2, interval: Int = 5
    ) throws(Problem) {
        guard let type = InstanceLimits.of(name) else { throw .unknownType(name) }
        for (name, value) in [("nodes", nodes), ("pods per node", podsPerNode), ("max pods", maxPods ?? 1), ("interval", interval)] {
            guard Self.counts.contains(value) else { throw .outOfRange(name, Self.counts) }
        }
        guard (0...Self.counts.upperBound).contains(hostNetworkPods) else {
            throw .outOfRange("host network pods", 0...Self.counts.upperBound)
        }
        try Self.check(settings)
        self.label = label
        self.type = type
        self.nodes = nodes
        self.podsPerNode = podsPerNode
        self.subnets = try Self.blocks(subnets, in: IPAddress(10, 0, 0, 0), length: 8)
        self.podSubnets = try Self.blocks(podSubnets, in: IPAddress(100, 64, 0, 0), length: 10)
        environment = Self.manifest.merging(settings) { $1 }
        if !podSubnets.isEmpty { environment["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"] = "true" }
        self.maxPods = maxPods ?? MaxPods.nodeadm(type)
        self.hostNetworkPods = hostNetworkPods
        self.interval = interval
    }

    /// The same with other settings, which come on those so far.
    ///
    /// - Throws: `unknownSetting`.
    public func with(_ settings: [String: String], label: String) throws(Problem) -> PlanScenario {
        try Self.check(settings)
        var other = self
        other.environment.merge(settings) { $1 }
        other.label = label
        return other
    }

    private static func check(_ settings: [String: String]) throws(Problem) {
        if let unknown = settings.keys.sorted().first(where: { !AgentSettings.variables.contains($0) }) { throw .unknownSetting(unknown) }
    }

    /// Blocks by their texts; a text that is only a length is given the next free block.
    private static func blocks(_ texts: [String], in network: IPAddress, length: Int) throws(Problem) -> [CIDRBlock] {
        guard let space = CIDRBlock(containing: network, prefixLength: length) else { return [] }
        let named = texts.map { CIDRBlock($0) }
        var taken = IPRangeSet(named.compactMap { $0 })
        var blocks: [CIDRBlock] = []
        for (text, block) in zip(texts, named) {
            let length = text.hasPrefix("/") ? Int(text.dropFirst()) : block?.prefixLength
            guard let length, (16...28).contains(length), let block = block ?? taken.firstFreeBlock(in: space, prefixLength: length),
                block.family == .ipv4
            else { throw .noSubnet(text) }
            taken.insert(block)
            blocks.append(block)
        }
        return blocks
    }
}
