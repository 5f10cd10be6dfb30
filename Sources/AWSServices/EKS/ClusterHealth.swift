import JSON

extension EKSServices {
    /// A cluster as it is described: with what is wrong with its role, its network and its key at present.
    func described(_ cluster: ClusterRecord) -> JSON {
        var json = cluster.wire
        guard ["ACTIVE", "UPDATING"].contains(cluster.status) else { return json }
        let present = regions.resources(cluster.accountID, cluster.region).present
        json["health"] = ["issues": .array(networkIssues(cluster, present) + roleIssues(cluster, present) + keyIssues(cluster))]
        return json
    }

    private func networkIssues(_ cluster: ClusterRecord, _ present: ResourceDraft) -> [JSON] {
        let vpc = cluster.json["resourcesVpcConfig"] ?? [:]
        var issues: [JSON] = []
        let subnets = (vpc["subnetIds"]?.strings ?? []).filter { present.get(.subnet, $0) == nil }
        if !subnets.isEmpty {
            issues.append(
                NodegroupHealth.issue("Ec2SubnetNotFound", "We couldn't find one or more subnets associated with the cluster.", subnets))
        }
        let groups = ([vpc["clusterSecurityGroupId"]?.string ?? ""] + (vpc["securityGroupIds"]?.strings ?? [])).filter {
            present.get(.securityGroup, $0) == nil
        }
        if !groups.isEmpty {
            issues.append(
                NodegroupHealth.issue(
                    "Ec2SecurityGroupNotFound", "We couldn't find one or more security groups associated with the cluster.", groups))
        }
        return issues
    }

    private func roleIssues(_ cluster: ClusterRecord, _ present: ResourceDraft) -> [JSON] {
        let arn = cluster.json["roleArn"]?.string ?? ""
        let found = present.principal("roles", arn.split(separator: "/").last.map(String.init) ?? "")
        guard found?["Arn"]?.string != arn else { return [] }
        return [NodegroupHealth.issue("IamRoleNotFound", "We couldn't find the cluster's IAM role.", [arn])]
    }
}
