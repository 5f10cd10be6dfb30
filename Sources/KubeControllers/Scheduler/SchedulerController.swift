import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Scheduling
import Store
import World

/// kube-scheduler of a cluster: follows pods and nodes, puts waiting pods on nodes through the API server, and says why when it cannot.
///
/// It keeps nothing that is not in the cluster's objects: a new one goes on where the last stopped.
actor SchedulerController {
    /// The name by which pods ask for it.
    static let name = "default-scheduler"
    private static let user = UserInfo(username: "system:kube-scheduler", groups: [])

    /// What it follows, besides pods.
    private static let followed: [(group: String, resource: String)] = [
        ("", "nodes"), ("", "namespaces"), ("", "services"), ("", "replicationcontrollers"), ("apps", "replicasets"),
        ("apps", "statefulsets"), ("", "persistentvolumes"), ("", "persistentvolumeclaims"), ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "csinodes"), ("policy", "poddisruptionbudgets"), ("", "pods"),
    ]

    /// What changes in these resources calls it.
    static var signals: [ChangeSignals.Resource] { followed.map { ChangeSignals.Resource($0.group, $0.resource) } }

    private let world: World
    private let cluster: ClusterState
    private let client: ComponentClient
    private let recorder: EventRecorder
    private var feeds: [(resource: String, feed: CollectionFeed)]
    private var scheduler: Scheduler
    private var queue = SchedulingQueue()
    private let observesGenerations: Bool
    /// The pods that wait.
    private var waiting: [String: Waiting] = [:]
    private let podCollection: String

    private struct Waiting {
        let pod: SchedulablePod
        /// Of what decides where it can go.
        let signature: Int

        init(_ pod: SchedulablePod, _ object: JSON) {
            self.pod = pod
            var hasher = Hasher()
            hasher.combine(object["spec"])
            hasher.combine(object.at("metadata", "labels"))
            signature = hasher.finalize()
        }
    }

    /// Called with the time at which it has to look again; `nil` for none.
    private let setAlarm: @Sendable (Instant?) -> Void

    /// A scheduler of release 1.`minorVersion`.
    init(_ access: ComponentAccess, minorVersion: Int, setAlarm: @escaping @Sendable (Instant?) -> Void) {
        world = access.cluster.world
        cluster = access.cluster
        podCollection = cluster.collection(group: "", "pods")
        client = ComponentClient(access, as: Self.user, userAgent: "kube-scheduler/v1.\(minorVersion).0 (linux/amd64) scheduler")
        recorder = EventRecorder(client, access, controller: Self.name, instance: "\(Self.name)-\(access.cluster.name)")
        feeds = Self.followed.map { ($0.resource, CollectionFeed(access.cluster, group: $0.group, $0.resource)) }
        scheduler = Scheduler(minorVersion: minorVersion)
        observesGenerations = minorVersion >= 34
        self.setAlarm = setAlarm
    }

    /// Looks at what changed and schedules what can be scheduled.
    func work() async {
        await follow()
        queue.flush(now: world.now)
        var turn = Turn()
        while let pod = queue.next() {
            await schedule(pod)
            // Writes of others in the meantime; its own are among them.
            await follow()
            if turn.isOver() { return setAlarm(world.now) }
        }
        setAlarm(queue.nextFlush)
    }

    /// Ends following.
    func close() {
        for index in feeds.indices { feeds[index].feed.close() }
        client.close()
    }

    // MARK: What changed

    private func follow() async {
        for index in feeds.indices {
            let resource = feeds[index].resource
            for change in await drain(index) { take(change, of: resource) }
        }
    }

    private func drain(_ index: Int) async -> [CollectionFeed.Change] {
        var feed = feeds[index].feed
        let changes = await feed.drain()
        feeds[index].feed = feed
        return changes
    }

    private func take(_ change: CollectionFeed.Change, of resource: String) {
        let now = world.now
        switch resource {
        case "pods": takePod(change)
        case "nodes":
            if let object = change.object {
                if scheduler.cache.set(SchedulingNode(object)) { queue.move(on: .node, now: now) }
            } else {
                scheduler.cache.removeNode(change.key)
            }
        case "namespaces":
            if scheduler.cache.setNamespace(change.key, labels: change.object.map { $0.at("metadata", "labels")?.object ?? [:] }) {
                queue.move(on: .namespace, now: now)
            }
        case "poddisruptionbudgets": scheduler.cache.setBudget(change.key, change.object)
        case "persistentvolumes": takeStorage("PersistentVolume", change)
        case "persistentvolumeclaims": takeStorage("PersistentVolumeClaim", change)
        case "storageclasses": takeStorage("StorageClass", change)
        case "csinodes": takeStorage("CSINode", change)
        case "services": takeSelector("Service", change)
        case "replicationcontrollers": takeSelector("ReplicationController", change)
        case "replicasets": takeSelector("ReplicaSet", change)
        default: takeSelector("StatefulSet", change)
        }
    }

    private func takeStorage(_ kind: String, _ change: CollectionFeed.Change) {
        if scheduler.cache.setStorage(kind: kind, key: change.key, object: change.object) { queue.move(on: .storage, now: world.now) }
    }

    private func takeSelector(_ kind: String, _ change: CollectionFeed.Change) {
        let parts = change.key.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return }
        scheduler.cache.setSelector(kind: kind, namespace: parts[0], name: parts[1], object: change.object)
    }

    private func takePod(_ change: CollectionFeed.Change) {
        let now = world.now
        // Most of what is written of pods that are placed is their status.
        if let known = scheduler.cache.placedPod(change.key), let parts = change.parts(SchedulablePod.parts), known.isSame(parts) {
            let pod = SchedulablePod(parts, known: known)
            if waiting[pod.key] != nil { forgetWaiting(pod) }
            scheduler.cache.place(pod)
            if pod.isFinished { queue.move(on: .podRemoved, now: now) }
            return
        }
        guard let object = change.object else { return forget(change.key) }
        let pod = SchedulablePod(object, known: scheduler.cache.placedPod(change.key) ?? waiting[change.key]?.pod)
        if pod.node != nil {
            let isNew = !scheduler.cache.isPlaced(pod.key)
            forgetWaiting(pod)
            scheduler.cache.place(pod)
            if !scheduler.cache.isPlaced(pod.key) {
                if !isNew { queue.move(on: .podRemoved, now: now) }
            } else if isNew {
                queue.move(on: .podPlaced, now: now)
            }
            return
        }
        guard pod.schedulerName == Self.name, !pod.isFinished, !pod.isTerminating else { return forget(pod.key) }
        // A pod that it has just put somewhere is seen once more as it was before.
        if scheduler.cache.isPlaced(pod.key), waiting[pod.key]?.pod.uid == pod.uid { return }
        let new = Waiting(pod, object)
        let before = waiting.updateValue(new, forKey: pod.key)
        // Its own words about a pod do not make the pod any easier to place.
        queue.set(pod, isHelpful: before?.signature != new.signature, now: now)
    }

    private func forgetWaiting(_ pod: SchedulablePod) {
        waiting[pod.key] = nil
        queue.remove(pod.key)
        scheduler.nominate(pod, to: nil)
    }

    private func forget(_ key: String) {
        if let pod = waiting[key]?.pod { forgetWaiting(pod) }
        guard scheduler.cache.isPlaced(key) else { return }
        scheduler.cache.removePod(key)
        queue.move(on: .podRemoved, now: world.now)
    }

    // MARK: Scheduling

    private func schedule(_ pod: SchedulablePod) async {
        guard waiting[pod.key]?.pod.uid == pod.uid, let object = present(pod.key), object.objectUID == pod.uid else { return }
        switch scheduler.schedule(pod) {
        case .bind(let placement): await bind(pod, object, placement)
        case .wait(let refusal): await wait(pod, object, refusal)
        }
    }

    /// A pod as it is stored.
    private func present(_ key: String) -> JSON? {
        let key = Key(podCollection, key)
        return cluster.store.get(key).flatMap { try? cluster.trees.tree(key, at: $0.modified, $0.value) }
    }

    private func path(_ object: JSON) -> String { "/api/v1/namespaces/\(object.objectNamespace)/pods/\(object.objectName)" }

    private func bind(_ pod: SchedulablePod, _ object: JSON, _ placement: SchedulingDecision.Placement) async {
        guard await claimVolumes(pod, object, placement) else { return }
        scheduler.cache.place(pod.placed(on: placement.node))
        let binding: JSON = [
            "apiVersion": "v1", "kind": "Binding",
            "metadata": ["namespace": .string(object.objectNamespace), "name": .string(object.objectName), "uid": .string(pod.uid)],
            "target": ["kind": "Node", "name": .string(placement.node)],
        ]
        let answer = await client.send("POST", path(object) + "/binding", binding)
        guard answer.isSuccess else {
            scheduler.cache.removePod(pod.key)
            // Gone meanwhile, or another one of the same name.
            if answer.status == 404 || answer.status == 409 { return }
            return await refuse(pod, object, "SchedulerError", "binding rejected: running Bind plugin \"DefaultBinder\": \(answer.message)")
        }
        queue.move(on: .podPlaced, now: world.now)
        await recorder.record(
            ObjectReference(object, kind: "Pod"), type: "Normal", reason: "Scheduled", action: "Binding",
            note: "Successfully assigned \(pod.key) to \(placement.node)")
    }

    /// Gives the pod's waiting claims their volumes. Answers whether the pod can go on: a volume that has to be made is asked for, and
    /// the pod waits for it.
    private func claimVolumes(_ pod: SchedulablePod, _ object: JSON, _ placement: SchedulingDecision.Placement) async -> Bool {
        guard !placement.volumes.isEmpty else { return true }
        for (claim, volume) in placement.volumes {
            let parts = claim.split(separator: "/", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            if let volume {
                let reference: JSON = [
                    "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": .string(parts[0]), "name": .string(parts[1]),
                ]
                _ = await client.patch("/api/v1/persistentvolumes/\(volume)", ["spec": ["claimRef": reference]])
            } else {
                _ = await client.patch(
                    "/api/v1/namespaces/\(parts[0])/persistentvolumeclaims/\(parts[1])",
                    ["metadata": ["annotations": ["volume.kubernetes.io/selected-node": .string(placement.node)]]])
            }
        }
        queue.refuse(pod, now: world.now)
        return false
    }

    private func wait(_ pod: SchedulablePod, _ object: JSON, _ refusal: SchedulingDecision.Refusal) async {
        var nominated: String?
        if let preemption = refusal.preemption {
            await preempt(pod, object, preemption)
            nominated = preemption.node
        }
        scheduler.nominate(pod, to: nominated ?? (refusal.clearsNomination ? nil : pod.nominatedNode))
        await refuse(pod, object, "Unschedulable", refusal.message, nominated: nominated, clearsNomination: refusal.clearsNomination)
    }

    /// Writes the event and the condition of a pod that stays where it is.
    private func refuse(
        _ pod: SchedulablePod, _ object: JSON, _ reason: String, _ message: String, nominated: String? = nil, clearsNomination: Bool = false
    ) async {
        queue.refuse(pod, now: world.now)
        await recorder.record(
            ObjectReference(object, kind: "Pod"), type: "Warning", reason: "FailedScheduling", action: "Scheduling", note: message)
        var status: JSONObject = [:]
        if let condition = condition(object, reason, message) { status["conditions"] = [condition] }
        if let nominated, nominated != pod.nominatedNode { status["nominatedNodeName"] = .string(nominated) }
        if clearsNomination, pod.nominatedNode != nil { status["nominatedNodeName"] = .null }
        guard !status.isEmpty else { return }
        _ = await client.patch(path(object) + "/status", ["metadata": ["uid": .string(pod.uid)], "status": .object(status)])
    }

    /// `PodScheduled=False`; `nil` when the pod says so already.
    private func condition(_ object: JSON, _ reason: String, _ message: String) -> JSON? {
        let known = object.at("status", "conditions")?.array?.first { $0["type"] == "PodScheduled" }
        let generation = observesGenerations ? object.at("metadata", "generation") : nil
        if let known, known["status"] == "False", known["reason"]?.string == reason, known["message"]?.string == message,
            known["observedGeneration"] == generation
        {
            return nil
        }
        var condition: JSON = ["type": "PodScheduled", "status": "False", "lastProbeTime": .null]
        condition["observedGeneration"] = generation
        let isSame = known?["status"] == "False"
        condition["lastTransitionTime"] = isSame ? known?["lastTransitionTime"] ?? .null : .string(world.now.rfc3339)
        condition["reason"] = .string(reason)
        condition["message"] = .string(message)
        return condition
    }

    // MARK: Preemption

    /// Makes the victims go, after saying so in their status.
    private func preempt(_ pod: SchedulablePod, _ object: JSON, _ preemption: SchedulingDecision.Preemption) async {
        for key in preemption.outranked {
            guard let other = waiting[key]?.pod, let object = present(key) else { continue }
            scheduler.nominate(other, to: nil)
            _ = await client.patch(path(object) + "/status", ["status": ["nominatedNodeName": .null]])
        }
        for key in preemption.victims {
            let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            let place = "/api/v1/namespaces/\(parts[0])/pods/\(parts[1])"
            let victim = await client.send("GET", place)
            guard victim.isSuccess, !victim.object.isBeingDeleted else { continue }
            var condition: JSON = ["type": "DisruptionTarget", "status": "True", "lastProbeTime": .null]
            if observesGenerations { condition["observedGeneration"] = victim.object.at("metadata", "generation") }
            condition["lastTransitionTime"] = .string(world.now.rfc3339)
            condition["reason"] = "PreemptionByScheduler"
            condition["message"] = .string("\(pod.schedulerName): preempting to accommodate a higher priority pod")
            let change: JSON = ["metadata": ["uid": .string(victim.object.objectUID)], "status": ["conditions": [condition]]]
            guard await client.patch(place + "/status", change).isSuccess, await client.send("DELETE", place).isSuccess else { continue }
            await recorder.record(
                ObjectReference(victim.object, kind: "Pod"), related: ObjectReference(object, kind: "Pod"), type: "Normal",
                reason: "Preempted", action: "Preempting", note: "Preempted by pod \(pod.uid) on node \(preemption.node)")
        }
    }
}
