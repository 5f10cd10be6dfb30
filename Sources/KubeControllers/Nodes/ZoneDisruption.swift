import JSON
import World

/// How fast nodes that are not heard of lose their pods: one in ten seconds of each zone, none of a small zone that is mostly gone, and none
/// at all when every node of the cluster is: then it is the controller that is cut off (`pkg/controller/nodelifecycle`, `handleDisruption`).
struct ZoneDisruption: Sendable {
    private struct Node: Sendable {
        let zone: String
        let isReady: Bool
        let isUnknown: Bool
    }

    private struct Zone: Sendable {
        var ready = 0
        var notReady = 0
        /// Nodes that wait for their turn, in order.
        var waiting: [String] = []
        /// When the next one's turn is.
        var turn: Instant?

        /// From one node to the next; `nil` for never.
        var pace: Duration? {
            let total = ready + notReady
            guard ready > 0, notReady > 2, notReady * 100 >= total * 55 else { return .seconds(10) }
            return total > 50 ? .seconds(100) : nil
        }
    }

    private var nodes: [String: Node] = [:]
    private var zones: [String: Zone] = [:]
    private var ready = 0
    /// Nodes whose pods go.
    private var executed: Set<String> = []
    private var wasCutOff = false

    /// Whether the pods of a node are to go.
    func isExecuted(_ node: String) -> Bool { executed.contains(node) }

    /// Takes over a node as it is now.
    mutating func note(_ name: String, _ object: JSON) {
        let condition = object.at("status", "conditions")?.array?.first { $0["type"] == "Ready" }
        let labels = object.at("metadata", "labels")
        let zone = "\(labels?["topology.kubernetes.io/region"]?.string ?? ""):\(labels?["topology.kubernetes.io/zone"]?.string ?? "")"
        let node = Node(zone: zone, isReady: condition?["status"] == "True", isUnknown: condition?["status"] == "Unknown")
        let before = nodes[name]
        if let before, before.zone == zone, before.isReady == node.isReady, before.isUnknown == node.isUnknown { return }
        // One that an earlier controller had come to.
        if before == nil, node.isUnknown, Self.isTainted(object) { executed.insert(name) }
        remove(name, keepsExecution: node.isUnknown)
        nodes[name] = node
        if node.isReady { zones[zone, default: Zone()].ready += 1 } else { zones[zone, default: Zone()].notReady += 1 }
        if node.isReady { ready += 1 }
        if node.isUnknown, !executed.contains(name) { zones[zone]?.waiting.append(name) }
    }

    private static func isTainted(_ node: JSON) -> Bool {
        node.at("spec", "taints")?.array?.contains { $0["key"] == "node.kubernetes.io/unreachable" && $0["effect"] == "NoExecute" } ?? false
    }

    /// Forgets a node.
    mutating func remove(_ name: String) { remove(name, keepsExecution: false) }

    private mutating func remove(_ name: String, keepsExecution: Bool) {
        if !keepsExecution { executed.remove(name) }
        guard let node = nodes.removeValue(forKey: name) else { return }
        if node.isReady { ready -= 1 }
        if node.isReady { zones[node.zone]?.ready -= 1 } else { zones[node.zone]?.notReady -= 1 }
        if node.isUnknown { zones[node.zone]?.waiting.removeAll { $0 == name } }
        if zones[node.zone]?.ready == 0, zones[node.zone]?.notReady == 0 { zones[node.zone] = nil }
    }

    private var isCutOff: Bool { ready == 0 && !nodes.isEmpty }

    /// When the next node's turn comes; `nil` when none waits.
    func next(after now: Instant) -> Instant? {
        guard !isCutOff else { return nil }
        return zones.values.compactMap { $0.waiting.isEmpty || $0.pace == nil ? nil : max($0.turn ?? now, now) }.min()
    }

    /// Goes on to a time: answers the nodes whose taints are others now.
    mutating func advance(to now: Instant) -> [String] {
        if isCutOff != wasCutOff {
            wasCutOff = isCutOff
            if isCutOff {
                let spared = executed.sorted()
                for name in spared { if let zone = nodes[name]?.zone { zones[zone]?.waiting.append(name) } }
                executed = []
                return spared
            }
        }
        guard !isCutOff else { return [] }
        var changed: [String] = []
        for name in zones.keys.sorted() {
            while let zone = zones[name], let node = zone.waiting.first, let pace = zone.pace, zone.turn.map({ $0 <= now }) ?? true {
                zones[name]?.waiting.removeFirst()
                zones[name]?.turn = now + pace
                executed.insert(node)
                changed.append(node)
            }
        }
        return changed
    }
}
