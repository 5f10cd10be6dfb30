import JSON
import KubeAPI

/// Which object manages another one (`metav1.GetControllerOf`).
struct OwnerReference: Sendable, Hashable {
    let apiVersion: String
    let kind: String
    let name: String
    let uid: String

    init(apiVersion: String, kind: String, name: String, uid: String) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
    }

    /// The reference that makes `owner` the controller of what carries it.
    init(to owner: JSON, _ kind: WorkloadKind) {
        self.init(apiVersion: kind.apiVersion, kind: kind.name, name: owner.objectName, uid: owner.objectUID)
    }

    /// The controller of an object; `nil` for an orphan.
    init?(controllerOf object: JSON) {
        guard let found = object.at("metadata", "ownerReferences")?.array?.first(where: { $0["controller"]?.bool == true }) else {
            return nil
        }
        self.init(
            apiVersion: found["apiVersion"]?.string ?? "", kind: found["kind"]?.string ?? "", name: found["name"]?.string ?? "",
            uid: found["uid"]?.string ?? "")
    }

    var json: JSON {
        [
            "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name), "uid": .string(uid), "controller": true,
            "blockOwnerDeletion": true,
        ]
    }
}

/// The kinds of workloads that manage others.
enum WorkloadKind: String, Sendable, Hashable, CaseIterable {
    case replicaSet = "replicasets"
    case deployment = "deployments"
    case daemonSet = "daemonsets"
    case job = "jobs"
    case statefulSet = "statefulsets"

    var apiVersion: String { self == .job ? "batch/v1" : "apps/v1" }

    var name: String {
        switch self {
        case .replicaSet: "ReplicaSet"
        case .deployment: "Deployment"
        case .daemonSet: "DaemonSet"
        case .job: "Job"
        case .statefulSet: "StatefulSet"
        }
    }

    /// The kind that an owner reference names.
    init?(_ reference: OwnerReference) {
        guard let kind = Self.allCases.first(where: { $0.name == reference.kind && $0.apiVersion == reference.apiVersion }) else {
            return nil
        }
        self = kind
    }

    /// Where its objects are.
    func path(namespace: String, _ name: String? = nil) -> String {
        "/apis/\(apiVersion)/namespaces/\(namespace)/\(rawValue)" + (name.map { "/\($0)" } ?? "")
    }
}
