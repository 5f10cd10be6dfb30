import IPAddress
import JSON

/// VPCs and their attributes.
enum VPCs {
    static let operations: [EC2Operation] = [
        .write("CreateVpc", making: [.vpc], create), .write("DeleteVpc", on: ["VpcId"], delete), description.operation("DescribeVpcs"),
        .read("DescribeVpcAttribute", describeAttribute), .write("ModifyVpcAttribute", on: ["VpcId"], modifyAttribute),
        .write("AssociateVpcCidrBlock", on: ["VpcId"], VPCBlocks.associate), .write("DisassociateVpcCidrBlock", VPCBlocks.disassociate),
    ]

    private static let description = EC2Description(
        kind: .vpc, set: "vpcSet", ids: ("VpcId", "vpcId"),
        filters: [
            "cidr": "cidrBlock", "cidrBlock": "cidrBlock", "cidr-block-association.cidr-block": "cidrBlockAssociationSet.cidrBlock",
            "cidr-block-association.association-id": "cidrBlockAssociationSet.associationId",
            "cidr-block-association.state": "cidrBlockAssociationSet.cidrBlockState.state", "dhcp-options-id": "dhcpOptionsId",
            "dhcpOptionsId": "dhcpOptionsId", "ipv6-cidr-block-association.ipv6-cidr-block": "ipv6CidrBlockAssociationSet.ipv6CidrBlock",
            "ipv6-cidr-block-association.ipv6-pool": "ipv6CidrBlockAssociationSet.ipv6Pool",
            "ipv6-cidr-block-association.association-id": "ipv6CidrBlockAssociationSet.associationId",
            "ipv6-cidr-block-association.state": "ipv6CidrBlockAssociationSet.ipv6CidrBlockState.state", "is-default": "isDefault",
            "isDefault": "isDefault", "owner-id": "ownerId", "state": "state", "vpc-id": "vpcId",
        ])

    /// The attributes that are not part of a VPC's description, with what they begin as.
    private static let attributes: [(name: String, member: String, initial: Bool)] = [
        ("EnableDnsSupport", "enableDnsSupport", true), ("EnableDnsHostnames", "enableDnsHostnames", false),
        ("EnableNetworkAddressUsageMetrics", "enableNetworkAddressUsageMetrics", false),
    ]

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        for member in ["Ipv4IpamPoolId", "Ipv6IpamPoolId", "Ipv6Pool", "Ipv6CidrBlock", "VpcEncryptionControl"]
        where request.input[member] != nil {
            throw AWSError(400, "UnsupportedOperation", "The parameter \(member) is not supported.")
        }
        guard let block = try request.block("CidrBlock") else { throw EC2Error.missing("CidrBlock") }
        try VPCBlocks.checkSize(block)
        guard draft.list(.vpc).count < EC2Quota.vpcs else {
            throw AWSError(400, "VpcLimitExceeded", "The maximum number of VPCs has been reached.")
        }
        let tenancy = request.string("InstanceTenancy") ?? "default"
        guard tenancy != "host" else { throw EC2Error.invalidValue(tenancy, "instanceTenancy") }
        let tags = try EC2Tags.specified(request, for: .vpc)
        let id = make(
            &draft, block, isDefault: false, tags: tags, tenancy: tenancy, hasIPv6: request.bool("AmazonProvidedIpv6CidrBlock") == true)
        var vpc = try draft.require(.vpc, id)
        vpc["state"] = "pending"
        return ["vpc": vpc]
    }

    /// Makes a VPC with what every VPC has: main route table, default network ACL, default security group.
    @discardableResult
    static func make(
        _ draft: inout ResourceDraft, _ block: CIDRBlock, isDefault: Bool, tags: JSON, tenancy: String = "default", hasIPv6: Bool = false
    ) -> String {
        let id = draft.newID("vpc-")
        var vpc: JSON = [
            "vpcId": .string(id), "state": "available", "cidrBlock": .string(block.description), "ownerId": .string(draft.account),
            "dhcpOptionsId": .string(DHCPOptions.defaultID(draft)), "instanceTenancy": .string(tenancy), "isDefault": .bool(isDefault),
            "cidrBlockAssociationSet": [VPCBlocks.association(block, draft, state: "associated")],
            "ipv6CidrBlockAssociationSet": [], "tagSet": tags,
        ]
        if hasIPv6 { vpc["ipv6CidrBlockAssociationSet"] = [VPCBlocks.amazonAssociation(draft, state: "associated")] }
        for attribute in attributes {
            let initial = attribute.initial || (isDefault && attribute.member == "enableDnsHostnames")
            vpc["_\(attribute.member)"] = .bool(initial)
        }
        draft.put(.vpc, id, vpc)
        RouteTables.makeMain(&draft, for: vpc)
        NetworkACLs.makeDefault(&draft, for: vpc)
        SecurityGroups.makeDefault(&draft, for: vpc)
        return id
    }

    /// A VPC goes with what every VPC has; anything else in it keeps it.
    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("VpcId")
        _ = try draft.require(.vpc, id)
        let groups = draft.list(.securityGroup, "vpcId", id)
        let acls = draft.list(.networkACL, "vpcId", id)
        let tables = draft.list(.routeTable, "vpcId", id)
        let others: [ResourceKind] = [.subnet, .vpcEndpoint, .networkInterface]
        let isUsed =
            others.contains { kind in !draft.list(kind, "vpcId", id).isEmpty }
            || [ResourceKind.internetGateway, .egressOnlyGateway].contains { kind in
                draft.list(kind).contains { $0["attachmentSet"]?.array?.contains { $0["vpcId"]?.string == id } == true }
            } || groups.count > 1 || acls.count > 1 || tables.count > 1
        guard !isUsed else { throw EC2Error.dependency("vpc", id) }
        for group in groups { SecurityGroups.remove(&draft, group["groupId"]?.string ?? "") }
        for acl in acls { draft.remove(.networkACL, acl["networkAclId"]?.string ?? "") }
        for table in tables { draft.remove(.routeTable, table["routeTableId"]?.string ?? "") }
        draft.remove(.vpc, id)
        return ec2Return
    }

    @Sendable private static func describeAttribute(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let vpc = try request.resource(.vpc, "VpcId", draft)
        let wanted = try request.required("Attribute")
        guard let attribute = attributes.first(where: { $0.member == wanted }) else {
            throw EC2Error.invalidValue(wanted, "attribute")
        }
        return ["vpcId": vpc["vpcId"] ?? "", attribute.member: ["value": vpc["_\(attribute.member)"] ?? .bool(attribute.initial)]]
    }

    @Sendable private static func modifyAttribute(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("VpcId")
        let named = attributes.filter { request.input[$0.name] != nil }
        guard named.count == 1, let attribute = named.first else {
            guard named.isEmpty else { throw EC2Error.combination("Fields for multiple attribute types specified") }
            throw AWSError(400, "InvalidParameterCombination", "No attributes specified.")
        }
        guard let value = request.input.at(attribute.name, "Value")?.bool else { throw EC2Error.missing(attribute.name) }
        try draft.update(.vpc, id) { $0["_\(attribute.member)"] = .bool(value) }
        return ec2Return
    }
}

extension JSON {
    /// The IPv4 blocks of a VPC's record.
    var vpcBlocks: [CIDRBlock] {
        (self["cidrBlockAssociationSet"]?.array ?? []).compactMap { $0["cidrBlock"]?.string.flatMap { CIDRBlock($0) } }
    }

    /// The IPv6 blocks of a VPC's record.
    var vpcIPv6Blocks: [CIDRBlock] {
        (self["ipv6CidrBlockAssociationSet"]?.array ?? []).compactMap { $0["ipv6CidrBlock"]?.string.flatMap { CIDRBlock($0) } }
    }
}
