import HTTP
import JSON
import World

/// AWS Auto Scaling: groups of instances, their activities and tags.
struct AutoScalingService: Sendable {
    let authorization: CallerAuthorization
    let regions: RegionTable

    static let namespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/"

    /// A call with its parameters read.
    struct Request: Sendable {
        let input: JSON

        func string(_ name: String) -> String? { input[name]?.string }
        func integer(_ name: String) -> Int64? { input[name]?.integer }
        var groupName: String { string("AutoScalingGroupName") ?? "" }
    }

    private typealias Run = @Sendable (Request, inout ResourceDraft) throws(AWSError) -> JSON?

    private static let reads: [String: Run] = [
        "DescribeAutoScalingGroups": AutoScalingDescriptions.groups, "DescribeAutoScalingInstances": AutoScalingDescriptions.instances,
        "DescribeScalingActivities": AutoScalingDescriptions.activities, "DescribeTags": AutoScalingTags.describe,
        "DescribeScheduledActions": ScheduledActions.describe,
    ]

    private static let writes: [String: Run] = [
        "CreateAutoScalingGroup": AutoScalingGroups.create, "UpdateAutoScalingGroup": AutoScalingGroups.update,
        "DeleteAutoScalingGroup": AutoScalingGroups.delete, "SetDesiredCapacity": AutoScalingGroups.setDesired,
        "TerminateInstanceInAutoScalingGroup": AutoScalingGroups.terminateInstance,
        "SetInstanceProtection": AutoScalingGroups.setProtection, "SuspendProcesses": AutoScalingGroups.suspend,
        "ResumeProcesses": AutoScalingGroups.resume, "CreateOrUpdateTags": AutoScalingTags.createOrUpdate,
        "DeleteTags": AutoScalingTags.delete, "PutScheduledUpdateGroupAction": ScheduledActions.put,
        "DeleteScheduledAction": ScheduledActions.delete,
    ]

    func handle(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> HTTPResponse {
        let read = Self.reads[form.action]
        guard let run = read ?? Self.writes[form.action] else { throw form.unknownAction }
        let resources = regions.resources(call.caller.accountID, call.region)
        try authorize(call, form, resources.present)
        let request = Request(input: try QueryModel.autoScaling.parameters(form.action, form.parameters))
        let answer: JSON?
        if read != nil {
            var draft = resources.present
            answer = try run(request, &draft)
        } else {
            answer = try await resources.change { draft throws(AWSError) in try run(request, &draft) }
        }
        let result = answer.map { answer in
            var xml = XMLWriter()
            xml.elements(answer, item: "member")
            return xml.text
        }
        return AWSProtocol.queryResponse(form.action, namespace: Self.namespace, requestID: call.requestID, result: result)
    }

    private func authorize(_ call: AWSCall, _ form: QueryForm, _ draft: ResourceDraft) throws(AWSError) {
        let action = "autoscaling:\(form.action)"
        guard Self.writes[form.action] != nil else { return try authorization.require(call, action, on: "*") }
        var name = form["AutoScalingGroupName"] ?? form["Tags.member.1.ResourceId"]
        if name == nil, let instance = form["InstanceId"] { name = draft.get(.instance, instance)?["_group"]?.string }
        let group = draft.get(.autoScalingGroup, name ?? "")
        let arn =
            group?["AutoScalingGroupARN"]?.string
            ?? "arn:aws:autoscaling:\(call.region):\(call.caller.accountID):autoScalingGroup:*:autoScalingGroupName/\(name ?? "*")"
        var tags = JSONObject()
        for tag in group?["Tags"]?.array ?? [] { tags[tag["Key"]?.string ?? ""] = tag["Value"] }
        let conditions = CallerAuthorization.resourceTags(.object(tags), alias: "autoscaling")
        try authorization.require(call, action, on: arn, conditions: conditions)
    }
}

/// Refusals of Auto Scaling.
enum AutoScalingError {
    static func validation(_ message: String) -> AWSError { AWSError(400, "ValidationError", message) }

    static func noGroup(_ name: String) -> AWSError {
        validation("AutoScalingGroup name not found - AutoScalingGroup '\(name)' not found")
    }
}

extension ResourceDraft {
    /// A group that has to be there.
    func group(_ name: String) throws(AWSError) -> JSON {
        guard let found = get(.autoScalingGroup, name) else { throw AutoScalingError.noGroup(name) }
        return found
    }
}
