import Encoding
import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store
import World

/// Deletes the pods that do not tolerate the NoExecute taints of their nodes, at once or when the time is over for which they do
/// (`pkg/controller/tainteviction`). Pods are followed only while there is a node with such a taint.
actor TaintEviction {
    static let signals = [ChangeSignals.Resource("", "nodes")]

    /// A pod on a node with a taint.
    private struct Pod: Sendable {
        let key: String
        let uid: String
        let node: String
        let tolerations: [Toleration]
        let isLeaving: Bool
    }

    /// A pod that is to go, and since when its time runs.
    private struct Sentence: Sendable {
        let since: Instant
        let due: Instant
        let uid: String
    }

    /// A node that starts is not ready for a moment: its pods are looked at when that lasts.
    private static let patience = Duration.seconds(5)
    private static let notReady = "node.kubernetes.io/not-ready"

    private let access: ComponentAccess
    private let client: ComponentClient
    private let world: World
    private let recorder: CoreEventRecorder
    private let events: EventSource
    private let setAlarm: @Sendable (Instant?) -> Void
    /// Calls for the work when pods change.
    private let wake: @Sendable () -> Void
    private var nodes: CollectionFeed
    private var tainted: [String: [NoExecuteTaint]] = [:]
    private var pods: (feed: CollectionFeed, follower: UInt64)?
    private var onNodes: [String: [String: Pod]] = [:]
    private var nodeOf: [String: String] = [:]
    private var sentences: [String: Sentence] = [:]
    /// Pods that are to go, by key, and nodes that are to be looked at, after a NUL.
    private var deadlines = DeadlineQueue()

    init(
        _ access: ComponentAccess, minorVersion: Int, wake: @escaping @Sendable () -> Void,
        setAlarm: @escaping @Sendable (Instant?) -> Void
    ) {
        self.access = access
        world = access.cluster.world
        self.wake = wake
        self.setAlarm = setAlarm
        // It uses the role of the node controller.
        let user = UserInfo(
            username: "system:serviceaccount:kube-system:node-controller",
            groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"])
        client = ComponentClient(
            access, as: user, userAgent: "kube-controller-manager/v1.\(minorVersion).0 (linux/amd64) \(user.username)")
        recorder = CoreEventRecorder(access)
        events = EventSource(client, .core(component: minorVersion >= 29 ? "taint-eviction-controller" : "node-controller", host: ""))
        nodes = CollectionFeed(access.cluster, group: "", "nodes")
    }

    /// Looks at the nodes and pods that changed, and deletes those whose time is over.
    func work() async {
        var feed = nodes
        let changes = await feed.drain()
        nodes = feed
        for change in changes { await take(change.key, change.object) }
        if tainted.isEmpty { rest() } else { await followPods() }
        while let key = deadlines.take(by: world.now) {
            if key.hasPrefix("\u{0}") { await look(String(key.dropFirst())) } else { await execute(key) }
        }
        setAlarm(deadlines.next)
    }

    private func take(_ name: String, _ node: JSON?) async {
        let taints = (node?.at("spec", "taints")?.array ?? []).compactMap(NoExecuteTaint.init)
        guard taints != tainted[name] ?? [] else { return }
        tainted[name] = taints.isEmpty ? nil : taints
        deadlines.set("\u{0}\(name)", nil)
        guard !taints.isEmpty else {
            for key in (onNodes[name] ?? [:]).keys.sorted() { await acquit(key) }
            return
        }
        let isStarting = taints.allSatisfy { $0.key == Self.notReady }
        deadlines.set(
            "\u{0}\(name)", isStarting ? max(taints.compactMap(\.added).max() ?? world.now, world.now) + Self.patience : world.now)
    }

    /// No node has such a taint: pods do not matter.
    private func rest() {
        guard var following = pods else { return }
        following.feed.close()
        access.cluster.signals.cancel(following.follower)
        pods = nil
        onNodes = [:]
        nodeOf = [:]
        sentences = [:]
    }

    private func followPods() async {
        // Until a node is to be looked at nobody needs to know its pods.
        guard pods != nil || (deadlines.next.map { $0 <= world.now } ?? false) else { return }
        var following =
            pods
            ?? (
                CollectionFeed(access.cluster, group: "", "pods"),
                access.cluster.signals.follow([ChangeSignals.Resource("", "pods")], wake)
            )
        let isFirst = pods == nil
        let changes = await following.feed.drain()
        pods = following
        for change in changes {
            let isBound = change.bytes.map(BoundPods.mayBeBound) ?? false
            let pod = isBound ? change.object.flatMap(Self.pod) : nil
            guard pod != nil || nodeOf[change.key] != nil else { continue }
            if let old = nodeOf[change.key] { onNodes[old]?[change.key] = nil }
            nodeOf[change.key] = pod?.node
            guard let pod else {
                forget(change.key)
                continue
            }
            if let sentence = sentences[pod.key], sentence.uid != pod.uid { forget(pod.key) }
            onNodes[pod.node, default: [:]][pod.key] = pod
            // The nodes that are to be looked at now have their turn.
            if !isFirst, let taints = tainted[pod.node], !deadlines.contains("\u{0}\(pod.node)") {
                await judge(pod, taints, since: world.now)
            }
        }
    }

    private static func pod(_ object: JSON) -> Pod? {
        guard let node = object.at("spec", "nodeName")?.string, !node.isEmpty else { return nil }
        let phase = object.at("status", "phase")?.string
        guard phase != "Succeeded", phase != "Failed" else { return nil }
        return Pod(
            key: "\(object.objectNamespace)/\(object.objectName)", uid: object.objectUID, node: node,
            tolerations: (object.at("spec", "tolerations")?.array ?? []).map(Toleration.init), isLeaving: object.isBeingDeleted)
    }

    private func look(_ name: String) async {
        guard let taints = tainted[name] else { return }
        let since = taints.compactMap(\.added).max() ?? world.now
        for (_, pod) in (onNodes[name] ?? [:]).sorted(by: { $0.key < $1.key }) { await judge(pod, taints, since: since) }
    }

    /// Whether a pod may stay, for good or for a while.
    private func judge(_ pod: Pod, _ taints: [NoExecuteTaint], since: Instant) async {
        guard !pod.isLeaving else { return forget(pod.key) }
        var limits: [Int64] = []
        for taint in taints {
            guard let fitting = pod.tolerations.first(where: { $0.tolerates(taint) }) else {
                forget(pod.key)
                return await delete(pod)
            }
            if let seconds = fitting.seconds { limits.append(max(seconds, 0)) }
        }
        guard let least = limits.min() else { return await acquit(pod.key) }
        let start = min(sentences[pod.key]?.since ?? since, since)
        let due = start + .seconds(min(least, 1 << 31))
        sentences[pod.key] = Sentence(since: start, due: due, uid: pod.uid)
        deadlines.set(pod.key, max(due, world.now))
    }

    private func forget(_ key: String) {
        sentences[key] = nil
        deadlines.set(key, nil)
    }

    /// A pod may stay after all.
    private func acquit(_ key: String) async {
        guard sentences[key] != nil else { return }
        forget(key)
        await note(key, "Cancelling deletion of Pod \(key)")
    }

    private func execute(_ key: String) async {
        guard let node = nodeOf[key], let pod = onNodes[node]?[key], sentences[key]?.uid == pod.uid else { return }
        sentences[key] = nil
        await delete(pod)
    }

    private func delete(_ pod: Pod) async {
        await note(pod.key, "Marking for deletion Pod \(pod.key)")
        let parts = pod.key.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return }
        let path = "/api/v1/namespaces/\(parts[0])/pods/\(parts[1])"
        let condition: JSON = [
            "type": "DisruptionTarget", "status": "True", "lastProbeTime": .null, "lastTransitionTime": .string(world.now.rfc3339),
            "reason": "DeletionByTaintManager", "message": "Taint manager: deleting due to NoExecute taint",
        ]
        _ = await client.patch(path + "/status", ["metadata": ["uid": .string(pod.uid)], "status": ["conditions": [condition]]])
        _ = await client.send(
            "DELETE", path, ["apiVersion": "v1", "kind": "DeleteOptions", "preconditions": ["uid": .string(pod.uid)]])
    }

    private func note(_ key: String, _ message: String) async {
        let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return }
        let reference = ObjectReference(["metadata": ["namespace": .string(parts[0]), "name": .string(parts[1])]], kind: "Pod")
        await recorder.record(events, reference, type: "Normal", reason: "TaintManagerEviction", message: message)
    }

    /// Ends following.
    func close() {
        rest()
        nodes.close()
        client.close()
    }
}

/// A taint that makes pods go.
private struct NoExecuteTaint: Sendable, Hashable {
    let key: String
    let value: String
    let added: Instant?

    init?(_ object: JSON) {
        guard object["effect"] == "NoExecute" else { return nil }
        key = object["key"]?.string ?? ""
        value = object["value"]?.string ?? ""
        added = object["timeAdded"]?.string.flatMap { Instant(rfc3339: $0) }
    }
}

/// What a pod tolerates of such taints, and for how long.
private struct Toleration: Sendable, Hashable {
    private let key: String
    private let isExists: Bool
    private let value: String
    private let effect: String
    /// For how long; `nil` for good.
    let seconds: Int64?

    init(_ object: JSON) {
        key = object["key"]?.string ?? ""
        isExists = object["operator"]?.string == "Exists"
        value = object["value"]?.string ?? ""
        effect = object["effect"]?.string ?? ""
        seconds = object["tolerationSeconds"]?.integer
    }

    func tolerates(_ taint: NoExecuteTaint) -> Bool {
        guard effect.isEmpty || effect == "NoExecute", key.isEmpty || key == taint.key else { return false }
        return isExists || value == taint.value
    }
}
