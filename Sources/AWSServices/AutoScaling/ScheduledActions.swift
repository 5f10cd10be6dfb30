import JSON
import World

/// Sizes that groups get at given times. A start time is kept to on the world's clock; recurrences are remembered and described, not run.
enum ScheduledActions {
    private static func key(_ group: String, _ action: String) -> String { "\(group)/\(action)" }

    @Sendable static func put(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let group = try draft.group(request.groupName)
        let input = request.input
        let name = request.string("ScheduledActionName") ?? ""
        guard input["MinSize"] != nil || input["MaxSize"] != nil || input["DesiredCapacity"] != nil else {
            throw AutoScalingError.validation("At least one of MinSize, MaxSize and DesiredCapacity must be specified")
        }
        let recurrence = request.string("Recurrence")
        let start = request.string("StartTime") ?? request.string("Time")
        guard recurrence != nil || start != nil else {
            throw AutoScalingError.validation("Either a start time or a recurrence must be specified")
        }
        if let recurrence, recurrence.split(separator: " ").count != 5 {
            throw AutoScalingError.validation("Given recurrence string:\(recurrence) is invalid")
        }
        let instant = start.flatMap { Instant(rfc3339: $0) }
        if let start, instant == nil { throw AutoScalingError.validation("The time is not valid: \(start)") }
        if let instant, instant <= draft.world.now {
            throw AutoScalingError.validation("Given start time is in the past")
        }
        let arn = (group["AutoScalingGroupARN"]?.string ?? "").replacing(":autoScalingGroup:", with: ":scheduledUpdateGroupAction:")
        var action: JSON = [
            "AutoScalingGroupName": .string(request.groupName), "ScheduledActionName": .string(name),
            "ScheduledActionARN": .string("\(arn):scheduledActionName/\(name)"),
        ]
        for member in ["Recurrence", "MinSize", "MaxSize", "DesiredCapacity", "TimeZone", "EndTime"] { action[member] = input[member] }
        if let start { action["StartTime"] = .string(start) }
        if let start { action["Time"] = .string(start) }
        draft.put(.scheduledAction, key(request.groupName, name), action)
        if recurrence == nil, let instant { schedule(&draft, key(request.groupName, name), at: instant) }
        return nil
    }

    private static func schedule(_ draft: inout ResourceDraft, _ key: String, at instant: Instant) {
        draft.schedule(after: instant - draft.world.now, "autoscaling: \(key)") { resources in
            try? await resources.change { draft throws(AWSError) in
                guard let action = draft.get(.scheduledAction, key),
                    action["StartTime"]?.string.flatMap({ Instant(rfc3339: $0) }) == instant,
                    let name = action["AutoScalingGroupName"]?.string, var group = draft.get(.autoScalingGroup, name)
                else { return }
                draft.remove(.scheduledAction, key)
                try AutoScalingGroups.setSizes(action, &group)
                draft.put(.autoScalingGroup, name, group)
                try AutoScaling.reconcile(&draft, name)
            }
        }
    }

    /// Actions that are still to come after a restart.
    static func resume(_ draft: inout ResourceDraft) {
        for action in draft.list(.scheduledAction) where action["Recurrence"] == nil {
            guard let instant = action["StartTime"]?.string.flatMap({ Instant(rfc3339: $0) }) else { continue }
            schedule(
                &draft, key(action["AutoScalingGroupName"]?.string ?? "", action["ScheduledActionName"]?.string ?? ""), at: instant)
        }
    }

    @Sendable static func describe(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let names = request.input["ScheduledActionNames"]?.strings ?? []
        if let group = request.string("AutoScalingGroupName") { _ = try draft.group(group) }
        let rows = draft.list(.scheduledAction).filter { action in
            (request.string("AutoScalingGroupName").map { $0 == action["AutoScalingGroupName"]?.string } ?? true)
                && (names.isEmpty || names.contains(action["ScheduledActionName"]?.string ?? ""))
        }
        return try AutoScalingDescriptions.page(request, "ScheduledUpdateGroupActions", rows) {
            key($0["AutoScalingGroupName"]?.string ?? "", $0["ScheduledActionName"]?.string ?? "")
        }
    }

    @Sendable static func delete(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        _ = try draft.group(request.groupName)
        let name = request.string("ScheduledActionName") ?? ""
        guard draft.get(.scheduledAction, key(request.groupName, name)) != nil else {
            throw AutoScalingError.validation("Scheduled action name not found")
        }
        draft.remove(.scheduledAction, key(request.groupName, name))
        return nil
    }
}
