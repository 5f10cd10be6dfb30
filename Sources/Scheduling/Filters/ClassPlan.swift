import KubeAPI

/// What is known of each node for pods of one class, kept from one pod to the next.
struct ClassPlan: Sendable {
    /// One node, seen by the class.
    struct Verdict: Sendable {
        var nodeRevision: UInt64 = 0
        /// Why the node itself will not do; 0 when it will.
        var fixed: Int32 = 0
        /// Why there is no room on it; 0 when there is.
        var room: Int32 = 0
        var allowsNode = false
        var toleratesTaints = false
        /// Least allocated plus balanced allocation.
        var resourceScore: Int64 = 0
        var preference: Int64 = 0
        var softTaints: Int64 = 0
        var imageScore: Int64 = 0

        /// Whether the node itself would do.
        var isFree: Bool { fixed == 0 && room == 0 }
    }

    /// A spread constraint and where its pods are counted.
    struct Spread: Sendable {
        let constraint: SpreadConstraint
        let counter: Int
        /// 1 when the pod itself will count.
        let own: Int64
    }

    /// A pod affinity term and where its pods are counted.
    struct Term: Sendable {
        let topologyKey: String
        let counter: Int
        let weight: Int64
    }

    let classID: Int
    let pod: PodRequirements
    /// The only nodes that come into question, by name.
    let names: Set<String>?
    /// The one node that need be looked at: daemons' pods name theirs, and nothing about others matters to them.
    let only: String?
    let hard: [Spread]
    let soft: [Spread]
    /// Whether the soft constraints are the cluster's own: nodes without a zone take part then.
    let isSpreadByDefault: Bool
    /// Pods that satisfy every required affinity term, by the terms' topology keys.
    let affinity: [Term]
    /// Whether the pod satisfies its own affinity: the first of a group may go anywhere.
    let satisfiesItself: Bool
    let antiAffinity: [Term]
    let preferences: [Term]
    let selectionRevision: UInt64
    var verdicts: [Verdict]
    /// How many of the cache's changes are in the verdicts.
    var changesSeen = 0
    var termRevision: UInt64 = 0
    /// Terms of placed pods that match this class.
    var matchingTerms: [Int] = []
    var imageRevision: UInt64 = 0
    var lastUse: UInt64 = 0

    /// The counters that the plan holds.
    var counters: [Int] {
        (hard + soft).map(\.counter) + (affinity + antiAffinity + preferences).map(\.counter)
    }

    /// Makes the plan of a class, which keeps the counters it asks for.
    init(_ classID: Int, _ cache: inout ClusterCache) {
        self.classID = classID
        let pod = cache.classes[classID].requirements
        let labels = cache.namespaces[pod.namespace]
        self.pod = pod
        names = pod.nodes.names
        let own = pod.spread
        only = names?.count == 1 && own.isEmpty ? names?.first : nil
        func spread(_ constraints: [SpreadConstraint], _ cache: inout ClusterCache) -> [Spread] {
            constraints.map { constraint in
                let matcher = PodMatcher(namespaces: NamespaceChoice(only: pod.namespace), selector: constraint.selector)
                return Spread(
                    constraint: constraint, counter: cache.counter(.init(matchers: [matcher], countsTerminating: false)),
                    own: constraint.selector?.matches(pod.labels) ?? false ? 1 : 0)
            }
        }
        hard = spread(own.filter(\.isRequired), &cache)
        isSpreadByDefault = own.isEmpty
        let system = own.isEmpty ? cache.selectors.selector(of: pod).map(SpreadConstraint.system) ?? [] : []
        soft = spread(own.isEmpty ? system : own.filter { !$0.isRequired }, &cache)
        func terms(_ list: [(term: PodAffinityTerm, weight: Int64)], _ cache: inout ClusterCache) -> [Term] {
            list.map { item in
                let counter = cache.counter(.init(matchers: [item.term.pods], countsTerminating: true))
                return Term(topologyKey: item.term.topologyKey, counter: counter, weight: item.weight)
            }
        }
        let required = pod.affinity.required
        let all = required.map(\.pods)
        affinity = required.map { term in
            Term(
                topologyKey: term.topologyKey, counter: cache.counter(.init(matchers: all, countsTerminating: true)), weight: 0)
        }
        satisfiesItself = all.allSatisfy { $0.matches(pod, namespaceLabels: labels) }
        antiAffinity = terms(pod.antiAffinity.required.map { ($0, 0) }, &cache)
        preferences = terms(
            pod.affinity.preferred.map { ($0.term, $0.weight) } + pod.antiAffinity.preferred.map { ($0.term, -$0.weight) }, &cache)
        selectionRevision = cache.selectionRevision
        verdicts = Array(repeating: Verdict(), count: cache.slots.count)
    }
}
