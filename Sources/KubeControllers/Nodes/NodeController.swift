import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store
import World

/// The node lifecycle controller: says of nodes whose kubelets are not heard of that their state is unknown, gives nodes the taints that
/// follow from their conditions, and takes them away again (`pkg/controller/nodelifecycle`).
///
/// It does not look at leases: it is told when a kubelet falls silent, so that those that are heard of cost nothing.
actor NodeController {
    static let signals = [ChangeSignals.Resource("", "nodes")]

    let access: ComponentAccess
    let client: ComponentClient
    /// The cloud's node lifecycle controller, which knows of stopped instances.
    let cloud: ComponentClient
    private let collector: ComponentClient
    let world: World
    let recorder: CoreEventRecorder
    let events: EventSource
    /// For how long a kubelet may be silent (`--node-monitor-grace-period`).
    let grace: Duration
    /// Kubelets that are not heard of, and when that has lasted too long.
    var silent: [String: KubeletSilence] = [:]
    var lapses = DeadlineQueue()
    /// Who may be emptied of pods, and when.
    var disruption = ZoneDisruption()
    private var nodes: CollectionFeed
    /// Nodes that are gone, and when their pods go.
    private var orphaned = DeadlineQueue()
    let setAlarm: @Sendable (Instant?) -> Void
    private var hasLooked = false

    /// From the end of a node to that of its pods (`quarantineTime` of the pod garbage collector).
    private static let quarantine = Duration.seconds(40)

    init(_ access: ComponentAccess, minorVersion: Int, setAlarm: @escaping @Sendable (Instant?) -> Void) {
        self.access = access
        grace = .seconds(minorVersion >= 32 ? 50 : 40)
        recorder = CoreEventRecorder(access)
        func connect(_ account: String, agent: String? = nil) -> ComponentClient {
            let user = UserInfo(
                username: "system:serviceaccount:kube-system:\(account)",
                groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"])
            return ComponentClient(
                access, as: user,
                userAgent: agent ?? "kube-controller-manager/v1.\(minorVersion).0 (linux/amd64) \(user.username)")
        }
        client = connect("node-controller")
        events = EventSource(client, .core(component: "node-controller", host: ""))
        cloud = connect("node-controller", agent: "cloud-controller-manager")
        collector = connect("pod-garbage-collector")
        world = access.cluster.world
        self.setAlarm = setAlarm
        nodes = CollectionFeed(access.cluster, group: "", "nodes")
    }

    /// Looks at the nodes that changed.
    func work() async {
        var feed = nodes
        let changes = await feed.drain()
        nodes = feed
        var latest: [String: JSON] = [:]
        for change in changes {
            latest[change.key] = change.object
            if change.bytes == nil { forget(change.key) }
            if change.bytes == nil { orphaned.set(change.key, world.now + Self.quarantine) }
        }
        if !hasLooked {
            hasLooked = true
            for name in Set(BoundPods.all(access).map(\.node)).sorted() where latest[name] == nil {
                orphaned.set(name, world.now + Self.quarantine)
            }
        }
        for (name, node) in latest.sorted(by: { $0.key < $1.key }) {
            orphaned.set(name, nil)
            disruption.note(name, node)
            await settle(name, node)
        }
        await lapse()
        await executeTaints()
        var gone: Set<String> = []
        while let name = orphaned.take(by: world.now) { gone.insert(name) }
        if !gone.isEmpty { await collect(from: gone) }
        setNextAlarm()
    }

    /// Wakes the controller when something is due.
    func setNextAlarm() { setAlarm([orphaned.next, lapses.next, disruption.next(after: world.now)].compactMap { $0 }.min()) }

    /// Deletes the pods of nodes that are gone (`pkg/controller/podgc`).
    private func collect(from nodes: Set<String>) async {
        for (node, pod) in BoundPods.all(access) where nodes.contains(node) {
            let path = "/api/v1/namespaces/\(pod.objectNamespace)/pods/\(pod.objectName)"
            let phase = pod.at("status", "phase")?.string
            if phase != "Succeeded", phase != "Failed" {
                let condition: JSON = [
                    "type": "DisruptionTarget", "status": "True", "lastProbeTime": .null, "lastTransitionTime": .string(world.now.rfc3339),
                    "reason": "DeletionByPodGC", "message": "PodGC: node no longer exists",
                ]
                _ = await collector.patch(path + "/status", ["status": ["phase": "Failed", "conditions": [condition]]])
            }
            _ = await collector.send(
                "DELETE", path,
                ["apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": ["uid": .string(pod.objectUID)]])
        }
    }

    /// Ends following.
    func close() {
        nodes.close()
        client.close()
        cloud.close()
        collector.close()
    }

    private struct Rule: Sendable {
        let condition: String
        let status: String
        let taint: String
    }

    private static let rules = [
        Rule(condition: "Ready", status: "False", taint: "node.kubernetes.io/not-ready"),
        Rule(condition: "Ready", status: "Unknown", taint: "node.kubernetes.io/unreachable"),
        Rule(condition: "MemoryPressure", status: "True", taint: "node.kubernetes.io/memory-pressure"),
        Rule(condition: "DiskPressure", status: "True", taint: "node.kubernetes.io/disk-pressure"),
        Rule(condition: "PIDPressure", status: "True", taint: "node.kubernetes.io/pid-pressure"),
        Rule(condition: "NetworkUnavailable", status: "True", taint: "node.kubernetes.io/network-unavailable"),
    ]
    private static let unschedulable = "node.kubernetes.io/unschedulable"

    func settle(_ name: String, _ node: JSON) async {
        // Nobody stands behind a Node object without conditions: it is left as it was made.
        guard let conditions = node.at("status", "conditions")?.array, !conditions.isEmpty else { return }
        let present = node.at("spec", "taints")?.array ?? []
        var wanted: [(key: String, effect: String)] = []
        for rule in Self.rules
        where conditions.contains(where: { $0["type"]?.string == rule.condition && $0["status"]?.string == rule.status }) {
            wanted.append((rule.taint, "NoSchedule"))
            guard rule.condition == "Ready" else { continue }
            // What is on nodes that are not heard of goes a node after the other, and stays when none is heard of.
            if rule.status == "False" || disruption.isExecuted(name) { wanted.append((rule.taint, "NoExecute")) }
        }
        if node.at("spec", "unschedulable")?.bool ?? false { wanted.append((Self.unschedulable, "NoSchedule")) }
        let own = Set(Self.rules.map(\.taint) + [Self.unschedulable])
        func isWanted(_ taint: JSON) -> Bool { wanted.contains { taint["key"]?.string == $0.key && taint["effect"]?.string == $0.effect } }
        var taints = present.filter { !own.contains($0["key"]?.string ?? "") || isWanted($0) }
        for (key, effect) in wanted where !taints.contains(where: { $0["key"]?.string == key && $0["effect"]?.string == effect }) {
            var taint: JSON = ["key": .string(key), "effect": .string(effect)]
            if effect == "NoExecute" || key == Self.unschedulable { taint["timeAdded"] = .string(world.now.rfc3339) }
            taints.append(taint)
        }
        // A node that is ready runs.
        if Self.isReady(node) { taints.removeAll { $0["key"]?.string == Self.shutDown } }
        guard taints != present else { return }
        _ = await client.send(
            "PATCH", "/api/v1/nodes/\(name)", ["spec": ["taints": taints.isEmpty ? .null : .array(taints)]],
            type: "application/merge-patch+json")
    }
}
