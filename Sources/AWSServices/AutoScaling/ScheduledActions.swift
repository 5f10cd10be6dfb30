import JSON
import World

/// Sizes that groups get at given times of the world's clock, once or again and again.
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
        guard let zone = Recurrence.zone(request.string("TimeZone")) else {
            throw AutoScalingError.validation("Invalid time zone: \(request.string("TimeZone") ?? "")")
        }
        let schedule = recurrence.flatMap { Recurrence($0, zone: zone) }
        if let recurrence, schedule == nil { throw AutoScalingError.validation("Given recurrence string:\(recurrence) is invalid") }
        let begin = try time(start)
        let end = try time(request.string("EndTime"))
        if let begin, begin <= draft.world.now { throw AutoScalingError.validation("Given start time is in the past") }
        if let end, end <= begin ?? draft.world.now { throw AutoScalingError.validation("End time must be later than the start time") }
        let first = schedule.map { $0.next(after: begin.map { $0 + .seconds(-1) } ?? draft.world.now) } ?? begin
        guard let first else { throw AutoScalingError.validation("Given recurrence string:\(recurrence ?? "") is invalid") }
        let arn = (group["AutoScalingGroupARN"]?.string ?? "").replacing(":autoScalingGroup:", with: ":scheduledUpdateGroupAction:")
        var action: JSON = [
            "AutoScalingGroupName": .string(request.groupName), "ScheduledActionName": .string(name),
            "ScheduledActionARN": .string("\(arn):scheduledActionName/\(name)"),
        ]
        for member in ["Recurrence", "MinSize", "MaxSize", "DesiredCapacity", "TimeZone", "EndTime"] { action[member] = input[member] }
        note(&action, first)
        draft.put(.scheduledAction, key(request.groupName, name), action)
        Self.schedule(&draft, key(request.groupName, name), at: first)
        return nil
    }

    private static func time(_ text: String?) throws(AWSError) -> Instant? {
        guard let text else { return nil }
        guard let time = Instant(rfc3339: text) else { throw AutoScalingError.validation("The time is not valid: \(text)") }
        return time
    }

    /// Notes when an action comes next, under both names of the member.
    private static func note(_ action: inout JSON, _ time: Instant) {
        action["StartTime"] = .string(time.rfc3339)
        action["Time"] = .string(time.rfc3339)
    }

    /// When an action comes again after a time; `nil` for one that is over.
    private static func next(_ action: JSON, after time: Instant) -> Instant? {
        guard let text = action["Recurrence"]?.string, let zone = Recurrence.zone(action["TimeZone"]?.string),
            let next = Recurrence(text, zone: zone)?.next(after: time)
        else { return nil }
        let end = action["EndTime"]?.string.flatMap { Instant(rfc3339: $0) }
        return end.map { next < $0 } ?? true ? next : nil
    }

    private static func schedule(_ draft: inout ResourceDraft, _ key: String, at instant: Instant) {
        draft.schedule(after: instant - draft.world.now, "autoscaling: \(key)") { resources in
            try? await resources.change { draft throws(AWSError) in
                guard let action = draft.get(.scheduledAction, key),
                    action["StartTime"]?.string.flatMap({ Instant(rfc3339: $0) }) == instant,
                    let name = action["AutoScalingGroupName"]?.string, var group = draft.get(.autoScalingGroup, name)
                else { return }
                if let next = next(action, after: instant) {
                    var action = action
                    note(&action, next)
                    draft.put(.scheduledAction, key, action)
                    schedule(&draft, key, at: next)
                } else {
                    draft.remove(.scheduledAction, key)
                }
                try AutoScalingGroups.setSizes(action, &group)
                draft.put(.autoScalingGroup, name, group)
                try AutoScaling.reconcile(&draft, name)
            }
        }
    }

    /// Actions that are still to come after a restart.
    static func resume(_ draft: inout ResourceDraft) {
        for action in draft.list(.scheduledAction) {
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
