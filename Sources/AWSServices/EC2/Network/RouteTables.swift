import IPAddress
import JSON

/// Route tables and what they are associated with.
enum RouteTables {
    static let operations: [EC2Operation] = [
        .write("CreateRouteTable", on: ["VpcId"], making: [.routeTable], create), .write("DeleteRouteTable", on: ["RouteTableId"], delete),
        description.operation("DescribeRouteTables"), .write("AssociateRouteTable", on: ["RouteTableId", "SubnetId"], associate),
        .write("DisassociateRouteTable", disassociate), .write("ReplaceRouteTableAssociation", on: ["RouteTableId"], replace),
    ]

    private static let description: EC2Description = {
        var filters = [
            "association.gateway-id": "associationSet.gatewayId",
            "association.route-table-association-id": "associationSet.routeTableAssociationId",
            "association.route-table-id": "associationSet.routeTableId", "association.subnet-id": "associationSet.subnetId",
            "association.main": "associationSet.main", "owner-id": "ownerId", "route-table-id": "routeTableId", "vpc-id": "vpcId",
        ]
        for (name, member) in [
            ("destination-cidr-block", "destinationCidrBlock"), ("destination-ipv6-cidr-block", "destinationIpv6CidrBlock"),
            ("destination-prefix-list-id", "destinationPrefixListId"),
            ("egress-only-internet-gateway-id", "egressOnlyInternetGatewayId"), ("gateway-id", "gatewayId"),
            ("instance-id", "instanceId"), ("nat-gateway-id", "natGatewayId"), ("origin", "origin"), ("state", "state"),
            ("transit-gateway-id", "transitGatewayId"), ("vpc-peering-connection-id", "vpcPeeringConnectionId"),
        ] { filters["route.\(name)"] = "routeSet.\(member)" }
        return EC2Description(
            kind: .routeTable, set: "routeTableSet", ids: ("RouteTableId", "routeTableId"), filters: filters, maximumPage: 100,
            render: described)
    }()

    /// A table with the states of its routes: a route whose target is gone is a blackhole.
    @Sendable static func described(_ table: JSON, _ draft: ResourceDraft) -> JSON {
        var table = table
        table["routeSet"] = .array(
            (table["routeSet"]?.array ?? []).map { route in
                var route = route
                route["state"] = .string(Routes.isActive(route, draft) ? "active" : "blackhole")
                return route
            })
        return table
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let vpc = try request.resource(.vpc, "VpcId", draft)
        let tags = try EC2Tags.specified(request, for: .routeTable)
        var answer = try draft.once(request, .routeTable, answer: "routeTable", keepsToken: true) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            let siblings = draft.list(.routeTable, "vpcId", vpc["vpcId"]?.string ?? "")
            guard siblings.count < EC2Quota.routeTablesPerVPC else {
                throw AWSError(400, "RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
            }
            return make(&draft, for: vpc, associations: [], tags: tags)
        }
        if let table = answer["routeTable"] { answer["routeTable"] = described(table, draft) }
        return answer
    }

    private static func make(_ draft: inout ResourceDraft, for vpc: JSON, associations: [JSON], tags: JSON) -> String {
        let id = draft.newID("rtb-")
        let associations = associations.map { association in
            var association = association
            association["routeTableId"] = .string(id)
            return association
        }
        draft.put(
            .routeTable, id,
            [
                "routeTableId": .string(id), "vpcId": vpc["vpcId"] ?? "", "ownerId": .string(draft.account),
                "routeSet": .array(localRoutes(vpc)), "associationSet": .array(associations), "propagatingVgwSet": [], "tagSet": tags,
            ])
        return id
    }

    /// Makes the table that subnets without one of their own use.
    static func makeMain(_ draft: inout ResourceDraft, for vpc: JSON) {
        let association: JSON = [
            "routeTableAssociationId": .string(draft.newID("rtbassoc-")), "main": true, "associationState": ["state": "associated"],
        ]
        _ = make(&draft, for: vpc, associations: [association], tags: [])
    }

    /// A VPC's main table.
    static func main(of vpc: String, _ draft: ResourceDraft) -> JSON? {
        draft.list(.routeTable, "vpcId", vpc).first { $0["associationSet"]?.array?.contains { $0["main"]?.bool == true } == true }
    }

    /// The table that a subnet uses: its own or the VPC's main one.
    static func effective(_ subnet: JSON, _ draft: ResourceDraft) -> JSON? {
        let id = subnet["subnetId"]?.string
        let own = draft.list(.routeTable).first { $0["associationSet"]?.array?.contains { $0["subnetId"]?.string == id } == true }
        return own ?? main(of: subnet["vpcId"]?.string ?? "", draft)
    }

    /// The most specific active route for an address in the table that a subnet uses.
    static func route(to target: IPAddress, from subnet: JSON, _ draft: ResourceDraft) -> JSON? {
        let member = target.family == .ipv4 ? "destinationCidrBlock" : "destinationIpv6CidrBlock"
        let fitting = (effective(subnet, draft)?["routeSet"]?.array ?? []).compactMap { route -> (length: Int, route: JSON)? in
            guard let block = route[member]?.string.flatMap({ CIDRBlock($0) }), block.contains(target), Routes.isActive(route, draft) else {
                return nil
            }
            return (block.prefixLength, route)
        }
        return fitting.max { $0.length < $1.length }?.route
    }

    /// Whether a subnet's default route or any other leads to an internet gateway.
    static func isPublic(_ subnet: JSON, _ draft: ResourceDraft) -> Bool {
        effective(subnet, draft)?["routeSet"]?.array?.contains {
            $0["gatewayId"]?.string?.hasPrefix("igw-") == true && Routes.isActive($0, draft)
        } == true
    }

    private static func localRoutes(_ vpc: JSON) -> [JSON] {
        vpc.vpcBlocks.map { ["destinationCidrBlock": .string($0.description), "gatewayId": "local", "origin": "CreateRouteTable"] }
            + vpc.vpcIPv6Blocks.map {
                ["destinationIpv6CidrBlock": .string($0.description), "gatewayId": "local", "origin": "CreateRouteTable"]
            }
    }

    /// Brings the local routes of a VPC's tables in line with its blocks.
    static func setLocalRoutes(of vpc: String, _ draft: inout ResourceDraft) throws(AWSError) {
        let local = localRoutes(try draft.require(.vpc, vpc))
        for table in draft.list(.routeTable, "vpcId", vpc) {
            try draft.update(.routeTable, table["routeTableId"]?.string ?? "") { table in
                table["routeSet"] = .array(local + (table["routeSet"]?.array ?? []).filter { $0["gatewayId"]?.string != "local" })
            }
        }
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("RouteTableId")
        let table = try draft.require(.routeTable, id)
        guard table["associationSet"]?.array?.isEmpty != false else { throw EC2Error.dependency("routeTable", id) }
        for endpoint in draft.list(.vpcEndpoint) {
            guard let tables = endpoint["routeTableIdSet"]?.strings, tables.contains(id) else { continue }
            try draft.update(.vpcEndpoint, endpoint["vpcEndpointId"]?.string ?? "") {
                $0["routeTableIdSet"] = JSON(strings: tables.filter { $0 != id })
            }
        }
        draft.remove(.routeTable, id)
        return ec2Return
    }

    // MARK: Associations

    @Sendable private static func associate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let table = try request.resource(.routeTable, "RouteTableId", draft)
        let id = try request.required("RouteTableId")
        guard request.input["GatewayId"] == nil else {
            throw AWSError(400, "UnsupportedOperation", "Gateway route table associations are not supported.")
        }
        let subnet = try request.resource(.subnet, "SubnetId", draft)
        let subnetID = try request.required("SubnetId")
        guard subnet["vpcId"] == table["vpcId"] else {
            throw EC2Error.invalid("Route table \(id) and subnet \(subnetID) belong to different networks")
        }
        // The same association again is answered as it is.
        if let known = table["associationSet"]?.array?.first(where: { $0["subnetId"]?.string == subnetID }) {
            return ["associationId": known["routeTableAssociationId"] ?? "", "associationState": ["state": "associated"]]
        }
        guard
            !draft.list(.routeTable).contains(where: {
                $0["associationSet"]?.array?.contains { $0["subnetId"]?.string == subnetID } == true
            })
        else {
            throw AWSError(
                400, "Resource.AlreadyAssociated",
                "the specified association for route table \(id) conflicts with an existing association")
        }
        let association = try add(&draft, to: id, subnet: subnetID)
        return ["associationId": .string(association), "associationState": ["state": "associated"]]
    }

    private static func add(_ draft: inout ResourceDraft, to table: String, subnet: String?) throws(AWSError) -> String {
        let id = draft.newID("rtbassoc-")
        var association: JSON = [
            "routeTableAssociationId": .string(id), "routeTableId": .string(table), "main": .bool(subnet == nil),
            "associationState": ["state": "associated"],
        ]
        association["subnetId"] = subnet.map(JSON.string)
        try draft.update(.routeTable, table) { $0["associationSet"] = .array(($0["associationSet"]?.array ?? []) + [association]) }
        return id
    }

    /// The table that has an association, and the association.
    private static func find(_ id: String, _ draft: ResourceDraft) throws(AWSError) -> (table: JSON, association: JSON) {
        for table in draft.list(.routeTable) {
            if let found = table["associationSet"]?.array?.first(where: { $0["routeTableAssociationId"]?.string == id }) {
                return (table, found)
            }
        }
        throw AWSError(400, "InvalidAssociationID.NotFound", "The association ID '\(id)' does not exist")
    }

    private static func remove(_ draft: inout ResourceDraft, _ id: String, from table: JSON) throws(AWSError) {
        try draft.update(.routeTable, table["routeTableId"]?.string ?? "") { table in
            table["associationSet"] = .array(
                (table["associationSet"]?.array ?? []).filter { $0["routeTableAssociationId"]?.string != id })
        }
    }

    @Sendable private static func disassociate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("AssociationId")
        let (table, association) = try find(id, draft)
        guard association["main"]?.bool != true else {
            throw EC2Error.invalid("cannot disassociate the main route table association \(id)")
        }
        try remove(&draft, id, from: table)
        return ec2Return
    }

    @Sendable private static func replace(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let (old, association) = try find(try request.required("AssociationId"), draft)
        let new = try request.resource(.routeTable, "RouteTableId", draft)
        guard old["vpcId"] == new["vpcId"] else {
            throw EC2Error.invalid(
                "Route table \(new["routeTableId"]?.string ?? "") and \(old["routeTableId"]?.string ?? "") belong to different networks")
        }
        try remove(&draft, try request.required("AssociationId"), from: old)
        let id = try add(&draft, to: try request.required("RouteTableId"), subnet: association["subnetId"]?.string)
        return ["newAssociationId": .string(id), "associationState": ["state": "associated"]]
    }
}
