/// Plugin InterPodAffinity as a filter: which domains hold pods that draw or repel.
struct PodAffinityFilter: Sendable {
    private struct Term: Sendable {
        let topology: TopologyIndex
        let sums: [Int64]

        func pods(near slot: Int) -> Int64 {
            let domain = topology.domains[slot]
            return domain < 0 ? 0 : sums[Int(domain)]
        }
    }

    private let affinity: [Term]
    /// Whether no pod satisfies the affinity yet, and this one would.
    private let isFirst: Bool
    private let antiAffinity: [Term]
    private let existing: [Term]

    init(_ plan: ClassPlan, _ cache: inout ClusterCache) {
        func terms(_ list: [ClassPlan.Term], _ cache: inout ClusterCache) -> [Term] {
            list.map { term in
                let topology = cache.topology(term.topologyKey)
                return Term(topology: topology, sums: topology.sums(cache.counters[term.counter].counts))
            }
        }
        affinity = terms(plan.affinity, &cache)
        isFirst = plan.satisfiesItself && affinity.allSatisfy { $0.sums.allSatisfy { $0 == 0 } }
        antiAffinity = terms(plan.antiAffinity, &cache)
        var existing: [Term] = []
        for id in plan.matchingTerms {
            guard let held = cache.terms[id], held.key.kind == .antiAffinity, held.key.weight == nil, !held.holders.isEmpty else {
                continue
            }
            let topology = cache.topology(held.key.term.topologyKey)
            var sums = [Int64](repeating: 0, count: topology.count)
            for (slot, count) in held.holders where topology.domains[slot] >= 0 { sums[Int(topology.domains[slot])] += Int64(count) }
            existing.append(Term(topology: topology, sums: sums))
        }
        self.existing = existing
    }

    /// Whether nobody draws or repels.
    var isIdle: Bool { affinity.isEmpty && antiAffinity.isEmpty && existing.isEmpty }

    func reject(_ slot: Int) -> Rejection? {
        if !affinity.isEmpty {
            guard affinity.allSatisfy({ $0.topology.domains[slot] >= 0 }) else { return .podAffinity }
            if !isFirst, !affinity.allSatisfy({ $0.pods(near: slot) > 0 }) { return .podAffinity }
        }
        if antiAffinity.contains(where: { $0.pods(near: slot) > 0 }) { return .podAntiAffinity }
        return existing.contains { $0.pods(near: slot) > 0 } ? .existingAntiAffinity : nil
    }
}
