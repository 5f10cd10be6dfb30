import HTTP
import JSON
import World

/// AWS EC2: networks, addresses, interfaces, instances and launch templates of each account and region.
struct EC2Service: Sendable {
    let authorization: CallerAuthorization
    let regions: RegionTable

    static let operations: [String: EC2Operation] = {
        let all: [[EC2Operation]] = [
            EC2Tags.operations, EC2Places.operations, VPCs.operations, DHCPOptions.operations, Subnets.operations,
            CIDRReservations.operations, InternetGateways.operations, RouteTables.operations, Routes.operations,
            SecurityGroups.operations, SecurityGroupRules.operations, NetworkACLs.operations, PrefixLists.operations,
            NetworkInterfaces.operations, NetworkInterfaceAddresses.operations, NetworkInterfaceAttachments.operations,
            TrunkAssociations.operations,
            Addresses.operations, NATGateways.operations, VPCEndpoints.operations, Instances.operations, InstanceDescriptions.operations,
            InstanceTypes.operations, Images.operations, LaunchTemplates.operations,
        ]
        return Dictionary(all.joined().map { ($0.name, $0) }) { first, _ in first }
    }()

    func handle(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> HTTPResponse {
        guard let operation = Self.operations[form.action] else {
            throw AWSError(400, "InvalidAction", "The action \(form.action) is not valid for this web service.")
        }
        let resources = regions.resources(call.caller.accountID, call.region)
        if resources.isFresh { try await DefaultNetwork.make(in: resources) }
        let input: JSON
        do { input = try QueryModel.ec2.parameters(form.action, form.parameters) } catch {
            // Whoever may not ask learns nothing of the parameters.
            try authorize(
                EC2Request(call: call, operation: form.action, input: [:], authorization: authorization), operation,
                resources.present)
            throw error
        }
        let request = EC2Request(call: call, operation: form.action, input: input, authorization: authorization)
        try authorize(request, operation, resources.present)
        let answer: JSON
        if operation.isWrite, request.bool("DryRun") != true {
            answer = try await resources.change { draft throws(AWSError) in try operation.run(request, &draft) }
        } else {
            var draft = resources.present
            answer = try operation.run(request, &draft)
            guard request.bool("DryRun") != true else {
                throw AWSError(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
            }
        }
        var xml = XMLWriter()
        xml.elements(answer, item: "item")
        return AWSProtocol.xml(
            200,
            "<\(form.action)Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>\(call.requestID)</requestId>\(xml.text)</\(form.action)Response>",
            call.requestID)
    }

    /// Asks IAM for the action on every resource that the call touches or makes.
    func authorize(_ request: EC2Request, _ operation: EC2Operation, _ draft: ResourceDraft) throws(AWSError) {
        guard let call = request.call else { return }
        try authorize(request, operation, draft) { action, resource, conditions throws(AWSError) in
            try authorization.require(call, action, on: resource, conditions: conditions)
        }
    }

    /// The same with another way to ask.
    func authorize(
        _ request: EC2Request, _ operation: EC2Operation, _ draft: ResourceDraft,
        require: (_ action: String, _ resource: String, _ conditions: [String: [String]]) throws(AWSError) -> Void
    ) throws(AWSError) {
        let action = "ec2:\(operation.name)"
        let sent = EC2Conditions.sent(request, draft)
        var isAsked = false
        for parameter in operation.touched {
            let ids = request.string(parameter).map { [$0] } ?? request.strings(parameter)
            for id in ids {
                guard let kind = ResourceKind(id: id) else { continue }
                var conditions = sent
                conditions.merge(EC2Conditions.of(kind, draft.get(kind, id), draft)) { $1 }
                try require(action, draft.arn(kind, id), conditions)
                isAsked = true
            }
        }
        for kind in operation.created {
            try require(action, draft.arn(kind, "*"), sent)
            isAsked = true
            let tags = EC2Conditions.tags(request, kind)
            guard !tags.isEmpty else { continue }
            var conditions = sent
            conditions["ec2:CreateAction"] = [operation.name]
            try require("ec2:CreateTags", draft.arn(kind, "*"), conditions)
        }
        if !isAsked { try require(action, "*", sent) }
    }
}

/// The condition keys that EC2 offers to policies (Service Authorization Reference, "Condition keys for Amazon EC2").
enum EC2Conditions {
    /// The tags that a call gives to what it makes of a kind.
    static func tags(_ request: EC2Request, _ kind: ResourceKind) -> [(key: String, value: String)] {
        let specified = request.structures("TagSpecification").filter { $0["ResourceType"]?.string == kind.word }
        return specified.flatMap { $0["Tag"]?.array ?? [] }.map { ($0["Key"]?.string ?? "", $0["Value"]?.string ?? "") }
    }

    /// What the parameters tell.
    static func sent(_ request: EC2Request, _ draft: ResourceDraft) -> [String: [String]] {
        var conditions: [String: [String]] = ["ec2:Region": [draft.region]]
        let specified = request.structures("TagSpecification").flatMap { $0["Tag"]?.array ?? [] } + request.structures("Tag")
        let tags = specified.map { (key: $0["Key"]?.string ?? "", value: $0["Value"]?.string ?? "") }
        conditions.merge(CallerAuthorization.requestTags(tags)) { $1 }
        conditions["ec2:Vpc"] = request.string("VpcId").map { [draft.arn(.vpc, $0)] }
        conditions["ec2:Subnet"] = request.string("SubnetId").map { [draft.arn(.subnet, $0)] }
        conditions["ec2:InstanceType"] = request.string("InstanceType").map { [$0] }
        conditions["ec2:AvailabilityZone"] = request.string("AvailabilityZone").map { [$0] }
        conditions["ec2:Attribute"] = request.string("Attribute").map { [$0] }
        conditions["ec2:VpceServiceName"] = request.string("ServiceName").map { [$0] }
        return conditions
    }

    /// What a resource tells of itself.
    static func of(_ kind: ResourceKind, _ resource: JSON?, _ draft: ResourceDraft) -> [String: [String]] {
        guard let resource else { return [:] }
        var conditions = CallerAuthorization.resourceTags(EC2Tags.object(resource), alias: "ec2")
        if let vpc = resource["vpcId"]?.string { conditions["ec2:Vpc"] = [draft.arn(.vpc, vpc)] }
        if let subnet = resource["subnetId"]?.string, kind != .subnet { conditions["ec2:Subnet"] = [draft.arn(.subnet, subnet)] }
        if let zone = resource["availabilityZone"]?.string { conditions["ec2:AvailabilityZone"] = [zone] }
        if kind == .instance, let type = resource["instanceType"]?.string { conditions["ec2:InstanceType"] = [type] }
        return conditions
    }
}
