public import JSON

/// The scheduler's view of the cluster: nodes, the pods on them, and counts by which filters look up instead of searching.
///
/// A value: copies are independent. Costs per change are in proportion to what the changed object touches, never to the number of pods.
public struct ClusterCache: Sendable {
    /// A pod that is placed.
    struct PlacedPod: Sendable {
        var pod: SchedulablePod
        let classID: Int
        /// `nil` while its node is unknown.
        var slot: Int?
    }

    private(set) var slots: [NodeSlot] = []
    private var slotsByName: [String: Int] = [:]
    private var freeSlots: [Int] = []
    private var order = NodeOrder()
    private var changes = SlotChanges()
    /// Changes with any node.
    private(set) var nodesRevision: UInt64 = 1
    private(set) var placed: [String: PlacedPod] = [:]
    /// Pods whose node is unknown, by its name.
    private var homeless: [String: Set<String>] = [:]
    var classes = PodClassTable()
    var counters = PodCounterTable()
    var terms = HeldTermTable()
    private var topologies: [String: (revision: UInt64, index: TopologyIndex)] = [:]
    private(set) var namespaces: [String: JSONObject] = [:]
    /// Changes with what selects pods from outside: labels of namespaces, selectors of Services and workloads.
    private(set) var selectionRevision: UInt64 = 1
    var storage = StorageView()
    var selectors = DefaultSelectors()

    /// An empty cluster.
    public init() {}

    /// How many nodes there are.
    public var nodeCount: Int { slotsByName.count }

    /// How many pods are on a node.
    public func podCount(on node: String) -> Int { slotsByName[node].map { slots[$0].pods.count } ?? 0 }

    func slot(of node: String) -> Int? { slotsByName[node] }

    /// The slots in the order in which they are tried.
    mutating func nodeOrder() -> [Int] { order.list() }

    // MARK: Nodes

    /// Takes over a node as it is now. Answers whether anything changed that scheduling looks at.
    @discardableResult
    public mutating func set(_ node: SchedulingNode) -> Bool {
        if let slot = slotsByName[node.name] {
            guard slots[slot].node != node else { return false }
            order.remove(slot)
            install(node, in: slot)
            return true
        }
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count {
            slots.append(NodeSlot())
            counters.grow(to: slots.count)
        }
        slotsByName[node.name] = slot
        install(node, in: slot)
        for key in (homeless.removeValue(forKey: node.name) ?? []).sorted() { move(key, to: slot) }
        return true
    }

    private mutating func install(_ node: SchedulingNode, in slot: Int) {
        nodesRevision += 1
        slots[slot].node = node
        slots[slot].nodeRevision = nodesRevision
        changes.note(slot)
        order.insert(slot, zone: node.zone)
    }

    /// Forgets a node. Its pods stay known, as they do when a Node object is deleted before they are.
    @discardableResult
    public mutating func removeNode(_ name: String) -> Bool {
        guard let slot = slotsByName.removeValue(forKey: name) else { return false }
        for key in slots[slot].pods.sorted() {
            move(key, to: nil)
            homeless[name, default: []].insert(key)
        }
        nodesRevision += 1
        slots[slot] = NodeSlot(nodeRevision: nodesRevision)
        order.remove(slot)
        freeSlots.append(slot)
        return true
    }

    /// The slots that changed after so many changes; `nil` when that is too long ago to tell.
    func changes(since seen: Int) -> [Int]? { changes.since(seen) }

    /// How many changes there were.
    var changeCount: Int { changes.count }

    /// The index of a topology key as the nodes are now.
    mutating func topology(_ key: String) -> TopologyIndex {
        if let known = topologies[key], known.revision == nodesRevision { return known.index }
        let index = TopologyIndex(key, slots)
        topologies[key] = (nodesRevision, index)
        return index
    }

    // MARK: Pods

    /// Takes over a pod that has a node; a finished one is forgotten.
    public mutating func place(_ pod: SchedulablePod) {
        guard let node = pod.node, !pod.isFinished else { return removePod(pod.key) }
        if let known = placed[pod.key], known.pod.uid == pod.uid, known.pod.node == node,
            known.pod.isTerminating == pod.isTerminating, known.pod.requirements == pod.requirements
        {
            placed[pod.key]?.pod = pod
            placed[pod.key]?.pod.requirements = known.pod.requirements
            return
        }
        removePod(pod.key)
        var pod = pod
        let classID = intern(pod.requirements)
        // Pods of one class have theirs in common, not a copy each.
        pod.requirements = classes[classID].requirements
        placed[pod.key] = PlacedPod(pod: pod, classID: classID, slot: nil)
        if let slot = slotsByName[node] { move(pod.key, to: slot) } else { homeless[node, default: []].insert(pod.key) }
    }

    /// Forgets a pod.
    public mutating func removePod(_ key: String) {
        guard let known = placed[key] else { return }
        if known.slot != nil {
            move(key, to: nil)
        } else if let node = known.pod.node {
            homeless[node]?.remove(key)
            if homeless[node]?.isEmpty ?? false { homeless[node] = nil }
        }
        placed[key] = nil
        release(known.classID)
    }

    /// A pod that is placed.
    public func placedPod(_ key: String) -> SchedulablePod? { placed[key]?.pod }

    /// Whether a pod is placed.
    public func isPlaced(_ key: String) -> Bool { placed[key] != nil }

    private mutating func move(_ key: String, to slot: Int?) {
        guard let known = placed[key] else { return }
        if let old = known.slot {
            slots[old].remove(key, known.pod.requirements)
            changes.note(old)
            count(known, on: old, by: -1)
        }
        if let slot {
            slots[slot].add(key, known.pod.requirements)
            changes.note(slot)
            count(known, on: slot, by: 1)
        }
        placed[key]?.slot = slot
    }

    private mutating func count(_ pod: PlacedPod, on slot: Int, by step: Int) {
        classes.count(pod.classID, on: slot, isTerminating: pod.pod.isTerminating, by: step)
        for counter in classes[pod.classID].counters {
            counters.count(counter, on: slot, isTerminating: pod.pod.isTerminating, by: Int64(step))
        }
        for term in classes[pod.classID].terms { terms.count(term, on: slot, by: step) }
    }

    // MARK: Classes

    /// The class of these requirements, referred to once more.
    mutating func intern(_ requirements: PodRequirements) -> Int {
        let (id, isNew) = classes.intern(requirements)
        if isNew {
            for counter in counters.matching(requirements, labels: namespaces[requirements.namespace]) {
                classes.addCounter(counter, to: id)
            }
            classes.setTerms(terms.retain(requirements), of: id)
        }
        return id
    }

    /// Gives up a reference to a class; the last one removes it.
    mutating func release(_ id: Int) {
        guard let last = classes.release(id) else { return }
        terms.release(last.terms)
    }

    /// A counter of what a plan asks, counting from now on.
    mutating func counter(_ question: PodCounter.Question) -> Int {
        let (id, isNew) = counters.retain(question, slots: slots.count)
        if isNew { recount(id, question) }
        return id
    }

    private mutating func recount(_ id: Int, _ question: PodCounter.Question) {
        for classID in classes.ids(in: question.namespaces) where counters.counts(id, classes[classID].requirements, namespaces) {
            classes.addCounter(id, to: classID)
            for (slot, placement) in classes[classID].placements {
                counters.add(placement.count(withTerminating: question.countsTerminating), to: id, on: slot)
            }
        }
    }

    /// Gives up a counter.
    mutating func release(counter id: Int) {
        let question = counters[id].question
        guard counters.release(id) else { return }
        for classID in classes.ids(in: question.namespaces) { classes.removeCounter(id, from: classID) }
    }

    // MARK: Surroundings

    /// Takes over a namespace's labels; `nil` when it is gone. Answers whether they changed.
    @discardableResult
    public mutating func setNamespace(_ name: String, labels: JSONObject?) -> Bool {
        guard namespaces[name] != labels else { return false }
        namespaces[name] = labels
        selectionRevision += 1
        // Rare, and what was counted by namespace selectors has to be counted anew.
        for counter in counters.ids(selectingNamespaces: true) {
            counters.reset(counter)
            for classID in classes.ids(in: nil) { classes.removeCounter(counter, from: classID) }
            recount(counter, counters[counter].question)
        }
        return true
    }

    /// Takes over a Service, ReplicationController, ReplicaSet or StatefulSet, whose selectors spread pods by default; `nil` when it is
    /// gone.
    public mutating func setSelector(kind: String, namespace: String, name: String, object: JSON?) {
        if selectors.set(kind: kind, namespace: namespace, name: name, object: object) { selectionRevision += 1 }
    }

    /// Takes over a PersistentVolume, PersistentVolumeClaim, StorageClass or CSINode; `nil` when it is gone. Answers whether it changed.
    @discardableResult
    public mutating func setStorage(kind: String, key: String, object: JSON?) -> Bool { storage.set(kind: kind, key: key, object: object) }

    /// Takes over a PodDisruptionBudget; `nil` when it is gone.
    public mutating func setBudget(_ key: String, _ budget: JSON?) { budgets[key] = budget.map(Budget.init) }

    private(set) var budgets: [String: Budget] = [:]
}
