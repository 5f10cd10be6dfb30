/// Scores that a node has by itself: plugins NodeResourcesFit (least allocated), NodeResourcesBalancedAllocation and ImageLocality.
enum NodeScores {
    static let maximum: Int64 = 100

    /// Least allocated and balanced allocation, each of weight 1.
    static func resources(_ pod: PodRequirements, _ slot: NodeSlot, _ node: SchedulingNode) -> Int64 {
        leastAllocated(pod, slot, node) + (pod.isBestEffort ? 0 : balanced(pod, slot, node))
    }

    private static func leastAllocated(_ pod: PodRequirements, _ slot: NodeSlot, _ node: SchedulingNode) -> Int64 {
        let shares = [
            (slot.assumedCPU.clampedAdding(pod.assumedCPU), node.allocatable.milliCPU),
            (slot.assumedMemory.clampedAdding(pod.assumedMemory), node.allocatable.memory),
        ]
        var sum: Int64 = 0
        var weights: Int64 = 0
        for (requested, allocatable) in shares where allocatable > 0 {
            weights += 1
            guard requested <= allocatable else { continue }
            sum += Int64(clamping: Int128(allocatable - requested) * Int128(maximum) / Int128(allocatable))
        }
        return weights == 0 ? 0 : sum / weights
    }

    private static func balanced(_ pod: PodRequirements, _ slot: NodeSlot, _ node: SchedulingNode) -> Int64 {
        let shares = [
            (slot.requested.milliCPU.clampedAdding(pod.requests.milliCPU), node.allocatable.milliCPU),
            (slot.requested.memory.clampedAdding(pod.requests.memory), node.allocatable.memory),
        ]
        let fractions = shares.filter { $0.1 > 0 }.map { min(Double($0.0) / Double($0.1), 1) }
        let deviation = fractions.count == 2 ? ((fractions[0] - fractions[1]) / 2).magnitude : 0
        return Int64((1 - deviation) * Double(maximum))
    }

    private static let megabyte: Int64 = 1024 * 1024
    private static let leastImageBytes = 23 * megabyte
    private static let mostImageBytes = 1000 * megabyte

    /// How much of the pod's images a node has, each counted by the share of nodes that have it.
    static func images(_ pod: PodRequirements, _ node: SchedulingNode, nodesWithImage: [String: Int], nodes: Int) -> Int64 {
        var sum: Int64 = 0
        for image in pod.images {
            guard let bytes = node.images[image], let count = nodesWithImage[image], nodes > 0 else { continue }
            sum = sum.clampedAdding(Int64(clamping: Int128(Double(bytes) * Double(count) / Double(nodes))))
        }
        let most = mostImageBytes * Int64(max(pod.containerCount, 1))
        let scored = min(max(sum, leastImageBytes), most)
        return maximum * (scored - leastImageBytes) / (most - leastImageBytes)
    }
}

/// What plugins make of raw scores to compare them.
enum ScoreNormalization {
    /// In proportion to the largest (`DefaultNormalizeScore`).
    static func proportional(_ scores: [Int64], isReversed: Bool) -> [Int64] {
        let largest = scores.max() ?? 0
        guard largest > 0 else { return scores.map { _ in isReversed ? NodeScores.maximum : 0 } }
        return scores.map { score in
            let share = Int64(clamping: Int128(NodeScores.maximum) * Int128(score) / Int128(largest))
            return isReversed ? NodeScores.maximum - share : share
        }
    }

    /// Stretched between the smallest and the largest, as InterPodAffinity does.
    static func stretched(_ scores: [Int64]) -> [Int64] {
        guard let least = scores.min(), let most = scores.max(), most > least else { return scores.map { _ in 0 } }
        return scores.map { Int64(Double(NodeScores.maximum) * (Double($0 - least) / Double(most - least))) }
    }
}
