/// Plugin PodTopologySpread as a filter: how the pods of a required constraint are spread at present.
struct SpreadFilter: Sendable {
    private struct Constraint: Sendable {
        let topology: TopologyIndex
        let sums: [Int64]
        /// The fewest pods in a domain.
        let minimum: Int64
        let maxSkew: Int64
        let own: Int64
    }

    private let constraints: [Constraint]

    init(_ plan: ClassPlan, _ order: [Int], _ cache: inout ClusterCache) {
        guard !plan.hard.isEmpty else {
            constraints = []
            return
        }
        let topologies = plan.hard.map { cache.topology($0.constraint.topologyKey) }
        let eligible = order.filter { slot in topologies.allSatisfy { $0.domains[slot] >= 0 } }
        var made: [Constraint] = []
        for (spread, topology) in zip(plan.hard, topologies) {
            let counts = cache.counters[spread.counter].counts
            var sums = [Int64](repeating: 0, count: topology.count)
            var isPresent = [Bool](repeating: false, count: topology.count)
            for slot in eligible where spread.includes(plan.verdicts[slot]) {
                let domain = Int(topology.domains[slot])
                sums[domain] += counts[slot]
                isPresent[domain] = true
            }
            let present = sums.indices.filter { isPresent[$0] }
            let isShort = Int64(present.count) < spread.constraint.minDomains
            let minimum = isShort ? 0 : present.map { sums[$0] }.min() ?? Int64(Int32.max)
            made.append(
                Constraint(
                    topology: topology, sums: sums, minimum: minimum, maxSkew: spread.constraint.maxSkew, own: spread.own))
        }
        constraints = made
    }

    /// Whether nothing is required.
    var isIdle: Bool { constraints.isEmpty }

    func reject(_ slot: Int) -> Rejection? {
        for constraint in constraints {
            let domain = constraint.topology.domains[slot]
            guard domain >= 0 else { return .spreadLabel }
            if constraint.sums[Int(domain)] + constraint.own - constraint.minimum > constraint.maxSkew { return .spread }
        }
        return nil
    }
}

extension ClassPlan.Spread {
    /// Whether a node's pods count (`nodeAffinityPolicy`, `nodeTaintsPolicy`).
    func includes(_ verdict: ClassPlan.Verdict) -> Bool {
        (!constraint.honorsNodeAffinity || verdict.allowsNode) && (!constraint.honorsTaints || verdict.toleratesTaints)
    }
}
