import Facts
import JSON

/// What an EC2 instance type can have of the network, merged from the tables of the VPC CNI and of the VPC resource controller
/// (`instance-limits.json` states both).
public struct InstanceLimits: Sendable, Hashable {
    /// The type's name, `m5.large`.
    public let type: String
    /// Interfaces that the agent may attach: those of the default network card.
    public let interfaces: Int
    /// IPv4 addresses an interface has, its primary one included.
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
        type: String, interfaces: Int, addressesPerInterface: Int, hypervisor: String, isBareMetal: Bool = false, canTrunk: Bool? = nil,
        branchInterfaces: Int? = nil
    ) {
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
            type: type, interfaces: Int(interfaces), addressesPerInterface: Int(addresses),
            hypervisor: facts["hypervisor"]?.string ?? "unknown", isBareMetal: facts["bareMetal"]?.bool ?? false,
            canTrunk: facts["isTrunkingCompatible"]?.bool, branchInterfaces: facts["branchENIs"]?.integer.map { Int($0) })
    }

    /// Whether interfaces of the type can have prefixes.
    public var canHavePrefixes: Bool { hypervisor == "nitro" || isBareMetal }
    /// Addresses or prefixes an interface has beside its primary address.
    public var slotsPerInterface: Int { max(addressesPerInterface - 1, 0) }
}
