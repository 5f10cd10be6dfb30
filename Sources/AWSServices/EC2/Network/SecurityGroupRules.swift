import JSON

/// Operations on the rules of security groups.
enum SecurityGroupRules {
    static let operations: [EC2Operation] = [
        .write("AuthorizeSecurityGroupIngress", on: ["GroupId"]) { request, draft throws(AWSError) in
            try authorize(request, &draft, isEgress: false)
        },
        .write("AuthorizeSecurityGroupEgress", on: ["GroupId"]) { request, draft throws(AWSError) in
            try authorize(request, &draft, isEgress: true)
        },
        .write("RevokeSecurityGroupIngress", on: ["GroupId"]) { request, draft throws(AWSError) in
            try revoke(request, &draft, isEgress: false)
        },
        .write("RevokeSecurityGroupEgress", on: ["GroupId"]) { request, draft throws(AWSError) in
            try revoke(request, &draft, isEgress: true)
        },
        .write("UpdateSecurityGroupRuleDescriptionsIngress", on: ["GroupId"]) { request, draft throws(AWSError) in
            try describeAnew(request, &draft, isEgress: false)
        },
        .write("UpdateSecurityGroupRuleDescriptionsEgress", on: ["GroupId"]) { request, draft throws(AWSError) in
            try describeAnew(request, &draft, isEgress: true)
        },
        .write("ModifySecurityGroupRules", on: ["GroupId"], modify), description.operation("DescribeSecurityGroupRules"),
    ]

    private static let description = EC2Description(
        kind: .securityGroupRule, set: "securityGroupRuleSet", ids: ("SecurityGroupRuleId", "securityGroupRuleId"),
        filters: ["group-id": "groupId", "security-group-rule-id": "securityGroupRuleId"])

    /// The records of a group's rules of one direction.
    private static func records(_ group: String, isEgress: Bool, _ draft: ResourceDraft) -> [JSON] {
        draft.list(.securityGroupRule, "groupId", group).filter { $0["isEgress"]?.bool == isEgress }
    }

    /// A group that a rule speaks of must be in the same VPC.
    private static func check(_ rule: SecurityGroupRule, of group: JSON, _ draft: ResourceDraft) throws(AWSError) {
        guard case .group(let id, let owner) = rule.peer, owner == draft.account else { return }
        guard try draft.require(.securityGroup, id)["vpcId"] == group["vpcId"] else {
            throw AWSError(
                400, "InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
        }
    }

    private static func duplicate(_ rule: SecurityGroupRule) -> AWSError {
        AWSError(400, "InvalidPermission.Duplicate", "the specified rule \"\(rule.text)\" already exists")
    }

    private static func authorize(
        _ request: EC2Request, _ draft: inout ResourceDraft, isEgress: Bool
    ) throws(AWSError) -> JSON {
        let group = try SecurityGroups.target(request, draft)
        let id = group["groupId"]?.string ?? ""
        let rules = try SecurityGroupRule.read(request, draft)
        guard !rules.isEmpty else { throw EC2Error.missing("ipPermissions") }
        var present = records(id, isEgress: isEgress, draft).map(SecurityGroupRule.init(record:))
        for rule in rules {
            try check(rule, of: group, draft)
            guard !present.contains(where: { $0.isSame(as: rule) }) else { throw duplicate(rule) }
            present.append(rule)
        }
        guard present.count <= EC2Quota.rulesPerGroup else {
            throw AWSError(
                400, "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
        }
        let tags = try EC2Tags.specified(request, for: .securityGroupRule)
        var made: [JSON] = []
        for rule in rules { made.append(rule.add(&draft, to: id, isEgress: isEgress, tags: tags)) }
        return ["return": true, "securityGroupRuleSet": .array(made)]
    }

    private static func revoke(_ request: EC2Request, _ draft: inout ResourceDraft, isEgress: Bool) throws(AWSError) -> JSON {
        let group = try SecurityGroups.target(request, draft)
        let id = group["groupId"]?.string ?? ""
        let present = records(id, isEgress: isEgress, draft)
        var revoked: [JSON] = []
        for rule in request.strings("SecurityGroupRuleId") {
            guard let found = present.first(where: { $0["securityGroupRuleId"]?.string == rule }) else {
                throw ResourceKind.securityGroupRule.isID(rule)
                    ? ResourceKind.securityGroupRule.notFound(rule) : ResourceKind.securityGroupRule.malformed(rule)
            }
            revoked.append(found)
        }
        if revoked.isEmpty {
            let rules = try SecurityGroupRule.read(request, draft)
            guard !rules.isEmpty else { throw EC2Error.missing("ipPermissions") }
            for rule in rules {
                guard let found = present.first(where: { SecurityGroupRule(record: $0).isSame(as: rule) }) else {
                    throw AWSError(
                        400, "InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
                }
                revoked.append(found)
            }
        }
        for rule in revoked { draft.remove(.securityGroupRule, rule["securityGroupRuleId"]?.string ?? "") }
        return ["return": true, "revokedSecurityGroupRuleSet": .array(revoked.map(shown))]
    }

    /// A revoked rule is told with its reference in a flat member.
    private static func shown(_ record: JSON) -> JSON {
        var shown = record
        shown["referencedGroupId"] = record.at("referencedGroupInfo", "groupId")
        for member in ["referencedGroupInfo", "tagSet", "groupOwnerId", "securityGroupRuleArn"] { shown[member] = nil }
        return shown
    }

    private static func describeAnew(
        _ request: EC2Request, _ draft: inout ResourceDraft, isEgress: Bool
    ) throws(AWSError) -> JSON {
        let id = try SecurityGroups.target(request, draft)["groupId"]?.string ?? ""
        let present = records(id, isEgress: isEgress, draft)
        var changes: [(String, String?)] = []
        for entry in request.structures("SecurityGroupRuleDescription") {
            changes.append((entry["SecurityGroupRuleId"]?.string ?? "", entry["Description"]?.string))
        }
        for rule in try SecurityGroupRule.read(request, draft) {
            guard let found = present.first(where: { SecurityGroupRule(record: $0).isSame(as: rule) }) else {
                throw AWSError(400, "InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
            }
            changes.append((found["securityGroupRuleId"]?.string ?? "", rule.description))
        }
        guard !changes.isEmpty else { throw EC2Error.missing("ipPermissions") }
        for (rule, description) in changes {
            guard present.contains(where: { $0["securityGroupRuleId"]?.string == rule }) else {
                throw ResourceKind.securityGroupRule.notFound(rule)
            }
            try draft.update(.securityGroupRule, rule) { $0["description"] = description.map(JSON.string) }
        }
        return ec2Return
    }

    @Sendable private static func modify(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let group = try SecurityGroups.target(request, draft)
        let id = group["groupId"]?.string ?? ""
        for change in request.structures("SecurityGroupRule") {
            let ruleID = change["SecurityGroupRuleId"]?.string ?? ""
            let old = try draft.require(.securityGroupRule, ruleID)
            guard old["groupId"]?.string == id else { throw ResourceKind.securityGroupRule.notFound(ruleID) }
            let wish = change["SecurityGroupRule"] ?? [:]
            let rule = try SecurityGroupRule(
                protocol: wish["IpProtocol"]?.string ?? old["ipProtocol"]?.string ?? "-1", from: wish["FromPort"]?.integer,
                to: wish["ToPort"]?.integer, ipv4: wish["CidrIpv4"]?.string, ipv6: wish["CidrIpv6"]?.string,
                prefixList: wish["PrefixListId"]?.string, group: wish["ReferencedGroupId"]?.string,
                description: wish["Description"]?.string, draft)
            try check(rule, of: group, draft)
            let others = records(id, isEgress: old["isEgress"]?.bool ?? false, draft).filter { $0["securityGroupRuleId"]?.string != ruleID }
            guard !others.contains(where: { SecurityGroupRule(record: $0).isSame(as: rule) }) else { throw duplicate(rule) }
            try draft.update(.securityGroupRule, ruleID) { rule.write(into: &$0) }
        }
        return ec2Return
    }
}
