import Facts
import JSON

/// What an EC2 instance type can have of the network, merged from the tables of the VPC CNI and of the VPC resource controller
/// (`instance-limits.json` states both).
public struct InstanceLimits: Sendable, Hashable {
    /// The type's name, `m5.large`.
    public let type: String
    /// Interfaces that the agent may attach: those of the default network card.
    public let interfaces: Int
    /// Interfaces of each network card, the default one first.
    public let networkCards: [Int]
    /// IPv4 addresses an interface has, its primary one included; as many IPv6 ones.
    public let addressesPerInterface: Int
    /// `nitro`, `xen`, or `unknown` (bare metal and a few others).
    public let hypervisor: String
    /// Whether there is no hypervisor.
    public let isBareMetal: Bool
    /// Whether the resource controller attaches a trunk; `nil` for types that its table lacks.
    public let canTrunk: Bool?
    /// Branch interfaces of a trunk; `nil` for types that the resource controller's table lacks.
    public let branchInterfaces: Int?

    /// Makes the limits of a type that no table has, as EC2's DescribeInstanceTypes answers them.
    public init(
        type: String, interfaces: Int, networkCards: [Int] = [], addressesPerInterface: Int, hypervisor: String, isBareMetal: Bool = false,
        canTrunk: Bool? = nil, branchInterfaces: Int? = nil
    ) {
        self.networkCards = networkCards.isEmpty ? [interfaces] : networkCards
        self.type = type
        self.interfaces = interfaces
        self.addressesPerInterface = addressesPerInterface
        self.hypervisor = hypervisor
        self.isBareMetal = isBareMetal
        self.canTrunk = canTrunk
        self.branchInterfaces = branchInterfaces
    }

    /// The limits of a type by its name; `nil` when no table has it.
    public static func of(_ type: String) -> InstanceLimits? { table[type] }

    /// All types by name.
    public static let table: [String: InstanceLimits] = {
        let types = (try? JSON(parsing: Facts.instanceLimits))?["types"]?.object?.members ?? []
        return Dictionary(
            types.compactMap { member in InstanceLimits(member.key, member.value).map { (member.key, $0) } },
            uniquingKeysWith: { first, _ in first })
    }()

    private init?(_ type: String, _ facts: JSON) {
        guard let interfaces = facts["maxENIs"]?.integer, let addresses = facts["ipv4PerENI"]?.integer else { return nil }
        self.init(
            type: type, interfaces: Int(interfaces),
            networkCards: (facts["networkCards"]?.array ?? []).map { Int(clamping: $0["maxENIs"]?.integer ?? 0) },
            addressesPerInterface: Int(addresses),
            hypervisor: facts["hypervisor"]?.string ?? "unknown", isBareMetal: facts["bareMetal"]?.bool ?? false,
            canTrunk: facts["isTrunkingCompatible"]?.bool, branchInterfaces: facts["branchENIs"]?.integer.map { Int($0) })
    }

    /// How many interfaces a network card takes; `nil` when the type has no such card.
    public func interfaces(card: Int64) -> Int? {
        let card = Int(clamping: card)
        return networkCards.indices.contains(card) ? networkCards[card] : nil
    }

    /// Whether interfaces of the type can have prefixes.
    public var canHavePrefixes: Bool { hypervisor == "nitro" || isBareMetal }
    /// Addresses or prefixes an interface has beside its primary address.
    public var slotsPerInterface: Int { max(addressesPerInterface - 1, 0) }
}
