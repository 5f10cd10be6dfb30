import JSON
import Scheduling
import World

/// Where a DaemonSet's pods are, and where they belong: what has to be made and deleted (`pkg/controller/daemon`).
struct DaemonSetPlan: Sendable {
    /// What leads on.
    struct Steps: Sendable, Equatable {
        /// Nodes that get a pod.
        var nodes: [String] = []
        /// Pods that go, by name.
        var pods: [String] = []
    }

    let daemonSet: JSON
    let revision: String
    let now: Instant
    private let nodes: [WorkloadNode]
    /// Nodes that get a pod, and those that keep theirs: taints that only keep pods off do not end those that are there.
    private let wanted: Set<String>
    private let kept: Set<String>
    private(set) var byNode: [String: [WorkloadPod]] = [:]

    init(_ daemonSet: JSON, revision: String, nodes: [WorkloadNode], pods: [WorkloadPod], at now: Instant) {
        self.daemonSet = daemonSet
        self.revision = revision
        self.nodes = nodes
        self.now = now
        let placement = Placement(DaemonPods.template(of: daemonSet, revision: nil)["spec"] ?? [:])
        let selected = nodes.filter { placement.selects($0.placement) }
        wanted = Set(selected.filter { placement.isLet(onto: $0.placement) }.map(\.name))
        kept = Set(selected.filter { placement.mayStay(on: $0.placement) }.map(\.name))
        // Pods that ended and go are as good as gone.
        for pod in pods where !(pod.hasEnded && pod.isBeingDeleted) {
            byNode[pod.wantedNode, default: []].append(pod)
        }
        for node in byNode.keys { byNode[node]?.sort(by: DaemonPods.isEarlier) }
    }

    private var minimumReady: Int64 { daemonSet.at("spec", "minReadySeconds")?.integer ?? 0 }
    private var rolling: JSON? { daemonSet.at("spec", "updateStrategy", "rollingUpdate") }
    private var isRolling: Bool { daemonSet.at("spec", "updateStrategy", "type")?.string != "OnDelete" }

    private func isAvailable(_ pod: WorkloadPod) -> Bool { pod.isAvailable(minimumReady: minimumReady, at: now) }
    private func isCurrent(_ pod: WorkloadPod) -> Bool { DaemonPods.isCurrent(pod, of: daemonSet, revision: revision) }

    private func limit(_ field: String, of count: Int) -> Int {
        guard isRolling else { return 0 }
        let fallback: Int64 = field == "maxUnavailable" ? 1 : 0
        return Int(clamping: ScaledValue.of(rolling?[field], Int64(count), roundsUp: true, default: fallback))
    }

    // MARK: One pod on each node

    /// A pod that ended, and is to make room for another.
    struct Ended: Sendable {
        let pod: WorkloadPod
        let node: String
    }

    /// What brings one pod onto each node that it belongs on, and none onto others (`podsShouldBeOnNode`). `ended` are pods that have to go
    /// because they ended, which their reasons' pauses may put off.
    func steady() -> (steps: Steps, ended: [Ended]) {
        var steps = Steps()
        var ended: [Ended] = []
        let surges = limit("maxSurge", of: wanted.count) > 0
        for node in nodes {
            let pods = byNode[node.name]
            if wanted.contains(node.name), pods == nil {
                steps.nodes.append(node.name)
            } else if kept.contains(node.name) {
                let present = (pods ?? []).filter { !$0.isBeingDeleted }
                ended += present.filter(\.hasEnded).map { Ended(pod: $0, node: node.name) }
                let running = present.filter { !$0.hasEnded }
                guard running.count > 1 else { continue }
                steps.pods += (surges ? surplus(running) : Array(running.dropFirst())).map(\.name)
            } else {
                steps.pods += (pods ?? []).filter { !$0.isBeingDeleted }.map(\.name)
            }
        }
        // Pods that were never placed, of nodes that are gone.
        let names = Set(nodes.map(\.name))
        for (node, pods) in byNode.sorted(by: { $0.key < $1.key }) where !names.contains(node) {
            steps.pods += pods.filter { $0.node.isEmpty && !$0.isBeingDeleted }.map(\.name)
        }
        return (steps, ended)
    }

    /// While surging there may be an old pod and a new one; the old one goes when the new one is available.
    private func surplus(_ running: [WorkloadPod]) -> [WorkloadPod] {
        var (new, old): (WorkloadPod?, WorkloadPod?)
        var surplus: [WorkloadPod] = []
        for pod in running {
            if isCurrent(pod), new == nil {
                new = pod
            } else if !isCurrent(pod), old == nil {
                old = pod
            } else {
                surplus.append(pod)
            }
        }
        if let new, let old, !old.isReady || isAvailable(new) { surplus.append(old) }
        return surplus
    }

    // MARK: New templates

    /// The new and the old pod of a node; `nil` when there are several of either.
    private func pair(_ pods: [WorkloadPod]) -> (new: WorkloadPod?, old: WorkloadPod?)? {
        let present = pods.filter { !$0.isBeingDeleted }
        let new = present.filter(isCurrent)
        let old = present.filter { !isCurrent($0) }
        return new.count <= 1 && old.count <= 1 ? (new.first, old.first) : nil
    }

    /// What replaces old pods by new ones, within `maxUnavailable` or `maxSurge` (`rollingUpdate`).
    func rollingUpdate() -> Steps {
        guard isRolling else { return Steps() }
        let surge = limit("maxSurge", of: wanted.count)
        return surge == 0 ? replace(atMost: limit("maxUnavailable", of: wanted.count)) : self.surge(atMost: surge)
    }

    /// The pods of all nodes that have some, or should.
    private var groups: [(node: String, pods: [WorkloadPod])] {
        wanted.union(byNode.keys).sorted().map { ($0, byNode[$0] ?? []) }
    }

    private func replace(atMost most: Int) -> Steps {
        let most = most == 0 && !wanted.isEmpty ? 1 : most
        var missing = 0
        var allowed: [String] = []
        var candidates: [String] = []
        for (_, pods) in groups {
            // Where pods come and go by themselves, one is missing.
            guard let (new, old) = pair(pods), (new == nil) != (old == nil) else {
                missing += 1
                continue
            }
            if let new {
                if !isAvailable(new) { missing += 1 }
            } else if let old, !isAvailable(old) {
                allowed.append(old.name)
                missing += 1
            } else if let old, missing < most {
                candidates.append(old.name)
            }
        }
        return Steps(pods: allowed + candidates.prefix(max(0, most - missing)))
    }

    private func surge(atMost most: Int) -> Steps {
        var steps = Steps()
        var surging = 0
        var candidates: [String] = []
        for (node, pods) in groups {
            guard let (new, old) = pair(pods) else {
                surging += 1
                continue
            }
            guard let old else { continue }
            if let new {
                if isAvailable(new) { steps.pods.append(old.name) } else { surging += 1 }
            } else if isAvailable(old) {
                candidates.append(node)
            } else {
                steps.nodes.append(node)
            }
        }
        steps.nodes += candidates.prefix(max(0, most - surging))
        return steps
    }

    // MARK: Status

    /// The counts of the status (`updateDaemonSetStatus`).
    var status: JSON {
        var (desired, current, ready, available, updated, misplaced) = (0, 0, 0, 0, 0, 0)
        for node in nodes {
            let pods = byNode[node.name] ?? []
            guard wanted.contains(node.name) else {
                if !pods.isEmpty { misplaced += 1 }
                continue
            }
            desired += 1
            guard let pod = pods.first else { continue }
            current += 1
            if pod.isReady { ready += 1 }
            if isAvailable(pod) { available += 1 }
            if isCurrent(pod) { updated += 1 }
        }
        var status: JSON = [:]
        status["currentNumberScheduled"] = .integer(Int64(current))
        status["numberMisscheduled"] = .integer(Int64(misplaced))
        status["desiredNumberScheduled"] = .integer(Int64(desired))
        status["numberReady"] = .integer(Int64(ready))
        for (field, number) in [
            ("updatedNumberScheduled", updated), ("numberAvailable", available), ("numberUnavailable", desired - available),
        ]
        where number != 0 {
            status[field] = .integer(Int64(number))
        }
        return status
    }
}
