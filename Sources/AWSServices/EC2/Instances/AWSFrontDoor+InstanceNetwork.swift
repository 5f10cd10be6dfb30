public import IPAddress
public import JSON
public import World

/// EC2 as a program on an instance calls it, in process: without a signature, and with the rights of the instance's role judged by who calls.
extension AWSFrontDoor {
    /// Where an instance lies.
    public struct InstancePlace: Sendable, Hashable {
        /// `vpc-…`
        public let vpc: String
        /// The zone's name.
        public let zone: String
        /// The IPv4 blocks of its VPC.
        public let blocks: [CIDRBlock]
    }

    /// Carries a call of EC2 out; the parameters have their names on the wire. Answers the members of the response.
    ///
    /// - Throws: EC2's refusal.
    public func ec2(_ operation: String, _ input: JSON, account: String, region: String) async throws(AWSError) -> JSON {
        try await ec2.perform(operation, input, on: regions.resources(account, region))
    }

    /// Asks whether a program on an instance may make a call of EC2: with the credentials of a session, else with those of the instance's
    /// role. Answers the account that the call goes to, which is that of the credentials. What IAM refuses leaves a trace.
    ///
    /// - Parameter session: the access key of the session; `nil` for none.
    /// - Throws: EC2's refusal.
    public func judge(
        _ operation: String, _ input: JSON, ofInstance id: String, session: String?, account: String, region: String
    ) throws(AWSError) -> String {
        guard let known = EC2Service.operations[operation] else { return account }
        let own = regions.resources(account, region).present
        let caller: Caller
        if let session { caller = try authentication.caller(ofSession: session, .ec2) } else { caller = Self.caller(ofInstance: id, own) }
        let draft = caller.accountID == account ? own : regions.resources(caller.accountID, region).present
        let call = inProcessCall("ec2:\(operation)", as: caller, to: "ec2", .ec2, region)
        do throws(AWSError) {
            try ec2.authorize(EC2Request(call: call, operation: operation, input: input, authorization: authorization), known, draft)
        } catch {
            noteRefusal(error, of: call)
            throw error
        }
        return caller.accountID
    }

    /// Asks whether the role of an instance may take credentials for the pods on it, as their agent does (EKS Auth).
    ///
    /// - Throws: EKS Auth's refusal.
    public func judgePodIdentity(ofInstance id: String, cluster: ClusterRecord, trace: RequestTrace) throws(AWSError) {
        let caller = Self.caller(ofInstance: id, regions.resources(cluster.accountID, cluster.region).present)
        let call = inProcessCall(PodIdentityService.action, as: caller, to: "eks-auth", .restJSON, cluster.region, trace: trace)
        try authorization.require(call, PodIdentityService.action, on: cluster.arn)
    }

    /// The session that an instance's metadata hand out.
    private static func caller(ofInstance id: String, _ draft: ResourceDraft) -> Caller {
        let role = draft.get(.instance, id).flatMap { Self.role(of: $0, draft) }
        let name = role?["RoleName"]?.string ?? ""
        return Caller(
            arn: "arn:aws:sts::\(draft.account):assumed-role/\(name)/\(id)", accountID: draft.account,
            userID: "\(role?["RoleId"]?.string ?? ""):\(id)", roleARN: role?["Arn"]?.string, roleName: name, userName: nil)
    }

    /// Where an instance lies; `nil` when there is none.
    public func place(ofInstance id: String, account: String, region: String) -> InstancePlace? {
        let draft = regions.resources(account, region).present
        guard let instance = draft.get(.instance, id), let vpc = instance["vpcId"]?.string, let network = draft.get(.vpc, vpc) else {
            return nil
        }
        return InstancePlace(
            vpc: vpc, zone: instance.at("placement", "availabilityZone")?.string ?? "", blocks: network.vpcBlocks)
    }

    /// The records of an instance's interfaces, by device.
    public func interfaces(ofInstance id: String, account: String, region: String) -> [JSON] {
        let draft = regions.resources(account, region).present
        return draft.get(.instance, id).map { Instances.interfaces(of: $0, draft) } ?? []
    }

    /// The records of some interfaces, without those that are not there.
    public func interfaces(_ ids: [String], account: String, region: String) -> [JSON] {
        let draft = regions.resources(account, region).present
        return ids.compactMap { draft.get(.networkInterface, $0) }
    }

    /// The records of interfaces without attachment whose description begins so.
    public func detachedInterfaces(described prefix: String, account: String, region: String) -> [JSON] {
        regions.resources(account, region).present.list(.networkInterface).filter {
            $0["attachment"] == nil && $0["description"]?.string?.hasPrefix(prefix) == true
        }
    }

    /// The subnets of a VPC in a zone, with their free addresses in `availableIpAddressCount`.
    public func subnets(vpc: String, zone: String, account: String, region: String) -> [JSON] {
        let draft = regions.resources(account, region).present
        return draft.list(.subnet, "vpcId", vpc).filter { $0["availabilityZone"]?.string == zone }.map { Subnets.described($0, draft) }
    }

    /// The subnets of a VPC in all zones.
    public func subnets(vpc: String, account: String, region: String) -> [JSON] {
        regions.resources(account, region).present.list(.subnet, "vpcId", vpc)
    }

    /// The same with their free addresses in `availableIpAddressCount`.
    public func describedSubnets(vpc: String, account: String, region: String) -> [JSON] {
        let draft = regions.resources(account, region).present
        return draft.list(.subnet, "vpcId", vpc).map { Subnets.described($0, draft) }
    }

    /// The records of the interfaces in a subnet.
    public func interfaces(inSubnet id: String, account: String, region: String) -> [JSON] {
        regions.resources(account, region).present.list(.networkInterface, "subnetId", id)
    }
}

extension EC2Service {
    /// Carries an operation out for the simulator itself.
    func perform(_ name: String, _ input: JSON, on resources: RegionResources) async throws(AWSError) -> JSON {
        guard let operation = Self.operations[name] else {
            throw AWSError(400, "InvalidAction", "The action \(name) is not valid for this web service.")
        }
        let request = EC2Request(call: nil, operation: name, input: input, authorization: nil)
        guard operation.isWrite else {
            var draft = resources.present
            return try operation.run(request, &draft)
        }
        return try await resources.change { draft throws(AWSError) in try operation.run(request, &draft) }
    }
}
