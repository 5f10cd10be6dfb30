import JSON
import KubeAPI
import World

/// Keeps as many pods as each ReplicaSet asks for (`pkg/controller/replicaset`).
struct ReplicaSetController: WorkloadController {
    /// More pods are not made or deleted at once.
    private static let burst = 500

    let context: ControllerContext
    let pods: PodControl

    init(_ context: ControllerContext) {
        self.context = context
        pods = PodControl(context: context, kind: .replicaSet)
    }

    func close() { context.client.close() }

    func sync(_ key: String, _ cache: WorkloadCache) async -> SyncOutcome {
        guard let set = cache.replicaSets[key]?.json, let selector = LabelSelector(set.at("spec", "selector")) else { return .done }
        let now = context.world.now
        let mayAct = pods.expectations.areMet(set.objectUID, at: now)
        let claim = Claim(
            context: context, kind: .replicaSet, controller: set, selector: selector,
            collection: "/api/v1/namespaces/\(set.objectNamespace)/pods")
        guard let claimed = await claim.claim(cache.pods) else { return .failed }
        let active = claimed.filter(\.isActive)
        var failure: Failure?
        if mayAct, !set.isBeingDeleted { failure = await manage(set, active, cache) }
        let minimum = set.at("spec", "minReadySeconds")?.integer ?? 0
        let status = status(of: set, active, leaving: claimed.count { $0.isBeingDeleted && !$0.hasEnded }, failure, at: now)
        guard await write(status, to: set), failure == nil else { return .failed }
        return SyncOutcome.done.sooner(active.compactMap { $0.available(after: minimum, now: now) }.min())
    }

    // MARK: Pods

    /// What went wrong, and with which of the two.
    private struct Failure {
        let reason: String
        let message: String
    }

    private func manage(_ set: JSON, _ active: [WorkloadPod], _ cache: WorkloadCache) async -> Failure? {
        let wanted = Int(clamping: set.at("spec", "replicas")?.integer ?? 1)
        let now = context.world.now
        if active.count < wanted {
            let count = min(wanted - active.count, Self.burst)
            pods.expectations.expect(set.objectUID, creations: count, at: now)
            let pod = pods.pod(set.at("spec", "template") ?? [:], of: set)
            let outcome = await pods.create(Array(repeating: pod, count: count), for: set)
            return outcome.failure.map { Failure(reason: "FailedCreate", message: $0) }
        }
        guard active.count > wanted else { return nil }
        let count = min(active.count - wanted, Self.burst)
        let going = DeletionOrder.first(count, of: active, related: related(to: set, cache), at: now)
        pods.expectations.expect(set.objectUID, deletions: going.map(\.uid), at: now)
        let outcome = await pods.delete(going, for: set)
        return outcome.failure.map { Failure(reason: "FailedDelete", message: $0) }
    }

    /// The pods of all ReplicaSets of the same Deployment.
    private func related(to set: JSON, _ cache: WorkloadCache) -> [WorkloadPod] {
        guard let owner = OwnerReference(controllerOf: set) else { return cache.pods.owned(by: set.objectUID) }
        return cache.replicaSets.owned(by: owner.uid).flatMap { cache.pods.owned(by: $0.uid) }
    }

    // MARK: Status

    private func status(of set: JSON, _ active: [WorkloadPod], leaving: Int, _ failure: Failure?, at now: Instant) -> JSON {
        var status: JSON = [:]
        let labels = set.at("spec", "template", "metadata", "labels")?.object ?? [:]
        let minimum = set.at("spec", "minReadySeconds")?.integer ?? 0
        func count(_ field: String, _ matches: (WorkloadPod) -> Bool) {
            let number = active.count(where: matches)
            if number > 0 { status[field] = .integer(Int64(number)) }
        }
        status["replicas"] = .integer(Int64(active.count))
        count("fullyLabeledReplicas") { pod in labels.allSatisfy { pod.labels[$0.key] == $0.value } }
        count("readyReplicas") { $0.isReady }
        count("availableReplicas") { $0.isAvailable(minimumReady: minimum, at: now) }
        // `DeploymentReplicaSetTerminatingReplicas`
        if context.minorVersion >= 35 { status["terminatingReplicas"] = .integer(Int64(leaving)) }
        status["observedGeneration"] = set.at("metadata", "generation")
        status["conditions"] = set.at("status", "conditions")
        let known = Conditions.find("ReplicaFailure", in: status)
        if let failure, known == nil {
            Conditions.set(
                [
                    "type": "ReplicaFailure", "status": "True", "lastTransitionTime": .string(now.rfc3339),
                    "reason": .string(failure.reason), "message": .string(failure.message),
                ], in: &status)
        } else if failure == nil, known != nil {
            Conditions.remove("ReplicaFailure", from: &status)
        }
        return status
    }

    /// Writes the status when it is new, twice at most. Answers whether it stands.
    private func write(_ status: JSON, to set: JSON) async -> Bool {
        guard !status.isEquivalent(to: set["status"] ?? [:]) else { return true }
        let path = WorkloadKind.replicaSet.path(namespace: set.objectNamespace, set.objectName)
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
