import JSON
import KubeAPI
import KubeAPIServer
import World

/// Writes events about objects as `client-go/tools/events` does: what happens again to the same object becomes a series.
actor EventRecorder {
    /// What makes two events one series.
    private struct Kind: Hashable {
        let regarding: String
        let type: String
        let reason: String
        let action: String
    }

    private struct Known {
        let path: String
        var count: Int64
        var last: Instant
    }

    /// Without a repetition for so long, the next event is a new one (`finishTime`).
    private static let seriesEnd = Duration.seconds(360)
    private static let keptSeries = 4096
    /// `NoteLengthLimit` of events.k8s.io.
    private static let longestNote = 1024

    private let client: ComponentClient
    private let world: World
    private let stamps: EventStamps
    private let controller: String
    private let instance: String
    private var known: [Kind: Known] = [:]

    init(_ client: ComponentClient, _ access: ComponentAccess, controller: String, instance: String) {
        self.client = client
        world = access.cluster.world
        stamps = access.stamps
        self.controller = controller
        self.instance = instance
    }

    /// Records an event about an object.
    func record(
        _ object: ObjectReference, related: ObjectReference? = nil, type: String, reason: String, action: String, note: String
    ) async {
        let now = world.now
        let kind = Kind(regarding: "\(object.uid)/\(object.resourceVersion)", type: type, reason: reason, action: action)
        if var series = known[kind], now - series.last < Self.seriesEnd {
            series.count += 1
            series.last = now
            known[kind] = series
            let change: JSON = ["series": ["count": .integer(series.count), "lastObservedTime": .string(now.rfc3339Micro)]]
            _ = await client.patch(series.path, change)
            return
        }
        let name = "\(object.name).\(stamps.next(now))"
        // Events of objects without a namespace are in `default`.
        let namespace = object.namespace.isEmpty ? "default" : object.namespace
        var event: JSON = [
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "eventTime": .string(now.rfc3339Micro), "reportingController": .string(controller), "reportingInstance": .string(instance),
            "action": .string(action), "reason": .string(reason), "regarding": object.json, "note": .string(Self.cut(note)),
            "type": .string(type),
        ]
        event["related"] = related?.json
        let path = "/apis/events.k8s.io/v1/namespaces/\(namespace)/events"
        _ = await client.send("POST", path, event)
        if known.count >= Self.keptSeries { known = known.filter { now - $0.value.last < Self.seriesEnd } }
        if known.count < Self.keptSeries { known[kind] = Known(path: "\(path)/\(name)", count: 1, last: now) }
    }

    private static func cut(_ note: String) -> String {
        guard note.utf8.count > longestNote else { return note }
        let suffix = " ..."
        return String(decoding: note.utf8.prefix(longestNote - suffix.utf8.count), as: UTF8.self) + suffix
    }
}

/// The ends of events' names: the time in hexadecimal, one later where the clock stands still, so that no two events have one name.
final class EventStamps: Sendable {
    private let last = Lock<Int64>(0)

    func next(_ now: Instant) -> String {
        let stamp = last.withLock { last -> Int64 in
            last = max(now.nanoseconds, last &+ 1)
            return last
        }
        return String(stamp, radix: 16)
    }
}

/// Names an object in an event.
struct ObjectReference: Sendable {
    let kind: String
    let apiVersion: String
    let namespace: String
    let name: String
    let uid: String
    let resourceVersion: String
    var fieldPath = ""

    /// A reference to an object as it is now.
    init(_ object: JSON, kind: String, apiVersion: String = "v1") {
        self.kind = kind
        self.apiVersion = apiVersion
        namespace = object.objectNamespace
        name = object.objectName
        uid = object.objectUID
        resourceVersion = object.objectResourceVersion
    }

    var json: JSON {
        var json: JSON = ["kind": .string(kind)]
        if !namespace.isEmpty { json["namespace"] = .string(namespace) }
        json["name"] = .string(name)
        json["uid"] = .string(uid)
        json["apiVersion"] = .string(apiVersion)
        if !resourceVersion.isEmpty { json["resourceVersion"] = .string(resourceVersion) }
        if !fieldPath.isEmpty { json["fieldPath"] = .string(fieldPath) }
        return json
    }
}
