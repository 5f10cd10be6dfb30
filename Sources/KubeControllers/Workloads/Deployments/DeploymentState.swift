import JSON
import KubeAPI
import World

/// A ReplicaSet, as its Deployment looks at it.
struct ReplicaSetState: Sendable {
    static let revision = "deployment.kubernetes.io/revision"
    static let history = "deployment.kubernetes.io/revision-history"
    static let desired = "deployment.kubernetes.io/desired-replicas"
    static let maximum = "deployment.kubernetes.io/max-replicas"

    var json: JSON

    var name: String { json.objectName }
    var uid: String { json.objectUID }
    var replicas: Int64 { json.at("spec", "replicas")?.integer ?? 0 }
    var actual: Int64 { json.at("status", "replicas")?.integer ?? 0 }
    var ready: Int64 { json.at("status", "readyReplicas")?.integer ?? 0 }
    var available: Int64 { json.at("status", "availableReplicas")?.integer ?? 0 }
    var terminating: Int64 { json.at("status", "terminatingReplicas")?.integer ?? 0 }
    var generation: Int64 { json.at("metadata", "generation")?.integer ?? 0 }
    var observed: Int64 { json.at("status", "observedGeneration")?.integer ?? 0 }
    var revision: Int64 { annotation(Self.revision).flatMap { Int64($0) } ?? 0 }
    /// RFC 3339 texts of one form are in the order of time.
    private var created: String { json.at("metadata", "creationTimestamp")?.string ?? "" }

    func annotation(_ name: String) -> String? { json.at("metadata", "annotations", name)?.string }

    /// A number in an annotation, where it is one of 32 bits.
    func number(_ name: String) -> Int64? { annotation(name).flatMap { Int32($0) }.map(Int64.init) }

    static func isOlder(_ left: ReplicaSetState, _ right: ReplicaSetState) -> Bool {
        (left.created, left.name) < (right.created, right.name)
    }

    static func hasLowerRevision(_ left: ReplicaSetState, _ right: ReplicaSetState) -> Bool {
        left.revision == right.revision ? isOlder(left, right) : left.revision < right.revision
    }
}

/// A Deployment with what follows from its spec.
struct DeploymentState: Sendable {
    var json: JSON

    var name: String { json.objectName }
    var replicas: Int64 { json.at("spec", "replicas")?.integer ?? 1 }
    var template: JSON { json.at("spec", "template") ?? [:] }
    var isPaused: Bool { json.at("spec", "paused")?.bool ?? false }
    var isRolling: Bool { json.at("spec", "strategy", "type")?.string != "Recreate" }
    var minimumReady: Int64 { json.at("spec", "minReadySeconds")?.integer ?? 0 }
    var generation: Int64 { json.at("metadata", "generation")?.integer ?? 0 }
    var collisions: Int64? { json.at("status", "collisionCount")?.integer }

    /// `nil` for no deadline, which the largest number means as well.
    var progressDeadline: Int64? { json.at("spec", "progressDeadlineSeconds")?.integer.flatMap { $0 == Int64(Int32.max) ? nil : $0 } }
    var historyLimit: Int64? { json.at("spec", "revisionHistoryLimit")?.integer.flatMap { $0 == Int64(Int32.max) ? nil : $0 } }

    private func rolling(_ field: String) -> JSON? { json.at("spec", "strategy", "rollingUpdate", field) }

    /// `maxSurge` in pods; part pods count whole.
    var surge: Int64 { isRolling ? ScaledValue.of(rolling("maxSurge"), replicas, roundsUp: true) : 0 }

    /// `maxUnavailable` in pods; part pods do not count, but one pod may always be missing or too many (`ResolveFenceposts`).
    var unavailable: Int64 {
        guard isRolling, replicas > 0 else { return 0 }
        let value = ScaledValue.of(rolling("maxUnavailable"), replicas, roundsUp: false)
        return min(surge == 0 && value == 0 ? 1 : value, replicas)
    }

    /// The most pods that there may be.
    var maximum: Int64 { replicas.clampedAdding(surge) }
}

extension Int64 {
    /// The sum, or the end of the range that it leaves.
    func clampedAdding(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}

extension JSON {
    /// A pod template without the label by which ReplicaSets of one Deployment differ.
    var withoutTemplateHash: JSON {
        var template = self
        template["metadata"]?["labels"]?["pod-template-hash"] = nil
        if template.at("metadata", "labels")?.object?.isEmpty ?? false { template["metadata"]?["labels"] = nil }
        return template
    }
}
