import Encoding
import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store
import World

/// The kubelets of a cluster's nodes: each registers its node, runs the pods bound to it, and writes what it sees through the API server
/// as `system:node:NAME`, so that the Node authorizer and NodeRestriction judge it.
///
/// Leases and the heartbeats of nodes are written when somebody looks (`refresh`), with the times at which the kubelet writes them:
/// nobody can tell the difference, and a standing cluster costs nothing.
actor KubeletFleet {
    struct Kubelet {
        var machine: NodeMachine
        let user: UserInfo
        let client: ComponentClient
        let events: EventSource
        let wording: KubeletWording
        var isRegistered = false
        /// When it was heard of last; `nil` while it is heard of.
        var silentSince: Instant?
        /// It starts with its machine: what ran there is gone.
        var isBooting = false
        /// Since when it is ready.
        var readySince: Instant?
        /// It looked for the network plugin in vain, and looks again when that may have come up.
        var awaitsNetwork = false
        var images: Set<String> = []
        var attempts = 0
        var lease = Heartbeat(period: .seconds(10))
        var report = Heartbeat(period: .seconds(300))
    }

    static func nodeKey(_ name: String) -> String { "\u{0}\(name)" }
    static func refusalKey(_ name: String) -> String { "\u{2}\(name)" }
    private static let leasesKey = "\u{1}leases"
    private static let reportsKey = "\u{1}reports"

    let access: ComponentAccess
    let world: World
    let network: any PodNetwork
    let recorder: CoreEventRecorder
    let setAlarm: @Sendable (Instant?) -> Void
    /// Tells the node controller from when on a kubelet is not heard of, and that it is again.
    let tell: @Sendable (String, KubeletSilence?) async -> Void
    private let podCollection: String
    private var pods: CollectionFeed
    var kubelets: [String: Kubelet] = [:]
    var workers: [String: PodWorker] = [:]
    /// Pods of nodes whose kubelets do not run yet, and those nodes.
    var strays: [String: String] = [:]
    var straysByNode: [String: Set<String>] = [:]
    var deadlines = DeadlineQueue()
    /// Pods whose status says less than their kubelet knows, and since when. A pod is on its way for a moment only, and the real kubelet
    /// does not write what has changed again before it came to that either.
    var unwritten: [String: Instant] = [:]
    private var areStatusesWatched = false
    /// Pods whose status is being written: what comes meanwhile waits for that, or an older status could arrive last.
    private var writing: Set<String> = []

    init(
        _ access: ComponentAccess, network: any PodNetwork, tell: @escaping @Sendable (String, KubeletSilence?) async -> Void = { _, _ in },
        setAlarm: @escaping @Sendable (Instant?) -> Void
    ) {
        self.tell = tell
        self.access = access
        world = access.cluster.world
        self.network = network
        recorder = CoreEventRecorder(access)
        self.setAlarm = setAlarm
        podCollection = access.cluster.collection(group: "", "pods")
        pods = CollectionFeed(access.cluster, group: "", "pods")
    }

    // MARK: What is written when somebody looks

    /// Writes the leases and heartbeats that are due, before somebody reads them.
    func refresh(leases: Bool) async {
        let now = world.now
        for name in kubelets.keys.sorted() {
            guard var kubelet = kubelets[name], kubelet.isRegistered, kubelet.silentSince == nil else { continue }
            if leases, let due = kubelet.lease.due(at: now) {
                await writeLease(&kubelet, at: due)
                kubelets[name]?.lease = kubelet.lease
            } else if !leases, let due = kubelet.report.due(at: now) {
                await report(name, at: due)
            }
        }
    }

    /// While somebody watches, what is due is written in time.
    func setWatched(leases: Bool, _ isWatched: Bool) async {
        if isWatched { await refresh(leases: leases) }
        deadlines.set(leases ? Self.leasesKey : Self.reportsKey, isWatched ? nextHeartbeat(leases: leases) : nil)
        setAlarm(deadlines.next)
    }

    /// Writes the statuses of pods that are on their way, before somebody looks at pods.
    func writeStatuses() async {
        let keys = unwritten.keys.sorted()
        for key in keys {
            if let time = unwritten.removeValue(forKey: key), var worker = workers[key] { await write(&worker, key, time) }
        }
    }

    /// While somebody watches pods, he sees every step.
    func setStatusesWatched(_ isWatched: Bool) async {
        areStatusesWatched = isWatched
        if isWatched { await writeStatuses() }
    }

    private func nextHeartbeat(leases: Bool) -> Instant? {
        kubelets.values.compactMap { kubelet in
            guard kubelet.silentSince == nil else { return nil }
            let beat = leases ? kubelet.lease : kubelet.report
            return beat.last.map { $0 + beat.period }
        }.min() ?? world.now + .seconds(10)
    }

    // MARK: Work

    /// Looks at what changed and does what is due.
    func work() async {
        await follow()
        var turn = Turn()
        while let key = deadlines.take(by: world.now) {
            if key == Self.leasesKey || key == Self.reportsKey {
                await setWatched(leases: key == Self.leasesKey, true)
            } else if key.hasPrefix("\u{2}") {
                await silence(String(key.dropFirst()))
            } else if key.hasPrefix("\u{0}") {
                let name = String(key.dropFirst())
                if kubelets[name]?.isRegistered ?? false { await becomeReady(name) } else { await register(name) }
            } else {
                await step(key)
            }
            await follow()
            if turn.isOver() { return setAlarm(world.now) }
        }
        setAlarm(deadlines.next)
    }

    /// Ends following.
    func close() { pods.close() }

    private func follow() async {
        var feed = pods
        let changes = await feed.drain()
        pods = feed
        for change in changes {
            guard let bytes = change.bytes else {
                await forget(change.key)
                continue
            }
            // Most pods that are new are on no node yet, and need not be parsed to see that; most that change are those it wrote of itself.
            guard BoundPods.mayBeBound(bytes) else { continue }
            if let worker = workers[change.key], let parts = change.parts(PodWorker.parts), worker.isParked(for: parts) { continue }
            if let pod = change.object { take(pod) }
        }
    }

    private func take(_ pod: JSON) {
        guard let node = pod.at("spec", "nodeName")?.string, !node.isEmpty else { return }
        let key = "\(pod.objectNamespace)/\(pod.objectName)"
        let isHeard = kubelets[node]?.silentSince == nil
        guard let kubelet = kubelets[node], kubelet.isRegistered, isHeard || workers[key] != nil else {
            strays[key] = node
            straysByNode[node, default: []].insert(key)
            return
        }
        if workers[key]?.pod.objectUID == pod.objectUID {
            let before = workers[key]?.pod ?? [:]
            workers[key]?.update(pod)
            // A kubelet that is refused does not see what others want.
            guard isHeard else { return }
            // A deletion, or a shorter one, and what others say of its readiness call for something; everything else does not.
            let isDeadlineNew = pod.at("metadata", "deletionTimestamp") != before.at("metadata", "deletionTimestamp")
            let isGated = pod.at("spec", "readinessGates")?.array?.isEmpty == false
            let isGateNew = isGated && pod.at("status", "conditions") != before.at("status", "conditions")
            if isDeadlineNew || isGateNew { deadlines.set(key, world.now) } else if !deadlines.contains(key) { workers[key]?.park() }
            return
        }
        let phase = pod.at("status", "phase")?.string
        guard phase != "Succeeded", phase != "Failed" else { return }
        workers[key] = PodWorker(pod, now: world.now, wording: kubelet.wording)
        deadlines.set(key, world.now)
    }

    /// Takes up the pods that were bound to a node before its kubelet ran.
    func adopt(_ node: String) async {
        for key in (straysByNode.removeValue(forKey: node) ?? []).sorted() {
            strays[key] = nil
            guard let pod = present(key) else { continue }
            take(pod)
            if kubelets[node]?.isBooting ?? false, let effects = workers[key]?.machineRestarted(now: world.now), let worker = workers[key] {
                await note(worker, effects)
                deadlines.set(key, world.now)
            }
            guard let worker = workers[key], worker.isConnected else { continue }
            if worker.isHostNetwork {
                await tellNetwork(of: worker)
            } else {
                await network.restore(worker.sandbox, addresses: worker.addresses)
            }
        }
    }

    /// A pod as it is stored.
    private func present(_ key: String) -> JSON? {
        let key = Key(podCollection, key)
        return access.cluster.store.get(key).flatMap { try? access.cluster.trees.tree(key, at: $0.modified, $0.value) }
    }

    private func forget(_ key: String) async {
        if let node = strays.removeValue(forKey: key) { straysByNode[node]?.remove(key) }
        guard let worker = workers.removeValue(forKey: key) else { return }
        deadlines.set(key, nil)
        unwritten[key] = nil
        if worker.isConnected { await disconnect(worker) }
    }

    private func step(_ key: String) async {
        let blocked = await blockedPorts(of: key)
        guard var worker = workers[key], var images = kubelets[worker.sandbox.node]?.images, let kubelet = kubelets[worker.sandbox.node],
            kubelet.silentSince == nil
        else { return }
        worker.blockedPorts = blocked
        if worker.isParked {
            guard let pod = present(key), pod.objectUID == worker.pod.objectUID else { return }
            worker.update(pod)
        }
        let now = world.now
        var effects = worker.step(now: now, images: &images)
        kubelets[worker.sandbox.node]?.images = images
        workers[key] = worker
        await note(worker, effects)
        if effects.wantsNetwork {
            effects = worker.connected(await connect(worker, kubelet.machine), now: now)
            workers[key] = worker
            await note(worker, effects)
            // The containers start with the network.
            if worker.isConnected { return await step(key) }
        }
        if effects.changesStatus {
            if worker.isHostNetwork { await tellNetwork(of: worker) }
            if worker.isComingUp, !areStatusesWatched {
                unwritten[key] = now
            } else {
                unwritten[key] = nil
                await write(&worker, key, now)
            }
        }
        if effects.isOver {
            await remove(worker, kubelet)
        } else if worker.isFinished {
            workers[key] = nil
            deadlines.set(key, nil)
            return await disconnect(worker)
        }
        guard workers[key]?.pod.objectUID == worker.pod.objectUID else { return }
        let next = worker.next(after: now)
        if next == nil { worker.park() }
        workers[key] = worker
        deadlines.set(key, next)
    }

    /// The ports of a pod that probes try in vain; most pods have none that could be closed.
    private func blockedPorts(of key: String) async -> Set<Int64> {
        guard let worker = workers[key] else { return [] }
        let ports = worker.probedPorts
        return ports.isEmpty ? [] : await network.blocked(worker.sandbox, ports: ports)
    }

    private func connect(_ worker: PodWorker, _ machine: NodeMachine) async -> Result<[String], PodNetworkFailure> {
        if worker.isHostNetwork { return .success([machine.address]) }
        do throws(PodNetworkFailure) { return .success(try await network.connect(worker.sandbox)) } catch { return .failure(error) }
    }

    private func disconnect(_ worker: PodWorker) async {
        guard worker.isHostNetwork else { return await network.disconnect(worker.sandbox) }
        await network.hostPodChanged(worker.pod, worker.sandbox, running: [:])
    }

    /// Tells the network what runs of a pod that may be the network's own; its node may become ready by that.
    private func tellNetwork(of worker: PodWorker) async {
        await network.hostPodChanged(worker.pod, worker.sandbox, running: worker.running)
        if kubelets[worker.sandbox.node]?.awaitsNetwork == true { await becomeReady(worker.sandbox.node) }
    }

    private func note(_ worker: PodWorker, _ effects: PodWorker.Effects) async {
        guard !effects.notes.isEmpty, let kubelet = kubelets[worker.sandbox.node] else { return }
        var reference: ObjectReference?
        for note in effects.notes {
            if reference?.fieldPath != note.fieldPath {
                reference = ObjectReference(worker.pod, kind: "Pod", fieldPath: note.fieldPath)
            }
            guard let reference else { continue }
            await recorder.record(kubelet.events, reference, type: note.type, reason: note.reason, message: note.message)
        }
    }

    private func path(_ worker: PodWorker) -> String {
        "/api/v1/namespaces/\(worker.pod.objectNamespace)/pods/\(worker.pod.objectName)"
    }

    /// Writes a pod's status, and what becomes of it while it is written.
    private func write(_ worker: inout PodWorker, _ key: String, _ time: Instant) async {
        guard writing.insert(key).inserted else {
            unwritten[key] = time
            return
        }
        await writeOnce(&worker, key, time)
        while let later = unwritten.removeValue(forKey: key), var present = workers[key] { await writeOnce(&present, key, later) }
        writing.remove(key)
    }

    /// Writes a pod's status when it says something new.
    private func writeOnce(_ worker: inout PodWorker, _ key: String, _ now: Instant) async {
        guard let kubelet = kubelets[worker.sandbox.node], kubelet.silentSince == nil else { return }
        let status = worker.status(at: now, hostAddress: kubelet.machine.address)
        let known = worker.pod["status"] ?? [:]
        let isNew = status.object?.contains { member in known[member.key] != member.value && !Self.agree(member, known) } ?? false
        guard isNew else { return }
        let answer = await kubelet.client.patch(
            path(worker) + "/status", ["metadata": ["uid": .string(worker.pod.objectUID)], "status": status])
        guard answer.isSuccess else { return }
        var pod = worker.pod
        for member in status.object ?? [:] { pod["status"]?[member.key] = member.value }
        worker.update(pod)
    }

    /// Conditions of others do not make the kubelet's own new.
    private static func agree(_ member: JSONObject.Member, _ known: JSON) -> Bool {
        guard member.key == "conditions" else { return false }
        let present = known["conditions"]?.array ?? []
        return (member.value.array ?? []).allSatisfy(present.contains)
    }

    /// Deletes a pod whose containers ended.
    private func remove(_ worker: PodWorker, _ kubelet: Kubelet) async {
        let options: JSON = [
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "preconditions": ["uid": .string(worker.pod.objectUID)],
        ]
        _ = await kubelet.client.send("DELETE", path(worker), options)
    }
}
