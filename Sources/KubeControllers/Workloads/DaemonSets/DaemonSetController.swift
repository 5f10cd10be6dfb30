import JSON
import KubeAPI
import World

/// Keeps a pod of each DaemonSet on every node that it belongs on (`pkg/controller/daemon`).
struct DaemonSetController: WorkloadController {
    /// More pods are not made or deleted at once.
    private static let burst = 250

    let context: ControllerContext
    let pods: PodControl
    private let pauses = FailurePauses()

    init(_ context: ControllerContext) {
        self.context = context
        pods = PodControl(context: context, kind: .daemonSet)
    }

    func close() { context.client.close() }

    func sync(_ key: String, _ cache: WorkloadCache) async -> SyncOutcome {
        guard let set = cache.daemonSets[key]?.json else { return .done }
        let everything = set.at("spec", "selector").map { $0 == [:] } ?? true
        guard !everything, let selector = LabelSelector(set.at("spec", "selector")) else {
            await context.note(
                set, .daemonSet, "SelectingAll", "This daemon set is selecting all pods. A non-empty selector is required.", type: "Warning"
            )
            return .done
        }
        guard !set.isBeingDeleted else { return .done }
        let namespace = set.objectNamespace
        func claim(_ collection: String) -> Claim {
            Claim(context: context, kind: .daemonSet, controller: set, selector: selector, collection: collection)
        }
        let revisions = RevisionHistory(context: context, kind: .daemonSet, owner: set)
        guard let known = await claim("/apis/apps/v1/namespaces/\(namespace)/controllerrevisions").claim(cache.revisions),
            let history = await revisions.settle(known),
            let claimed = await claim("/api/v1/namespaces/\(namespace)/pods").claim(cache.pods)
        else { return .failed }
        let now = context.world.now
        let nodes = cache.nodes.values.sorted { $0.name < $1.name }
        let plan = DaemonSetPlan(set, revision: history.hash, nodes: nodes, pods: claimed, at: now)
        let mayAct = pods.expectations.areMet(set.objectUID, at: now)
        var isFine = true
        var wait: Instant?
        if mayAct {
            let steady = plan.steady()
            var steps = steady.steps
            for ended in steady.ended where await mayGo(ended, of: set, &wait) { steps.pods.append(ended.pod.name) }
            isFine = await run(steps, plan, set, claimed)
            if isFine, pods.expectations.areMet(set.objectUID, at: now) {
                isFine = await run(plan.rollingUpdate(), plan, set, claimed)
            }
            let live = Set(claimed.compactMap { $0.labels[DaemonPods.revisionLabel]?.string })
            if isFine { isFine = await revisions.cleanUp(history.old, live: live) }
        }
        guard await write(plan.status, to: set, observes: mayAct), isFine else { return .failed }
        let minimum = set.at("spec", "minReadySeconds")?.integer ?? 0
        return SyncOutcome.done.sooner(wait).sooner(claimed.compactMap { $0.available(after: minimum, now: now) }.min())
    }

    /// Says that a pod ended, and whether it may go already: failed ones wait longer each time.
    private func mayGo(_ ended: DaemonSetPlan.Ended, of set: JSON, _ wait: inout Instant?) async -> Bool {
        let pod = ended.pod
        guard pod.phase == "Failed" else {
            await context.note(
                set, .daemonSet, "SucceededDaemonPod",
                "Found succeeded daemon pod \(pod.namespace)/\(pod.name) on node \(ended.node), will try to delete it")
            return true
        }
        let generation = set.at("status", "observedGeneration")?.integer ?? 0
        if let end = pauses.end("\(set.objectUID)/\(generation)/\(ended.node)", at: context.world.now) {
            wait = min(wait ?? end, end)
            return false
        }
        await context.note(
            set, .daemonSet, "FailedDaemonPod",
            "Found failed daemon pod \(pod.namespace)/\(pod.name) on node \(ended.node), will try to kill it", type: "Warning")
        return true
    }

    private func run(_ steps: DaemonSetPlan.Steps, _ plan: DaemonSetPlan, _ set: JSON, _ claimed: [WorkloadPod]) async -> Bool {
        let nodes = steps.nodes.prefix(Self.burst)
        let names = Set(steps.pods)
        let going = claimed.filter { names.contains($0.name) }.prefix(Self.burst)
        guard !nodes.isEmpty || !going.isEmpty else { return true }
        pods.expectations.expect(set.objectUID, creations: nodes.count, deletions: going.map(\.uid), at: context.world.now)
        let template = DaemonPods.template(of: set, revision: plan.revision)
        let made = await pods.create(nodes.map { pods.pod(DaemonPods.tied(template, to: $0), of: set) }, for: set)
        let deleted = await pods.delete(Array(going), for: set)
        return made.failure == nil && deleted.failure == nil
    }

    /// Writes the status when it is new, twice at most. Answers whether it stands.
    private func write(_ counts: JSON, to set: JSON, observes: Bool) async -> Bool {
        var status = counts
        status["observedGeneration"] = observes ? set.at("metadata", "generation") : set.at("status", "observedGeneration")
        for field in ["collisionCount", "conditions"] { status[field] = set.at("status", field) }
        guard !status.isEquivalent(to: set["status"] ?? [:]) else { return true }
        let path = WorkloadKind.daemonSet.path(namespace: set.objectNamespace, set.objectName)
        var set = set
        for _ in 0..<2 {
            set["status"] = status
            if await context.client.send("PUT", path + "/status", set).isSuccess { return true }
            let fresh = await context.client.send("GET", path)
            guard fresh.isSuccess else { return fresh.status == 404 }
            set = fresh.object
        }
        return false
    }
}

/// How long failed pods stay before they make room: 1 s, twice as long each time, 15 minutes at most (`failedPodsBackoff`).
private final class FailurePauses: Sendable {
    private struct Pause: Sendable {
        var length: Duration
        var since: Instant
    }

    private static let first = Duration.seconds(1)
    private static let longest = Duration.seconds(900)
    private static let kept = 4096

    private let pauses = Lock<[String: Pause]>([:])

    /// When the pause under way ends; `nil` when there is none, and then the next one begins.
    func end(_ key: String, at now: Instant) -> Instant? {
        pauses.withLock { pauses in
            let known = pauses[key].flatMap { now - $0.since > Self.longest * 2 ? nil : $0 }
            if let known, now - known.since < known.length { return known.since + known.length }
            if pauses.count >= Self.kept { pauses = pauses.filter { now - $0.value.since <= Self.longest * 2 } }
            pauses[key] = Pause(length: known.map { min($0.length * 2, Self.longest) } ?? Self.first, since: now)
            return nil
        }
    }
}
