import IAMPolicy
import IPAddress
import JSON
import Store
import World

extension EKSServices {
    func createCluster(_ request: Request) async throws(AWSError) -> JSON {
        let body = request.body
        if let name = body["name"]?.string, let token = body["clientRequestToken"]?.string,
            let earlier = records.get(request.clusters, name)?.json,
            earlier["_token"]?.string == token, earlier["_request"] == body
        {
            return ["cluster": ClusterRecord(json: earlier).wire]
        }
        let record = try await makeCluster(request)
        activate(request.clusters, record, after: configuration.clusterDelay)
        return ["cluster": record.wire]
    }

    /// Makes a cluster that is ACTIVE when this returns: for a fresh state's `demo`.
    func createActiveCluster(_ body: JSON, caller: Caller, region: String) async throws(AWSError) {
        let request = Request(caller: caller, region: region, body: body)
        let record = try await makeCluster(request)
        await index(record.accountID, record.region)
        await start(request.clusters, record)
    }

    /// Checks the wish and stores the cluster, CREATING.
    private func makeCluster(_ request: Request) async throws(AWSError) -> ClusterRecord {
        let body = request.body
        guard let name = body["name"]?.string else { throw invalid("name: Member must not be null") }
        guard Self.isClusterName(name) else {
            throw invalid(
                "The cluster name '\(name)' is not valid: it must match ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have 1 to 100 characters",
                cluster: name)
        }
        let exists = AWSError(409, "ResourceInUseException", "Cluster already exists with name: \(name)", members: ["clusterName": name])
        guard records.get(request.clusters, name) == nil else { throw exists }
        let version = body["version"]?.string ?? EKSVersions.defaultVersion
        guard EKSVersions.exists(version) else { throw invalid("unsupported Kubernetes version", cluster: name) }
        let role = try clusterRole(request, name)
        let vpc = try vpcConfiguration(request, name)
        let access = try accessConfiguration(body, name)
        let network = try networkConfiguration(body, name, vpc.cidr)
        let id = world.random.characters(32, of: "0123456789ABCDEF")
        let region = request.region
        let caller = request.caller
        let mode = access["authenticationMode"]?.string ?? "CONFIG_MAP"
        let isCreatorAdmin = body.at("accessConfig", "bootstrapClusterCreatorAdminPermissions")?.bool ?? true
        var cluster: JSON = [
            "name": .string(name), "arn": .string("arn:aws:eks:\(region):\(request.account):cluster/\(name)"),
            "createdAt": .number(Self.epoch(world.now)), "version": .string(version), "roleArn": .string(role),
            "resourcesVpcConfig": vpc.json, "kubernetesNetworkConfig": network, "logging": logging(body), "status": "CREATING",
            "certificateAuthority": [:], "platformVersion": "eks.1", "tags": body["tags"] ?? [:],
            "health": ["issues": []], "accessConfig": access,
            "upgradePolicy": body["upgradePolicy"] ?? ["supportType": "EXTENDED"],
            "deletionProtection": body["deletionProtection"] ?? false,
            "_id": .string(id), "_issuer": .string("https://oidc.eks.\(region).amazonaws.com/id/\(id)"),
            "_account": .string(request.account),
            "_region": .string(region), "_creatorArn": .string(caller.principalARN), "_creatorId": .string(caller.principalID),
            "_creatorIsAdmin": .bool(isCreatorAdmin), "_request": body,
        ]
        cluster["_token"] = body["clientRequestToken"]
        try await records.create(request.clusters, name, cluster, exists: exists)
        try await makeSecurityGroup(request, name, vpc)
        if mode != "CONFIG_MAP", isCreatorAdmin { try await bootstrapCreator(request, name, caller) }
        return ClusterRecord(json: cluster)
    }

    static func isClusterName(_ name: String) -> Bool {
        guard (1...100).contains(name.utf8.count), let first = name.first, first.isASCII, first.isLetter || first.isNumber else {
            return false
        }
        return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    }

    static func epoch(_ instant: Instant) -> String {
        let fraction = String(instant.subsecond / 1_000_000)
        return "\(instant.seconds).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// The role must exist and trust EKS.
    private func clusterRole(_ request: Request, _ name: String) throws(AWSError) -> String {
        guard let arn = request.body["roleArn"]?.string else { throw invalid("roleArn: Member must not be null", cluster: name) }
        let refused = invalid(
            "Role with arn: \(arn), could not be assumed because it does not exist or the trusted entity is not correct", cluster: name)
        let sections = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard sections.count == 6, let roleName = arn.split(separator: "/").last,
            let role = records.get(Records.collection(String(sections[4]), "global", "iam", "roles"), String(roleName))?.json,
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

    private func vpcConfiguration(_ request: Request, _ name: String) throws(AWSError) -> Placement {
        let wanted = request.body["resourcesVpcConfig"] ?? [:]
        let ids = wanted["subnetIds"]?.array?.compactMap(\.string) ?? []
        guard !ids.isEmpty else { throw invalid("subnetIds: Member must not be null", cluster: name) }
        var zones = Set<String>()
        var vpcs = Set<String>()
        for id in ids {
            guard let subnet = records.get(Records.collection(request.account, request.region, "ec2", "subnets"), id)?.json else {
                throw invalid("The subnet ID '\(id)' does not exist (Service: Ec2, Status Code: 400)", cluster: name)
            }
            zones.insert(subnet["availabilityZone"]?.string ?? "")
            vpcs.insert(subnet["vpcId"]?.string ?? "")
        }
        guard zones.count >= 2 else { throw invalid("Subnets specified must be in at least two different AZs", cluster: name) }
        guard vpcs.count == 1, let vpc = vpcs.first else { throw invalid("Subnets specified must belong to the same VPC", cluster: name) }
        let groups = wanted["securityGroupIds"]?.array?.compactMap(\.string) ?? []
        for id in groups where records.get(Records.collection(request.account, request.region, "ec2", "security-groups"), id) == nil {
            throw invalid("The security group '\(id)' does not exist", cluster: name)
        }
        guard groups.count <= 5 else { throw invalid("securityGroupIds: at most 5", cluster: name) }
        let isPublic = wanted["endpointPublicAccess"]?.bool ?? true
        let isPrivate = wanted["endpointPrivateAccess"]?.bool ?? false
        guard isPublic || isPrivate else { throw invalid("Private and public endpoint access cannot be false", cluster: name) }
        let cidrs = wanted["publicAccessCidrs"]?.array?.compactMap(\.string) ?? (isPublic ? ["0.0.0.0/0"] : [])
        for cidr in cidrs where CIDRBlock(cidr) == nil {
            throw invalid("The following CIDRs are invalid in publicAccessCidrs: [\(cidr)]", cluster: name)
        }
        let cidr = records.get(Records.collection(request.account, request.region, "ec2", "vpcs"), vpc)?.json["cidrBlock"]?.string ?? ""
        let group = "sg-" + world.random.hex(17)
        return Placement(
            json: [
                "subnetIds": JSON(strings: ids), "securityGroupIds": JSON(strings: groups), "clusterSecurityGroupId": .string(group),
                "vpcId": .string(vpc), "endpointPublicAccess": .bool(isPublic), "endpointPrivateAccess": .bool(isPrivate),
                "publicAccessCidrs": JSON(strings: isPublic ? cidrs : []),
            ], vpc: vpc, cidr: cidr, securityGroup: group)
    }

    private func makeSecurityGroup(_ request: Request, _ name: String, _ placement: Placement) async throws(AWSError) {
        try await records.create(
            Records.collection(request.account, request.region, "ec2", "security-groups"), placement.securityGroup,
            [
                "groupId": .string(placement.securityGroup),
                "groupName": .string("eks-cluster-sg-\(name)-\(world.random.characters(10, of: "0123456789"))"),
                "description":
                    "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
                "vpcId": .string(placement.vpc),
            ], exists: AWSError(500, "ServerException", "security group exists"))
    }

    private func accessConfiguration(_ body: JSON, _ name: String) throws(AWSError) -> JSON {
        let mode = body.at("accessConfig", "authenticationMode")?.string ?? "CONFIG_MAP"
        guard ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"].contains(mode) else {
            throw invalid("authenticationMode: \(mode) is not valid", cluster: name)
        }
        if mode == "CONFIG_MAP", body.at("accessConfig", "bootstrapClusterCreatorAdminPermissions")?.bool == false {
            throw invalid(
                "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP", cluster: name)
        }
        return ["authenticationMode": .string(mode)]
    }

    /// The Service range: as asked, or the one of EKS' two defaults that is clear of the VPC.
    private func networkConfiguration(_ body: JSON, _ name: String, _ vpcCIDR: String) throws(AWSError) -> JSON {
        let wanted = body["kubernetesNetworkConfig"] ?? [:]
        if wanted["ipFamily"]?.string == "ipv6" { throw invalid("ipFamily ipv6 is not simulated yet", cluster: name) }
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

    private func logging(_ body: JSON) -> JSON {
        let all = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
        var enabled: [String] = []
        for setup in body.at("logging", "clusterLogging")?.array ?? [] where setup["enabled"]?.bool == true {
            enabled += setup["types"]?.array?.compactMap(\.string) ?? []
        }
        let off = all.filter { !enabled.contains($0) }
        var setups: [JSON] = []
        if !enabled.isEmpty { setups.append(["types": JSON(strings: all.filter(enabled.contains)), "enabled": true]) }
        if !off.isEmpty { setups.append(["types": JSON(strings: off), "enabled": false]) }
        return ["clusterLogging": .array(setups)]
    }

    func describeCluster(_ request: Request) throws(AWSError) -> JSON { ["cluster": try cluster(request).wire] }

    func listClusters(_ request: Request) throws(AWSError) -> JSON {
        let (page, next) = try page(request, records.list(request.clusters).map(\.name))
        var answer: JSON = ["clusters": JSON(strings: page)]
        answer["nextToken"] = next.map(JSON.string)
        return answer
    }

    func deleteCluster(_ request: Request) async throws(AWSError) -> JSON {
        let record = try cluster(request)
        let name = record.name
        guard record.json["deletionProtection"]?.bool != true else {
            throw AWSError(
                400, "InvalidRequestException", "Cannot delete cluster \(name) because deletion protection is enabled",
                members: ["clusterName": name])
        }
        let busy = AWSError(
            409, "ResourceInUseException", "Cannot delete cluster \(name) because it is in status \(record.status)",
            members: ["clusterName": name])
        guard record.status == "ACTIVE" || record.status == "FAILED" else { throw busy }
        let json = try await records.update(request.clusters, name, missing: noCluster(name)) { (json: inout JSON) throws(AWSError) in
            guard json["status"]?.string != "DELETING" else { throw busy }
            json["status"] = "DELETING"
        }
        let deleting = ClusterRecord(json: json)
        remove(request.clusters, request.entries, deleting, after: configuration.clusterDelay)
        return ["cluster": deleting.wire]
    }
}
