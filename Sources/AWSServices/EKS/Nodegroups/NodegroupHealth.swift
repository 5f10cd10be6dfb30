import JSON

/// What is wrong with a node group, as far as its parts show it ("Managed node group errors").
enum NodegroupHealth {
    /// A node group as it is described: with its present issues, DEGRADED when it has some.
    static func described(_ group: JSON, _ draft: ResourceDraft) -> JSON {
        var group = group
        guard ["ACTIVE", "DEGRADED"].contains(group["status"]?.string) else { return group }
        let issues = issues(group, draft)
        guard !issues.isEmpty else { return group }
        group["health"] = ["issues": .array(issues)]
        group["status"] = "DEGRADED"
        return group
    }

    static func issue(_ code: String, _ message: String, _ resources: [String]) -> JSON {
        ["code": .string(code), "message": .string(message), "resourceIds": JSON(strings: resources)]
    }

    /// Why a node group of a cluster of IPv6 has no instances: its subnets give them no IPv6 address by themselves ("IPv6 addresses to
    /// clusters"; the text as CloudFormation showed it).
    static func addressIssue(_ wish: NodegroupWish, _ draft: ResourceDraft) -> JSON? {
        guard wish.cluster.isIPv6 else { return nil }
        let subnets = wish.body["subnets"]?.strings ?? []
        guard subnets.contains(where: { draft.get(.subnet, $0)?["assignIpv6AddressOnCreation"]?.bool != true }) else { return nil }
        return issue(
            "Ec2SubnetMissingIpv6Assignment",
            "One or more Amazon EC2 Subnets of [\(subnets.joined(separator: ", "))] for node group \(wish.name) does not automatically assign IPv6 addresses to instances launched into it. See IP addressing in VPC guide: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html#subnet-public-ip",
            subnets)
    }

    private static func issues(_ group: JSON, _ draft: ResourceDraft) -> [JSON] {
        var issues: [JSON] = []
        let scaling = NodegroupLifecycle.scalingGroups(group)
        let gone = scaling.filter { draft.get(.autoScalingGroup, $0) == nil }
        if !gone.isEmpty {
            issues.append(
                issue("AutoScalingGroupNotFound", "We couldn't find the Auto Scaling group associated with the managed node group.", gone))
        }
        issues += templateIssues(group, scaling, draft)
        let subnets = (group["subnets"]?.strings ?? []).filter { draft.get(.subnet, $0) == nil }
        if !subnets.isEmpty {
            issues.append(issue("Ec2SubnetNotFound", "We couldn't find one or more subnets of the node group.", subnets))
        }
        issues += roleIssues(group, draft)
        for name in scaling {
            if let failure = launchFailure(name, draft) { issues.append(failure) }
        }
        return issues
    }

    private static func templateIssues(_ group: JSON, _ scaling: [String], _ draft: ResourceDraft) -> [JSON] {
        let template = group["_template"]?.string ?? ""
        guard draft.get(.launchTemplate, template) != nil else {
            return [
                issue(
                    "Ec2LaunchTemplateNotFound", "We couldn't find the Amazon EC2 launch template for your managed node group.", [template])
            ]
        }
        let expected = String(group["_templateVersion"]?.integer ?? 1)
        for name in scaling {
            guard let specification = draft.get(.autoScalingGroup, name).flatMap(AutoScaling.specification) else { continue }
            if specification["LaunchTemplateId"]?.string != template || specification["Version"]?.string != expected {
                return [
                    issue(
                        "Ec2LaunchTemplateVersionMismatch",
                        "The Amazon EC2 launch template version for your managed node group doesn't match the version that Amazon EKS created.",
                        [template])
                ]
            }
        }
        return []
    }

    private static func roleIssues(_ group: JSON, _ draft: ResourceDraft) -> [JSON] {
        var issues: [JSON] = []
        let arn = group["nodeRole"]?.string ?? ""
        let name = arn.split(separator: "/").last.map(String.init) ?? ""
        let role = draft.principal("roles", name)
        if role?["Arn"]?.string != arn {
            issues.append(issue("IamNodeRoleNotFound", "We couldn't find the IAM role for your managed node group.", [arn]))
        }
        let profile = group["_profile"]?.string ?? ""
        if draft.principal("instance-profiles", profile) == nil {
            issues.append(
                issue("IamInstanceProfileNotFound", "We couldn't find the IAM instance profile for your managed node group.", [profile]))
        }
        let cluster = group["clusterName"]?.string ?? ""
        let record = draft.records.get(Records.collection(draft.account, draft.region, "eks", "clusters"), cluster)?.json
        let mode = record?.at("accessConfig", "authenticationMode")?.string
        let entry = draft.records.get(Records.collection(draft.account, draft.region, "eks", "access-entries"), "\(cluster)/\(arn)")
        // With aws-auth in force, too, the mapping may be there.
        if mode == "API", entry == nil {
            issues.append(
                issue(
                    "AccessDenied",
                    "Amazon EKS or one or more of your managed nodes is unable to communicate with your cluster API server.", [arn]))
        }
        return issues
    }

    /// Why a scaling group could not launch the last time; `nil` when it has what it wants.
    static func launchFailure(_ name: String, _ draft: ResourceDraft) -> JSON? {
        guard draft.get(.autoScalingGroup, name)?["_failures"] != nil else { return nil }
        let last = draft.list(.scalingActivity, "AutoScalingGroupName", name).last { $0["StatusCode"]?.string == "Failed" }
        switch last?["_code"]?.string {
        case "InsufficientFreeAddressesInSubnet":
            return issue(
                "InsufficientFreeAddresses",
                "Amazon Autoscaling was unable to launch instances because there are not enough free addresses in the subnet associated with your AutoScaling group(s).",
                [name])
        case "InvalidAMIID.NotFound":
            return issue("AmiIdNotFound", "We couldn't find the AMI ID associated with your launch template.", [name])
        default:
            return issue("AsgInstanceLaunchFailures", last?["StatusMessage"]?.string ?? "", [name])
        }
    }
}
