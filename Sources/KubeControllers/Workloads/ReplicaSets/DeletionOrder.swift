import World

/// Which pods go first when there are too many (`controller.ActivePodsWithRanks`).
enum DeletionOrder {
    private static let phases = ["Pending": 0, "Unknown": 1, "Running": 2]

    /// The pods that go, when `count` have to.
    ///
    /// - Parameters:
    ///   - related: the pods of all ReplicaSets of the same Deployment: of nodes with several of them one goes earlier.
    static func first(_ count: Int, of pods: [WorkloadPod], related: [WorkloadPod], at now: Instant) -> [WorkloadPod] {
        guard count < pods.count else { return pods }
        var onNode: [String: Int] = [:]
        for pod in related where pod.isActive { onNode[pod.node, default: 0] += 1 }
        let ordered = pods.sorted { left, right in
            isEarlier(left, right, ranks: (onNode[left.node] ?? 0, onNode[right.node] ?? 0), at: now)
        }
        return Array(ordered.prefix(count))
    }

    static func isEarlier(_ left: WorkloadPod, _ right: WorkloadPod, ranks: (Int, Int), at now: Instant) -> Bool {
        // Not placed before placed.
        if left.node.isEmpty != right.node.isEmpty { return left.node.isEmpty }
        let (leftPhase, rightPhase) = (phases[left.phase] ?? 0, phases[right.phase] ?? 0)
        if leftPhase != rightPhase { return leftPhase < rightPhase }
        if left.isReady != right.isReady { return !left.isReady }
        if left.deletionCost != right.deletionCost { return left.deletionCost < right.deletionCost }
        if ranks.0 != ranks.1 { return ranks.0 > ranks.1 }
        if left.isReady, right.isReady, left.readyChange != right.readyChange {
            guard let leftSince = left.readyChange, let rightSince = right.readyChange else { return left.readyChange == nil }
            return isYounger(leftSince, rightSince, left, right, at: now)
        }
        if left.restarts != right.restarts { return left.restarts > right.restarts }
        if left.sidecarRestarts != right.sidecarRestarts { return left.sidecarRestarts > right.sidecarRestarts }
        if left.created != right.created { return isYounger(left.created, right.created, left, right, at: now) }
        // Upstream's order ends here; names keep ours the same each time.
        return left.name < right.name
    }

    /// Ages count by their powers of two: among pods of about the same age chance decides, which is the UID (`LogarithmicScaleDown`).
    private static func isYounger(_ left: Instant, _ right: Instant, _ one: WorkloadPod, _ other: WorkloadPod, at now: Instant) -> Bool {
        func rank(_ time: Instant) -> Int {
            let age = (now - time).clampedNanoseconds
            return age > 0 ? Int64.bitWidth - 1 - age.leadingZeroBitCount : -1
        }
        let (leftRank, rightRank) = (rank(left), rank(right))
        return leftRank == rightRank ? one.uid < other.uid : leftRank < rightRank
    }
}
