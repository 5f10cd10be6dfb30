import VPCModel

/// What the agent may use on its node: the type's limits under its settings.
public struct NodeLimits: Sendable, Hashable {
    /// Interfaces.
    public let interfaces: Int
    /// Pod addresses an interface holds at most; 0 for IPv6, which counts none.
    public let addressesPerInterface: Int
    /// Prefixes an interface holds at most; 0 without prefixes.
    public let prefixesPerInterface: Int
    /// Whether addresses come as prefixes. On a type that cannot have them the agent silently takes single addresses.
    public let usesPrefixes: Bool

    /// Addresses of a `/28`.
    public static let addressesPerPrefix = 16

    /// The limits of a type under settings that are valid on it.
    public init(_ settings: AgentSettings, on type: InstanceLimits) {
        interfaces = min(type.interfaces, settings.maximumInterfaces ?? type.interfaces)
        usesPrefixes = settings.usesPrefixes && type.canHavePrefixes
        let slots = settings.isIPv4Enabled ? type.slotsPerInterface : 0
        prefixesPerInterface = usesPrefixes ? slots : 0
        addressesPerInterface = usesPrefixes ? slots * NodeLimits.addressesPerPrefix : slots
    }

    /// How many blocks of either kind an interface has room for.
    public var slotsPerInterface: Int { usesPrefixes ? prefixesPerInterface : addressesPerInterface }
}
