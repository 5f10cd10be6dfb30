import IPAddress
import World

/// What of the pool may be given back.
extension Datastore {
    /// Blocks of an interface that no pod uses, cooling ones too, the highest address first.
    func freeable(_ interface: PoolInterface) -> [PoolBlock] { interface.blocks.reversed().filter { $0.assignedCount == 0 } }

    /// Whether some interface could be given back but for its age and its cooling addresses.
    var hasUnusedInterface: Bool { interfaces.contains { $0.isRemovable && $0.assignedCount == 0 } }

    /// The interface to give back: unused, a minute old, without cooling addresses, and not needed for a target. The highest device first.
    func removable(_ targets: PoolTargets, at now: Instant) -> PoolInterface? {
        interfaces.last { interface in
            interface.isRemovable && Datastore.minimumAge <= now - interface.createdAt && interface.assignedCount == 0
                && !hasCoolingAddress(interface, at: now) && !isNeeded(interface, targets)
        }
    }

    /// When `removable` may answer otherwise by the mere passing of time; `nil` when it cannot.
    func removableChange(after now: Instant) -> Instant? {
        interfaces.filter { $0.isRemovable && $0.assignedCount == 0 }.compactMap { interface in
            let rested = interface.blocks.flatMap(\.records).compactMap(\.unassignedAt).max().map { $0 + cooldown + .nanoseconds(1) }
            let free = max(interface.createdAt + Datastore.minimumAge, rested ?? interface.createdAt)
            return free > now ? Optional(free) : nil
        }.min()
    }

    private static let minimumAge = Duration.seconds(60)

    private func hasCoolingAddress(_ interface: PoolInterface, at now: Instant) -> Bool {
        interface.blocks.contains { $0.coolingCount(now, cooldown) > 0 }
    }

    private func isNeeded(_ interface: PoolInterface, _ targets: PoolTargets) -> Bool {
        let others = interfaces.filter { $0.id != interface.id && !$0.isExcluded }
        let counted = others.flatMap(\.blocks).filter { $0.isPrefix == usesPrefixes }
        func rounded(_ target: Int) -> Int {
            let size = NodeLimits.addressesPerPrefix
            return usesPrefixes ? (target + size - 1) / size * size : target
        }
        if targets.warmAddresses != 0, counted.reduce(0, { $0 + $1.size - $1.assignedCount }) < rounded(targets.warmAddresses) {
            return true
        }
        if targets.minimumAddresses != 0, counted.reduce(0, { $0 + $1.size }) < rounded(targets.minimumAddresses) { return true }
        guard usesPrefixes, targets.warmPrefixes != 0 else { return false }
        // The agent counts single addresses that a mode switch left over as free prefixes here.
        return others.flatMap(\.blocks).count { $0.assignedCount == 0 } < targets.warmPrefixes
    }
}
