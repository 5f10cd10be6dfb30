/// What the node itself says: plugins NodeUnschedulable, TaintToleration and NodeAffinity.
enum NodeFilters {
    private static let unschedulableTaint = Taint(key: "node.kubernetes.io/unschedulable", effect: "NoSchedule")

    static func reject(_ pod: PodRequirements, _ node: SchedulingNode, allowsNode: Bool, _ wording: Wording) -> Rejection? {
        if node.isUnschedulable, !pod.tolerations.tolerate(unschedulableTaint) { return .cordoned }
        if let taint = untolerated(pod, node) { return .unresolvable(wording.untolerated(taint)) }
        return allowsNode ? nil : .affinity
    }

    /// The first taint that keeps the pod off.
    static func untolerated(_ pod: PodRequirements, _ node: SchedulingNode) -> Taint? {
        node.taints.first { $0.keepsOff && !pod.tolerations.tolerate($0) }
    }
}

/// What the pods on a node leave: plugins NodePorts and NodeResourcesFit.
enum RoomFilters {
    static func reject(_ pod: PodRequirements, _ slot: NodeSlot, _ node: SchedulingNode) -> Rejection? {
        for port in pod.ports where slot.ports.contains(where: { $0.conflicts(with: port) }) { return .ports }
        return lacking(pod, slot, node)
    }

    private static func lacking(_ pod: PodRequirements, _ slot: NodeSlot, _ node: SchedulingNode) -> Rejection? {
        var reasons: [String] = []
        var isUnresolvable = false
        if slot.pods.count >= node.maximumPods { reasons.append("Too many pods") }
        func compare(_ name: String, _ wanted: Int64, _ has: Int64, _ used: Int64) {
            guard wanted > 0, wanted > has.clampedSubtracting(used) else { return }
            reasons.append("Insufficient \(name)")
            // Not even the empty node would do.
            if wanted > has { isUnresolvable = true }
        }
        let (wanted, has, used) = (pod.requests, node.allocatable, slot.requested)
        compare("cpu", wanted.milliCPU, has.milliCPU, used.milliCPU)
        compare("memory", wanted.memory, has.memory, used.memory)
        compare("ephemeral-storage", wanted.ephemeralStorage, has.ephemeralStorage, used.ephemeralStorage)
        for (name, amount) in wanted.scalars.sorted(by: { $0.key < $1.key }) {
            compare(name, amount, has.scalars[name] ?? 0, used.scalars[name] ?? 0)
        }
        return reasons.isEmpty ? nil : Rejection(isUnresolvable: isUnresolvable, reasons: reasons)
    }
}
