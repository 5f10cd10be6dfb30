import JSON
import KubeAPI
import KubeAPIServer
import World

/// Writes events in the core version, as the kubelet does (`client-go/tools/record`): the same again raises the count, and many of a kind
/// are put together.
actor KubeletRecorder {
    private struct Known {
        let path: String
        var count: Int64
        let first: Instant
        var last: Instant
    }

    /// So many different texts of one kind in `groupInterval` are one event from then on.
    private static let groupSize = 10
    private static let groupInterval = Duration.seconds(600)
    private static let kept = 4096

    private let world: World
    private let stamps: EventStamps
    private var known: [String: Known] = [:]
    private var groups: [String: (texts: Set<String>, last: Instant)] = [:]

    init(_ access: ComponentAccess) {
        world = access.cluster.world
        stamps = access.stamps
    }

    /// Records an event of a node's kubelet.
    func record(_ client: ComponentClient, node: String, _ object: ObjectReference, type: String, reason: String, message: String) async {
        let now = world.now
        let namespace = object.namespace.isEmpty ? "default" : object.namespace
        let kind = [node, object.kind, namespace, object.name, object.uid, type, reason].joined(separator: "\u{0}")
        var message = message
        var key = kind + "\u{0}" + object.fieldPath + "\u{0}" + message
        var group = groups[kind] ?? ([], now)
        if now - group.last > Self.groupInterval { group.texts = [] }
        group.last = now
        group.texts.insert(message)
        if group.texts.count >= Self.groupSize {
            key = kind
            message = "(combined from similar events): \(message)"
        }
        groups[kind] = group
        if var same = known[key] {
            same.count += 1
            same.last = now
            known[key] = same
            let change: JSON = ["count": .integer(same.count), "lastTimestamp": .string(now.rfc3339), "message": .string(message)]
            if await client.patch(same.path, change).isSuccess { return }
        }
        let name = "\(object.name).\(stamps.next(now))"
        let event: JSON = [
            "apiVersion": "v1", "kind": "Event", "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "involvedObject": object.json, "reason": .string(reason), "message": .string(message),
            "source": ["component": "kubelet", "host": .string(node)], "firstTimestamp": .string(now.rfc3339),
            "lastTimestamp": .string(now.rfc3339), "count": 1, "type": .string(type), "eventTime": .null, "reportingComponent": "kubelet",
            "reportingInstance": .string(node),
        ]
        let path = "/api/v1/namespaces/\(namespace)/events"
        _ = await client.send("POST", path, event)
        if known.count >= Self.kept { forget(now) }
        known[key] = Known(path: "\(path)/\(name)", count: 1, first: now, last: now)
    }

    /// Forgets what was not repeated for long; without such, everything: the next repetitions are then new events.
    private func forget(_ now: Instant) {
        known = known.filter { now - $0.value.last < Self.groupInterval }
        groups = groups.filter { now - $0.value.last < Self.groupInterval }
        guard known.count >= Self.kept else { return }
        known = [:]
        groups = [:]
    }
}
