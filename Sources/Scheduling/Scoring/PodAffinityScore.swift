/// Plugin InterPodAffinity as a score: what pods near a node draw or repel, both ways.
struct PodAffinityScore: Sendable {
    private let terms: [(topology: TopologyIndex, scores: [Int64])]

    /// `nil` when nothing draws or repels.
    init?(_ plan: ClassPlan, _ cache: inout ClusterCache) {
        var terms: [(topology: TopologyIndex, scores: [Int64])] = []
        for term in plan.preferences {
            let topology = cache.topology(term.topologyKey)
            let sums = topology.sums(cache.counters[term.counter].counts)
            if sums.contains(where: { $0 != 0 }) { terms.append((topology, sums.map { $0 * term.weight })) }
        }
        for id in plan.matchingTerms {
            guard let held = cache.terms[id], held.score != 0, !held.holders.isEmpty else { continue }
            let topology = cache.topology(held.key.term.topologyKey)
            var scores = [Int64](repeating: 0, count: topology.count)
            for (slot, count) in held.holders where topology.domains[slot] >= 0 {
                scores[Int(topology.domains[slot])] += Int64(count) * held.score
            }
            terms.append((topology, scores))
        }
        guard !terms.isEmpty else { return nil }
        self.terms = terms
    }

    /// Scores of 0 to 100, the more the better.
    func scores(_ feasible: [Int]) -> [Int64] {
        ScoreNormalization.stretched(
            feasible.map { slot in
                terms.reduce(0) { sum, term in
                    let domain = term.topology.domains[slot]
                    return domain < 0 ? sum : sum + term.scores[Int(domain)]
                }
            })
    }
}
