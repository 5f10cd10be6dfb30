#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Plugin PodTopologySpread as a score: fewer pods of the kind in a node's domains are better.
struct SpreadScore: Sendable {
    private struct Constraint: Sendable {
        let topology: TopologyIndex
        let isHost: Bool
        let sums: [Int64]
        let counts: [Int64]
        let weight: Double
        let maxSkew: Int64
    }

    private let constraints: [Constraint]
    private let needsAllLabels: Bool

    /// `nil` when the pod has no constraints to score.
    init?(_ plan: ClassPlan, feasible: [Int], _ order: [Int], _ cache: inout ClusterCache) {
        guard !plan.soft.isEmpty else { return nil }
        needsAllLabels = !plan.isSpreadByDefault
        let topologies = plan.soft.map { cache.topology($0.constraint.topologyKey) }
        func hasAll(_ slot: Int) -> Bool { topologies.allSatisfy { $0.domains[slot] >= 0 } }
        let scored = needsAllLabels ? feasible.filter(hasAll) : feasible
        let counted = needsAllLabels ? order.filter(hasAll) : order
        var made: [Constraint] = []
        for (spread, topology) in zip(plan.soft, topologies) {
            let isHost = spread.constraint.topologyKey == SpreadConstraint.hostname
            let counts = cache.counters[spread.counter].counts
            var isCandidate = [Bool](repeating: false, count: topology.count)
            var sums = [Int64](repeating: 0, count: topology.count)
            var size = scored.count
            if !isHost {
                // A missing label is a domain like any other to the weight.
                var hasUnlabelled = false
                for slot in scored {
                    if topology.domains[slot] >= 0 { isCandidate[Int(topology.domains[slot])] = true } else { hasUnlabelled = true }
                }
                size = isCandidate.count { $0 } + (hasUnlabelled ? 1 : 0)
                for slot in counted where spread.includes(plan.verdicts[slot]) {
                    let domain = topology.domains[slot]
                    if domain >= 0, isCandidate[Int(domain)] { sums[Int(domain)] += counts[slot] }
                }
            }
            made.append(
                Constraint(
                    topology: topology, isHost: isHost, sums: sums, counts: counts, weight: log(Double(size + 2)),
                    maxSkew: spread.constraint.maxSkew))
        }
        constraints = made
    }

    /// Scores of 0 to 100, the more the better.
    func scores(_ feasible: [Int]) -> [Int64] {
        let raw = feasible.map { slot -> Int64? in
            if needsAllLabels, !constraints.allSatisfy({ $0.topology.domains[slot] >= 0 }) { return nil }
            var score = 0.0
            for constraint in constraints where constraint.topology.domains[slot] >= 0 {
                let pods = constraint.isHost ? constraint.counts[slot] : constraint.sums[Int(constraint.topology.domains[slot])]
                score += Double(pods) * constraint.weight + Double(constraint.maxSkew - 1)
            }
            return Int64(score.rounded(.toNearestOrAwayFromZero))
        }
        let present = raw.compactMap { $0 }
        let (least, most) = (present.min() ?? 0, present.max() ?? 0)
        return raw.map { score in
            guard let score else { return 0 }
            return most == 0 ? NodeScores.maximum : NodeScores.maximum * (most + least - score) / most
        }
    }
}
