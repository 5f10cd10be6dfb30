/// Pods of equal requirements.
struct PodClass: Sendable {
    let requirements: PodRequirements
    /// Pods, waiting or placed, and plans that refer to the class.
    var references = 0
    /// By slot.
    var placements: [Int: Placement] = [:]
    /// Counters that count these pods.
    var counters: [Int] = []
    /// The terms that these pods hold against others.
    var terms: [Int] = []

    struct Placement: Sendable {
        var live = 0
        var terminating = 0

        func count(withTerminating: Bool) -> Int64 { Int64(live + (withTerminating ? terminating : 0)) }
    }
}

/// How many pods on each node satisfy some conditions: kept up to date, so that nobody searches pods.
struct PodCounter: Sendable {
    /// What is counted.
    struct Question: Sendable, Hashable {
        /// All have to match.
        let matchers: [PodMatcher]
        let countsTerminating: Bool

        /// The only namespaces in which pods can match; `nil` when labels of namespaces decide.
        var namespaces: Set<String>? {
            var common: Set<String>?
            for matcher in matchers where matcher.namespaces.selector == nil {
                common = common.map { $0.intersection(matcher.namespaces.names) } ?? matcher.namespaces.names
            }
            return common
        }
    }

    let question: Question
    /// By slot.
    var counts: [Int64]
    /// Plans that look at it.
    var references = 0
}

/// A pod affinity term of pods that are placed: it matters to those that come later.
struct HeldTerm: Sendable {
    enum Kind: Sendable, Hashable { case affinity, antiAffinity }

    struct Key: Sendable, Hashable {
        let kind: Kind
        let term: PodAffinityTerm
        /// `nil` for a required one.
        let weight: Int64?
    }

    let key: Key
    /// Classes that hold it.
    var references = 0
    /// How many holders are on a node, by slot.
    var holders: [Int: Int] = [:]

    /// What it adds to the score of a pod that it matches; a required affinity counts 1 (`hardPodAffinityWeight`).
    var score: Int64 {
        switch (key.kind, key.weight) {
        case (.affinity, let weight): weight ?? 1
        case (.antiAffinity, let weight): weight.map { -$0 } ?? 0
        }
    }
}
