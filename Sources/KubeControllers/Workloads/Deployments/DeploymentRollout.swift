import JSON
import KubeAPI
import World

/// One turn of a Deployment: what it and its ReplicaSets are, and the writes that lead on (`syncDeployment`).
struct DeploymentRollout {
    /// Why a turn ends early.
    enum Interruption: Error {
        /// A write was refused: the turn is taken again.
        case refused
        /// There is nothing to do any more.
        case over
    }

    let context: ControllerContext
    private(set) var deployment: DeploymentState
    private var sets: [ReplicaSetState]
    private var new: ReplicaSetState?

    init(_ context: ControllerContext, _ deployment: DeploymentState, _ sets: [ReplicaSetState]) {
        self.context = context
        self.deployment = deployment
        self.sets = sets.sorted(by: ReplicaSetState.isOlder)
    }

    private var now: Instant { context.world.now }
    private var countsTerminating: Bool { context.minorVersion >= 35 }
    private var old: [ReplicaSetState] { sets.filter { $0.uid != new?.uid } }
    /// The old ones and the new one.
    private var all: [ReplicaSetState] { old + (new.map { [$0] } ?? []) }
    private var path: String { WorkloadKind.deployment.path(namespace: deployment.json.objectNamespace, deployment.name) }

    /// Takes the turn. `hasPods` says whether a ReplicaSet has pods that did not end.
    mutating func run(hasPods: (ReplicaSetState) -> Bool) async throws(Interruption) -> SyncOutcome {
        if deployment.json.isBeingDeleted {
            try await findNew(makesIt: false)
            return try await writeStatus(counted())
        }
        try await notePause()
        if deployment.isPaused { return try await resize() }
        try await findNew(makesIt: false)
        let isScaled = all.contains { set in
            set.replicas > 0 && set.number(ReplicaSetState.desired).map { $0 != deployment.replicas } ?? false
        }
        if isScaled { return try await resize() }
        return deployment.isRolling ? try await roll() : try await recreate(hasPods)
    }

    /// Says that the rollout stands or goes on, so that a pause does not count as a lack of progress.
    private mutating func notePause() async throws(Interruption) {
        guard deployment.progressDeadline != nil else { return }
        let reason = Conditions.find("Progressing", in: deployment.json["status"])?["reason"]
        guard reason != "ProgressDeadlineExceeded", (reason == "DeploymentPaused") != deployment.isPaused else { return }
        try await add(
            deployment.isPaused
                ? DeploymentStatus.condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", at: now)
                : DeploymentStatus.condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", at: now))
    }

    // MARK: Strategies

    private mutating func roll() async throws(Interruption) -> SyncOutcome {
        try await findNew(makesIt: true)
        guard let set = new else { throw .over }
        let size =
            set.replicas > deployment.replicas ? deployment.replicas : DeploymentScaling.newSize(deployment, all, new: set.replicas)
        if try await scale(set, to: size) { return try await finishTurn() }
        for change in DeploymentScaling.scaleDown(deployment, old: old, new: set) {
            guard let current = sets.first(where: { $0.uid == change.set.uid }) else { continue }
            try await scale(current, to: change.size)
        }
        try await cleanUpWhenComplete()
        return try await finishTurn()
    }

    private mutating func recreate(_ hasPods: (ReplicaSetState) -> Bool) async throws(Interruption) -> SyncOutcome {
        let active = old.filter { $0.replicas > 0 }
        for set in active { try await scale(set, to: 0) }
        guard active.isEmpty, !old.contains(where: { $0.actual > 0 || hasPods($0) }) else { return try await finishTurn() }
        try await findNew(makesIt: true)
        if let new { try await scale(new, to: deployment.replicas) }
        try await cleanUpWhenComplete()
        return try await finishTurn()
    }

    /// What happens to a Deployment that is paused, or was given another size (`sync`).
    private mutating func resize() async throws(Interruption) -> SyncOutcome {
        try await findNew(makesIt: false)
        let active = all.filter { $0.replicas > 0 }
        if active.count <= 1 {
            if let only = active.first ?? new ?? old.last { try await scale(only, to: deployment.replicas) }
        } else if let new, isSaturated(new) {
            for set in old where set.replicas > 0 { try await scale(set, to: 0) }
        } else if deployment.isRolling {
            for change in DeploymentScaling.proportional(deployment, active) {
                try await scale(change.set, to: change.size, marksSizes: true)
            }
        }
        if deployment.isPaused { try await cleanUp() }
        return try await writeStatus(counted())
    }

    private func isSaturated(_ set: ReplicaSetState) -> Bool {
        set.replicas == deployment.replicas && set.number(ReplicaSetState.desired) == deployment.replicas
            && set.available == deployment.replicas
    }

    // MARK: ReplicaSets

    /// Finds the ReplicaSet of the present template, making it when there is none.
    private mutating func findNew(makesIt: Bool) async throws(Interruption) {
        let template = deployment.template.withoutTemplateHash
        new = sets.first { ($0.json.at("spec", "template") ?? [:]).withoutTemplateHash.isEquivalent(to: template) }
        let revision = (old.map(\.revision).max() ?? 0) + 1
        guard let found = new else {
            if makesIt { try await make(revision) }
            return
        }
        var changed = found.json
        ReplicaSetAnnotations.mark(&changed, of: deployment, revision: revision, isNew: false)
        if changed.at("spec", "minReadySeconds")?.integer ?? 0 != deployment.minimumReady {
            changed.set(.integer(deployment.minimumReady), at: ["spec", "minReadySeconds"])
        }
        if changed != found.json { return try await put(changed) }
        let isMarked = markRevision(found.annotation(ReplicaSetState.revision) ?? "")
        let isNoted = deployment.progressDeadline == nil || Conditions.find("Progressing", in: deployment.json["status"]) != nil
        if !isNoted {
            try await add(
                DeploymentStatus.condition(
                    "Progressing", "True", "FoundNewReplicaSet", "Found new replica set \"\(found.name)\"", at: now))
        } else if isMarked {
            try await putStatus(deployment.json["status"] ?? [:])
        }
    }

    /// Notes on the Deployment which revision it is at; answers whether that is new.
    private mutating func markRevision(_ revision: String) -> Bool {
        let place = ["metadata", "annotations", ReplicaSetState.revision]
        guard deployment.json.value(at: place)?.string != revision else { return false }
        deployment.json.set(.string(revision), at: place)
        return true
    }

    private mutating func make(_ revision: Int64) async throws(Interruption) {
        let template = deployment.template
        let hash = TemplateHash.of(template, collisions: deployment.collisions)
        var labelled = template
        labelled.set(.string(hash), at: ["metadata", "labels", "pod-template-hash"])
        var selector = deployment.json.at("spec", "selector") ?? [:]
        selector.set(.string(hash), at: ["matchLabels", "pod-template-hash"])
        let size = DeploymentScaling.newSize(deployment, old, new: 0)
        let name = "\(deployment.name)-\(hash)"
        var set: JSON = [
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": [
                "name": .string(name), "labels": labelled.at("metadata", "labels") ?? [:],
                "ownerReferences": [OwnerReference(to: deployment.json, .deployment).json],
            ],
            "spec": [
                "replicas": .integer(size), "minReadySeconds": .integer(deployment.minimumReady), "selector": selector,
                "template": labelled,
            ],
        ]
        ReplicaSetAnnotations.mark(&set, of: deployment, revision: revision, isNew: true)
        let namespace = deployment.json.objectNamespace
        let answer = await context.client.send("POST", WorkloadKind.replicaSet.path(namespace: namespace), set)
        guard answer.isSuccess else { return try await settle(answer, name) }
        take(answer.object)
        new = ReplicaSetState(json: answer.object)
        if size > 0 { await note("ScalingReplicaSet", "Scaled up replica set \(name) from 0 to \(size)") }
        let isMarked = markRevision("\(revision)")
        if deployment.progressDeadline != nil {
            try await add(
                DeploymentStatus.condition(
                    "Progressing", "True", "NewReplicaSetCreated", "Created new replica set \"\(name)\"", at: now))
        } else if isMarked {
            try await putStatus(deployment.json["status"] ?? [:])
        }
    }

    /// What follows when the new ReplicaSet could not be made.
    private mutating func settle(_ answer: ComponentClient.Answer, _ name: String) async throws(Interruption) {
        if answer.isOfEndingNamespace { throw .over }
        if answer.status == 409 {
            // Another template has this hash, or what was seen is old: the next attempt takes another hash.
            var status = deployment.json["status"] ?? [:]
            status["collisionCount"] = .integer((deployment.collisions ?? 0) + 1)
            try await putStatus(status)
            throw .refused
        }
        let message = "Failed to create new replica set \"\(name)\": \(answer.message)"
        if deployment.progressDeadline != nil {
            try await add(DeploymentStatus.condition("Progressing", "False", "ReplicaSetCreateError", message, at: now))
        }
        await note("ReplicaSetCreateError", message, type: "Warning")
        throw .refused
    }

    /// Gives a ReplicaSet its size; answers whether that was another one.
    @discardableResult
    private mutating func scale(_ set: ReplicaSetState, to size: Int64, marksSizes: Bool = false) async throws(Interruption) -> Bool {
        guard set.replicas != size || marksSizes else { return false }
        var changed = set.json
        changed.set(.integer(size), at: ["spec", "replicas"])
        ReplicaSetAnnotations.setSizes(&changed, deployment)
        guard changed != set.json else { return false }
        try await put(changed)
        guard set.replicas != size else { return false }
        await note(
            "ScalingReplicaSet", "Scaled \(set.replicas < size ? "up" : "down") replica set \(set.name) from \(set.replicas) to \(size)")
        return true
    }

    private mutating func put(_ set: JSON) async throws(Interruption) {
        let path = WorkloadKind.replicaSet.path(namespace: set.objectNamespace, set.objectName)
        let answer = await context.client.send("PUT", path, set)
        guard answer.isSuccess else { throw .refused }
        take(answer.object)
    }

    /// Takes over a ReplicaSet as the server has it now.
    private mutating func take(_ set: JSON) {
        let state = ReplicaSetState(json: set)
        if let index = sets.firstIndex(where: { $0.uid == state.uid }) { sets[index] = state } else { sets.append(state) }
        if new?.uid == state.uid { new = state }
    }

    private mutating func cleanUpWhenComplete() async throws(Interruption) {
        if DeploymentStatus(deployment: deployment, now: now).isComplete(deployment.json["status"]) { try await cleanUp() }
    }

    /// Deletes old ReplicaSets without pods beyond the limit, the lowest revisions first.
    private mutating func cleanUp() async throws(Interruption) {
        guard let limit = deployment.historyLimit else { return }
        let kept = old.filter { !$0.json.isBeingDeleted }.sorted(by: ReplicaSetState.hasLowerRevision)
        guard Int64(kept.count) > limit else { return }
        for set in kept.prefix(kept.count - Int(clamping: limit))
        where set.actual == 0 && set.replicas == 0 && set.generation <= set.observed {
            let path = WorkloadKind.replicaSet.path(namespace: set.json.objectNamespace, set.name)
            let answer = await context.client.send("DELETE", path)
            guard answer.isSuccess || answer.status == 404 else { throw .refused }
        }
    }

    // MARK: Status

    private func counted() -> JSON {
        DeploymentStatus(deployment: deployment, now: now).counted(all, new: new, countsTerminating: countsTerminating)
    }

    private mutating func finishTurn() async throws(Interruption) -> SyncOutcome {
        let report = DeploymentStatus(deployment: deployment, now: now)
        let status = report.ofRollout(all, new: new, countsTerminating: countsTerminating)
        let outcome = try await writeStatus(status)
        return outcome.sooner(report.deadline(status))
    }

    private mutating func writeStatus(_ status: JSON) async throws(Interruption) -> SyncOutcome {
        if !status.isEquivalent(to: deployment.json["status"] ?? [:]) { try await putStatus(status) }
        return .done
    }

    private mutating func add(_ condition: JSON) async throws(Interruption) {
        var status = deployment.json["status"] ?? [:]
        Conditions.set(condition, in: &status)
        try await putStatus(status)
    }

    private mutating func putStatus(_ status: JSON) async throws(Interruption) {
        deployment.json["status"] = status
        let answer = await context.client.send("PUT", path + "/status", deployment.json)
        guard answer.isSuccess else { throw answer.status == 404 ? .over : .refused }
        deployment.json = answer.object
    }

    private func note(_ reason: String, _ message: String, type: String = "Normal") async {
        await context.note(deployment.json, .deployment, reason, message, type: type)
    }
}
