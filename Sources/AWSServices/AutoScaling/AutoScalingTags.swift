import JSON

/// Tags of groups; those that propagate are given to instances at launch.
enum AutoScalingTags {
    private static let limit = 50

    /// Tags of a call as groups keep them.
    static func checked(_ tags: [JSON], group: String) throws(AWSError) -> [JSON] {
        var found: [JSON] = []
        for tag in tags {
            let key = tag["Key"]?.string ?? ""
            guard (1...128).contains(key.count), (tag["Value"]?.string ?? "").count <= 256 else {
                throw AutoScalingError.validation("A tag has a key of 1 to 128 characters and a value of at most 256")
            }
            guard !key.lowercased().hasPrefix("aws:") else {
                throw AutoScalingError.validation("The tag key prefix aws: is reserved")
            }
            if let id = tag["ResourceId"]?.string, id != group {
                throw AutoScalingError.validation("The resource of a tag must be the group: \(id)")
            }
            found.removeAll { $0["Key"]?.string == key }
            found.append(made(group, key, tag["Value"]?.string ?? "", propagates: tag["PropagateAtLaunch"]?.bool ?? false))
        }
        return found
    }

    /// A tag as groups keep it.
    static func made(_ group: String, _ key: String, _ value: String, propagates: Bool) -> JSON {
        [
            "ResourceId": .string(group), "ResourceType": "auto-scaling-group", "Key": .string(key), "Value": .string(value),
            "PropagateAtLaunch": .bool(propagates),
        ]
    }

    private static func each(_ request: AutoScalingService.Request, _ draft: ResourceDraft) throws(AWSError) -> [(group: String, tag: JSON)]
    {
        var found: [(group: String, tag: JSON)] = []
        for tag in request.input["Tags"]?.array ?? [] {
            guard let name = tag["ResourceId"]?.string, tag["ResourceType"]?.string ?? "auto-scaling-group" == "auto-scaling-group" else {
                throw AutoScalingError.validation("A tag names a resource of type auto-scaling-group")
            }
            _ = try draft.group(name)
            found.append((name, tag))
        }
        return found
    }

    @Sendable static func createOrUpdate(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        for (name, tag) in try each(request, draft) {
            let new = try checked([tag], group: name)
            let present = try draft.group(name)["Tags"]?.array ?? []
            let tags = present.filter { $0["Key"] != tag["Key"] } + new
            guard tags.count <= limit else {
                throw AWSError(400, "LimitExceeded", "The maximum number of tags of a group is \(limit)")
            }
            try draft.update(.autoScalingGroup, name) { $0["Tags"] = .array(tags) }
        }
        return nil
    }

    @Sendable static func delete(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        for (name, tag) in try each(request, draft) {
            try draft.update(.autoScalingGroup, name) { group in
                group["Tags"] = .array((group["Tags"]?.array ?? []).filter { $0["Key"] != tag["Key"] })
            }
        }
        return nil
    }

    @Sendable static func describe(_ request: AutoScalingService.Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON? {
        var rows = draft.list(.autoScalingGroup).flatMap { $0["Tags"]?.array ?? [] }
        let members = ["auto-scaling-group": "ResourceId", "key": "Key", "value": "Value", "propagate-at-launch": "PropagateAtLaunch"]
        for filter in request.input["Filters"]?.array ?? [] {
            guard let member = members[filter["Name"]?.string ?? ""] else {
                throw AutoScalingError.validation("The filter \(filter["Name"]?.string ?? "") is not valid")
            }
            let values = filter["Values"]?.strings ?? []
            rows = rows.filter { row in
                let value = row[member]?.string ?? (row[member]?.bool == true ? "true" : "false")
                return values.contains(value)
            }
        }
        return try AutoScalingDescriptions.page(request, "Tags", rows) { "\($0["ResourceId"]?.string ?? "")/\($0["Key"]?.string ?? "")" }
    }
}
