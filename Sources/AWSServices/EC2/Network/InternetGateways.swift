import JSON

/// Internet gateways, and those for IPv6 that let nobody in.
enum InternetGateways {
    static let operations: [EC2Operation] = [
        .write("CreateInternetGateway", making: [.internetGateway], create),
        .write("DeleteInternetGateway", on: ["InternetGatewayId"], delete), description.operation("DescribeInternetGateways"),
        .write("AttachInternetGateway", on: ["InternetGatewayId", "VpcId"], attach),
        .write("DetachInternetGateway", on: ["InternetGatewayId", "VpcId"], detach),
        .write("CreateEgressOnlyInternetGateway", on: ["VpcId"], making: [.egressOnlyGateway], createEgressOnly),
        .write("DeleteEgressOnlyInternetGateway", on: ["EgressOnlyInternetGatewayId"], deleteEgressOnly),
        egressOnly.operation("DescribeEgressOnlyInternetGateways"),
    ]

    private static let description = EC2Description(
        kind: .internetGateway, set: "internetGatewaySet", ids: ("InternetGatewayId", "internetGatewayId"),
        filters: [
            "attachment.state": "attachmentSet.state", "attachment.vpc-id": "attachmentSet.vpcId",
            "internet-gateway-id": "internetGatewayId", "owner-id": "ownerId",
        ])

    private static let egressOnly = EC2Description(
        kind: .egressOnlyGateway, set: "egressOnlyInternetGatewaySet",
        ids: ("EgressOnlyInternetGatewayId", "egressOnlyInternetGatewayId"), filters: [:])

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        guard draft.list(.internetGateway).count < EC2Quota.internetGateways else {
            throw AWSError(
                400, "InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
        }
        let id = make(&draft, attachedTo: nil, tags: try EC2Tags.specified(request, for: .internetGateway))
        return ["internetGateway": try draft.require(.internetGateway, id)]
    }

    /// Makes a gateway; answers its id.
    static func make(_ draft: inout ResourceDraft, attachedTo vpc: String?, tags: JSON = []) -> String {
        let id = draft.newID("igw-")
        let attachments: [JSON] = vpc.map { [["vpcId": .string($0), "state": "available"]] } ?? []
        draft.put(
            .internetGateway, id,
            [
                "internetGatewayId": .string(id), "ownerId": .string(draft.account), "attachmentSet": .array(attachments), "tagSet": tags,
            ])
        return id
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("InternetGatewayId")
        guard attachment(try draft.require(.internetGateway, id)) == nil else {
            throw EC2Error.dependency("internetGateway", id)
        }
        draft.remove(.internetGateway, id)
        return ec2Return
    }

    /// The VPC that a gateway is attached to.
    static func attachment(_ gateway: JSON) -> String? { gateway["attachmentSet"]?.array?.first?["vpcId"]?.string }

    @Sendable private static func attach(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("InternetGatewayId")
        let gateway = try draft.require(.internetGateway, id)
        let vpc = try request.required("VpcId")
        _ = try draft.require(.vpc, vpc)
        if let present = attachment(gateway) {
            throw AWSError(
                400, "Resource.AlreadyAssociated", "resource \(id) is already attached to network \(present)")
        }
        guard !draft.list(.internetGateway).contains(where: { attachment($0) == vpc }) else {
            throw EC2Error.invalid("Network \(vpc) already has an internet gateway attached")
        }
        try draft.update(.internetGateway, id) { $0["attachmentSet"] = [["vpcId": .string(vpc), "state": "available"]] }
        return ec2Return
    }

    @Sendable private static func detach(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("InternetGatewayId")
        let gateway = try draft.require(.internetGateway, id)
        let vpc = try request.required("VpcId")
        _ = try draft.require(.vpc, vpc)
        guard attachment(gateway) == vpc else {
            throw AWSError(400, "Gateway.NotAttached", "resource \(id) is not attached to network \(vpc)")
        }
        let isMapped = draft.list(.networkInterface, "vpcId", vpc).contains { interface in
            interface["association"] != nil
                || interface["privateIpAddressesSet"]?.array?.contains { $0["association"] != nil } == true
        }
        guard !isMapped else {
            throw AWSError(
                400, "DependencyViolation",
                "Network \(vpc) has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
        }
        try draft.update(.internetGateway, id) { $0["attachmentSet"] = [] }
        return ec2Return
    }

    // MARK: Egress only

    @Sendable private static func createEgressOnly(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let vpc = try request.required("VpcId")
        _ = try draft.require(.vpc, vpc)
        let tags = try EC2Tags.specified(request, for: .egressOnlyGateway)
        return try draft.once(request, .egressOnlyGateway, answer: "egressOnlyInternetGateway", keepsToken: true) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            let id = draft.newID("eigw-")
            draft.put(
                .egressOnlyGateway, id,
                [
                    "egressOnlyInternetGatewayId": .string(id), "attachmentSet": [["vpcId": .string(vpc), "state": "attached"]],
                    "tagSet": tags,
                ])
            return id
        }
    }

    @Sendable private static func deleteEgressOnly(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("EgressOnlyInternetGatewayId")
        _ = try draft.require(.egressOnlyGateway, id)
        draft.remove(.egressOnlyGateway, id)
        return ["returnCode": true]
    }
}
