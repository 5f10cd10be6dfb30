import IPAddress
import World

/// The addresses of one node and who has them (amazon-vpc-cni-k8s, pkg/ipamd/datastore).
///
/// Where the real agent walks maps in random order, this one gives from the lowest device and the lowest address, and takes back from the
/// highest.
public struct Datastore: Sendable {
    /// By device index.
    public private(set) var interfaces: [PoolInterface] = []
    /// What introspection shows.
    public private(set) var counters = RunningCounters()
    /// Whether the pool counts prefixes rather than single addresses.
    public let usesPrefixes: Bool
    /// How long a released address rests.
    public let cooldown: Duration
    /// Whether the primary interface serves no pods (custom networking).
    let skipsPrimary: Bool
    private var places: [SandboxKey: (interface: String, address: IPAddress)] = [:]

    init(usesPrefixes: Bool, cooldown: Duration, skipsPrimary: Bool) {
        self.usesPrefixes = usesPrefixes
        self.cooldown = cooldown
        self.skipsPrimary = skipsPrimary
    }

    /// An interface by its id.
    public func interface(_ id: String) -> PoolInterface? { interfaces.first { $0.id == id } }
    /// The interface that carries branch interfaces.
    public var trunk: PoolInterface? { interfaces.first(where: \.isTrunk) }

    // MARK: Interfaces and blocks

    /// Adds an interface unless it is known.
    mutating func add(_ interface: PoolInterface) {
        guard self.interface(interface.id) == nil else { return }
        let place = interfaces.firstIndex { $0.device > interface.device } ?? interfaces.count
        interfaces.insert(interface, at: place)
    }

    mutating func exclude(_ id: String) { change(id) { $0.isExcluded = true } }

    /// Adds a block unless it is known. Answers whether it was not.
    @discardableResult
    mutating func add(_ block: CIDRBlock, isPrefix: Bool, to id: String) -> Bool {
        guard change(id, { $0.insert(block, isPrefix: isPrefix) }) == true else { return false }
        counters.total += PoolBlock(block, isPrefix: isPrefix).size
        if isPrefix { counters.prefixes += 1 }
        return true
    }

    /// Forgets a block that no pod uses, or by force one that pods use. Answers the number of pods that lost their address; `nil` when the
    /// block is unknown or in use.
    @discardableResult
    mutating func remove(_ block: CIDRBlock, of id: String, force: Bool = false, isCounted: Bool = true) -> Int? {
        guard let interface = interface(id), let place = interface.place(of: block) else { return nil }
        let found = interface.blocks(of: block.family)[place]
        guard force || found.assignedCount == 0 else { return nil }
        forget(found)
        _ = change(id) { $0.remove(block) }
        if isCounted { uncount(found) }
        return found.assignedCount
    }

    /// Forgets an interface, with pods only by force. Then its addresses are taken from the running counters twice, as the agent does.
    /// Answers the number of pods that lost their address; `nil` when it is unknown or in use.
    @discardableResult
    mutating func removeInterface(_ id: String, force: Bool = false) -> Int? {
        guard let place = interfaces.firstIndex(where: { $0.id == id }) else { return nil }
        let interface = interfaces[place]
        let pods = interface.assignedCount
        guard force || pods == 0 else { return nil }
        for block in interface.blocks {
            forget(block)
            uncount(block)
            if pods > 0 { uncount(block) }
        }
        interfaces.remove(at: place)
        return pods
    }

    private mutating func forget(_ block: PoolBlock) {
        for case let key? in block.records.map(\.key) {
            places[key] = nil
            counters.assigned -= 1
        }
    }

    private mutating func uncount(_ block: PoolBlock) {
        counters.total -= block.size
        if block.isPrefix { counters.prefixes -= 1 }
    }

    @discardableResult
    private mutating func change<Result>(_ id: String, _ body: (inout PoolInterface) -> Result) -> Result? {
        interfaces.firstIndex { $0.id == id }.map { body(&interfaces[$0]) }
    }

    // MARK: Pods

    /// Where a pod's address is; `nil` for a sandbox that has none.
    public func place(of key: SandboxKey) -> (interface: PoolInterface, address: IPAddress)? {
        places[key].flatMap { place in interface(place.interface).map { ($0, place.address) } }
    }

    /// Gives an address of the family to a sandbox, or the one it has. `nil` when none can be given.
    mutating func assign(
        _ key: SandboxKey, _ pod: PodMetadata, _ family: IPAddress.Family, at now: Instant
    ) -> (interface: PoolInterface, address: IPAddress)? {
        if let known = place(of: key) { return known }
        for place in interfaces.indices where isServing(interfaces[place]) {
            guard let address = interfaces[place].assign(key, pod, family, isPrefix: usesPrefixes, at: now, cooldown) else { continue }
            places[key] = (interfaces[place].id, address)
            counters.assigned += 1
            return (interfaces[place], address)
        }
        return nil
    }

    private func isServing(_ interface: PoolInterface) -> Bool {
        !interface.isTrunk && !interface.isExcluded && !(skipsPrimary && interface.isPrimary)
    }

    /// Takes the address of a sandbox back and lets it rest. Answers where it was; `nil` for an unknown sandbox.
    mutating func unassign(_ key: SandboxKey, at now: Instant) -> (interface: PoolInterface, address: IPAddress, record: AddressRecord)? {
        guard let place = places[key], let interface = interface(place.interface), let index = interface.place(holding: place.address)
        else { return nil }
        let record = change(place.interface) {
            $0.withBlock(index, of: place.address.family) { $0.unassign(place.address, at: now) }
        }
        guard case let record?? = record, let after = self.interface(place.interface) else { return nil }
        places[key] = nil
        counters.assigned -= 1
        return (after, place.address, record)
    }

    /// Gives an address back to the sandbox that had it before a restart. Answers whether an interface has the address and nobody has it.
    mutating func restore(_ allocation: StateFile.Allocation) -> Bool {
        for place in interfaces.indices {
            guard let index = interfaces[place].place(holding: allocation.address) else { continue }
            let isFree = interfaces[place].withBlock(index, of: allocation.address.family) { block -> Bool in
                guard block.record(of: allocation.address) == nil else { return false }
                block.assign(allocation.address, to: allocation.key, pod: allocation.pod, at: allocation.assignedAt)
                return true
            }
            guard isFree else { return false }
            places[allocation.key] = (interfaces[place].id, allocation.address)
            counters.assigned += 1
            return true
        }
        return false
    }

    // MARK: Numbers

    /// The numbers of a family at a time. IPv6 counts no cooling addresses.
    public func statistics(_ family: IPAddress.Family, at now: Instant) -> PoolStatistics {
        var statistics = PoolStatistics(prefixes: counters.prefixes)
        for interface in interfaces where !interface.isExcluded {
            for block in interface.blocks(of: family) where family == .ipv6 || block.isPrefix == usesPrefixes {
                statistics.total += block.size
                statistics.assigned += block.assignedCount
                if family == .ipv4 { statistics.cooling += block.coolingCount(now, cooldown) }
            }
        }
        return statistics
    }

    /// Prefixes of which no address has a pod; cooling ones count as free.
    public var freePrefixCount: Int {
        interfaces.reduce(0) { count, interface in
            interface.isExcluded ? count : count + interface.blocks.count { $0.isPrefix && $0.assignedCount == 0 }
        }
    }

    /// Interfaces that could have more blocks, the lowest device first.
    func candidates(below limit: Int) -> [PoolInterface] {
        interfaces.filter { isServing($0) && $0.blocks.count < limit }
    }

    /// What has been given to pods, by address.
    public var allocations: [StateFile.Allocation] {
        interfaces.flatMap { $0.blocks + $0.ipv6Blocks }.flatMap { block in
            block.records.compactMap { record in
                guard let key = record.key, let pod = record.pod else { return nil }
                return StateFile.Allocation(key: key, address: record.address, assignedAt: record.assignedAt, pod: pod)
            }
        }
    }
}
