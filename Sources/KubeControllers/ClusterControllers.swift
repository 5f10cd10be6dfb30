import JSON
import KubeAPI
import KubeAPIServer
public import PKI
public import RBAC
public import Store
import World

/// What makes machines nodes of a cluster, and takes them out again.
public protocol NodeJoining: Sendable {
    /// Starts the kubelet of a machine; it goes on after a restart of the simulator. Joining twice changes nothing.
    ///
    /// - Parameters:
    ///   - machine: what the kubelet is started with.
    ///   - user: whom the cluster takes the machine for; `nil` for the node that it says it is. A user that is no node is refused by
    ///     the API server, and tries again.
    /// - Throws: `StoreError`.
    func join(_ machine: NodeMachine, as user: UserInfo?) async throws(StoreError)

    /// Ends the kubelet of a machine that is terminated: its Node object goes, and what ran on it.
    ///
    /// - Throws: `StoreError`.
    func leave(_ name: String) async throws(StoreError)

    /// The machines that joined, by name.
    var machines: [NodeMachine] { get }
}

/// The controllers and kubelets that run in a cluster beside its API servers; in profile `upstream` only what signs certificates and
/// mends Service addresses. They follow the world's timers: on a
/// standing clock nothing happens until it is advanced.
public final class ClusterControllers: Sendable {
    /// A controller with the loop that runs it.
    private struct Running: Sendable {
        let loop: WorkLoop
        let follower: UInt64
        let close: @Sendable () async -> Void
    }

    private struct State: Sendable {
        var controlPlane: [Running] = []
        var kubelets: Running?
        var fleet: KubeletFleet?
        var nodes: NodeController?
    }

    private static let leases = ChangeSignals.Resource("coordination.k8s.io", "leases")
    private static let nodes = ChangeSignals.Resource("", "nodes")
    private static let events: Set<ChangeSignals.Resource> = [.init("", "events"), .init("events.k8s.io", "events")]

    let access: ComponentAccess
    private let authority: CertificateAuthority
    private let network: any PodNetwork
    private let companion: (any CompanionController)?
    private let state = Lock(State())
    var cluster: ClusterState { access.cluster }

    /// The controllers of a cluster whose certificates `authority` signs and whose pods get addresses from `network`; `start` starts them,
    /// and beside them the one of the provider.
    public init(
        _ access: ComponentAccess, authority: CertificateAuthority, network: any PodNetwork = StandalonePodNetwork(),
        companion: (any CompanionController)? = nil
    ) {
        self.access = access
        self.authority = authority
        self.network = network
        self.companion = companion
    }

    /// Whether something acts on pods and nodes; in profile `upstream` nothing does.
    public var hasNodes: Bool { cluster.profile == .eks }

    /// Starts the scheduler and the controllers of release 1.`minorVersion`, or starts them anew as another one, and at first the
    /// kubelets of the machines that joined.
    public func start(minorVersion: Int) async {
        await stopControlPlane()
        let requestAlarm = Alarm()
        let certificates = CertificateController(access, authority: authority, minorVersion: minorVersion) { requestAlarm.set($0) }
        let signing = run(
            "certificate controller", CertificateController.signals, requestAlarm, work: { await certificates.work() },
            close: { await certificates.close() })
        let repairAlarm = Alarm()
        let repair = ServiceAddressRepair(access, minorVersion: minorVersion) { repairAlarm.set($0) }
        let repairing = run(
            "Service address repair", ServiceAddressRepair.signals, repairAlarm, work: { await repair.work() },
            close: { await repair.close() })
        let expiring = startEvents()
        guard hasNodes else { return state.withLock { $0.controlPlane = [signing, repairing, expiring] } }
        let alarm = Alarm()
        let scheduler = SchedulerController(access, minorVersion: minorVersion) { alarm.set($0) }
        let nodeAlarm = Alarm()
        let nodes = NodeController(access, minorVersion: minorVersion) { nodeAlarm.set($0) }
        let evictionAlarm = Alarm()
        let eviction = TaintEviction(access, minorVersion: minorVersion, wake: { evictionAlarm.wake() }) { evictionAlarm.set($0) }
        let workloadAlarm = Alarm()
        let workloads = WorkloadManager(access, minorVersion: minorVersion) { workloadAlarm.set($0) }
        let follower = NetworkFollower(cluster, network: network)
        let storageAlarm = Alarm()
        let storage = StorageProtection(access, minorVersion: minorVersion) { storageAlarm.wake() }
        let running = [
            signing, repairing, expiring,
            run("scheduler", SchedulerController.signals, alarm, work: { await scheduler.work() }, close: { await scheduler.close() }),
            run("node controller", NodeController.signals, nodeAlarm, work: { await nodes.work() }, close: { await nodes.close() }),
            run(
                "taint eviction", TaintEviction.signals, evictionAlarm, work: { await eviction.work() }, close: { await eviction.close() }),
            run("workloads", WorkloadManager.signals, workloadAlarm, work: { await workloads.work() }, close: { await workloads.close() }),
            run(
                "protection of storage", StorageProtection.signals, storageAlarm, work: { await storage.work() },
                close: { await storage.close() }),
            run(
                "agents of pods' network", NetworkFollower.signals, Alarm(), work: { await follower.work() },
                close: { await follower.close() }),
        ]
        let fleet = state.withLock { state in
            state.controlPlane = running
            state.nodes = nodes
            return state.fleet
        }
        for (node, silence) in await fleet?.silences ?? [] { await nodes.hear(node, silence) }
        await startCompanion()
        await startKubelets()
    }

    /// What the provider runs beside Kubernetes' own controllers.
    private func startCompanion() async {
        guard let companion else { return }
        let alarm = Alarm()
        await companion.start(setAlarm: { alarm.set($0) }, wake: { alarm.wake() })
        let running = run(
            companion.name, companion.signals, alarm, work: { await companion.work() }, close: { await companion.close() })
        state.withLock { $0.controlPlane.append(running) }
        guard let keeper = companion.keeper else { return }
        cluster.lazyWrites.add(keeper)
    }

    /// Events are written when somebody looks, and go when their time has come.
    private func startEvents() -> Running {
        let alarm = Alarm()
        let expiry = EventExpiry(cluster) { alarm.set($0) }
        let journal = access.events
        cluster.lazyWrites.add(
            LazyWrites.Keeper(of: Self.events) { _ in
                await journal.flush()
                await expiry.work()
            } setWatched: { _, isWatched in
                await journal.setWatched(isWatched)
                await expiry.setWatched(isWatched)
            })
        return run("expiry of events", [], alarm, work: { await expiry.work() }, close: { await expiry.close() })
    }

    private func startKubelets() async {
        guard state.withLock({ $0.fleet == nil }) else { return }
        let alarm = Alarm()
        let fleet = KubeletFleet(
            access, network: network, tell: { [weak self] node, silence in await self?.nodeController?.hear(node, silence) },
            setAlarm: { alarm.set($0) })
        let running = run(
            "kubelets", [ChangeSignals.Resource("", "pods")], alarm, work: { await fleet.work() }, close: { await fleet.close() })
        state.withLock { state in
            state.fleet = fleet
            state.kubelets = running
        }
        cluster.lazyWrites.add(
            LazyWrites.Keeper(of: [Self.leases, Self.nodes]) { resource in
                await fleet.refresh(leases: resource == Self.leases)
            } setWatched: { resource, isWatched in
                await fleet.setWatched(leases: resource == Self.leases, isWatched)
            })
        cluster.lazyWrites.add(
            LazyWrites.Keeper(of: [ChangeSignals.Resource("", "pods")]) { _ in
                await fleet.writeStatuses()
            } setWatched: { _, isWatched in
                await fleet.setStatusesWatched(isWatched)
            })
        cluster.kubelets.set(KubeletServer(cluster: cluster, fleet: fleet, network: network))
        for (machine, user) in stored { await fleet.join(machine, as: user ?? Self.node(machine.name)) }
    }

    private var nodeController: NodeController? { state.withLock { $0.nodes } }

    private func run(
        _ name: String, _ signals: [ChangeSignals.Resource], _ alarm: Alarm, work: @escaping @Sendable () async -> Void,
        close: @escaping @Sendable () async -> Void
    ) -> Running {
        let loop = WorkLoop(cluster.world, "\(name) of \(cluster.name)", work: work)
        alarm.attach(loop)
        let follower = cluster.signals.follow(signals) { loop.wake() }
        loop.wake()
        return Running(loop: loop, follower: follower, close: close)
    }

    private func stop(_ running: Running) async {
        cluster.signals.cancel(running.follower)
        running.loop.stop()
        await running.close()
    }

    private func stopControlPlane() async {
        let old = state.withLock { state in
            defer { (state.controlPlane, state.nodes) = ([], nil) }
            return state.controlPlane
        }
        // Who ends has said everything.
        await access.events.flush()
        for running in old { await stop(running) }
    }

    /// Ends everything.
    public func stop() async {
        await stopControlPlane()
        cluster.lazyWrites.removeAll()
        cluster.kubelets.set(nil)
        let kubelets = state.withLock { state in
            defer { (state.kubelets, state.fleet) = (nil, nil) }
            return state.kubelets
        }
        if let kubelets { await stop(kubelets) }
    }

    // MARK: Machines

    /// Forgets every machine: the cluster is deleted.
    ///
    /// - Throws: `StoreError`.
    public func forgetMachines() async throws(StoreError) {
        let writes = machines.map { Transaction.Write.delete(Key(collection, $0.name), last: nil) }
        if !writes.isEmpty { try await cluster.store.commit(Transaction(writes: writes)) }
    }

    private static func node(_ name: String) -> UserInfo {
        UserInfo(username: "system:node:\(name)", groups: ["system:bootstrappers", "system:nodes"])
    }

    private var collection: String { cluster.collection(group: "", "~machines") }

    /// Machines and whom the cluster takes them for, by name.
    private var stored: [(machine: NodeMachine, user: UserInfo?)] {
        let range = try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { Self.stored($0.value) }
    }

    private func stored(_ name: String) -> (machine: NodeMachine, user: UserInfo?)? {
        cluster.store.get(Key(collection, name)).flatMap { Self.stored($0.value) }
    }

    private static func stored(_ bytes: [UInt8]) -> (machine: NodeMachine, user: UserInfo?)? {
        guard let json = try? JSON(parsing: bytes), let machine = NodeMachine(json) else { return nil }
        let user = json.at("user", "username")?.string.map { UserInfo(username: $0, groups: json.at("user", "groups")?.strings ?? []) }
        return (machine, user)
    }
}

extension ClusterControllers: NodeJoining {
    /// Starts the kubelet of a machine and remembers it.
    public func join(_ machine: NodeMachine, as user: UserInfo? = nil) async throws(StoreError) {
        var json = machine.json
        if let user { json["user"] = ["username": .string(user.username), "groups": JSON(strings: user.groups)] }
        try await cluster.store.commit(Transaction(writes: [.put(Key(collection, machine.name), .bytes(json.serialized()))]))
        await state.withLock { $0.fleet }?.join(machine, as: user ?? Self.node(machine.name))
    }

    /// Takes over what became of a machine that has joined.
    ///
    /// - Throws: `StoreError`.
    public func update(_ machine: NodeMachine) async throws(StoreError) {
        guard let known = stored(machine.name) else { return }
        try await join(machine, as: known.user)
    }

    /// Ends the kubelet of a machine, forgets it, and deletes its Node.
    public func leave(_ name: String) async throws(StoreError) {
        try await cluster.store.commit(Transaction(writes: [.delete(Key(collection, name), last: nil)]))
        await state.withLock { $0.fleet }?.leave(name)
        // The cloud's node controller deletes the Node of an instance that is gone.
        let user = UserInfo(
            username: "system:serviceaccount:kube-system:node-controller",
            groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"])
        let client = ComponentClient(access, as: user, userAgent: "cloud-controller-manager")
        _ = await client.send("DELETE", "/api/v1/nodes/\(name)")
        client.close()
    }

    /// The machines that joined, by name.
    public var machines: [NodeMachine] { stored.map(\.machine) }

    /// The machines that joined, by name, and whom the cluster took them for; `nil` for one that says itself who it is.
    public var joined: [(machine: NodeMachine, user: UserInfo?)] { stored }
}

/// Sets the alarm of a loop that is made after the controller that sets it.
private final class Alarm: Sendable {
    private struct Held: Sendable {
        weak var loop: WorkLoop?
        var time: Instant?
    }

    private let held = Lock(Held())

    func set(_ time: Instant?) {
        let loop = held.withLock { held in
            held.time = time
            return held.loop
        }
        loop?.setAlarm(time)
    }

    /// Calls for the work at once.
    func wake() { held.withLock { $0.loop }?.wake() }

    func attach(_ loop: WorkLoop) { held.withLock { $0.loop = loop } }
}
