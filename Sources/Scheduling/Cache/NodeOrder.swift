/// The order in which nodes are tried: zones take turns, each giving its nodes in the order in which they came (`nodeTree`).
struct NodeOrder: Sendable {
    private var zones: [(name: String, slots: [Int])] = []
    private var zoneOfSlot: [Int: String] = [:]
    private var cached: [Int]?

    mutating func insert(_ slot: Int, zone: String) {
        zoneOfSlot[slot] = zone
        if let place = zones.firstIndex(where: { $0.name == zone }) {
            zones[place].slots.append(slot)
        } else {
            zones.append((zone, [slot]))
        }
        cached = nil
    }

    mutating func remove(_ slot: Int) {
        guard let zone = zoneOfSlot.removeValue(forKey: slot), let place = zones.firstIndex(where: { $0.name == zone }) else { return }
        zones[place].slots.removeAll { $0 == slot }
        if zones[place].slots.isEmpty { zones.remove(at: place) }
        cached = nil
    }

    /// The slots in their order.
    mutating func list() -> [Int] {
        if let cached { return cached }
        var list: [Int] = []
        list.reserveCapacity(zoneOfSlot.count)
        let longest = zones.map(\.slots.count).max() ?? 0
        for round in 0..<longest {
            for zone in zones where round < zone.slots.count { list.append(zone.slots[round]) }
        }
        cached = list
        return list
    }
}
