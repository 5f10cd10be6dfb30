import JSON

/// What a Deployment writes on its ReplicaSets (`SetNewReplicaSetAnnotations`, `SetReplicasAnnotations`).
enum ReplicaSetAnnotations {
    private static let longestHistory = 2000
    private static let own: Set<String> = [
        "kubectl.kubernetes.io/last-applied-configuration", ReplicaSetState.revision, ReplicaSetState.history, ReplicaSetState.desired,
        ReplicaSetState.maximum, "deprecated.deployment.rollback.revision",
    ]

    /// Gives the new ReplicaSet the Deployment's annotations and its revision.
    static func mark(_ set: inout JSON, of deployment: DeploymentState, revision: Int64, isNew: Bool) {
        for member in deployment.json.at("metadata", "annotations")?.object ?? [:] where !own.contains(member.key) {
            set.set(member.value, at: ["metadata", "annotations", member.key])
        }
        let known = ReplicaSetState(json: set).annotation(ReplicaSetState.revision)
        let before = known.flatMap { Int64($0) }
        // What cannot be read is left alone.
        guard known == nil || known == "" || before != nil else { return }
        if before ?? 0 < revision {
            set.set(.string("\(revision)"), at: ["metadata", "annotations", ReplicaSetState.revision])
            if let known { addToHistory(known, &set) }
        }
        if isNew { setSizes(&set, deployment) }
    }

    private static func addToHistory(_ revision: String, _ set: inout JSON) {
        let text = ReplicaSetState(json: set).annotation(ReplicaSetState.history) ?? ""
        var revisions = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        revisions.append(revision)
        while revisions.count > 1, revisions.reduce(revisions.count - 1, { $0 + $1.utf8.count }) > longestHistory {
            revisions.removeFirst()
        }
        set.set(.string(revisions.joined(separator: ",")), at: ["metadata", "annotations", ReplicaSetState.history])
    }

    /// Notes the Deployment's size, by which a change of it is told later.
    static func setSizes(_ set: inout JSON, _ deployment: DeploymentState) {
        set.set(.string("\(deployment.replicas)"), at: ["metadata", "annotations", ReplicaSetState.desired])
        set.set(.string("\(deployment.maximum)"), at: ["metadata", "annotations", ReplicaSetState.maximum])
    }
}
