import HeapModule
public import World

/// The pods that wait to be scheduled, and why they wait (`pkg/scheduler/backend/queue`).
///
/// As since 1.33 with an idle scheduler, a pod that an event may have helped is tried at once: its back-off counts only while others
/// are waiting.
public struct SchedulingQueue: Sendable {
    /// What happened in the cluster that may help a pod that was refused.
    public enum Event: Sendable, Hashable {
        /// A node came, or changed in what scheduling looks at.
        case node
        /// A pod was placed, or a placed one changed its labels.
        case podPlaced
        /// A placed pod went.
        case podRemoved
        /// A volume, claim or class changed.
        case storage
        /// A namespace's labels changed.
        case namespace
    }

    private struct Waiting: Sendable {
        var pod: SchedulablePod
        /// When it came into the queue at last.
        var since: Instant
        var order: UInt64
    }

    /// A pod's place in the queue: the highest priority first, then who has waited longest.
    private struct Turn: Sendable, Comparable {
        let priority: Int64
        let since: Instant
        let order: UInt64
        let key: String

        static func < (left: Turn, right: Turn) -> Bool {
            if left.priority != right.priority { return left.priority > right.priority }
            return left.since == right.since ? left.order < right.order : left.since < right.since
        }
    }

    /// Refused pods are tried again after this time, whatever happens (`podMaxInUnschedulablePodsDuration`).
    public static let longestWait = Duration.seconds(300)

    private var active: [String: Waiting] = [:]
    private var heap = Heap<Turn>()
    private var refused: [String: Waiting] = [:]
    private var gated: [String: SchedulablePod] = [:]
    private var nextOrder: UInt64 = 0

    /// An empty queue.
    public init() {}

    /// Whether a pod is to be tried now.
    public var hasActive: Bool { !active.isEmpty }

    /// When the next refused pod is tried again whatever happens; `nil` without any.
    public var nextFlush: Instant? { refused.values.map(\.since).min().map { $0 + Self.longestWait } }

    /// Takes over a pod without a node as it is now.
    public mutating func set(_ pod: SchedulablePod, isHelpful: Bool, now: Instant) {
        guard pod.gates.isEmpty else {
            remove(pod.key)
            gated[pod.key] = pod
            return
        }
        gated[pod.key] = nil
        if active[pod.key] != nil {
            active[pod.key]?.pod = pod
        } else if refused[pod.key] != nil {
            refused[pod.key]?.pod = pod
            if isHelpful, let waiting = refused.removeValue(forKey: pod.key) { activate(waiting.pod, now) }
        } else {
            activate(pod, now)
        }
    }

    /// Forgets a pod: it has a node, or is gone.
    public mutating func remove(_ key: String) {
        active[key] = nil
        refused[key] = nil
        gated[key] = nil
    }

    /// The next pod to be scheduled: the highest priority, then the one that has waited longest.
    public mutating func next() -> SchedulablePod? {
        while let first = heap.popMin() {
            // The heap keeps entries of pods that were removed or entered anew.
            if let waiting = active[first.key], waiting.order == first.order {
                active[first.key] = nil
                return waiting.pod
            }
        }
        return nil
    }

    /// Puts a pod away that was refused.
    public mutating func refuse(_ pod: SchedulablePod, now: Instant) {
        guard active[pod.key] == nil, gated[pod.key] == nil else { return }
        nextOrder += 1
        refused[pod.key] = Waiting(pod: pod, since: now, order: nextOrder)
    }

    /// Tries again the refused pods that an event may help.
    public mutating func move(on event: Event, now: Instant) {
        let helped = refused.values.filter { $0.pod.isHelped(by: event) }.sorted { $0.order < $1.order }
        for waiting in helped {
            refused[waiting.pod.key] = nil
            activate(waiting.pod, now)
        }
    }

    /// Tries again the pods that have been refused for `longestWait`.
    public mutating func flush(now: Instant) {
        for waiting in refused.values.filter({ $0.since + Self.longestWait <= now }).sorted(by: { $0.order < $1.order }) {
            refused[waiting.pod.key] = nil
            activate(waiting.pod, now)
        }
    }

    /// Tries a refused pod again.
    public mutating func activate(_ key: String, now: Instant) {
        if let waiting = refused.removeValue(forKey: key) { activate(waiting.pod, now) }
    }

    private mutating func activate(_ pod: SchedulablePod, _ now: Instant) {
        nextOrder += 1
        let waiting = Waiting(pod: pod, since: now, order: nextOrder)
        active[pod.key] = waiting
        heap.insert(Turn(priority: pod.priority, since: now, order: nextOrder, key: pod.key))
    }
}

extension SchedulablePod {
    /// Whether an event may change that the pod fits nowhere. Placed pods and namespaces matter to those only that look at other pods.
    fileprivate func isHelped(by event: SchedulingQueue.Event) -> Bool {
        switch event {
        case .node, .podRemoved: true
        case .podPlaced: !requirements.affinity.required.isEmpty || requirements.spread.contains { $0.isRequired }
        case .namespace: requirements.hasPodAffinity
        case .storage: !requirements.claims.isEmpty
        }
    }
}
