import JSON
import World

/// What a group does by itself: it launches and ends instances until it has as many as desired, evenly over its zones.
enum AutoScaling {
    /// The launch template specification of a group.
    static func specification(_ group: JSON) -> JSON? {
        group["LaunchTemplate"] ?? group.at("MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification")
    }

    private static func isSuspended(_ group: JSON, _ process: String) -> Bool {
        group["SuspendedProcesses"]?.array?.contains { $0["ProcessName"]?.string == process } == true
    }

    /// The members of a group that are not on their way out.
    static func members(_ group: JSON, _ draft: ResourceDraft) -> [JSON] {
        (group["_members"]?.strings ?? []).compactMap { draft.get(.instance, $0) }.filter { !isLeaving($0) }
    }

    /// Whether a member is on its way out, `Terminating` or `Terminating:Wait`.
    static func isLeaving(_ instance: JSON) -> Bool { instance.at("_scaling", "state")?.string?.hasPrefix("Terminating") ?? false }

    /// Launches or ends instances so that as many are there as desired.
    static func reconcile(_ draft: inout ResourceDraft, _ name: String) throws(AWSError) {
        guard let group = draft.get(.autoScalingGroup, name), group["Status"] == nil else { return }
        let present = members(group, draft)
        let desired = Int(clamping: group["DesiredCapacity"]?.integer ?? 0)
        if present.count < desired, !isSuspended(group, "Launch") {
            try launch(&draft, name, group, count: desired - present.count, from: present.count)
        } else if present.count > desired, !isSuspended(group, "Terminate") {
            try shrink(&draft, name, present, count: present.count - desired, to: desired)
        }
    }

    // MARK: Launching

    private static func launch(
        _ draft: inout ResourceDraft, _ name: String, _ group: JSON, count: Int, from present: Int
    ) throws(AWSError) {
        let time = draft.world.now.ec2Text.prefix(19)
        let cause =
            "At \(time)Z an instance was started in response to a difference between desired and actual capacity, increasing the capacity from \(present) to \(present + count)."
        for _ in 0..<count {
            guard try launchOne(&draft, name, cause: cause) else { return try retry(&draft, name) }
        }
        if group["_failures"] != nil { try draft.update(.autoScalingGroup, name) { $0["_failures"] = nil } }
    }

    /// Launches an instance in the zone that has fewest; where a zone has no room, in the next. Answers whether one was launched.
    private static func launchOne(_ draft: inout ResourceDraft, _ name: String, cause: String) throws(AWSError) -> Bool {
        let group = try draft.group(name)
        var failure = AutoScalingError.validation("No subnet")
        var tried = ""
        for subnet in places(group, draft) {
            let before = draft
            tried = subnet["subnetId"]?.string ?? ""
            do throws(AWSError) {
                let id = try start(&draft, group, in: subnet)
                record(
                    &draft, group, instance: id, cause: cause, "Launching a new EC2 instance: \(id)", status: "InProgress",
                    subnet: subnet)
                return true
            } catch {
                draft = before
                failure = error
            }
        }
        record(
            &draft, group, instance: nil, cause: cause,
            "Launching a new EC2 instance.  Status Reason: \(failure.message) Launching EC2 instance failed.",
            status: "Failed", subnet: draft.get(.subnet, tried), message: "\(failure.message) Launching EC2 instance failed.",
            code: failure.code)
        return false
    }

    /// The group's subnets, those of zones with fewest members first.
    private static func places(_ group: JSON, _ draft: ResourceDraft) -> [JSON] {
        let subnets = (group["VPCZoneIdentifier"]?.string ?? "").split(separator: ",").compactMap { draft.get(.subnet, String($0)) }
        var zones: [String: Int] = [:]
        var inSubnets: [String: Int] = [:]
        for member in members(group, draft) {
            zones[member.at("placement", "availabilityZone")?.string ?? "", default: 0] += 1
            inSubnets[member["subnetId"]?.string ?? "", default: 0] += 1
        }
        return subnets.enumerated().sorted { left, right in
            func rank(_ entry: (offset: Int, element: JSON)) -> (Int, Int, Int) {
                (
                    zones[entry.element["availabilityZone"]?.string ?? ""] ?? 0, inSubnets[entry.element["subnetId"]?.string ?? ""] ?? 0,
                    entry.offset
                )
            }
            return rank(left) < rank(right)
        }.map(\.element)
    }

    private static func start(_ draft: inout ResourceDraft, _ group: JSON, in subnet: JSON) throws(AWSError) -> String {
        guard let wanted = specification(group) else { throw AutoScalingError.validation("The group has no launch template") }
        let template = try draft.require(.launchTemplate, wanted["LaunchTemplateId"]?.string ?? "")
        let version = try LaunchTemplates.version(template, wanted["Version"]?.string, draft)
        var parameters: JSON = ["SubnetId": subnet["subnetId"] ?? ""]
        if let type = group.at("MixedInstancesPolicy", "LaunchTemplate", "Overrides")?.array?.first?["InstanceType"] {
            parameters["InstanceType"] = type
        }
        let name = group["AutoScalingGroupName"]?.string ?? ""
        let number = version["versionNumber"]?.integer ?? 1
        var wish = LaunchWish(parameters, template: version["_data"] ?? [:])
        wish.serviceTags =
            (group["Tags"]?.array ?? []).filter { $0["PropagateAtLaunch"]?.bool == true }.map {
                ($0["Key"]?.string ?? "", $0["Value"]?.string ?? "")
            } + [
                ("aws:autoscaling:groupName", name), ("aws:ec2launchtemplate:id", template["launchTemplateId"]?.string ?? ""),
                ("aws:ec2launchtemplate:version", String(number)),
            ]
        let request = EC2Request(call: nil, operation: "RunInstances", input: wish.input, authorization: nil)
        let id = try Instances.make(request, &draft, wish, reservation: draft.newID("r-"), index: 0)
        try draft.update(.instance, id) { instance in
            instance["_group"] = .string(name)
            instance["_scaling"] = [
                "state": "Pending", "health": "Healthy", "isProtected": group["NewInstancesProtectedFromScaleIn"] ?? false,
                "template": [
                    "LaunchTemplateId": template["launchTemplateId"] ?? "", "LaunchTemplateName": template["launchTemplateName"] ?? "",
                    "Version": .string(String(number)),
                ],
            ]
        }
        try draft.update(.autoScalingGroup, name) { $0["_members"] = .array(($0["_members"]?.array ?? []) + [.string(id)]) }
        return id
    }

    private static let firstPause: Int64 = 60
    private static let longestPause: Int64 = 1800

    /// Tries again later, each time after a longer pause.
    private static func retry(_ draft: inout ResourceDraft, _ name: String) throws(AWSError) {
        let failures = try draft.group(name)["_failures"]?.integer ?? 0
        try draft.update(.autoScalingGroup, name) { $0["_failures"] = .integer(failures + 1) }
        schedule(&draft, name, after: min(firstPause << min(failures, 5), longestPause))
    }

    private static func schedule(_ draft: inout ResourceDraft, _ name: String, after seconds: Int64) {
        draft.schedule(after: .seconds(seconds), "autoscaling: \(name) launches again") { resources in
            try? await resources.change { draft throws(AWSError) in
                guard draft.get(.autoScalingGroup, name)?["_failures"] != nil else { return }
                try reconcile(&draft, name)
            }
        }
    }

    /// Groups that could not launch go on trying after a restart.
    static func resume(_ draft: inout ResourceDraft) {
        for group in draft.list(.autoScalingGroup) where group["_failures"] != nil {
            schedule(&draft, group["AutoScalingGroupName"]?.string ?? "", after: firstPause)
        }
    }

    // MARK: Ending

    /// Ends the members that the default termination policy picks: out of the zone with most, the oldest template first, then the oldest.
    private static func shrink(
        _ draft: inout ResourceDraft, _ name: String, _ present: [JSON], count: Int, to desired: Int
    ) throws(AWSError) {
        let time = draft.world.now.ec2Text.prefix(19)
        var rest = present.filter { $0.at("_scaling", "isProtected")?.bool != true }
        for _ in 0..<min(count, rest.count) {
            let zones = Dictionary(grouping: rest) { $0.at("placement", "availabilityZone")?.string ?? "" }
            guard let most = zones.max(by: { ($0.value.count, $1.key) < ($1.value.count, $0.key) })?.value,
                let pick = most.min(by: { age($0) < age($1) }), let id = pick["instanceId"]?.string
            else { return }
            rest.removeAll { $0["instanceId"]?.string == id }
            _ = try terminate(
                &draft, name, id,
                cause:
                    "At \(time)Z an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from \(present.count) to \(desired).  At \(time)Z instance \(id) was selected for termination."
            )
        }
    }

    private static func age(_ instance: JSON) -> (Int64, Int64) {
        let version = instance.at("_scaling", "template", "Version")?.string.flatMap { Int64($0) } ?? 0
        return (version, instance[RegionState.number]?.integer ?? 0)
    }

    /// Begins the end of a member; answers the activity. A node of EKS waits until it is empty, as by the lifecycle hook
    /// `Terminate-LC-Hook` of its group.
    static func terminate(_ draft: inout ResourceDraft, _ name: String, _ id: String, cause: String) throws(AWSError) -> JSON? {
        guard let instance = draft.get(.instance, id), !isLeaving(instance) else { return nil }
        let waits = NodegroupDrain.isCalledFor(instance, draft)
        try draft.update(.instance, id) { $0.set(waits ? "Terminating:Wait" : "Terminating", at: ["_scaling", "state"]) }
        let subnet = draft.get(.subnet, instance["subnetId"]?.string ?? "")
        let activity = record(
            &draft, try draft.group(name), instance: id, cause: cause, "Terminating EC2 instance: \(id)", status: "InProgress",
            subnet: subnet)
        if waits { try NodegroupDrain.begin(&draft, id) } else { try Instances.end(&draft, id) }
        return activity
    }

    /// Ends a member that has waited.
    static func proceed(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        try draft.update(.instance, id) { $0.set("Terminating", at: ["_scaling", "state"]) }
        try Instances.end(&draft, id)
    }

    // MARK: What instances tell

    /// An instance runs: its member is in service.
    static func instanceRuns(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        guard let instance = draft.get(.instance, id), instance["_group"] != nil, instance.at("_scaling", "state") == "Pending" else {
            return
        }
        try draft.update(.instance, id) { $0.set("InService", at: ["_scaling", "state"]) }
        complete(&draft, id)
    }

    /// An instance has stopped: Auto Scaling's health check ends it.
    static func instanceStops(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        guard let name = draft.get(.instance, id)?["_group"]?.string, draft.get(.autoScalingGroup, name) != nil else { return }
        _ = try terminate(&draft, name, id, cause: unhealthy(draft))
        try reconcile(&draft, name)
    }

    private static func unhealthy(_ draft: ResourceDraft) -> String {
        "At \(draft.world.now.ec2Text.prefix(19))Z an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
    }

    /// An instance is gone: its group has one member fewer, and replaces it unless it ended it itself.
    static func instanceEnded(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        guard let instance = draft.get(.instance, id), let name = instance["_group"]?.string,
            let group = draft.get(.autoScalingGroup, name)
        else { return }
        let subnet = draft.get(.subnet, instance["_subnetId"]?.string ?? "")
        if !isLeaving(instance) {
            record(
                &draft, group, instance: id, cause: unhealthy(draft), "Terminating EC2 instance: \(id)", status: "InProgress",
                subnet: subnet)
        }
        complete(&draft, id)
        let rest = (group["_members"]?.strings ?? []).filter { $0 != id }
        try draft.update(.autoScalingGroup, name) { $0["_members"] = JSON(strings: rest) }
        guard group["Status"] == nil else {
            if rest.isEmpty { forget(&draft, name) }
            return
        }
        try reconcile(&draft, name)
    }

    /// Removes a group that has no members.
    static func forget(_ draft: inout ResourceDraft, _ name: String) {
        for activity in draft.list(.scalingActivity, "AutoScalingGroupName", name) {
            draft.remove(.scalingActivity, activity["ActivityId"]?.string ?? "")
        }
        draft.remove(.autoScalingGroup, name)
    }

    // MARK: Activities

    /// Writes down what a group does.
    @discardableResult
    private static func record(
        _ draft: inout ResourceDraft, _ group: JSON, instance: String?, cause: String, _ description: String, status: String, subnet: JSON?,
        message: String? = nil, code: String? = nil
    ) -> JSON {
        let id = draft.world.random.uuid()
        let now = draft.world.now.ec2Text
        var activity: JSON = [
            "ActivityId": .string(id), "AutoScalingGroupName": group["AutoScalingGroupName"] ?? "", "Description": .string(description),
            "Cause": .string(cause), "StartTime": .string(now), "StatusCode": .string(status),
            "Progress": .integer(status == "Failed" ? 100 : 30),
            "Details": .string(
                "{\"Subnet ID\":\"\(subnet?["subnetId"]?.string ?? "")\",\"Availability Zone\":\"\(subnet?["availabilityZone"]?.string ?? "")\"}"
            ),
            "AutoScalingGroupARN": group["AutoScalingGroupARN"] ?? "",
        ]
        activity["StatusMessage"] = message.map(JSON.string)
        activity["_instance"] = instance.map(JSON.string)
        activity["_code"] = code.map(JSON.string)
        if status == "Failed" { activity["EndTime"] = .string(now) }
        draft.put(.scalingActivity, id, activity)
        if let instance { try? draft.update(.instance, instance) { $0["_activity"] = .string(id) } }
        return activity
    }

    /// The activity of an instance has succeeded.
    private static func complete(_ draft: inout ResourceDraft, _ instance: String) {
        guard let id = draft.get(.instance, instance)?["_activity"]?.string, draft.get(.scalingActivity, id) != nil else { return }
        let now = draft.world.now.ec2Text
        try? draft.update(.scalingActivity, id) { activity in
            activity["StatusCode"] = "Successful"
            activity["Progress"] = 100
            activity["EndTime"] = .string(now)
        }
    }
}
