/// The scheduling of the default profile of kube-scheduler 1.36, without I/O: the cluster and a pod in, a decision with its reasons out.
///
/// Where the real one chooses at random, the first in the order of the nodes is taken, so that the same cluster gives the same decisions.
public struct Scheduler: Sendable {
    /// So many plans are kept; the least used goes first.
    private static let keptPlans = 128

    /// The cluster as the scheduler sees it.
    public var cache = ClusterCache()
    let wording: Wording
    private var rejections = RejectionTable()
    /// Nodes that pods were nominated for, by pod.
    private(set) var nominations: [String: Nomination] = [:]
    private var plans: [Int: ClassPlan] = [:]
    private var uses: UInt64 = 0
    private var nextStart = 0
    private var images: (revision: UInt64, nodes: [String: Int]) = (0, [:])

    struct Nomination: Sendable {
        let node: String
        let pod: SchedulablePod
    }

    /// Makes the scheduler of release 1.`minorVersion`, with an empty cluster.
    public init(minorVersion: Int = 36) { wording = Wording(minorVersion: minorVersion) }

    /// Notes that room is being made on a node for a pod, or with `nil` that it is not.
    public mutating func nominate(_ pod: SchedulablePod, to node: String?) {
        nominations[pod.key] = node.map { Nomination(node: $0, pod: pod) }
    }

    /// Finds a node for a pod. Changes nothing but what is remembered to be fast; the caller places the pod.
    public mutating func schedule(_ pod: SchedulablePod) -> SchedulingDecision {
        guard cache.nodeCount > 0 else {
            return .wait(
                SchedulingDecision.Refusal(
                    message: "no nodes available to schedule pods", preemption: nil, clearsNomination: true, nodes: []))
        }
        let classID = cache.intern(pod.requirements)
        var plan = takePlan(classID)
        cache.release(classID)
        defer { keep(plan) }
        var diagnosis = Diagnosis(nodeCount: cache.nodeCount)
        do throws(VolumeFilter.Refusal) {
            let cycle = try cycle(&plan)
            let feasible = find(pod, cycle, &plan, &diagnosis)
            if let only = feasible.first {
                let slot = feasible.count == 1 ? only : best(feasible, plan)
                return .bind(placement(slot, cycle.volumes))
            }
        } catch {
            diagnosis.overall = error.text
        }
        return .wait(refuse(pod, &plan, diagnosis))
    }

    private func placement(_ slot: Int, _ volumes: VolumeFilter) -> SchedulingDecision.Placement {
        guard let node = cache.slots[slot].node else { return SchedulingDecision.Placement(node: "", volumes: []) }
        return SchedulingDecision.Placement(
            node: node.name, volumes: (volumes.places(on: node) ?? []).map { ($0.claim.key, $0.volume) })
    }

    // MARK: Plans

    private mutating func takePlan(_ classID: Int) -> ClassPlan {
        uses += 1
        if var known = plans.removeValue(forKey: classID) {
            if known.selectionRevision == cache.selectionRevision {
                known.lastUse = uses
                return known
            }
            drop(known)
        }
        var plan = ClassPlan(classID, &cache)
        // The plan refers to its class, whose number stays its own thereby.
        _ = cache.intern(plan.pod)
        plan.lastUse = uses
        return plan
    }

    private mutating func keep(_ plan: ClassPlan) {
        plans[plan.classID] = plan
        guard plans.count > Self.keptPlans, let oldest = plans.values.min(by: { $0.lastUse < $1.lastUse }) else { return }
        plans[oldest.classID] = nil
        drop(oldest)
    }

    private mutating func drop(_ plan: ClassPlan) {
        for counter in plan.counters { cache.release(counter: counter) }
        cache.release(plan.classID)
    }

    // MARK: Filters

    /// What the filters found out about the cluster as a whole.
    struct Cycle: Sendable {
        let order: [Int]
        let spread: SpreadFilter
        let affinity: PodAffinityFilter
        let volumes: VolumeFilter

        /// Whether a node's own verdict is all there is to say.
        var isPlain: Bool { spread.isIdle && affinity.isIdle && volumes.isIdle }
    }

    /// Looks at the cluster as it is now.
    mutating func cycle(_ plan: inout ClassPlan) throws(VolumeFilter.Refusal) -> Cycle {
        if let names = plan.names, names.isEmpty { throw VolumeFilter.Refusal(text: "pod affinity terms conflict") }
        let volumes = try VolumeFilter(plan.pod, cache)
        let order = cache.nodeOrder()
        refresh(&plan, order)
        return Cycle(
            order: order, spread: SpreadFilter(plan, order, &cache), affinity: PodAffinityFilter(plan, &cache), volumes: volumes)
    }

    private mutating func refresh(_ plan: inout ClassPlan, _ order: [Int]) {
        if plan.verdicts.count < cache.slots.count {
            plan.verdicts += Array(repeating: ClassPlan.Verdict(), count: cache.slots.count - plan.verdicts.count)
        }
        let looked = plan.only.map { cache.slot(of: $0).map { [$0] } ?? [] }
        for slot in looked ?? cache.changes(since: plan.changesSeen) ?? order { plan.verdicts[slot] = verdict(plan, slot) }
        plan.changesSeen = cache.changeCount
        if plan.termRevision != cache.terms.revision {
            plan.termRevision = cache.terms.revision
            let labels = cache.namespaces[plan.pod.namespace]
            plan.matchingTerms = cache.terms.ids(concerning: plan.pod.namespace).filter {
                cache.terms[$0]?.key.term.pods.matches(plan.pod, namespaceLabels: labels) ?? false
            }
        }
        if plan.imageRevision != cache.nodesRevision {
            plan.imageRevision = cache.nodesRevision
            scoreImages(&plan, looked ?? order)
        }
    }

    private mutating func verdict(_ plan: ClassPlan, _ slot: Int) -> ClassPlan.Verdict {
        var verdict = plan.verdicts[slot]
        let place = cache.slots[slot]
        guard let node = place.node else { return verdict }
        if verdict.nodeRevision != place.nodeRevision {
            verdict.allowsNode = plan.pod.nodes.allows(node)
            verdict.toleratesTaints = NodeFilters.untolerated(plan.pod, node) == nil
            verdict.fixed = rejections.number(NodeFilters.reject(plan.pod, node, allowsNode: verdict.allowsNode, wording))
            verdict.preference = plan.pod.nodes.preference(for: node)
            verdict.softTaints = Int64(plan.pod.tolerations.untoleratedPreferences(among: node.taints))
        }
        verdict.room = rejections.number(RoomFilters.reject(plan.pod, place, node))
        verdict.resourceScore = verdict.room == 0 ? NodeScores.resources(plan.pod, place, node) : 0
        verdict.nodeRevision = place.nodeRevision
        return verdict
    }

    private mutating func scoreImages(_ plan: inout ClassPlan, _ order: [Int]) {
        if images.revision != cache.nodesRevision {
            var nodes: [String: Int] = [:]
            for place in cache.slots { for name in place.node?.images.keys ?? [:].keys { nodes[name, default: 0] += 1 } }
            images = (cache.nodesRevision, nodes)
        }
        guard !images.nodes.isEmpty else { return }
        for slot in order {
            guard let node = cache.slots[slot].node else { continue }
            plan.verdicts[slot].imageScore = NodeScores.images(plan.pod, node, nodesWithImage: images.nodes, nodes: cache.nodeCount)
        }
    }

    /// Why a node will not do as things are; `nil` when it will. The plugins' order decides which reason is told.
    func reject(_ slot: Int, _ cycle: Cycle, _ plan: ClassPlan) -> Rejection? {
        let verdict = plan.verdicts[slot]
        if verdict.fixed != 0 { return rejections[verdict.fixed] }
        if verdict.room != 0 { return rejections[verdict.room] }
        guard !cycle.isPlain else { return nil }
        if let node = cache.slots[slot].node, let rejection = cycle.volumes.reject(cache.slots[slot], node) { return rejection }
        return cycle.spread.reject(slot) ?? cycle.affinity.reject(slot)
    }

    /// The nodes that will do, at most as many as are worth scoring; else the diagnosis says why there is none.
    private mutating func find(_ pod: SchedulablePod, _ cycle: Cycle, _ plan: inout ClassPlan, _ diagnosis: inout Diagnosis) -> [Int] {
        let rivals = rivals(of: pod)
        if let name = pod.nominatedNode, let nominated = cache.slot(of: name), plan.only ?? name == name,
            reject(nominated, cycle, &plan, rivals: rivals[nominated]) == nil
        {
            return [nominated]
        }
        var order = cycle.order
        if let names = plan.names {
            order =
                plan.only.map { cache.slot(of: $0).map { [$0] } ?? [] }
                ?? order.filter { slot in cache.slots[slot].node.map { names.contains($0.name) } ?? false }
            diagnosis.absent = .unresolvable("node(s) didn't satisfy plugin(s) [NodeAffinity]")
        }
        let wanted = Self.feasibleNodesToFind(order.count)
        var feasible: [Int] = []
        var rejected: [(place: Int, rejection: Rejection)] = []
        // Most pods look at nothing but the verdicts; those are read without a call.
        let isPlain = cycle.isPlain && rivals.isEmpty
        for step in order.indices {
            let place = (nextStart + step) % order.count
            let isFree = isPlain && plan.verdicts[order[place]].isFree
            if !isFree, let rejection = reject(order[place], cycle, &plan, rivals: rivals[order[place]]) {
                rejected.append((place, rejection))
            } else {
                feasible.append(order[place])
                if feasible.count == wanted { break }
            }
        }
        if feasible.isEmpty {
            diagnosis.statuses = rejected.sorted { $0.place < $1.place }.map { (order[$0.place], $0.rejection) }
        }
        nextStart = (nextStart + feasible.count + rejected.count) % max(cycle.order.count, 1)
        return feasible
    }

    /// How many nodes are looked for (`numFeasibleNodesToFind` without `percentageOfNodesToScore`).
    static func feasibleNodesToFind(_ nodes: Int) -> Int {
        let least = 100
        guard nodes >= least else { return nodes }
        return max(nodes * max(50 - nodes / 125, 5) / 100, least)
    }

    // MARK: Nominated pods

    /// Pods of no lower rank that wait for room on a node, by slot.
    private func rivals(of pod: SchedulablePod) -> [Int: [SchedulablePod]] {
        guard !nominations.isEmpty else { return [:] }
        var rivals: [Int: [SchedulablePod]] = [:]
        for (key, nomination) in nominations.sorted(by: { $0.key < $1.key }) where key != pod.key && !cache.isPlaced(key) {
            guard nomination.pod.priority >= pod.priority, let slot = cache.slot(of: nomination.node) else { continue }
            rivals[slot, default: []].append(nomination.pod.placed(on: nomination.node))
        }
        return rivals
    }

    /// The same with and without those who wait for the node: it has to do both ways.
    private mutating func reject(_ slot: Int, _ cycle: Cycle, _ plan: inout ClassPlan, rivals: [SchedulablePod]?) -> Rejection? {
        guard let rivals, !rivals.isEmpty else { return reject(slot, cycle, plan) }
        for rival in rivals { cache.place(rival) }
        let rejection = rejectNow(slot, &plan)
        for rival in rivals { cache.removePod(rival.key) }
        refresh(&plan, cycle.order)
        return rejection ?? reject(slot, cycle, plan)
    }

    /// Why a node will not do after the cluster was changed.
    mutating func rejectNow(_ slot: Int, _ plan: inout ClassPlan) -> Rejection? {
        do throws(VolumeFilter.Refusal) {
            let cycle = try cycle(&plan)
            return reject(slot, cycle, plan)
        } catch { return .unresolvable(error.text) }
    }

    /// The same, with those who wait for the node.
    mutating func rejectNow(_ pod: SchedulablePod, _ slot: Int, _ plan: inout ClassPlan) -> Rejection? {
        do throws(VolumeFilter.Refusal) {
            let cycle = try cycle(&plan)
            return reject(slot, cycle, &plan, rivals: rivals(of: pod)[slot])
        } catch { return .unresolvable(error.text) }
    }

    // MARK: Scores

    /// The best of several nodes; the first of equals.
    private mutating func best(_ feasible: [Int], _ plan: ClassPlan) -> Int {
        let order = cache.nodeOrder()
        var totals = feasible.map { plan.verdicts[$0].resourceScore + plan.verdicts[$0].imageScore }
        func add(_ scores: [Int64], weight: Int64) { for place in totals.indices { totals[place] += scores[place] * weight } }
        add(ScoreNormalization.proportional(feasible.map { plan.verdicts[$0].softTaints }, isReversed: true), weight: 3)
        if !plan.pod.nodes.preferred.isEmpty {
            add(ScoreNormalization.proportional(feasible.map { plan.verdicts[$0].preference }, isReversed: false), weight: 2)
        }
        if let spread = SpreadScore(plan, feasible: feasible, order, &cache) { add(spread.scores(feasible), weight: 2) }
        if let affinity = PodAffinityScore(plan, &cache) { add(affinity.scores(feasible), weight: 2) }
        var best = 0
        for place in totals.indices where totals[place] > totals[best] { best = place }
        return feasible[best]
    }
}
