import JSON

/// How many pods each ReplicaSet of a Deployment gets: the arithmetic of `deployment_util.go`, `rolling.go` and `sync.go`.
enum DeploymentScaling {
    /// The size of the new ReplicaSet in the next step (`NewRSNewReplicas`).
    static func newSize(_ deployment: DeploymentState, _ all: [ReplicaSetState], new: Int64) -> Int64 {
        guard deployment.isRolling else { return deployment.replicas }
        let current = all.reduce(0) { $0 + $1.replicas }
        guard current < deployment.maximum else { return new }
        return new + min(deployment.maximum - current, deployment.replicas - new)
    }

    /// A ReplicaSet and its new size.
    struct Change: Sendable {
        let set: ReplicaSetState
        let size: Int64
    }

    /// Which old pods go in the next step: first those that are of no use, then as many as may be missing (`reconcileOldReplicaSets`).
    static func scaleDown(_ deployment: DeploymentState, old: [ReplicaSetState], new: ReplicaSetState) -> [Change] {
        let active = old.filter { $0.replicas > 0 }.sorted(by: ReplicaSetState.isOlder)
        guard !active.isEmpty else { return [] }
        let minimum = deployment.replicas - deployment.unavailable
        let count = active.reduce(new.replicas) { $0 + $1.replicas }
        let most = count - minimum - (new.replicas - new.available)
        guard most > 0 else { return [] }
        var sizes = active.map(\.replicas)
        var changes: [Change] = []
        func shrink(_ index: Int, by number: Int64) {
            sizes[index] -= number
            changes.append(Change(set: active[index], size: sizes[index]))
        }
        var unhealthy: Int64 = 0
        for (index, set) in active.enumerated() where unhealthy < most && sizes[index] > set.available {
            let number = min(most - unhealthy, sizes[index] - set.available)
            shrink(index, by: number)
            unhealthy += number
        }
        let spare = active.reduce(new.available) { $0 + $1.available } - minimum
        var gone: Int64 = 0
        for index in active.indices where gone < spare && sizes[index] > 0 {
            let number = min(sizes[index], spare - gone)
            shrink(index, by: number)
            gone += number
        }
        return changes
    }

    /// The sizes of several active ReplicaSets when the Deployment as a whole grows or shrinks: each its share, what is left over goes to the
    /// largest (`scale`, `GetReplicaSetProportion`).
    static func proportional(_ deployment: DeploymentState, _ active: [ReplicaSetState]) -> [Change] {
        let current = active.reduce(0) { $0 + $1.replicas }
        let toAdd = (deployment.replicas > 0 ? deployment.maximum : 0) - current
        // Newer ones grow first, older ones shrink first.
        let ordered =
            toAdd == 0
            ? active
            : active.sorted { left, right in
                guard left.replicas == right.replicas else { return left.replicas > right.replicas }
                return toAdd > 0 ? ReplicaSetState.isOlder(right, left) : ReplicaSetState.isOlder(left, right)
            }
        var added: Int64 = 0
        var sizes = ordered.map { set -> Int64 in
            guard toAdd != 0, set.replicas != 0, toAdd != added else { return set.replicas }
            let share = share(of: set, in: deployment)
            let part = toAdd > 0 ? min(share, toAdd - added) : max(share, toAdd - added)
            added += part
            return set.replicas + part
        }
        if toAdd != 0, !sizes.isEmpty { sizes[0] = max(0, sizes[0] + toAdd - added) }
        return zip(ordered, sizes).map { Change(set: $0, size: $1) }
    }

    /// `getReplicaSetFraction`
    private static func share(of set: ReplicaSetState, in deployment: DeploymentState) -> Int64 {
        guard deployment.replicas > 0 else { return -set.replicas }
        var before = set.number(ReplicaSetState.maximum) ?? 0
        if before == 0 { before = deployment.json.at("status", "replicas")?.integer ?? 0 }
        guard before != 0 else { return 0 }
        let size = Double(set.replicas) * Double(deployment.maximum) / Double(before)
        // Halves go away from zero.
        return Int64(min(max(size.rounded(.toNearestOrAwayFromZero), -1e9), 3e9)) - set.replicas
    }
}
