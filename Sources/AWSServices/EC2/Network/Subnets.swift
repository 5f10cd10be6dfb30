import IPAddress
import JSON
import VPCModel

/// Subnets, each in one zone of its VPC.
enum Subnets {
    static let operations: [EC2Operation] = [
        .write("CreateSubnet", on: ["VpcId"], making: [.subnet], create), .write("DeleteSubnet", on: ["SubnetId"], delete),
        description.operation("DescribeSubnets"), .write("ModifySubnetAttribute", on: ["SubnetId"], modify),
        .write("AssociateSubnetCidrBlock", on: ["SubnetId"], associateBlock), .write("DisassociateSubnetCidrBlock", disassociateBlock),
    ]

    private static let description = EC2Description(
        kind: .subnet, set: "subnetSet", ids: ("SubnetId", "subnetId"),
        filters: [
            "availability-zone": "availabilityZone", "availabilityZone": "availabilityZone", "availability-zone-id": "availabilityZoneId",
            "availabilityZoneId": "availabilityZoneId", "available-ip-address-count": "availableIpAddressCount", "cidr": "cidrBlock",
            "cidr-block": "cidrBlock", "cidrBlock": "cidrBlock", "default-for-az": "defaultForAz", "defaultForAz": "defaultForAz",
            "enable-dns64": "enableDns64", "ipv6-cidr-block-association.ipv6-cidr-block": "ipv6CidrBlockAssociationSet.ipv6CidrBlock",
            "ipv6-cidr-block-association.association-id": "ipv6CidrBlockAssociationSet.associationId",
            "ipv6-cidr-block-association.state": "ipv6CidrBlockAssociationSet.ipv6CidrBlockState.state", "ipv6-native": "ipv6Native",
            "map-public-ip-on-launch": "mapPublicIpOnLaunch", "owner-id": "ownerId", "state": "state", "subnet-arn": "subnetArn",
            "subnet-id": "subnetId", "vpc-id": "vpcId",
        ], render: described)

    /// A subnet as it is described: with how many addresses it has left.
    @Sendable static func described(_ subnet: JSON, _ draft: ResourceDraft) -> JSON {
        var subnet = subnet
        subnet["availableIpAddressCount"] = .integer(Int64(available(subnet["subnetId"]?.string ?? "", draft)))
        return subnet
    }

    /// How many IPv4 addresses of a subnet are free.
    static func available(_ id: String, _ draft: ResourceDraft) -> Int {
        Int(clamping: draft.pool(SubnetBlock(subnet: id, family: .ipv4))?.availableAddressCount ?? 0)
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let vpc = try request.resource(.vpc, "VpcId", draft)
        let id = try request.required("VpcId")
        for member in ["OutpostArn", "Ipv4IpamPoolId", "Ipv6IpamPoolId"] where request.input[member] != nil {
            throw AWSError(400, "UnsupportedOperation", "The parameter \(member) is not supported.")
        }
        guard request.bool("Ipv6Native") != true else {
            throw AWSError(400, "UnsupportedOperation", "IPv6-only subnets are not supported.")
        }
        guard let block = try request.block("CidrBlock") else { throw EC2Error.missing("cidrBlock") }
        try request.exclude("AvailabilityZone", "AvailabilityZoneId")
        let zone = try zone(request, draft)
        let siblings = draft.list(.subnet, "vpcId", id)
        guard (16...28).contains(block.prefixLength), vpc.vpcBlocks.contains(where: { $0.contains(block) }) else {
            throw AWSError(400, "InvalidSubnet.Range", "The CIDR '\(block)' is invalid.")
        }
        guard !siblings.contains(where: { $0["cidrBlock"]?.string.flatMap { CIDRBlock($0) }?.overlaps(block) == true }) else {
            throw AWSError(400, "InvalidSubnet.Conflict", "The CIDR '\(block)' conflicts with another subnet")
        }
        guard siblings.count < EC2Quota.subnetsPerVPC else {
            throw AWSError(400, "SubnetLimitExceeded", "The maximum number of subnets has been reached.")
        }
        let ipv6 = try request.block("Ipv6CidrBlock", .ipv6)
        if let ipv6 { try checkIPv6(ipv6, in: vpc, draft) }
        let made = make(
            &draft, block, in: id, zone: zone, isDefault: false, tags: try EC2Tags.specified(request, for: .subnet), ipv6: ipv6)
        return ["subnet": described(try draft.require(.subnet, made), draft)]
    }

    /// The zone that a call names; without one, the first.
    private static func zone(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> EC2Zones.Zone {
        let known = EC2Zones.of(draft.region)
        guard let parameter = ["AvailabilityZone", "AvailabilityZoneId"].first(where: { request.input[$0] != nil }),
            let wanted = request.string(parameter)
        else {
            guard let first = known.first else { throw EC2Error.missing("availabilityZone") }
            return first
        }
        guard let zone = known.first(where: { parameter == "AvailabilityZone" ? $0.name == wanted : $0.id == wanted }) else {
            let names = known.map { parameter == "AvailabilityZone" ? $0.name : $0.id }.joined(separator: ", ")
            throw EC2Error.invalidValue(
                wanted, parameter, "Subnets can currently only be created in the following availability zones: \(names).")
        }
        return zone
    }

    /// An IPv6 block of a subnet is a /64 (or /44 to /64 in steps of 4) of one of the VPC's, which no other subnet has.
    private static func checkIPv6(_ block: CIDRBlock, in vpc: JSON, _ draft: ResourceDraft) throws(AWSError) {
        guard (44...64).contains(block.prefixLength), block.prefixLength.isMultiple(of: 4),
            vpc.vpcIPv6Blocks.contains(where: { $0.contains(block) })
        else { throw AWSError(400, "InvalidSubnet.Range", "The CIDR '\(block)' is invalid.") }
        let taken = draft.list(.subnet, "vpcId", vpc["vpcId"]?.string ?? "").flatMap { SubnetBlock.all(of: $0) }
        guard !taken.contains(where: { $0.block.overlaps(block) }) else {
            throw AWSError(400, "InvalidSubnet.Conflict", "The CIDR '\(block)' conflicts with another subnet")
        }
    }

    private static func ipv6Association(_ block: CIDRBlock, _ draft: ResourceDraft) -> JSON {
        [
            "ipv6CidrBlock": .string(block.description), "associationId": .string(draft.newID("subnet-cidr-assoc-")),
            "ipv6CidrBlockState": ["state": "associated"], "ipv6AddressAttribute": "public", "ipSource": "amazon",
        ]
    }

    /// Makes a subnet with its pool, in the VPC's default network ACL.
    @discardableResult
    static func make(
        _ draft: inout ResourceDraft, _ block: CIDRBlock, in vpc: String, zone: EC2Zones.Zone, isDefault: Bool, tags: JSON,
        ipv6: CIDRBlock? = nil
    ) -> String {
        let id = draft.newID("subnet-")
        let subnet: JSON = [
            "subnetId": .string(id), "subnetArn": .string(draft.arn(.subnet, id)), "state": "available", "vpcId": .string(vpc),
            "cidrBlock": .string(block.description),
            "ipv6CidrBlockAssociationSet": .array((ipv6.map { [ipv6Association($0, draft)] } ?? [])),
            "availableIpAddressCount": 0, "availabilityZone": .string(zone.name), "availabilityZoneId": .string(zone.id),
            "ownerId": .string(draft.account), "defaultForAz": .bool(isDefault), "mapPublicIpOnLaunch": .bool(isDefault),
            "mapCustomerOwnedIpOnLaunch": false, "assignIpv6AddressOnCreation": false, "enableDns64": false, "ipv6Native": false,
            "privateDnsNameOptionsOnLaunch": [
                "hostnameType": "ip-name", "enableResourceNameDnsARecord": false, "enableResourceNameDnsAAAARecord": false,
            ], "tagSet": tags,
        ]
        draft.put(.subnet, id, subnet)
        for part in SubnetBlock.all(of: subnet) { draft.setPool(part.name, SubnetPool(part.block)) }
        NetworkACLs.associate(&draft, id, vpc: vpc)
        return id
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("SubnetId")
        _ = try draft.require(.subnet, id)
        guard draft.list(.networkInterface, "subnetId", id).isEmpty else { throw EC2Error.dependency("subnet", id) }
        for reservation in draft.list(.cidrReservation, "subnetId", id) {
            draft.remove(.cidrReservation, reservation["subnetCidrReservationId"]?.string ?? "")
        }
        for table in draft.list(.routeTable) {
            guard let associations = table["associationSet"]?.array, associations.contains(where: { $0["subnetId"]?.string == id }) else {
                continue
            }
            try draft.update(.routeTable, table["routeTableId"]?.string ?? "") {
                $0["associationSet"] = .array(associations.filter { $0["subnetId"]?.string != id })
            }
        }
        try NetworkACLs.forget(&draft, subnet: id)
        for family in [IPAddress.Family.ipv4, .ipv6] { draft.setPool(SubnetBlock(subnet: id, family: family), nil) }
        draft.remove(.subnet, id)
        return ec2Return
    }

    private static let switches: [(parameter: String, path: [String])] = [
        ("MapPublicIpOnLaunch", ["mapPublicIpOnLaunch"]), ("AssignIpv6AddressOnCreation", ["assignIpv6AddressOnCreation"]),
        ("EnableDns64", ["enableDns64"]),
        ("EnableResourceNameDnsARecordOnLaunch", ["privateDnsNameOptionsOnLaunch", "enableResourceNameDnsARecord"]),
        ("EnableResourceNameDnsAAAARecordOnLaunch", ["privateDnsNameOptionsOnLaunch", "enableResourceNameDnsAAAARecord"]),
    ]

    /// One attribute a call.
    @Sendable private static func modify(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("SubnetId")
        let subnet = try draft.require(.subnet, id)
        let named = (request.input.object?.keys ?? []).filter { $0 != "SubnetId" && $0 != "DryRun" }
        guard named.count <= 1 else { throw EC2Error.combination("Fields for multiple attribute types specified") }
        guard let name = named.first else { throw EC2Error.combination("No attributes specified.") }
        if name == "PrivateDnsHostnameTypeOnLaunch" {
            let type = request.string(name) ?? ""
            try draft.update(.subnet, id) { $0.set(.string(type), at: ["privateDnsNameOptionsOnLaunch", "hostnameType"]) }
            return ec2Return
        }
        guard let wanted = switches.first(where: { $0.parameter == name }) else {
            throw AWSError(400, "UnsupportedOperation", "The attribute \(name) is not supported.")
        }
        guard let value = request.input.at(name, "Value")?.bool else { throw EC2Error.missing(name) }
        if name == "AssignIpv6AddressOnCreation", value, subnet["ipv6CidrBlockAssociationSet"]?.array?.isEmpty != false {
            throw EC2Error.invalid("Invalid value 'true' for assignIpv6AddressOnCreation. The subnet must have an IPv6 CIDR block.")
        }
        try draft.update(.subnet, id) { $0.set(.bool(value), at: wanted.path) }
        return ec2Return
    }

    // MARK: IPv6 blocks

    @Sendable private static func associateBlock(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let subnet = try request.resource(.subnet, "SubnetId", draft)
        let id = try request.required("SubnetId")
        guard let block = try request.block("Ipv6CidrBlock", .ipv6) else { throw EC2Error.missing("ipv6CidrBlock") }
        guard subnet["ipv6CidrBlockAssociationSet"]?.array?.isEmpty != false else {
            throw AWSError(400, "InvalidSubnet.Conflict", "The subnet '\(id)' already has an IPv6 CIDR block")
        }
        try checkIPv6(block, in: try draft.require(.vpc, subnet["vpcId"]?.string ?? ""), draft)
        let association = ipv6Association(block, draft)
        try draft.update(.subnet, id) { $0["ipv6CidrBlockAssociationSet"] = [association] }
        draft.setPool(SubnetBlock(subnet: id, family: .ipv6), SubnetPool(block))
        var answer = association
        answer["ipv6CidrBlockState"] = ["state": "associating"]
        return ["subnetId": .string(id), "ipv6CidrBlockAssociation": answer]
    }

    @Sendable private static func disassociateBlock(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("AssociationId")
        for subnet in draft.list(.subnet) {
            guard var found = subnet["ipv6CidrBlockAssociationSet"]?.array?.first(where: { $0["associationId"]?.string == id }) else {
                continue
            }
            let subnetID = subnet["subnetId"]?.string ?? ""
            let isUsed = draft.list(.networkInterface, "subnetId", subnetID).contains {
                let held = InterfaceAddresses($0)
                return !held.addresses(.ipv6).isEmpty || !held.prefixes(.ipv6).isEmpty
            }
            guard !isUsed else {
                throw AWSError(
                    400, "InvalidCidrBlock.InUse", "The subnet CIDR block with association ID \(id) may not be disassociated. It is in use")
            }
            try draft.update(.subnet, subnetID) {
                $0["ipv6CidrBlockAssociationSet"] = []
                $0["assignIpv6AddressOnCreation"] = false
            }
            draft.setPool(SubnetBlock(subnet: subnetID, family: .ipv6), nil)
            found["ipv6CidrBlockState"] = ["state": "disassociating"]
            return ["subnetId": .string(subnetID), "ipv6CidrBlockAssociation": found]
        }
        throw AWSError(
            400, "InvalidSubnetCidrBlockAssociationID.NotFound", "The subnet CIDR block association ID '\(id)' does not exist")
    }
}
