import IPAddress
import JSON
import World

/// The CIDR blocks of a VPC (Amazon VPC User Guide, "VPC CIDR blocks").
enum VPCBlocks {
    /// /16 to /28.
    static func checkSize(_ block: CIDRBlock) throws(AWSError) {
        guard (16...28).contains(block.prefixLength), !block.network.isMulticast, !block.network.isLoopback else { throw range(block) }
    }

    private static func range(_ block: CIDRBlock) -> AWSError {
        AWSError(400, "InvalidVpc.Range", "The CIDR '\(block)' is invalid.")
    }

    static func association(_ block: CIDRBlock, _ draft: ResourceDraft, state: String) -> JSON {
        [
            "cidrBlock": .string(block.description), "associationId": .string(draft.newID("vpc-cidr-assoc-")),
            "cidrBlockState": ["state": .string(state)],
        ]
    }

    /// A /56 of Amazon's that no VPC here has.
    static func amazonAssociation(_ draft: ResourceDraft, state: String) -> JSON {
        var block: CIDRBlock?
        let used = draft.list(.vpc).flatMap(\.vpcIPv6Blocks)
        repeat {
            let digits = draft.world.random.hex(6)
            block = CIDRBlock("2406:da14:\(trimmed(digits.prefix(4))):\(trimmed(digits.suffix(2) + "00"))::/56")
        } while block.map(used.contains) == true
        return [
            "ipv6CidrBlock": .string(block?.description ?? ""), "associationId": .string(draft.newID("vpc-cidr-assoc-")),
            "ipv6CidrBlockState": ["state": .string(state)], "networkBorderGroup": .string(draft.region), "ipv6Pool": "Amazon",
            "ipSource": "amazon", "ipv6AddressAttribute": "public",
        ]
    }

    private static func trimmed(_ digits: some StringProtocol) -> String {
        let rest = digits.drop { $0 == "0" }
        return rest.isEmpty ? "0" : String(rest)
    }

    @Sendable static func associate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let vpc = try request.resource(.vpc, "VpcId", draft)
        let id = vpc["vpcId"]?.string ?? ""
        guard request.bool("AmazonProvidedIpv6CidrBlock") != true else {
            guard request.input["CidrBlock"] == nil else {
                throw EC2Error.combination("Cannot specify both an IPv4 and an IPv6 CIDR block")
            }
            return try associateIPv6(id, vpc, &draft)
        }
        guard let block = try request.block("CidrBlock") else { throw EC2Error.missing("CidrBlock") }
        try checkSize(block)
        let present = vpc.vpcBlocks
        guard !present.contains(where: { $0.overlaps(block) }) else { throw range(block) }
        guard present.count < EC2Quota.blocksPerVPC else {
            throw AWSError(
                400, "CidrLimitExceeded", "This network '\(id)' has met its maximum number of allowed CIDRs: \(EC2Quota.blocksPerVPC)")
        }
        if let primary = vpc["cidrBlock"]?.string.flatMap({ CIDRBlock($0) }), !isAllowed(block, beside: primary) {
            throw AWSError(
                400, "InvalidVpc.Range",
                "The CIDR '\(block)' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Subnets.html#VPC_Sizing"
            )
        }
        let association = association(block, draft, state: "associated")
        try draft.update(.vpc, id) { $0["cidrBlockAssociationSet"] = .array(($0["cidrBlockAssociationSet"]?.array ?? []) + [association]) }
        try RouteTables.setLocalRoutes(of: id, &draft)
        var answer = association
        answer["cidrBlockState"] = ["state": "associating"]
        return ["vpcId": .string(id), "cidrBlockAssociation": answer]
    }

    private static func associateIPv6(_ id: String, _ vpc: JSON, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        guard vpc.vpcIPv6Blocks.count < EC2Quota.blocksPerVPC else {
            throw AWSError(
                400, "CidrLimitExceeded", "This network '\(id)' has met its maximum number of allowed CIDRs: \(EC2Quota.blocksPerVPC)")
        }
        let association = amazonAssociation(draft, state: "associated")
        try draft.update(.vpc, id) {
            $0["ipv6CidrBlockAssociationSet"] = .array(($0["ipv6CidrBlockAssociationSet"]?.array ?? []) + [association])
        }
        try RouteTables.setLocalRoutes(of: id, &draft)
        var answer = association
        answer["ipv6CidrBlockState"] = ["state": "associating"]
        return ["vpcId": .string(id), "ipv6CidrBlockAssociation": answer]
    }

    /// What may stand beside a primary block ("IPv4 CIDR block association restrictions").
    private static func isAllowed(_ block: CIDRBlock, beside primary: CIDRBlock) -> Bool {
        let ranges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16"].compactMap { CIDRBlock($0) }
        let home = ranges.first { $0.contains(primary) }
        return !ranges.contains { range in range != home && range.overlaps(block) }
    }

    @Sendable static func disassociate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("AssociationId")
        for vpc in draft.list(.vpc) {
            for (set, member, state) in [
                ("cidrBlockAssociationSet", "cidrBlock", "cidrBlockState"),
                ("ipv6CidrBlockAssociationSet", "ipv6CidrBlock", "ipv6CidrBlockState"),
            ] {
                let associations = vpc[set]?.array ?? []
                guard var found = associations.first(where: { $0["associationId"]?.string == id }) else { continue }
                let vpcID = vpc["vpcId"]?.string ?? ""
                guard member == "ipv6CidrBlock" || found[member] != vpc["cidrBlock"] else {
                    throw AWSError(
                        400, "OperationNotPermitted",
                        "The vpc CIDR block with association ID \(id) may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
                    )
                }
                let block = found[member]?.string.flatMap { CIDRBlock($0) }
                let isUsed = draft.list(.subnet, "vpcId", vpcID).contains { subnet in
                    SubnetBlock.all(of: subnet).contains { part in block?.contains(part.block) == true }
                }
                guard !isUsed else {
                    throw AWSError(
                        400, "InvalidCidrBlock.InUse",
                        "The vpc CIDR block with association ID \(id) may not be disassociated. One or more subnets use it")
                }
                try draft.update(.vpc, vpcID) { $0[set] = .array(associations.filter { $0["associationId"]?.string != id }) }
                try RouteTables.setLocalRoutes(of: vpcID, &draft)
                found[state] = ["state": "disassociating"]
                return ["vpcId": .string(vpcID), member == "cidrBlock" ? "cidrBlockAssociation" : "ipv6CidrBlockAssociation": found]
            }
        }
        throw AWSError(
            400, "InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '\(id)' does not exist")
    }
}
