import JSON
import World

/// What a Deployment says of itself (`sync.go`, `progress.go`).
struct DeploymentStatus: Sendable {
    let deployment: DeploymentState
    let now: Instant

    static func condition(_ type: String, _ status: String, _ reason: String, _ message: String, at now: Instant) -> JSON {
        [
            "type": .string(type), "status": .string(status), "lastUpdateTime": .string(now.rfc3339),
            "lastTransitionTime": .string(now.rfc3339), "reason": .string(reason), "message": .string(message),
        ]
    }

    /// The counts and whether enough is available (`calculateStatus`).
    func counted(_ all: [ReplicaSetState], new: ReplicaSetState?, countsTerminating: Bool) -> JSON {
        let available = all.reduce(0) { $0 + $1.available }
        var status: JSON = [:]
        func set(_ field: String, _ number: Int64) { if number != 0 { status[field] = .integer(number) } }
        set("observedGeneration", deployment.generation)
        set("replicas", all.reduce(0) { $0 + $1.actual })
        set("updatedReplicas", new?.actual ?? 0)
        set("readyReplicas", all.reduce(0) { $0 + $1.ready })
        set("availableReplicas", available)
        set("unavailableReplicas", max(0, all.reduce(0) { $0 + $1.replicas } - available))
        if countsTerminating { status["terminatingReplicas"] = .integer(all.reduce(0) { $0 + $1.terminating }) }
        status["collisionCount"] = deployment.json.at("status", "collisionCount")
        status["conditions"] = deployment.json.at("status", "conditions")
        let isEnough = available >= deployment.replicas - deployment.unavailable
        Conditions.set(
            isEnough
                ? Self.condition(
                    "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", at: now)
                : Self.condition(
                    "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", at: now),
            in: &status)
        return status
    }

    /// The counts, and how the rollout goes on (`syncRolloutStatus`).
    func ofRollout(_ all: [ReplicaSetState], new: ReplicaSetState?, countsTerminating: Bool) -> JSON {
        var status = counted(all, new: new, countsTerminating: countsTerminating)
        if deployment.progressDeadline == nil { Conditions.remove("Progressing", from: &status) }
        let current = Conditions.find("Progressing", in: deployment.json["status"])
        let isOver = number("replicas", status) == number("updatedReplicas", status) && current?["reason"] == "NewReplicaSetAvailable"
        if let deadline = deployment.progressDeadline, !isOver { addProgress(to: &status, new, current, deadline) }
        let failures = (new.map { [$0] } ?? []) + all
        if let failure = failures.lazy.compactMap({ Conditions.find("ReplicaFailure", in: $0.json["status"]) }).first {
            var condition = failure
            condition["lastUpdateTime"] = failure["lastTransitionTime"]
            Conditions.set(condition, in: &status)
        } else {
            Conditions.remove("ReplicaFailure", from: &status)
        }
        return status
    }

    private func addProgress(to status: inout JSON, _ new: ReplicaSetState?, _ current: JSON?, _ deadline: Int64) {
        let what = new.map { "ReplicaSet \"\($0.name)\"" } ?? "Deployment \"\(deployment.name)\""
        if isComplete(status) {
            Conditions.set(
                Self.condition("Progressing", "True", "NewReplicaSetAvailable", "\(what) has successfully progressed.", at: now),
                in: &status)
        } else if isProgressing(status) {
            var condition = Self.condition("Progressing", "True", "ReplicaSetUpdated", "\(what) is progressing.", at: now)
            if let current {
                if current["status"] == "True" { condition["lastTransitionTime"] = current["lastTransitionTime"] }
                Conditions.remove("Progressing", from: &status)
            }
            Conditions.set(condition, in: &status)
        } else if isTimedOut(current, deadline) {
            Conditions.set(
                Self.condition("Progressing", "False", "ProgressDeadlineExceeded", "\(what) has timed out progressing.", at: now),
                in: &status)
        }
    }

    private func number(_ field: String, _ status: JSON?) -> Int64 { status?[field]?.integer ?? 0 }

    /// Whether everything is new and available (`DeploymentComplete`).
    func isComplete(_ status: JSON?) -> Bool {
        ["updatedReplicas", "replicas", "availableReplicas"].allSatisfy { number($0, status) == deployment.replicas }
            && number("observedGeneration", status) >= deployment.generation
    }

    private func isProgressing(_ status: JSON) -> Bool {
        let before = deployment.json["status"]
        func old(_ status: JSON?) -> Int64 { number("replicas", status) - number("updatedReplicas", status) }
        return old(status) < old(before)
            || ["updatedReplicas", "readyReplicas", "availableReplicas"].contains { number($0, status) > number($0, before) }
    }

    private func isTimedOut(_ condition: JSON?, _ deadline: Int64) -> Bool {
        guard let condition, condition["reason"] != "NewReplicaSetAvailable" else { return false }
        if condition["reason"] == "ProgressDeadlineExceeded" { return true }
        guard let since = condition["lastUpdateTime"]?.string.flatMap(Instant.init(rfc3339:)) else { return false }
        return since + .seconds(deadline) < now
    }

    /// When a rollout that does not go on has to be looked at; `nil` when it need not (`requeueStuckDeployment`).
    func deadline(_ status: JSON) -> Instant? {
        guard let deadline = deployment.progressDeadline, let current = Conditions.find("Progressing", in: deployment.json["status"]),
            !isComplete(status), current["reason"] != "ProgressDeadlineExceeded",
            let since = current["lastUpdateTime"]?.string.flatMap(Instant.init(rfc3339:))
        else { return nil }
        return max(since + .seconds(deadline), now) + .seconds(1)
    }
}
