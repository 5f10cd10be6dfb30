import IPAddress
import JSON
import VPCModel
import World

/// What a cluster has in its owner's VPC: the cluster security group and the interfaces of the control plane.
enum ClusterNetwork {
    /// Where a cluster is placed.
    struct Placement: Sendable {
        let vpc: String
        let blocks: [CIDRBlock]
        let subnets: [String]
        let groups: [String]
    }

    /// Free addresses that each subnet must have ("Amazon EKS networking requirements").
    private static let freeAddresses = 6
    private static let groupLimit = 5
    private static let subnetLimit = 16
    /// Zones that no cluster can be placed in ("Subnet requirements for clusters").
    private static let closedZones: Set<String> = ["use1-az3", "usw1-az2", "cac1-az3"]

    private static func invalid(_ message: String, _ cluster: String) -> AWSError {
        AWSError(400, "InvalidParameterException", message, members: ["clusterName": cluster])
    }

    static func check(_ request: EKSServices.Request, _ cluster: String, _ draft: ResourceDraft) throws(AWSError) -> Placement {
        let wanted = request.body["resourcesVpcConfig"] ?? [:]
        return try check(
            subnets: wanted["subnetIds"]?.strings ?? [], groups: wanted["securityGroupIds"]?.strings ?? [],
            isIPv6: request.body.at("kubernetesNetworkConfig", "ipFamily") == "ipv6", cluster, draft)
    }

    /// Two zones of one VPC, with room for the interfaces; at most five security groups of that VPC.
    static func check(
        subnets ids: [String], groups: [String], isIPv6: Bool, _ cluster: String, _ draft: ResourceDraft
    ) throws(AWSError) -> Placement {
        guard !ids.isEmpty else { throw invalid("subnetIds: Member must not be null", cluster) }
        guard ids.count <= subnetLimit else { throw invalid("subnetIds: at most \(subnetLimit) subnets are allowed", cluster) }
        var subnets: [JSON] = []
        for id in ids {
            guard let subnet = draft.get(.subnet, id) else {
                throw invalid("The subnet ID '\(id)' does not exist (Service: Ec2, Status Code: 400)", cluster)
            }
            subnets.append(subnet)
        }
        guard Set(subnets.compactMap { $0["availabilityZone"]?.string }).count >= 2 else {
            throw invalid("Subnets specified must be in at least two different AZs", cluster)
        }
        let vpcs = Set(subnets.compactMap { $0["vpcId"]?.string })
        guard vpcs.count == 1, let vpc = vpcs.first, let network = draft.get(.vpc, vpc) else {
            throw invalid("Subnets specified must belong to the same VPC", cluster)
        }
        try checkZones(subnets, cluster, draft)
        if isIPv6 { try checkIPv6(subnets, network, cluster) }
        for id in ids where Subnets.available(id, draft) < freeAddresses {
            throw invalid(
                "Subnet \(id) does not have enough free addresses: \(Subnets.available(id, draft)) of at least \(freeAddresses)", cluster)
        }
        guard groups.count <= groupLimit else {
            throw invalid("securityGroupIds: at most \(groupLimit) security groups are allowed", cluster)
        }
        for id in groups where draft.get(.securityGroup, id)?["vpcId"]?.string != vpc {
            throw invalid("The security group '\(id)' does not exist in VPC '\(vpc)' (Service: Ec2, Status Code: 400)", cluster)
        }
        return Placement(vpc: vpc, blocks: network.vpcBlocks, subnets: ids, groups: groups)
    }

    /// A cluster of IPv6 takes a VPC and subnets that have blocks of both families (EKS user guide, "IPv6 addresses to clusters"). The texts
    /// are ours: EKS' are not known from any source.
    private static func checkIPv6(_ subnets: [JSON], _ vpc: JSON, _ cluster: String) throws(AWSError) {
        guard !vpc.vpcIPv6Blocks.isEmpty else {
            throw invalid("The VPC '\(vpc["vpcId"]?.string ?? "")' does not have an IPv6 CIDR block, which ipFamily ipv6 requires", cluster)
        }
        let without = subnets.filter { $0["ipv6CidrBlockAssociationSet"]?.array?.isEmpty != false }.compactMap { $0["subnetId"]?.string }
        guard without.isEmpty else {
            throw invalid(
                "The subnets [\(without.joined(separator: ", "))] do not have an IPv6 CIDR block, which ipFamily ipv6 requires", cluster)
        }
    }

    private static func checkZones(_ subnets: [JSON], _ cluster: String, _ draft: ResourceDraft) throws(AWSError) {
        guard let closed = subnets.first(where: { closedZones.contains($0["availabilityZoneId"]?.string ?? "") }) else { return }
        let open = EC2Zones.of(draft.region).filter { !closedZones.contains($0.id) }.map(\.name).joined(separator: ", ")
        throw AWSError(
            400, "UnsupportedAvailabilityZoneException",
            "Cannot create cluster '\(cluster)' because \(closed["availabilityZone"]?.string ?? ""), the targeted availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose from these availability zones: \(open)",
            members: ["clusterName": cluster])
    }

    /// `resourcesVpcConfig` as `DescribeCluster` shows it.
    static func described(
        _ wish: JSON, _ placement: Placement, group: String, isIPv6: Bool, _ cluster: String
    ) throws(AWSError) -> JSON {
        let access = EndpointAccess(wish, over: EndpointAccess(isDualStack: isIPv6))
        try access.check(cluster)
        var json: JSON = [
            "subnetIds": JSON(strings: placement.subnets), "securityGroupIds": JSON(strings: placement.groups),
            "clusterSecurityGroupId": .string(group), "vpcId": .string(placement.vpc),
        ]
        access.write(into: &json)
        return json
    }

    /// Makes the cluster security group, whose members reach each other and everything outside; answers its id.
    static func make(_ draft: inout ResourceDraft, cluster: String, _ placement: Placement) throws(AWSError) -> String {
        let name = "eks-cluster-sg-\(cluster)-\(draft.world.random.characters(10, of: "0123456789"))"
        let group = try SecurityGroups.make(
            &draft, name,
            "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
            vpc: placement.vpc,
            tags: EC2Tags.set([
                ("Name", name), ("kubernetes.io/cluster/\(cluster)", "owned"), ("aws:eks:cluster-name", cluster),
            ]))
        let id = group["groupId"]?.string ?? ""
        SecurityGroupRule(everythingTo: .group(id, owner: draft.account)).add(&draft, to: id, isEgress: false, tags: [])
        return id
    }

    /// How many interfaces the control plane has: one in each of two zones.
    private static let interfaceCount = 2
    /// The account that EKS runs control planes in, as interfaces name it.
    private static let serviceOwner = "amazon-eks"

    /// Makes the control plane's interfaces, each in another zone, in the cluster's security groups; answers their ids. Those of a cluster of
    /// IPv6 have an address of either family.
    static func makeInterfaces(
        _ draft: inout ResourceDraft, cluster: String, subnets: [String], groups: [String], isIPv6: Bool
    ) throws(AWSError) -> [String] {
        var zones: [JSON?] = []
        var made: [String] = []
        for id in subnets where made.count < interfaceCount {
            let subnet = try draft.require(.subnet, id)
            guard !zones.contains(subnet["availabilityZone"]) else { continue }
            zones.append(subnet["availabilityZone"])
            let interface = try NetworkInterfaces.make(
                &draft, in: subnet, InterfaceWish(ipv6Count: isIPv6 ? 1 : nil), groups: groups,
                NetworkInterfaces.Purpose(description: "Amazon EKS \(cluster)", requester: serviceOwner))
            try NetworkInterfaceAttachments.putManaged(&draft, interface: interface, owner: serviceOwner)
            made.append(interface)
        }
        return made
    }

    private static func removeInterfaces(_ draft: inout ResourceDraft, _ cluster: JSON) {
        for id in cluster["_interfaces"]?.strings ?? [] { try? NetworkInterfaces.remove(&draft, id) }
    }

    /// Puts the interfaces where a changed `resourcesVpcConfig` has them; answers their ids.
    static func moveInterfaces(_ draft: inout ResourceDraft, _ cluster: JSON) throws(AWSError) -> [String] {
        removeInterfaces(&draft, cluster)
        let vpc = cluster["resourcesVpcConfig"] ?? [:]
        let groups = [vpc["clusterSecurityGroupId"]?.string ?? ""] + (vpc["securityGroupIds"]?.strings ?? [])
        return try makeInterfaces(
            &draft, cluster: cluster["name"]?.string ?? "", subnets: vpc["subnetIds"]?.strings ?? [], groups: groups,
            isIPv6: ClusterRecord(json: cluster).isIPv6)
    }

    /// What of the network keeps an update of a cluster from succeeding, as `errors` of the update.
    static func problems(_ cluster: JSON, _ draft: ResourceDraft) -> [JSON] {
        let vpc = cluster["resourcesVpcConfig"] ?? [:]
        var problems: [JSON] = []
        func add(_ code: String, _ message: String, _ ids: [String]) {
            guard !ids.isEmpty else { return }
            problems.append([
                "errorCode": .string(code), "errorMessage": .string(message), "resourceIds": JSON(strings: ids),
            ])
        }
        let subnets = vpc["subnetIds"]?.strings ?? []
        add(
            "SubnetNotFound", "We couldn't find one of the subnets associated with the cluster.",
            subnets.filter { draft.get(.subnet, $0) == nil })
        let groups = (vpc["securityGroupIds"]?.strings ?? []) + [vpc["clusterSecurityGroupId"]?.string ?? ""]
        add(
            "SecurityGroupNotFound", "We couldn't find one of the security groups associated with the cluster.",
            groups.filter { draft.get(.securityGroup, $0) == nil })
        add(
            "IpNotAvailable", "A subnet associated with the cluster doesn't have any free IP addresses.",
            subnets.filter { draft.get(.subnet, $0) != nil && Subnets.available($0, draft) == 0 })
        return problems
    }

    /// Removes what the cluster had; the group stays where something of the owner's still uses it.
    static func remove(_ draft: inout ResourceDraft, _ cluster: ClusterRecord) {
        removeInterfaces(&draft, cluster.json)
        guard let group = cluster.json.at("resourcesVpcConfig", "clusterSecurityGroupId")?.string,
            !SecurityGroups.isUsed(group, draft)
        else { return }
        SecurityGroups.remove(&draft, group)
    }
}
