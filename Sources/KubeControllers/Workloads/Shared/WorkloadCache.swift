import JSON

/// What the controllers of workloads know of the cluster: each object is read once for all of them, as upstream's shared informers do.
struct WorkloadCache: Sendable {
    var pods = OwnedIndex<WorkloadPod>()
    var replicaSets = OwnedIndex<WorkloadObject>()
    var deployments = OwnedIndex<WorkloadObject>()
    var daemonSets = OwnedIndex<WorkloadObject>()
    var revisions = OwnedIndex<WorkloadObject>()
    var nodes: [String: WorkloadNode] = [:]

    /// An object of a kind of workload.
    func object(_ kind: WorkloadKind, _ key: String) -> WorkloadObject? {
        switch kind {
        case .replicaSet: replicaSets[key]
        case .deployment: deployments[key]
        case .daemonSet: daemonSets[key]
        case .job, .statefulSet: nil
        }
    }

    /// All objects of a kind of workload.
    func all(_ kind: WorkloadKind) -> [WorkloadObject] {
        switch kind {
        case .replicaSet: replicaSets.all
        case .deployment: deployments.all
        case .daemonSet: daemonSets.all
        case .job, .statefulSet: []
        }
    }
}
