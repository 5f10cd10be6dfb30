import JSON
import World

/// What happens to resources on the clock. The step is in the stored state, so that a restart goes on where it stopped.
enum EC2Lifecycle {
    /// How long terminated instances and deleted gateways are still described (EC2 says: about an hour).
    private static let afterlife = Duration.seconds(3600)

    private static let kinds: [ResourceKind] = [.instance, .natGateway, .vpcEndpoint]

    /// The state of a resource that it leaves by itself.
    private static func transition(_ kind: ResourceKind, _ resource: JSON) -> String? {
        let state = kind == .instance ? Instances.state(resource) : resource["state"]?.string ?? ""
        switch (kind, state) {
        case (.instance, "pending"), (.instance, "shutting-down"), (.instance, "stopping"), (.instance, "terminated"): return state
        case (.natGateway, "pending"), (.natGateway, "deleting"), (.natGateway, "deleted"), (.natGateway, "failed"): return state
        case (.vpcEndpoint, "pending"), (.vpcEndpoint, "deleting"): return state
        default: return nil
        }
    }

    /// Schedules the next step of a resource, if it has one.
    static func settle(_ draft: inout ResourceDraft, _ kind: ResourceKind, _ id: String) {
        guard let resource = draft.get(kind, id), let state = transition(kind, resource) else { return }
        let delay = ["terminated", "deleted", "failed"].contains(state) ? afterlife : draft.delay
        draft.schedule(after: delay, "ec2: \(id) leaves \(state)") { resources in
            try? await resources.change { draft throws(AWSError) in
                // Somebody may have been faster.
                guard let resource = draft.get(kind, id), transition(kind, resource) == state else { return }
                try step(&draft, kind, id, resource, from: state)
                settle(&draft, kind, id)
            }
        }
    }

    /// Goes on with what was under way when an earlier run ended.
    static func resume(_ draft: inout ResourceDraft) {
        for kind in kinds {
            for resource in draft.list(kind) { settle(&draft, kind, resource[kind.idMember]?.string ?? "") }
        }
        AutoScaling.resume(&draft)
        ScheduledActions.resume(&draft)
        NodegroupLifecycle.resume(&draft)
    }

    private static func step(
        _ draft: inout ResourceDraft, _ kind: ResourceKind, _ id: String, _ resource: JSON, from state: String
    ) throws(AWSError) {
        switch (kind, state) {
        case (.instance, _): try Instances.step(&draft, id, resource, from: state)
        case (.natGateway, "pending"):
            let failure = resource["_failure"]
            try draft.update(kind, id) { gateway in
                gateway["state"] = failure == nil ? "available" : "failed"
                gateway["failureCode"] = failure?["failureCode"]
                gateway["failureMessage"] = failure?["failureMessage"]
            }
        case (.natGateway, "deleting"):
            try NATGateways.release(&draft, resource)
            try draft.update(kind, id) { $0["state"] = "deleted" }
        case (.vpcEndpoint, "pending"): try draft.update(kind, id) { $0["state"] = "available" }
        case (.vpcEndpoint, _): try VPCEndpoints.remove(&draft, id)
        default: draft.remove(kind, id)
        }
    }
}

extension ResourceDraft {
    /// Schedules the next step of a resource on the clock.
    mutating func settle(_ kind: ResourceKind, _ id: String) { EC2Lifecycle.settle(&self, kind, id) }
}
