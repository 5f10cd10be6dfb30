import JSON

/// Tags of EC2 resources: `tagSet` in their records.
enum EC2Tags {
    private static let limit = 50

    /// The tags that a create call gives to what it makes.
    static func specified(_ request: EC2Request, for kind: ResourceKind) throws(AWSError) -> JSON {
        var tags: [JSON] = []
        for specification in request.structures("TagSpecification") {
            let type = specification["ResourceType"]?.string ?? ""
            guard type == kind.word else {
                if allows(request.operation, type) { continue }
                throw EC2Error.invalid("'\(type)' is not a valid taggable resource type for this operation.")
            }
            for tag in specification["Tag"]?.array ?? [] { tags.append(try checked(tag, among: tags)) }
        }
        guard tags.count <= limit else { throw tooMany }
        return .array(tags)
    }

    /// Operations that make resources of several types take tags for each of them.
    private static func allows(_ operation: String, _ type: String) -> Bool {
        switch operation {
        case "RunInstances": ["instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"].contains(type)
        case "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "CreateSecurityGroup":
            type == "security-group-rule" || type == "security-group"
        default: false
        }
    }

    private static let tooMany = AWSError(
        400, "TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")

    private static func checked(_ tag: JSON, among tags: [JSON]) throws(AWSError) -> JSON {
        let key = tag["Key"]?.string ?? ""
        let value = tag["Value"]?.string ?? ""
        guard !key.isEmpty else { throw EC2Error.invalid("Tag key cannot be null or empty") }
        guard !key.lowercased().hasPrefix("aws:") else {
            throw EC2Error.invalid("Tag keys starting with 'aws:' are reserved for internal use")
        }
        guard key.count <= 127 + 1 else { throw EC2Error.invalid("Tag key exceeds the maximum length of 128 characters") }
        guard value.count <= 256 else { throw EC2Error.invalid("Tag value exceeds the maximum length of 256 characters") }
        guard !tags.contains(where: { $0["key"]?.string == key }) else {
            throw EC2Error.invalid("Duplicate tag key '\(key)' specified.")
        }
        return ["key": .string(key), "value": .string(value)]
    }

    /// A list of tags as records keep it.
    static func set(_ pairs: [(String, String)]) -> JSON {
        .array(pairs.map { ["key": .string($0.0), "value": .string($0.1)] })
    }

    /// The tags of a resource by their keys.
    static func values(of resource: JSON) -> [String: String] {
        let tags = resource["tagSet"]?.array ?? []
        return Dictionary(tags.map { ($0["key"]?.string ?? "", $0["value"]?.string ?? "") }) { first, _ in first }
    }

    /// The value of a tag.
    static func value(_ resource: JSON, _ key: String) -> String? {
        resource["tagSet"]?.array?.first { $0["key"]?.string == key }?["value"]?.string
    }

    /// The tags of a resource as an object, as condition keys want them.
    static func object(_ resource: JSON?) -> JSON {
        let tags = resource?["tagSet"]?.array ?? []
        return .object(JSONObject(tags.map { ($0["key"]?.string ?? "", $0["value"] ?? "") }))
    }

    // MARK: Operations

    static let operations: [EC2Operation] = [
        .write("CreateTags", on: ["ResourceId"], create), .write("DeleteTags", on: ["ResourceId"], delete),
        .read("DescribeTags", describe),
    ]

    /// The resources that a call names, each of which must exist.
    private static func targets(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> [(ResourceKind, String)] {
        let ids = request.strings("ResourceId")
        guard !ids.isEmpty else { throw EC2Error.missing("resourceIdSet") }
        guard ids.count <= 1000 else { throw EC2Error.invalid("The maximum number of resources in a request is 1000") }
        var found: [(ResourceKind, String)] = []
        for id in ids {
            guard let kind = ResourceKind(id: id), kind.isTaggable else {
                throw AWSError(400, "InvalidID", "The ID '\(id)' is not valid")
            }
            _ = try draft.require(kind, id)
            found.append((kind, id))
        }
        return found
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let targets = try targets(request, draft)
        var new: [JSON] = []
        for tag in request.structures("Tag") { new.append(try checked(tag, among: new)) }
        guard !new.isEmpty else { throw EC2Error.missing("tagSet") }
        for (kind, id) in targets {
            var tags = draft.get(kind, id)?["tagSet"]?.array ?? []
            for tag in new {
                if let place = tags.firstIndex(where: { $0["key"] == tag["key"] }) { tags[place] = tag } else { tags.append(tag) }
            }
            let own = tags.filter { $0["key"]?.string?.hasPrefix("aws:") != true }
            guard own.count <= limit else { throw tooMany }
            try draft.update(kind, id) { $0["tagSet"] = .array(tags) }
        }
        return ec2Return
    }

    /// Without a value a tag is removed whatever its value; with one only when it has it. Without tags, all that are not AWS' go.
    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let targets = try targets(request, draft)
        let unwanted = request.structures("Tag")
        for tag in unwanted where tag["Key"]?.string?.lowercased().hasPrefix("aws:") == true {
            throw EC2Error.invalid("Tag keys starting with 'aws:' are reserved for internal use")
        }
        for (kind, id) in targets {
            try draft.update(kind, id) { resource in
                let kept = (resource["tagSet"]?.array ?? []).filter { tag in
                    if unwanted.isEmpty { return tag["key"]?.string?.hasPrefix("aws:") == true }
                    return !unwanted.contains { $0["Key"] == tag["key"] && ($0["Value"] == nil || $0["Value"] == tag["value"]) }
                }
                resource["tagSet"] = .array(kept)
            }
        }
        return ec2Return
    }

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        var rows: [JSON] = []
        for kind in ResourceKind.allCases where kind.isTaggable {
            for resource in draft.list(kind) {
                let number = resource[RegionState.number] ?? 0
                let id = resource[kind.idMember] ?? ""
                for tag in resource["tagSet"]?.array ?? [] {
                    rows.append([
                        "resourceId": id, "resourceType": .string(kind.word), "key": tag["key"] ?? "", "value": tag["value"] ?? "",
                        RegionState.number: number,
                    ])
                }
            }
        }
        var filters: [JSON] = []
        // `tag:KEY` and the like look at the row itself here.
        for filter in request.structures("Filter") {
            if let name = filter["Name"]?.string, name.hasPrefix("tag:") {
                let key = String(name.dropFirst(4))
                rows = rows.filter { $0["key"]?.string == key }
                var byValue = filter
                byValue["Name"] = "value"
                filters.append(byValue)
            } else {
                filters.append(filter)
            }
        }
        let paths = [
            "key": "key", "value": "value", "resource-id": "resourceId", "resource-type": "resourceType", "tag-key": "key",
            "tag-value": "value",
        ]
        rows.sort { ($0[RegionState.number]?.integer ?? 0) < ($1[RegionState.number]?.integer ?? 0) }
        // A resource has several rows, so pages count rows.
        rows = rows.enumerated().map { index, row in
            var row = row
            row[RegionState.number] = .integer(Int64(index) + 1)
            return row
        }
        return try EC2Page().answer(request, "tagSet", try EC2Filter.select(rows, filters, paths: paths))
    }
}

extension ResourceKind {
    /// The member of a record that has its id.
    var idMember: String {
        switch self {
        case .vpc: "vpcId"
        case .dhcpOptions: "dhcpOptionsId"
        case .subnet: "subnetId"
        case .cidrReservation: "subnetCidrReservationId"
        case .routeTable: "routeTableId"
        case .internetGateway: "internetGatewayId"
        case .egressOnlyGateway: "egressOnlyInternetGatewayId"
        case .natGateway: "natGatewayId"
        case .address: "allocationId"
        case .vpcEndpoint: "vpcEndpointId"
        case .securityGroup: "groupId"
        case .securityGroupRule: "securityGroupRuleId"
        case .networkACL: "networkAclId"
        case .networkInterface: "networkInterfaceId"
        case .trunkAssociation: "associationId"
        case .instance: "instanceId"
        case .launchTemplate, .launchTemplateVersion: "launchTemplateId"
        case .autoScalingGroup: "AutoScalingGroupName"
        case .scalingActivity: "ActivityId"
        case .scheduledAction: "ScheduledActionName"
        case .nodegroup: "nodegroupName"
        }
    }
}
