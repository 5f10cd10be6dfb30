/// A node's place in the cache: what it is, and what the pods on it take.
struct NodeSlot: Sendable {
    /// `nil` while the place is free.
    var node: SchedulingNode?
    /// Changes with `node`.
    var nodeRevision: UInt64 = 0
    var requested = ResourceAmounts()
    var assumedCPU: Int64 = 0
    var assumedMemory: Int64 = 0
    var pods: Set<String> = []
    var ports: [HostPort] = []
    /// `namespace/name` of the claims in use, and by how many pods.
    var claims: [String: Int] = [:]
    var disks: [PodContent.Disk] = []

    mutating func add(_ key: String, _ pod: PodRequirements) {
        pods.insert(key)
        requested.add(pod.requests)
        assumedCPU = assumedCPU.clampedAdding(pod.assumedCPU)
        assumedMemory = assumedMemory.clampedAdding(pod.assumedMemory)
        ports += pod.ports
        disks += pod.disks
        for claim in pod.claims { claims["\(pod.namespace)/\(claim)", default: 0] += 1 }
    }

    mutating func remove(_ key: String, _ pod: PodRequirements) {
        pods.remove(key)
        requested.subtract(pod.requests)
        assumedCPU = assumedCPU.clampedSubtracting(pod.assumedCPU)
        assumedMemory = assumedMemory.clampedSubtracting(pod.assumedMemory)
        for port in pod.ports { if let place = ports.firstIndex(of: port) { ports.remove(at: place) } }
        for disk in pod.disks { if let place = disks.firstIndex(of: disk) { disks.remove(at: place) } }
        for claim in pod.claims {
            let name = "\(pod.namespace)/\(claim)"
            claims[name] = claims[name].flatMap { $0 > 1 ? $0 - 1 : nil }
        }
    }
}

/// Which domain of a topology each node is in: zones, hosts, racks.
struct TopologyIndex: Sendable {
    /// By slot; -1 for a node without the label.
    let domains: [Int32]
    /// How many domains there are.
    let count: Int

    init(_ key: String, _ slots: [NodeSlot]) {
        var numbers: [String: Int32] = [:]
        domains = slots.map { slot in
            guard let value = slot.node?.labels[key] else { return -1 }
            if let number = numbers[value] { return number }
            let number = Int32(clamping: numbers.count)
            numbers[value] = number
            return number
        }
        count = numbers.count
    }

    /// The sum of `counts` over the nodes of each domain.
    func sums(_ counts: [Int64]) -> [Int64] {
        var sums = [Int64](repeating: 0, count: count)
        for (slot, domain) in domains.enumerated() where domain >= 0 && counts[slot] != 0 { sums[Int(domain)] += counts[slot] }
        return sums
    }
}

/// Which slots changed lately, in order, so that nobody has to look at all of them.
struct SlotChanges: Sendable {
    private static let kept = 4096

    private var slots: [Int] = []
    private var forgotten = 0

    /// How many changes there were.
    var count: Int { forgotten + slots.count }

    mutating func note(_ slot: Int) {
        slots.append(slot)
        guard slots.count >= 2 * Self.kept else { return }
        forgotten += slots.count - Self.kept
        slots.removeFirst(slots.count - Self.kept)
    }

    /// The slots changed after the first `seen` changes; `nil` when those are forgotten, or nothing was seen yet.
    func since(_ seen: Int) -> [Int]? {
        guard seen > 0, seen >= forgotten else { return nil }
        return Array(slots[(seen - forgotten)...])
    }
}
