import JSON
import World

/// Operations on groups.
enum AutoScalingGroups {
    private static let nameLimit = 255

    // MARK: Creating

    @Sendable static func create(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let input = request.input
        let name = request.groupName
        guard (1...nameLimit).contains(name.count), !name.contains(":") else {
            throw AutoScalingError.validation("The name of an AutoScalingGroup has 1 to \(nameLimit) characters and no colon")
        }
        guard draft.get(.autoScalingGroup, name) == nil else {
            throw AWSError(
                400, "AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name \(name) already exists")
        }
        for member in ["LaunchConfigurationName", "InstanceId"] where input[member] != nil {
            throw AutoScalingError.validation("\(member) is not supported: use a launch template")
        }
        var group = try made(name, input, &draft)
        try setSizes(input, &group)
        group["Tags"] = .array(try AutoScalingTags.checked(input["Tags"]?.array ?? [], group: name))
        draft.put(.autoScalingGroup, name, group)
        try AutoScaling.reconcile(&draft, name)
        return nil
    }

    /// A group without sizes and tags; checks where and from what it launches.
    static func made(_ name: String, _ input: JSON, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        var group: JSON = [
            "AutoScalingGroupName": .string(name),
            "AutoScalingGroupARN": .string(
                "arn:aws:autoscaling:\(draft.region):\(draft.account):autoScalingGroup:\(draft.world.random.uuid()):autoScalingGroupName/\(name)"
            ), "DefaultCooldown": input["DefaultCooldown"] ?? 300, "LoadBalancerNames": input["LoadBalancerNames"] ?? [],
            "TargetGroupARNs": input["TargetGroupARNs"] ?? [], "HealthCheckType": input["HealthCheckType"] ?? "EC2",
            "HealthCheckGracePeriod": input["HealthCheckGracePeriod"] ?? 0, "CreatedTime": .string(draft.world.now.ec2Text),
            "SuspendedProcesses": [], "EnabledMetrics": [], "TerminationPolicies": input["TerminationPolicies"] ?? ["Default"],
            "NewInstancesProtectedFromScaleIn": input["NewInstancesProtectedFromScaleIn"] ?? false,
            "CapacityRebalance": input["CapacityRebalance"] ?? false,
            "ServiceLinkedRoleARN": .string(
                "arn:aws:iam::\(draft.account):role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
            "TrafficSources": [], "_members": [],
        ]
        try setTemplate(input, &group, draft)
        try setPlaces(input, &group, draft)
        guard AutoScaling.specification(group) != nil else {
            throw AutoScalingError.validation(
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
        }
        return group
    }

    /// The template, alone or within a mixed policy.
    private static func setTemplate(_ input: JSON, _ group: inout JSON, _ draft: ResourceDraft) throws(AWSError) {
        if let wanted = input["LaunchTemplate"] {
            group["LaunchTemplate"] = try named(wanted, draft)
            group["MixedInstancesPolicy"] = nil
        } else if var policy = input["MixedInstancesPolicy"] {
            let wanted = policy.at("LaunchTemplate", "LaunchTemplateSpecification") ?? [:]
            policy.set(try named(wanted, draft), at: ["LaunchTemplate", "LaunchTemplateSpecification"])
            group["MixedInstancesPolicy"] = policy
            group["LaunchTemplate"] = nil
        }
    }

    /// A specification with id and name; its version must exist.
    private static func named(_ wanted: JSON, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        do {
            let template = try LaunchTemplates.find(wanted, draft)
            _ = try LaunchTemplates.version(template, wanted["Version"]?.string, draft)
            var found: JSON = [
                "LaunchTemplateId": template["launchTemplateId"] ?? "", "LaunchTemplateName": template["launchTemplateName"] ?? "",
            ]
            found["Version"] = wanted["Version"]
            return found
        } catch {
            throw AutoScalingError.validation("You must use a valid fully-formed launch template. \(error.message)")
        }
    }

    /// The subnets, each in a zone; or the default subnets of zones.
    private static func setPlaces(_ input: JSON, _ group: inout JSON, _ draft: ResourceDraft) throws(AWSError) {
        var subnets: [JSON] = []
        if let text = input["VPCZoneIdentifier"]?.string {
            for id in text.split(separator: ",").map({ $0.trimming(" ") }) {
                guard let subnet = draft.get(.subnet, id) else {
                    throw AutoScalingError.validation("The subnet ID '\(id)' does not exist")
                }
                subnets.append(subnet)
            }
        } else if let zones = input["AvailabilityZones"]?.strings {
            for zone in zones {
                let found = draft.list(.subnet).first { $0["defaultForAz"]?.bool == true && $0["availabilityZone"]?.string == zone }
                guard let found else { throw AutoScalingError.validation("No default subnet for availability zone: '\(zone)'.") }
                subnets.append(found)
            }
        } else if group["VPCZoneIdentifier"] == nil {
            throw AutoScalingError.validation("At least one Availability Zone or VPC Subnet is required.")
        }
        guard !subnets.isEmpty else { return }
        guard Set(subnets.compactMap { $0["vpcId"]?.string }).count == 1 else {
            throw AutoScalingError.validation("The subnets of a group must be of the same VPC")
        }
        group["VPCZoneIdentifier"] = .string(subnets.compactMap { $0["subnetId"]?.string }.joined(separator: ","))
        group["AvailabilityZones"] = JSON(strings: Set(subnets.compactMap { $0["availabilityZone"]?.string }).sorted())
    }

    /// The bounds and what is desired between them.
    static func setSizes(_ input: JSON, _ group: inout JSON) throws(AWSError) {
        let minimum = input["MinSize"]?.integer ?? group["MinSize"]?.integer ?? 0
        let maximum = input["MaxSize"]?.integer ?? group["MaxSize"]?.integer ?? 0
        guard minimum >= 0, maximum >= minimum else {
            throw AutoScalingError.validation("Max bound, \(maximum), must be greater than or equal to min bound, \(minimum)")
        }
        // Without a wish, what was desired moves into the new bounds.
        let present = group["DesiredCapacity"]?.integer ?? minimum
        let desired = input["DesiredCapacity"]?.integer ?? min(max(present, minimum), maximum)
        guard (minimum...maximum).contains(desired) else {
            throw AutoScalingError.validation(
                "Desired capacity:\(desired) must be between the specified min size:\(minimum) and max size:\(maximum)")
        }
        group["MinSize"] = .integer(minimum)
        group["MaxSize"] = .integer(maximum)
        group["DesiredCapacity"] = .integer(desired)
    }

    // MARK: Changing

    @Sendable static func update(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let name = request.groupName
        var group = try draft.group(name)
        try setTemplate(request.input, &group, draft)
        try setPlaces(request.input, &group, draft)
        try setSizes(request.input, &group)
        for member in [
            "DefaultCooldown", "HealthCheckType", "HealthCheckGracePeriod", "TerminationPolicies", "NewInstancesProtectedFromScaleIn",
            "CapacityRebalance", "MaxInstanceLifetime", "DefaultInstanceWarmup", "PlacementGroup", "InstanceMaintenancePolicy",
        ] {
            if let value = request.input[member] { group[member] = value }
        }
        draft.put(.autoScalingGroup, name, group)
        try AutoScaling.reconcile(&draft, name)
        return nil
    }

    @Sendable static func setDesired(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let name = request.groupName
        var group = try draft.group(name)
        let wanted = request.integer("DesiredCapacity") ?? 0
        let minimum = group["MinSize"]?.integer ?? 0
        let maximum = group["MaxSize"]?.integer ?? 0
        guard wanted <= maximum else {
            throw AutoScalingError.validation(
                "New SetDesiredCapacity value \(wanted) is above max value \(maximum) for the AutoScalingGroup.")
        }
        guard wanted >= minimum else {
            throw AutoScalingError.validation(
                "New SetDesiredCapacity value \(wanted) is below min value \(minimum) for the AutoScalingGroup.")
        }
        group["DesiredCapacity"] = .integer(wanted)
        draft.put(.autoScalingGroup, name, group)
        try AutoScaling.reconcile(&draft, name)
        return nil
    }

    @Sendable static func terminateInstance(
        _ request: AutoScalingService.Request, _ draft: inout ResourceDraft
    ) throws(AWSError) -> JSON? {
        let id = request.string("InstanceId") ?? ""
        guard let instance = draft.get(.instance, id), let name = instance["_group"]?.string, draft.get(.autoScalingGroup, name) != nil,
            Instances.state(instance) != "terminated"
        else { throw AutoScalingError.validation("Instance Id not found - No managed instance found for instance ID: \(id)") }
        let decrements = request.input["ShouldDecrementDesiredCapacity"]?.bool == true
        var group = try draft.group(name)
        if decrements {
            let desired = group["DesiredCapacity"]?.integer ?? 0
            let minimum = group["MinSize"]?.integer ?? 0
            guard desired > minimum else {
                throw AutoScalingError.validation(
                    "Currently, desiredSize equals minSize (\(minimum)). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size."
                )
            }
            group["DesiredCapacity"] = .integer(desired - 1)
            draft.put(.autoScalingGroup, name, group)
        }
        let activity = try AutoScaling.terminate(
            &draft, name, id,
            cause: "At \(draft.world.now.ec2Text.prefix(19))Z instance \(id) was taken out of service in response to a user request.")
        try AutoScaling.reconcile(&draft, name)
        return ["Activity": activity ?? [:]]
    }

    @Sendable static func setProtection(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let name = request.groupName
        _ = try draft.group(name)
        let isProtected = request.input["ProtectedFromScaleIn"] ?? false
        for id in request.input["InstanceIds"]?.strings ?? [] {
            guard draft.get(.instance, id)?["_group"]?.string == name else {
                throw AutoScalingError.validation("The instance \(id) is not part of Auto Scaling group \(name).")
            }
            try draft.update(.instance, id) { $0.set(isProtected, at: ["_scaling", "isProtected"]) }
        }
        return [:]
    }

    // MARK: Processes

    private static let processes = [
        "Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh",
        "ReplaceUnhealthy", "ScheduledActions",
    ]

    private static func wanted(_ request: AutoScalingService.Request) throws(AWSError) -> [String] {
        let wanted = request.input["ScalingProcesses"]?.strings ?? []
        for process in wanted where !processes.contains(process) {
            throw AutoScalingError.validation("Unknown scaling process: \(process)")
        }
        return wanted.isEmpty ? processes : wanted
    }

    @Sendable static func suspend(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let name = request.groupName
        _ = try draft.group(name)
        let names = try wanted(request)
        let now = draft.world.now.ec2Text
        try draft.update(.autoScalingGroup, name) { group in
            let present = (group["SuspendedProcesses"]?.array ?? []).filter { !names.contains($0["ProcessName"]?.string ?? "") }
            group["SuspendedProcesses"] = .array(
                present + names.map { ["ProcessName": .string($0), "SuspensionReason": .string("User suspended at \(now)")] })
        }
        return nil
    }

    @Sendable static func resume(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let name = request.groupName
        _ = try draft.group(name)
        let names = try wanted(request)
        try draft.update(.autoScalingGroup, name) { group in
            group["SuspendedProcesses"] = .array(
                (group["SuspendedProcesses"]?.array ?? []).filter { !names.contains($0["ProcessName"]?.string ?? "") })
        }
        try AutoScaling.reconcile(&draft, name)
        return nil
    }

    // MARK: Deleting

    @Sendable static func delete(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let name = request.groupName
        let group = try draft.group(name)
        guard request.input["ForceDelete"]?.bool == true || group["_members"]?.array?.isEmpty != false else {
            throw AWSError(
                400, "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
        }
        try remove(&draft, name)
        return nil
    }

    /// Ends a group; it is gone with its last instance.
    static func remove(_ draft: inout ResourceDraft, _ name: String) throws(AWSError) {
        let group = try draft.group(name)
        let members = group["_members"]?.strings ?? []
        for action in draft.list(.scheduledAction, "AutoScalingGroupName", name) {
            draft.remove(.scheduledAction, "\(name)/\(action["ScheduledActionName"]?.string ?? "")")
        }
        guard !members.isEmpty else { return AutoScaling.forget(&draft, name) }
        try draft.update(.autoScalingGroup, name) { group in
            group["Status"] = "Delete in progress"
            for member in ["MinSize", "MaxSize", "DesiredCapacity"] { group[member] = 0 }
        }
        for id in members {
            _ = try AutoScaling.terminate(
                &draft, name, id,
                cause:
                    "At \(draft.world.now.ec2Text.prefix(19))Z instance \(id) was taken out of service because the group is being deleted.")
        }
    }
}

extension Substring {
    /// Without spaces (or another character) at both ends.
    fileprivate func trimming(_ character: Character) -> String {
        String(drop { $0 == character }.reversed().drop { $0 == character }.reversed())
    }
}
