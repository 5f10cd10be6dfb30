import JSON
import World

/// NAT gateways, each with an interface in its subnet.
enum NATGateways {
    static let operations: [EC2Operation] = [
        .write("CreateNatGateway", on: ["SubnetId", "AllocationId"], making: [.natGateway], create),
        .write("DeleteNatGateway", on: ["NatGatewayId"], delete), description.operation("DescribeNatGateways"),
    ]

    private static let description = EC2Description(
        kind: .natGateway, set: "natGatewaySet", ids: ("NatGatewayId", "natGatewayId"),
        filters: ["nat-gateway-id": "natGatewayId", "state": "state", "subnet-id": "subnetId", "vpc-id": "vpcId"])

    /// The account in which AWS runs NAT gateways.
    static let serviceOwner = "amazon-aws"

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        for member in ["AvailabilityMode", "AvailabilityZoneAddress", "SecondaryAllocationId", "SecondaryPrivateIpAddress"]
        where request.input[member] != nil {
            throw AWSError(400, "UnsupportedOperation", "The parameter \(member) is not supported.")
        }
        let subnet = try request.resource(.subnet, "SubnetId", draft)
        let isPublic = request.string("ConnectivityType") != "private"
        let allocation = request.string("AllocationId")
        if isPublic {
            guard let allocation else { throw EC2Error.missing("allocationId") }
            _ = try draft.require(.address, allocation)
        } else if allocation != nil {
            throw EC2Error.combination("AllocationId cannot be specified for a private NAT gateway")
        }
        let tags = try EC2Tags.specified(request, for: .natGateway)
        let wish =
            try request.string("PrivateIpAddress").map { text throws(AWSError) in try InterfaceWish(primary: text) } ?? InterfaceWish()
        return try draft.once(request, .natGateway, answer: "natGateway", keepsToken: true) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            try make(&draft, in: subnet, wish, allocation: allocation, tags: tags)
        }
    }

    private static func make(
        _ draft: inout ResourceDraft, in subnet: JSON, _ wish: InterfaceWish, allocation: String?, tags: JSON
    ) throws(AWSError) -> String {
        let zone = subnet["availabilityZone"]
        let inZone = draft.list(.natGateway).filter { gateway in
            ["pending", "available", "deleting"].contains(gateway["state"]?.string)
                && draft.get(.subnet, gateway["subnetId"]?.string ?? "")?["availabilityZone"] == zone
        }
        guard inZone.count < EC2Quota.natGatewaysPerZone else {
            throw AWSError(400, "NatGatewayLimitExceeded", "The maximum number of NAT gateways has been reached.")
        }
        let id = draft.newID("nat-")
        let vpc = subnet["vpcId"]?.string ?? ""
        var gateway: JSON = [
            "natGatewayId": .string(id), "subnetId": subnet["subnetId"] ?? "", "vpcId": .string(vpc), "state": "pending",
            "createTime": .string(draft.world.now.ec2Text), "connectivityType": .string(allocation == nil ? "private" : "public"),
            "natGatewayAddressSet": [], "tagSet": tags,
        ]
        if let failure = failure(allocation, vpc, draft) {
            gateway["_failure"] = ["failureCode": .string(failure.code), "failureMessage": .string(failure.message)]
            draft.put(.natGateway, id, gateway)
            draft.settle(.natGateway, id)
            return id
        }
        let interface = try NetworkInterfaces.make(
            &draft, in: subnet, wish, groups: [],
            NetworkInterfaces.Purpose(
                description: "Interface for NAT Gateway \(id)", type: "nat_gateway", requester: draft.account))
        try NetworkInterfaceAttachments.putManaged(&draft, interface: interface, owner: serviceOwner)
        let privateAddress = try draft.require(.networkInterface, interface)["privateIpAddress"] ?? ""
        var address: JSON = [
            "networkInterfaceId": .string(interface), "privateIp": privateAddress, "isPrimary": true, "status": "succeeded",
        ]
        if let allocation {
            address["allocationId"] = .string(allocation)
            address["publicIp"] = draft.get(.address, allocation)?["publicIp"]
            address["associationId"] = .string(
                try Addresses.attach(&draft, allocation: allocation, to: interface, at: privateAddress.string ?? ""))
        }
        gateway["natGatewayAddressSet"] = [address]
        draft.put(.natGateway, id, gateway)
        draft.settle(.natGateway, id)
        return id
    }

    /// What makes a gateway fail that AWS accepts at first ("Troubleshoot NAT gateways").
    private static func failure(_ allocation: String?, _ vpc: String, _ draft: ResourceDraft) -> AWSError? {
        guard let allocation else { return nil }
        if draft.get(.address, allocation)?["associationId"] != nil {
            return AWSError(400, "Resource.AlreadyAssociated", "Elastic IP address [\(allocation)] is already associated")
        }
        guard draft.list(.internetGateway).contains(where: { InternetGateways.attachment($0) == vpc }) else {
            return AWSError(400, "Gateway.NotAttached", "Network \(vpc) has no Internet gateway attached")
        }
        return nil
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NatGatewayId")
        let gateway = try draft.require(.natGateway, id)
        let answer: JSON = ["natGatewayId": .string(id)]
        guard ["pending", "available", "failed"].contains(gateway["state"]?.string) else { return answer }
        let now = draft.world.now.ec2Text
        try draft.update(.natGateway, id) {
            $0["state"] = "deleting"
            $0["deleteTime"] = .string(now)
        }
        draft.settle(.natGateway, id)
        return answer
    }

    /// Gives back what a gateway had.
    static func release(_ draft: inout ResourceDraft, _ gateway: JSON) throws(AWSError) {
        for address in gateway["natGatewayAddressSet"]?.array ?? [] {
            let interface = address["networkInterfaceId"]?.string ?? ""
            if draft.get(.networkInterface, interface) != nil { try NetworkInterfaces.remove(&draft, interface) }
        }
    }
}
