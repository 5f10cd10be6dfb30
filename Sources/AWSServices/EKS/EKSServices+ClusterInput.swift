import IAMPolicy
import IPAddress
import JSON
import Store
import World

/// What EKS checks of a cluster's role, network and access before it makes one.
extension EKSServices {
    /// The role must exist and trust EKS, and the caller must be allowed to pass it.
    func clusterRole(_ request: Request, _ name: String) throws(AWSError) -> String {
        let arn = request.body["roleArn"]?.string ?? ""
        let refused = invalid(
            "Role with arn: \(arn), could not be assumed because it does not exist or the trusted entity is not correct", cluster: name)
        let sections = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard sections.count == 6, let roleName = arn.split(separator: "/").last else { throw refused }
        guard sections[4] == request.account else {
            throw AWSError(403, "AccessDeniedException", "Cross-account pass role is not allowed.")
        }
        if let call = request.call {
            try authorization.require(call, "iam:PassRole", on: arn, conditions: ["iam:PassedToService": ["eks.amazonaws.com"]])
        }
        guard let role = records.get(Records.collection(request.account, "global", "iam", "roles"), String(roleName))?.json,
            role["Arn"]?.string == arn, let text = role["AssumeRolePolicyDocument"]?.string,
            let trust = try? PolicyDocument(parsing: text, isTrust: true)
        else { throw refused }
        let decision = PolicyEvaluation.evaluate(
            [("trust policy", trust)], PolicyRequest(action: "sts:AssumeRole", principal: .service("eks.amazonaws.com")))
        guard decision.outcome == .allowed else { throw refused }
        return arn
    }

    /// Where the cluster is placed.
    struct Placement: Sendable {
        var json: JSON
        let vpc: String
        let cidr: String
        let securityGroup: String
    }

    func vpcConfiguration(_ request: Request, _ name: String) throws(AWSError) -> Placement {
        let wanted = request.body["resourcesVpcConfig"] ?? [:]
        let subnets = wanted["subnetIds"]?.strings ?? []
        let groups = wanted["securityGroupIds"]?.strings ?? []
        let vpc = try vpc(request, subnets: subnets, groups: groups, name)
        let access = EndpointAccess(wanted, over: EndpointAccess())
        try access.check(name)
        let cidr = records.get(Records.collection(request.account, request.region, "ec2", "vpcs"), vpc)?.json["cidrBlock"]?.string ?? ""
        let group = "sg-" + world.random.hex(17)
        var json: JSON = [
            "subnetIds": JSON(strings: subnets), "securityGroupIds": JSON(strings: groups), "clusterSecurityGroupId": .string(group),
            "vpcId": .string(vpc),
        ]
        access.write(into: &json)
        return Placement(json: json, vpc: vpc, cidr: cidr, securityGroup: group)
    }

    /// The one VPC of subnets in at least two zones, and of at most five security groups.
    func vpc(_ request: Request, subnets: [String], groups: [String], _ name: String) throws(AWSError) -> String {
        guard !subnets.isEmpty else { throw invalid("subnetIds: Member must not be null", cluster: name) }
        var zones = Set<String>()
        var vpcs = Set<String>()
        for id in subnets {
            guard let subnet = records.get(Records.collection(request.account, request.region, "ec2", "subnets"), id)?.json else {
                throw invalid("The subnet ID '\(id)' does not exist (Service: Ec2, Status Code: 400)", cluster: name)
            }
            zones.insert(subnet["availabilityZone"]?.string ?? "")
            vpcs.insert(subnet["vpcId"]?.string ?? "")
        }
        guard zones.count >= 2 else { throw invalid("Subnets specified must be in at least two different AZs", cluster: name) }
        guard vpcs.count == 1, let vpc = vpcs.first else { throw invalid("Subnets specified must belong to the same VPC", cluster: name) }
        guard groups.count <= 5 else { throw invalid("securityGroupIds: at most 5 security groups are allowed", cluster: name) }
        for id in groups {
            let group = records.get(Records.collection(request.account, request.region, "ec2", "security-groups"), id)?.json
            guard group?["vpcId"]?.string == vpc else {
                throw invalid("The security group '\(id)' does not exist in VPC '\(vpc)' (Service: Ec2, Status Code: 400)", cluster: name)
            }
        }
        return vpc
    }

    func securityGroup(_ request: Request, _ name: String, _ placement: Placement) -> Transaction.Write {
        let group: JSON = [
            "groupId": .string(placement.securityGroup),
            "groupName": .string("eks-cluster-sg-\(name)-\(world.random.characters(10, of: "0123456789"))"),
            "description": "Made by EKS for the network interfaces of the control plane and for managed workloads.",
            "vpcId": .string(placement.vpc),
        ]
        let collection = Records.collection(request.account, request.region, "ec2", "security-groups")
        return .put(Key(collection, placement.securityGroup), .bytes(group.serialized()))
    }

    func accessConfiguration(_ body: JSON, _ name: String) throws(AWSError) -> JSON {
        let mode = body.at("accessConfig", "authenticationMode")?.string ?? "CONFIG_MAP"
        if mode == "CONFIG_MAP", body.at("accessConfig", "bootstrapClusterCreatorAdminPermissions")?.bool == false {
            throw invalid(
                "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP", cluster: name)
        }
        return ["authenticationMode": .string(mode)]
    }

    /// The Service range: as asked, or the one of EKS' two defaults that is clear of the VPC.
    func networkConfiguration(_ body: JSON, _ name: String, _ vpcCIDR: String) throws(AWSError) -> JSON {
        let wanted = body["kubernetesNetworkConfig"] ?? [:]
        if wanted["ipFamily"]?.string == "ipv6" { throw invalid("ipFamily ipv6 is not simulated yet", cluster: name) }
        if wanted.at("elasticLoadBalancing", "enabled")?.bool == true { throw invalid("EKS Auto Mode is not simulated yet", cluster: name) }
        let vpc = CIDRBlock(vpcCIDR)
        let isInTen = CIDRBlock("10.0.0.0/8").flatMap { ten in vpc.map { ten.overlaps($0) } } ?? false
        let text = wanted["serviceIpv4Cidr"]?.string ?? (isInTen ? "172.20.0.0/16" : "10.100.0.0/16")
        guard let block = CIDRBlock(text), (12...24).contains(block.prefixLength), block.network.isPrivate else {
            throw invalid(
                "The specified CIDR \(text) for serviceIpv4Cidr must be within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 with a size of /12 to /24",
                cluster: name)
        }
        if let vpc, vpc.overlaps(block) {
            throw invalid("The specified CIDR \(text) for serviceIpv4Cidr overlaps with the VPC CIDR \(vpcCIDR)", cluster: name)
        }
        return ["serviceIpv4Cidr": .string(text), "ipFamily": "ipv4", "elasticLoadBalancing": ["enabled": false]]
    }

    /// Wishes that are not simulated are refused; when all their switches are off they are kept as asked.
    func undemanding(_ body: JSON, _ name: String) throws(AWSError) -> [(member: String, wish: JSON)] {
        var kept: [(member: String, wish: JSON)] = []
        for member in Self.notSimulated {
            guard let wish = body[member] else { continue }
            guard Self.isOff(wish) else { throw invalid("\(member) is not simulated yet", cluster: name) }
            if wish.object != nil { kept.append((member, wish)) }
        }
        return kept
    }

    static let notSimulated = [
        "encryptionConfig", "outpostConfig", "zonalShiftConfig", "remoteNetworkConfig", "computeConfig", "storageConfig",
        "controlPlaneScalingConfig",
    ]

    private static func isOff(_ wish: JSON) -> Bool {
        switch wish {
        case .bool(let flag): !flag
        case .array(let items): items.isEmpty
        case .object(let members): members.allSatisfy { isOff($0.value) }
        default: false
        }
    }

    private static let logTypes = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

    /// The types that are on after a wish, which toggles only the types it names.
    static func enabledLogs(_ wish: JSON?, over before: [String]) -> [String] {
        var enabled = Set(before)
        for setup in wish?["clusterLogging"]?.array ?? [] {
            let types = setup["types"]?.strings ?? []
            if setup["enabled"]?.bool == true { enabled.formUnion(types) } else { enabled.subtract(types) }
        }
        return logTypes.filter(enabled.contains)
    }

    /// Logging as `DescribeCluster` shows it: what is on, then what is off.
    static func logging(_ wish: JSON?, over before: [String]) -> JSON {
        let on = enabledLogs(wish, over: before)
        let off = logTypes.filter { !on.contains($0) }
        var setups: [JSON] = []
        if !on.isEmpty { setups.append(["types": JSON(strings: on), "enabled": true]) }
        if !off.isEmpty { setups.append(["types": JSON(strings: off), "enabled": false]) }
        return ["clusterLogging": .array(setups)]
    }
}
