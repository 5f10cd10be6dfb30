public import JSON
import KubeAPI
import World

/// What the scheduler knows of a Pod object.
public struct SchedulablePod: Sendable {
    /// `namespace/name`
    public let key: String
    /// The object's UID.
    public let uid: String
    /// The node the pod is on; `nil` while it waits.
    public internal(set) var node: String?
    /// `status.nominatedNodeName`: where a preemption makes room for it.
    public let nominatedNode: String?
    /// `spec.schedulerName`
    public let schedulerName: String
    /// Gates that have to be lifted first.
    public let gates: [String]
    /// Whether the pod may make others give way (`preemptionPolicy`).
    public let mayPreempt: Bool
    /// Whether the pod is being deleted.
    public let isTerminating: Bool
    /// Whether the pod gives way to another by the scheduler's doing.
    let isPreempted: Bool
    /// Whether the pod ended and takes nothing any more.
    public let isFinished: Bool
    /// When it started, else when it was made.
    let started: Instant
    /// `metadata.generation`, which counts changes of the specification; `nil` before release 1.34.
    let generation: Int64?
    /// What decides where it may go.
    public internal(set) var requirements: PodRequirements

    /// What of a Pod object says whether it changed for the scheduler.
    public static let parts: JSONProjection = [
        "metadata": [
            "name", "namespace", "uid", "generation", "labels", "ownerReferences", "creationTimestamp", "deletionTimestamp",
        ],
        "spec": ["nodeName", "schedulerName", "schedulingGates", "preemptionPolicy"],
        "status": ["phase", "startTime", "nominatedNodeName"],
    ]

    /// Whether parts of a Pod object say that it is still this one, goes on where it is, and asks for the same.
    public func isSame(_ parts: JSON) -> Bool {
        generation != nil && generation == parts.at("metadata", "generation")?.integer && uid == parts.objectUID
            && node == parts.at("spec", "nodeName")?.string && !isTerminating && !parts.isBeingDeleted && requirements.agrees(with: parts)
    }

    /// Reads a Pod object. What `known` says, which is what was known of the key before, is not worked out again.
    public init(_ pod: JSON, known: SchedulablePod? = nil) {
        key = "\(pod.objectNamespace)/\(pod.objectName)"
        uid = pod.objectUID
        node = pod.at("spec", "nodeName")?.string.flatMap { $0.isEmpty ? nil : $0 }
        nominatedNode = pod.at("status", "nominatedNodeName")?.string.flatMap { $0.isEmpty ? nil : $0 }
        schedulerName = pod.at("spec", "schedulerName")?.string ?? "default-scheduler"
        gates = (pod.at("spec", "schedulingGates")?.array ?? []).compactMap { $0["name"]?.string }
        mayPreempt = pod.at("spec", "preemptionPolicy")?.string != "Never"
        isTerminating = pod.isBeingDeleted
        isPreempted =
            isTerminating
            && (pod.at("status", "conditions")?.array ?? []).contains {
                $0["type"] == "DisruptionTarget" && $0["status"] == "True" && $0["reason"] == "PreemptionByScheduler"
            }
        let phase = pod.at("status", "phase")?.string
        isFinished = phase == "Succeeded" || phase == "Failed"
        let time = pod.at("status", "startTime")?.string ?? pod.at("metadata", "creationTimestamp")?.string ?? ""
        started = Instant(rfc3339: time) ?? Instant(nanoseconds: 0)
        generation = pod.at("metadata", "generation")?.integer
        if let known, let generation, known.generation == generation, known.uid == uid, known.requirements.agrees(with: pod) {
            requirements = known.requirements
        } else {
            requirements = PodRequirements(pod)
        }
    }

    /// What the scheduler ranks pods by.
    public var priority: Int64 { requirements.priority }

    /// The pod as if it were on a node.
    public func placed(on node: String) -> SchedulablePod {
        var pod = self
        pod.node = node
        return pod
    }
}
