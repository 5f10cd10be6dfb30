import JSON

/// What Auto Scaling tells.
enum AutoScalingDescriptions {
    private static let pageLimit = 100

    /// One page of rows: `MaxRecords` 1 to 100, 50 without it.
    static func page(_ request: AutoScalingService.Request, _ list: String, _ rows: [JSON], name: (JSON) -> String) throws(AWSError) -> JSON
    {
        let limit = Int(clamping: request.integer("MaxRecords") ?? 50)
        guard (1...pageLimit).contains(limit) else {
            throw AutoScalingError.validation("The parameter MaxRecords must be between 1 and \(pageLimit)")
        }
        var rest = rows[...]
        if let token = request.string("NextToken") {
            guard let last = PageToken.decode(token), let place = rows.firstIndex(where: { name($0) == last }) else {
                throw AWSError(400, "InvalidNextToken", "The NextToken value is not valid.")
            }
            rest = rows[(place + 1)...]
        }
        var answer: JSON = [list: .array(Array(rest.prefix(limit)))]
        if rest.count > limit, let last = rest.prefix(limit).last { answer["NextToken"] = .string(PageToken.encode(name(last))) }
        return answer
    }

    @Sendable static func groups(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let wanted = request.input["AutoScalingGroupNames"]?.strings ?? []
        var rows = draft.list(.autoScalingGroup).filter { wanted.isEmpty || wanted.contains($0["AutoScalingGroupName"]?.string ?? "") }
        for filter in request.input["Filters"]?.array ?? [] {
            let name = filter["Name"]?.string ?? ""
            let values = (filter["Values"]?.strings ?? []).map { Wildcard($0) }
            let read: (JSON) -> String?
            switch name {
            case "tag-key": read = { $0["Key"]?.string }
            case "tag-value": read = { $0["Value"]?.string }
            case let text where text.hasPrefix("tag:"):
                read = { tag in tag["Key"]?.string == String(text.dropFirst(4)) ? tag["Value"]?.string : nil }
            default: throw AutoScalingError.validation("The filter \(name) is not valid")
            }
            rows = rows.filter { group in
                group["Tags"]?.array?.contains { tag in read(tag).map { value in values.contains { $0.matches(value) } } == true } == true
            }
        }
        return try page(request, "AutoScalingGroups", rows.map { described($0, draft) }) { $0["AutoScalingGroupName"]?.string ?? "" }
    }

    private static func described(_ group: JSON, _ draft: ResourceDraft) -> JSON {
        var group = group
        group["Instances"] = .array(
            (group["_members"]?.strings ?? []).compactMap { draft.get(.instance, $0) }.map { member($0) })
        return group
    }

    /// A member as its group shows it.
    private static func member(_ instance: JSON) -> JSON {
        var member: JSON = [
            "InstanceId": instance["instanceId"] ?? "", "InstanceType": instance["instanceType"] ?? "",
            "AvailabilityZone": instance.at("placement", "availabilityZone") ?? "",
            "LifecycleState": instance.at("_scaling", "state") ?? "Pending",
            "HealthStatus": instance.at("_scaling", "health") ?? "Healthy",
            "ProtectedFromScaleIn": instance.at("_scaling", "isProtected") ?? false,
        ]
        member["LaunchTemplate"] = instance.at("_scaling", "template")
        return member
    }

    @Sendable static func instances(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let wanted = request.input["InstanceIds"]?.strings ?? []
        var rows: [JSON] = []
        for group in draft.list(.autoScalingGroup) {
            for id in group["_members"]?.strings ?? [] where wanted.isEmpty || wanted.contains(id) {
                guard let instance = draft.get(.instance, id) else { continue }
                var row = member(instance)
                row["AutoScalingGroupName"] = group["AutoScalingGroupName"]
                row["HealthStatus"] = .string((row["HealthStatus"]?.string ?? "").uppercased())
                rows.append(row)
            }
        }
        return try page(request, "AutoScalingInstances", rows) { $0["InstanceId"]?.string ?? "" }
    }

    /// Newest first.
    @Sendable static func activities(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        let ids = request.input["ActivityIds"]?.strings ?? []
        if let name = request.string("AutoScalingGroupName"), request.input["IncludeDeletedGroups"]?.bool != true {
            _ = try draft.group(name)
        }
        let rows = draft.list(.scalingActivity).reversed().filter { activity in
            (request.string("AutoScalingGroupName").map { $0 == activity["AutoScalingGroupName"]?.string } ?? true)
                && (ids.isEmpty || ids.contains(activity["ActivityId"]?.string ?? ""))
        }
        return try page(request, "Activities", rows) { $0["ActivityId"]?.string ?? "" }
    }
}
