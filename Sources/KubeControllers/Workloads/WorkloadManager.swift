import JSON
import KubeAPI
import KubeAPIServer
import World

/// The controllers of workloads that kube-controller-manager runs, over one set of informers: what changes is read once, and says whose turn
/// it is. They keep nothing that is not in the cluster's objects: a new one goes on where the last stopped.
actor WorkloadManager {
    private static let followed: [(group: String, resource: String)] = [
        ("", "nodes"), ("apps", "deployments"), ("apps", "daemonsets"), ("apps", "replicasets"), ("apps", "controllerrevisions"),
        ("", "services"), ("discovery.k8s.io", "endpointslices"), ("policy", "poddisruptionbudgets"), ("", "pods"),
    ]

    private static let slices = "endpointslices"
    private static let endpoints = "endpoints"
    private static let budgets = "poddisruptionbudgets"

    /// What changes in these resources calls it.
    static var signals: [ChangeSignals.Resource] { followed.map { ChangeSignals.Resource($0.group, $0.resource) } }

    private let world: World
    private var feeds: [(resource: String, feed: CollectionFeed)]
    private var cache = WorkloadCache()
    private let controllers: [String: any WorkloadController]
    private let expectations: [WorkloadKind: Expectations]
    /// Whose turn it is: the kind's resource, a space and the object's key.
    private var queue = WorkQueue()
    private let setAlarm: @Sendable (Instant?) -> Void

    /// The controllers of release 1.`minorVersion`.
    init(_ access: ComponentAccess, minorVersion: Int, setAlarm: @escaping @Sendable (Instant?) -> Void) {
        world = access.cluster.world
        feeds = Self.followed.map { ($0.resource, CollectionFeed(access.cluster, group: $0.group, $0.resource)) }
        let recorder = CoreEventRecorder(access)
        func context(_ account: String, _ component: String? = nil) -> ControllerContext {
            ControllerContext(access, recorder, account: account, component: component, minorVersion: minorVersion)
        }
        let replicaSets = ReplicaSetController(context("replicaset-controller"))
        let daemonSets = DaemonSetController(context("daemon-set-controller", "daemonset-controller"))
        controllers = [
            WorkloadKind.replicaSet.rawValue: replicaSets,
            WorkloadKind.deployment.rawValue: DeploymentController(context: context("deployment-controller")),
            WorkloadKind.daemonSet.rawValue: daemonSets,
            Self.slices: EndpointSliceController(context("endpointslice-controller", "endpoint-slice-controller")),
            Self.endpoints: EndpointsController(context("endpoint-controller")),
            Self.budgets: DisruptionController(context: context("disruption-controller", "controllermanager")),
        ]
        expectations = [.replicaSet: replicaSets.pods.expectations, .daemonSet: daemonSets.pods.expectations]
        self.setAlarm = setAlarm
    }

    /// Looks at what changed and gives everybody concerned a turn.
    func work() async {
        await follow()
        var turn = Turn()
        while let key = queue.next(now: world.now) {
            let parts = key.split(separator: " ", maxSplits: 1).map(String.init)
            if parts.count == 2, let controller = controllers[parts[0]] {
                queue.finish(key, await controller.sync(parts[1], cache), now: world.now)
            }
            await follow()
            if turn.isOver() { return setAlarm(world.now) }
        }
        setAlarm(queue.nextDue)
    }

    /// Ends following.
    func close() {
        for index in feeds.indices { feeds[index].feed.close() }
        for controller in controllers.values { controller.close() }
    }

    // MARK: What changed

    private func follow() async {
        for index in feeds.indices {
            var feed = feeds[index].feed
            let changes = await feed.drain()
            feeds[index].feed = feed
            for change in changes { take(change, of: feeds[index].resource) }
        }
    }

    private func take(_ change: CollectionFeed.Change, of resource: String) {
        if resource == "pods" { return takePod(change.key, change.parts(WorkloadPod.parts).map(WorkloadPod.init)) }
        let object = change.object.map(WorkloadObject.init)
        switch resource {
        case "nodes": takeNode(change.key, object.map { WorkloadNode($0.json) })
        case "deployments": changed(.deployment, change.key, cache.deployments.set(change.key, object), object)
        case "daemonsets": changed(.daemonSet, change.key, cache.daemonSets.set(change.key, object), object)
        case "replicasets":
            let old = cache.replicaSets.set(change.key, object)
            changed(.replicaSet, change.key, old, object)
            callOwners(old, object)
        case "controllerrevisions": callOwners(cache.revisions.set(change.key, object), object)
        case "services":
            cache.setService(change.key, object)
            callService(change.key)
        case "endpointslices": takeSlice(change.key, object)
        default:
            cache.setBudget(change.key, object)
            call(Self.budgets, change.key)
        }
    }

    private func changed(_ kind: WorkloadKind, _ key: String, _ old: WorkloadObject?, _ new: WorkloadObject?) {
        if let old, old.uid != new?.uid { expectations[kind]?.forget(old.uid) }
        call(kind, key)
    }

    private func call(_ kind: WorkloadKind, _ key: String) { call(kind.rawValue, key) }
    private func call(_ controller: String, _ key: String) { queue.add("\(controller) \(key)") }

    private func callService(_ key: String) {
        call(Self.slices, key)
        call(Self.endpoints, key)
    }

    /// Calls the controller of what changed; of what has none, those that might want it.
    private func callOwners(_ old: (any Owned)?, _ new: (any Owned)?) {
        if let owner = old?.owner, owner != new?.owner { call(owner, old?.namespace ?? "") }
        guard let new else { return }
        if let owner = new.owner { return call(owner, new.namespace) }
        guard old == nil || old?.owner != nil || old?.labels != new.labels else { return }
        let kinds: [WorkloadKind] = new is WorkloadPod ? [.replicaSet, .daemonSet] : [.deployment, .daemonSet]
        for kind in kinds {
            for candidate in cache.all(kind) where candidate.namespace == new.namespace {
                if LabelSelector(candidate.json.at("spec", "selector"))?.matches(new.labels) ?? false {
                    call(kind, "\(candidate.namespace)/\(candidate.name)")
                }
            }
        }
    }

    private func call(_ owner: OwnerReference, _ namespace: String) {
        guard let kind = WorkloadKind(owner) else { return }
        let key = "\(namespace)/\(owner.name)"
        // Another object of the same name is not the owner.
        if let object = cache.object(kind, key), object.uid != owner.uid { return }
        call(kind, key)
    }

    /// A slice that somebody else changed or deleted is put right.
    private func takeSlice(_ key: String, _ slice: WorkloadObject?) {
        let old = cache.slices.set(key, slice)
        for owner in Set([old?.owner, slice?.owner].compactMap { $0 }) where owner.kind == "Service" {
            call(Self.slices, "\((slice ?? old)?.namespace ?? "")/\(owner.name)")
        }
    }

    private func takePod(_ key: String, _ pod: WorkloadPod?) {
        let old = cache.pods.set(key, pod)
        // Most of what kubelets write is of no concern here.
        guard old != pod else { return }
        let namespace = (pod ?? old)?.namespace ?? ""
        for name in cache.behindServices.note(key, namespace, pod) { callService("\(namespace)/\(name)") }
        for name in cache.underBudgets.note(key, namespace, pod) { call(Self.budgets, "\(namespace)/\(name)") }
        let isSame = old?.uid == pod?.uid
        if let old, let owner = old.owner, let kind = WorkloadKind(owner), !isSame || pod?.isBeingDeleted ?? true {
            expectations[kind]?.noteDeletion(owner.uid, of: old.uid)
        }
        if let pod, !isSame, let owner = pod.owner, let kind = WorkloadKind(owner) { expectations[kind]?.noteCreations(owner.uid) }
        callOwners(old, pod)
        // A Deployment that makes all pods anew waits for the last old one.
        if let owner = old?.owner, !isSame || pod?.hasEnded ?? false, owner.kind == WorkloadKind.replicaSet.name,
            let set = cache.replicaSets["\(old?.namespace ?? "")/\(owner.name)"], let deployment = set.owner
        {
            call(deployment, set.namespace)
        }
    }

    private func takeNode(_ name: String, _ node: WorkloadNode?) {
        guard cache.nodes[name] != node else { return }
        cache.nodes[name] = node
        for set in cache.daemonSets.all { call(.daemonSet, "\(set.namespace)/\(set.name)") }
    }
}
