import JSON
import KubeAPI
import World

/// What controllers have to know of a pod.
struct WorkloadPod: Owned, Equatable {
    /// A container's port that has a name.
    struct NamedPort: Sendable, Hashable {
        let name: String
        let transport: String
        let number: Int64
    }

    let namespace: String
    let name: String
    let uid: String
    let labels: JSONObject
    let owner: OwnerReference?
    let phase: String
    let isReady: Bool
    /// When its readiness changed last.
    let readyChange: Instant?
    let isBeingDeleted: Bool
    let created: Instant
    /// Where it runs; empty before it is placed.
    let node: String
    /// The node that its affinity names, for pods of DaemonSets.
    let wantedNode: String
    /// The most restarts of one of its containers, and of one of its sidecars.
    let restarts: Int64
    let sidecarRestarts: Int64
    let deletionCost: Int64
    let addresses: [String]
    let ports: [NamedPort]
    let hostname: String
    let subdomain: String

    /// What of a Pod object is read.
    static let parts: JSONProjection = [
        "metadata": [
            "name", "namespace", "uid", "labels", "annotations", "ownerReferences", "creationTimestamp", "deletionTimestamp",
        ],
        "spec": [
            "nodeName": .whole, "hostname": .whole, "subdomain": .whole, "affinity": .whole, "containers": ["ports"],
            "initContainers": ["name", "restartPolicy", "ports"],
        ],
        "status": [
            "phase": .whole, "conditions": ["type", "status", "lastTransitionTime"], "podIPs": .whole,
            "containerStatuses": ["name", "restartCount"], "initContainerStatuses": ["name", "restartCount"],
        ],
    ]

    init(_ pod: JSON) {
        namespace = pod.objectNamespace
        name = pod.objectName
        uid = pod.objectUID
        labels = pod.at("metadata", "labels")?.object ?? [:]
        owner = OwnerReference(controllerOf: pod)
        isBeingDeleted = pod.isBeingDeleted
        created = pod.at("metadata", "creationTimestamp")?.string.flatMap(Instant.init(rfc3339:)) ?? Instant(seconds: 0)
        deletionCost = pod.at("metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost")?.string.flatMap { Int64($0) } ?? 0
        let spec = pod["spec"] ?? [:]
        node = spec["nodeName"]?.string ?? ""
        wantedNode = node.isEmpty ? Self.nodeOfAffinity(spec) : node
        hostname = spec["hostname"]?.string ?? ""
        subdomain = spec["subdomain"]?.string ?? ""
        let status = pod["status"] ?? [:]
        phase = status["phase"]?.string ?? ""
        let condition = status["conditions"]?.array?.first { $0["type"] == "Ready" }
        isReady = condition?["status"] == "True"
        readyChange = condition?["lastTransitionTime"]?.string.flatMap(Instant.init(rfc3339:))
        restarts = (status["containerStatuses"]?.array ?? []).map { $0["restartCount"]?.integer ?? 0 }.max() ?? 0
        let sidecars = Set(
            (spec["initContainers"]?.array ?? []).filter { $0["restartPolicy"] == "Always" }.compactMap { $0["name"]?.string })
        sidecarRestarts =
            sidecars.isEmpty
            ? 0
            : (status["initContainerStatuses"]?.array ?? []).filter { sidecars.contains($0["name"]?.string ?? "") }
                .map { $0["restartCount"]?.integer ?? 0 }.max() ?? 0
        addresses = (status["podIPs"]?.array ?? []).compactMap { $0["ip"]?.string }
        ports = (spec["containers"]?.array ?? []).flatMap { $0["ports"]?.array ?? [] }.compactMap { port in
            guard let name = port["name"]?.string, !name.isEmpty else { return nil }
            return NamedPort(name: name, transport: port["protocol"]?.string ?? "TCP", number: port["containerPort"]?.integer ?? 0)
        }
    }

    /// `util.GetTargetNodeName`: the one node of the one term.
    private static func nodeOfAffinity(_ spec: JSON) -> String {
        let terms = spec.at("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")?.array ?? []
        for term in terms {
            for field in term["matchFields"]?.array ?? []
            where field["key"] == "metadata.name" && field["operator"] == "In" {
                return field["values"]?.strings?.first ?? ""
            }
        }
        return ""
    }

    /// `namespace/name`
    var key: String { "\(namespace)/\(name)" }
    var hasEnded: Bool { phase == "Succeeded" || phase == "Failed" }
    /// Neither ended nor on its way out (`controller.IsPodActive`).
    var isActive: Bool { !hasEnded && !isBeingDeleted }

    /// Whether it has been ready for long enough (`podutil.IsPodAvailable`).
    func isAvailable(minimumReady: Int64, at now: Instant) -> Bool {
        guard isReady else { return false }
        guard minimumReady > 0 else { return true }
        guard let readyChange else { return false }
        return readyChange + .seconds(minimumReady) <= now
    }

    /// When a ready pod becomes available; `nil` when time alone changes nothing.
    func available(after minimumReady: Int64, now: Instant) -> Instant? {
        guard isReady, minimumReady > 0, let readyChange else { return nil }
        let time = readyChange + .seconds(minimumReady)
        return time > now ? time : nil
    }
}
