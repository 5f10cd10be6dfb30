import IPAddress
import JSON

/// Security groups. Their rules are resources of their own.
enum SecurityGroups {
    static let operations: [EC2Operation] = [
        .write("CreateSecurityGroup", on: ["VpcId"], making: [.securityGroup], create),
        .write("DeleteSecurityGroup", on: ["GroupId"], delete), .read("DescribeSecurityGroups", describe),
    ]

    private static let description: EC2Description = {
        var filters = [
            "description": "groupDescription", "group-id": "groupId", "group-name": "groupName", "owner-id": "ownerId", "vpc-id": "vpcId",
        ]
        for (prefix, set) in [("ip-permission", "ipPermissions"), ("egress.ip-permission", "ipPermissionsEgress")] {
            for (name, member) in [
                ("cidr", "ipRanges.cidrIp"), ("from-port", "fromPort"), ("group-id", "groups.groupId"),
                ("ipv6-cidr", "ipv6Ranges.cidrIpv6"),
                ("prefix-list-id", "prefixListIds.prefixListId"), ("protocol", "ipProtocol"), ("to-port", "toPort"),
                ("user-id", "groups.userId"),
            ] { filters["\(prefix).\(name)"] = "\(set).\(member)" }
        }
        return EC2Description(
            kind: .securityGroup, set: "securityGroupInfo", ids: ("GroupId", "groupId"), filters: filters)
    }()

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let names = request.strings("GroupName")
        if request.input["MaxResults"] != nil { try request.exclude("GroupId", "MaxResults") }
        var groups: [JSON] = []
        for id in request.strings("GroupId") { groups.append(try draft.require(.securityGroup, id)) }
        // Names mean groups of the default VPC.
        for name in names { groups.append(try named(name, draft)) }
        if groups.isEmpty { groups = draft.list(.securityGroup) }
        var rules: [String: [JSON]] = [:]
        for rule in draft.list(.securityGroupRule) { rules[rule["groupId"]?.string ?? "", default: []].append(rule) }
        return try description.answer(request, groups.map { described($0, rules[$0["groupId"]?.string ?? ""] ?? []) })
    }

    /// A group with its rules as permissions.
    private static func described(_ group: JSON, _ rules: [JSON]) -> JSON {
        var group = group
        group["ipPermissions"] = SecurityGroupRule.permissions(rules.filter { $0["isEgress"]?.bool == false })
        group["ipPermissionsEgress"] = SecurityGroupRule.permissions(rules.filter { $0["isEgress"]?.bool == true })
        return group
    }

    /// A group of the default VPC by its name.
    static func named(_ name: String, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        let home = draft.list(.vpc).first { $0["isDefault"]?.bool == true }?["vpcId"]
        let found = draft.list(.securityGroup).first { $0["groupName"]?.string == name && $0["vpcId"] == home }
        guard let found else {
            throw AWSError(
                400, "InvalidGroup.NotFound",
                "The security group '\(name)' does not exist\(home?.string.map { " in default VPC '\($0)'" } ?? "")")
        }
        return found
    }

    /// The group that a call names by its id, or by its name in the default VPC.
    static func target(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        if let id = request.string("GroupId") { return try draft.require(.securityGroup, id) }
        guard let name = request.string("GroupName") else {
            throw AWSError(400, "MissingParameter", "The request must contain the parameter groupName or groupId")
        }
        return try named(name, draft)
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let name = try request.required("GroupName")
        guard let description = request.string("GroupDescription"), !description.isEmpty else {
            throw EC2Error.missing("GroupDescription")
        }
        guard let vpc = request.string("VpcId") ?? draft.list(.vpc).first(where: { $0["isDefault"]?.bool == true })?["vpcId"]?.string else {
            throw AWSError(400, "VPCIdNotSpecified", "No default VPC for this user")
        }
        _ = try draft.require(.vpc, vpc)
        try check(name, description)
        guard !draft.list(.securityGroup, "vpcId", vpc).contains(where: { $0["groupName"]?.string == name }) else {
            throw AWSError(400, "InvalidGroup.Duplicate", "The security group '\(name)' already exists for VPC '\(vpc)'")
        }
        guard draft.list(.securityGroup).count < EC2Quota.groups else {
            throw AWSError(400, "SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
        }
        let tags = try EC2Tags.specified(request, for: .securityGroup)
        let group = try make(&draft, name, description, vpc: vpc, tags: tags)
        return [
            "return": true, "groupId": group["groupId"] ?? "", "tagSet": tags, "securityGroupArn": group["securityGroupArn"] ?? "",
        ]
    }

    private static func check(_ name: String, _ description: String) throws(AWSError) {
        let more = "._-:/()#,@[]+=&;{}!$* "
        func isPlain(_ text: String) -> Bool {
            text.count <= 255 && text.allSatisfy { ($0.isASCII && ($0.isLetter || $0.isNumber)) || more.contains($0) }
        }
        guard name.lowercased() != "default" else {
            throw AWSError(400, "InvalidGroup.Reserved", "The security group '\(name)' is reserved")
        }
        guard !name.hasPrefix("sg-") else {
            throw EC2Error.invalidValue(name, "groupName", "Group names may not be in the format sg-*.")
        }
        guard isPlain(name) else {
            throw EC2Error.invalidValue(
                name, "groupName", "Character sets beyond ASCII are not supported.")
        }
        guard isPlain(description) else {
            throw EC2Error.invalidValue(description, "groupDescription", "Character sets beyond ASCII are not supported.")
        }
    }

    /// Makes a group that lets everything out, as every new one does.
    static func make(
        _ draft: inout ResourceDraft, _ name: String, _ description: String, vpc: String, tags: JSON
    ) throws(AWSError) -> JSON {
        let id = draft.newID("sg-")
        let group: JSON = [
            "groupId": .string(id), "groupName": .string(name), "groupDescription": .string(description), "vpcId": .string(vpc),
            "ownerId": .string(draft.account), "securityGroupArn": .string(draft.arn(.securityGroup, id)), "tagSet": tags,
        ]
        draft.put(.securityGroup, id, group)
        SecurityGroupRule(everythingTo: .ipv4("0.0.0.0/0")).add(&draft, to: id, isEgress: true, tags: [])
        if draft.get(.vpc, vpc)?.vpcIPv6Blocks.isEmpty == false {
            SecurityGroupRule(everythingTo: .ipv6("::/0")).add(&draft, to: id, isEgress: true, tags: [])
        }
        return group
    }

    /// Makes the group that members of a VPC have who name none: they reach each other.
    static func makeDefault(_ draft: inout ResourceDraft, for vpc: JSON) {
        // No rule of a new group can be refused.
        guard let made = try? make(&draft, "default", "default VPC security group", vpc: vpc["vpcId"]?.string ?? "", tags: []),
            let id = made["groupId"]?.string
        else { return }
        SecurityGroupRule(everythingTo: .group(id, owner: draft.account)).add(&draft, to: id, isEgress: false, tags: [])
    }

    /// A VPC's group `default`.
    static func defaultGroup(of vpc: String, _ draft: ResourceDraft) -> String {
        draft.list(.securityGroup, "vpcId", vpc).first { $0["groupName"]?.string == "default" }?["groupId"]?.string ?? ""
    }

    /// Removes a group with its rules.
    static func remove(_ draft: inout ResourceDraft, _ id: String) {
        for rule in draft.list(.securityGroupRule, "groupId", id) {
            draft.remove(.securityGroupRule, rule["securityGroupRuleId"]?.string ?? "")
        }
        draft.remove(.securityGroup, id)
    }

    /// A group goes when no interface has it and no rule of another group speaks of it.
    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let group = try target(request, draft)
        let id = group["groupId"]?.string ?? ""
        guard group["groupName"]?.string != "default" else {
            throw AWSError(
                400, "CannotDelete", "the specified group: \"\(id)\" name: \"default\" cannot be deleted by a user")
        }
        guard !isUsed(id, draft) else { throw AWSError(400, "DependencyViolation", "resource \(id) has a dependent object") }
        remove(&draft, id)
        return ["return": true, "groupId": .string(id)]
    }

    /// Whether an interface has a group, or a rule of another one speaks of it.
    static func isUsed(_ id: String, _ draft: ResourceDraft) -> Bool {
        draft.list(.networkInterface).contains { $0["groupSet"]?.array?.contains { $0["groupId"]?.string == id } == true }
            || draft.list(.securityGroupRule).contains {
                $0["groupId"]?.string != id && $0.at("referencedGroupInfo", "groupId")?.string == id
            }
    }
}
