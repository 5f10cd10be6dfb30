import VPCModel

/// When a pool is too low or too high, and by how much (amazon-vpc-cni-k8s, pkg/ipamd/ipamd.go: datastoreTargetState and its callers).
///
/// Three ways exclude each other: targets of addresses beat all, else prefixes count in prefix mode, else whole interfaces.
public struct PoolTargets: Sendable, Hashable {
    /// Addresses to keep free; 0 when unset.
    public let warmAddresses: Int
    /// Addresses to hold at least; 0 when unset.
    public let minimumAddresses: Int
    /// Interfaces to keep free.
    public let warmInterfaces: Int
    /// Prefixes to keep free.
    public let warmPrefixes: Int
    /// What the node may use.
    public let limits: NodeLimits
    /// Pods that the node can have; a pool of so many addresses is never too low.
    public let maxPods: Int

    /// The targets of settings on a node.
    public init(_ settings: AgentSettings, _ limits: NodeLimits, maxPods: Int) {
        warmAddresses = settings.warmAddresses
        minimumAddresses = settings.minimumAddresses
        warmInterfaces = settings.warmInterfaces
        warmPrefixes = settings.warmPrefixes
        self.limits = limits
        self.maxPods = maxPods
    }

    private var countsAddresses: Bool { warmAddresses != 0 || minimumAddresses != 0 }

    private static func prefixes(for addresses: Int) -> Int {
        (addresses + NodeLimits.addressesPerPrefix - 1) / NodeLimits.addressesPerPrefix
    }

    /// Addresses or prefixes missing to a target of addresses; `nil` without such a target.
    private func shortage(_ pool: PoolStatistics) -> Int? {
        guard countsAddresses else { return nil }
        let short = max(warmAddresses - pool.available, minimumAddresses - pool.total, 0)
        return limits.usesPrefixes ? PoolTargets.prefixes(for: short) : short
    }

    /// Whether the pool must grow.
    public func isLow(_ pool: PoolStatistics) -> Bool {
        guard pool.total < maxPods else { return false }
        if let short = shortage(pool) { return short > 0 }
        let (target, size) =
            limits.usesPrefixes ? (warmPrefixes, NodeLimits.addressesPerPrefix) : (warmInterfaces, limits.addressesPerInterface)
        return pool.available < target * size || target == 0 && pool.available == 0
    }

    /// How many single addresses or prefixes are too many. Whole interfaces are never counted here.
    public func surplus(_ pool: PoolStatistics, freePrefixes: Int) -> Int {
        guard countsAddresses else { return limits.usesPrefixes ? max(freePrefixes - warmPrefixes, 0) : 0 }
        guard limits.usesPrefixes else { return max(min(pool.available - warmAddresses, pool.total - minimumAddresses), 0) }
        return max(
            min(
                freePrefixes, pool.prefixes - PoolTargets.prefixes(for: pool.assigned + warmAddresses),
                pool.prefixes - PoolTargets.prefixes(for: minimumAddresses)), 0)
    }

    /// How many single addresses or prefixes a low pool asks for.
    public func wanted(_ pool: PoolStatistics, freePrefixes: Int) -> Int {
        let short = shortage(pool)
        guard limits.usesPrefixes else { return short ?? limits.addressesPerInterface }
        return max(1, short ?? warmPrefixes - freePrefixes)
    }

    /// Whether it is worth looking for an interface to give back.
    public func mayRemoveInterface(_ pool: PoolStatistics, hasUnusedInterface: Bool) -> Bool {
        guard !countsAddresses else { return true }
        let target = limits.usesPrefixes ? warmPrefixes : warmInterfaces
        return pool.available >= (target + 1) * limits.addressesPerInterface || limits.usesPrefixes && hasUnusedInterface
    }
}
