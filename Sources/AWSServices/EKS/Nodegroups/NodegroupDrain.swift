import JSON
import World

/// Nodes of managed node groups are emptied before their instances end (EKS User Guide, "Managed node groups concepts" and "Understand each
/// phase of node updates"): where the group shrinks or goes, for a quarter of an hour at most; in an update, or the update fails.
enum NodegroupDrain {
    /// For so long pods may stay.
    static let patience = Duration.seconds(15 * 60)
    /// From the last pod of a node to its end in an update.
    static let pause = Duration.seconds(60)

    private static let began = "_drain"
    private static let ended = "_drained"
    private static let cordon = "_cordon"

    /// Whether an instance is a node that may have pods.
    static func isCalledFor(_ instance: JSON, _ draft: ResourceDraft) -> Bool {
        draft.nodesJoin && instance["_joined"]?.bool == true && instance[ended] == nil && Instances.state(instance) == "running"
            && EC2Tags.values(of: instance)["eks:nodegroup-name"] != nil
    }

    /// What is to be done with the node of an instance.
    static func duty(_ instance: JSON) -> NodeInstance.Duty? {
        if instance[began] != nil { return .drain(respectsBudgets: !AutoScaling.isLeaving(instance)) }
        switch instance[cordon]?.string {
        case "wanted": return .cordon
        case "lift": return .uncordon
        default: return nil
        }
    }

    /// Begins to empty a node. One that Auto Scaling has given up ends after the quarter of an hour, whatever is left on it.
    static func begin(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        let now = draft.world.now
        try draft.update(.instance, id) { $0[began] = .integer(now.nanoseconds) }
        watch(&draft, id, after: patience)
    }

    private static func watch(_ draft: inout ResourceDraft, _ id: String, after delay: Duration) {
        draft.schedule(after: delay, "eks: \(id) is emptied no longer") { resources in
            try? await resources.change { draft throws(AWSError) in
                guard let instance = draft.get(.instance, id), instance[began] != nil, AutoScaling.isLeaving(instance) else { return }
                try end(&draft, id)
            }
        }
    }

    /// Goes on after a restart.
    static func resume(_ draft: inout ResourceDraft) {
        for instance in draft.list(.instance) {
            guard let time = instance[began]?.integer, let id = instance["instanceId"]?.string else { continue }
            watch(&draft, id, after: max(.zero, Instant(nanoseconds: time) + patience - draft.world.now))
        }
    }

    /// Notes that a node is empty; where that was waited for, its instance ends.
    static func end(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        guard let instance = draft.get(.instance, id), instance[began] != nil else { return }
        let now = draft.world.now
        try draft.update(.instance, id) { instance in
            instance[began] = nil
            instance[ended] = .integer(now.nanoseconds)
        }
        if AutoScaling.isLeaving(instance) { try AutoScaling.proceed(&draft, id) }
    }

    /// How far the node of an instance is in an update.
    enum Progress {
        /// It may end.
        case over
        /// Not yet; to be looked at again at a time.
        case waiting(Instant)
        /// Pods did not go in time.
        case stuck
    }

    static func progress(_ instance: JSON, isForced: Bool, _ draft: ResourceDraft) -> Progress {
        let now = draft.world.now
        if let time = instance[ended]?.integer {
            let due = Instant(nanoseconds: time) + pause
            return now >= due ? .over : .waiting(due)
        }
        guard let time = instance[began]?.integer else { return .over }
        let deadline = Instant(nanoseconds: time) + patience
        if now < deadline { return .waiting(deadline) }
        return isForced ? .over : .stuck
    }

    /// No new pods for the old nodes of an update, or again some when the update has failed.
    static func setCordoned(_ draft: inout ResourceDraft, _ ids: [String], _ isCordoned: Bool) {
        for id in ids {
            guard let instance = draft.get(.instance, id), instance["_joined"]?.bool == true, draft.nodesJoin else { continue }
            try? draft.update(.instance, id) { instance in
                instance[cordon] = isCordoned ? "wanted" : "lift"
                instance[began] = nil
                instance[ended] = nil
            }
        }
    }

    /// Notes that nodes are as they were to be.
    static func noteCordoned(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        guard let instance = draft.get(.instance, id) else { return }
        let isLifted = instance[cordon]?.string == "lift"
        try draft.update(.instance, id) { $0[cordon] = isLifted ? nil : "done" }
    }
}

extension AWSFrontDoor {
    /// Notes that the nodes of instances have no pods any more that would have to go.
    public func noteDrained(_ instances: [String], account: String, region: String) async {
        _ = try? await regions.resources(account, region).change { draft throws(AWSError) in
            for id in instances {
                try NodegroupDrain.end(&draft, id)
                NodegroupLifecycle.settle(&draft, ofInstance: id)
            }
        }
    }

    /// Notes that nodes take pods, or none, as they were to.
    public func noteCordoned(_ instances: [String], account: String, region: String) async {
        _ = try? await regions.resources(account, region).change { draft throws(AWSError) in
            for id in instances { try NodegroupDrain.noteCordoned(&draft, id) }
        }
    }
}
