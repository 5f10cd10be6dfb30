import IPAddress
import JSON

/// Routes of route tables.
enum Routes {
    static let operations: [EC2Operation] = [
        .write("CreateRoute", on: ["RouteTableId"], create), .write("ReplaceRoute", on: ["RouteTableId"], replace),
        .write("DeleteRoute", on: ["RouteTableId"], delete),
    ]

    private static let destinations = [
        ("DestinationCidrBlock", "destinationCidrBlock"), ("DestinationIpv6CidrBlock", "destinationIpv6CidrBlock"),
        ("DestinationPrefixListId", "destinationPrefixListId"),
    ]

    /// The parameters that name a target of a kind that is simulated.
    private static let targets: [(parameter: String, member: String)] = [
        ("GatewayId", "gatewayId"), ("NatGatewayId", "natGatewayId"), ("NetworkInterfaceId", "networkInterfaceId"),
        ("InstanceId", "instanceId"), ("EgressOnlyInternetGatewayId", "egressOnlyInternetGatewayId"),
    ]

    private static let otherTargets = [
        "TransitGatewayId", "VpcPeeringConnectionId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "VpcEndpointId",
    ]

    /// The destination of a call: its member in a route and its canonical text.
    private static func destination(_ request: EC2Request) throws(AWSError) -> (member: String, text: String) {
        let named = destinations.filter { request.input[$0.0] != nil }
        guard let (parameter, member) = named.first else { throw EC2Error.missing("destinationCidrBlock") }
        guard named.count == 1 else { throw EC2Error.combination("The request must contain exactly one destination") }
        let text = request.string(parameter) ?? ""
        switch parameter {
        case "DestinationPrefixListId": return (member, text)
        case "DestinationIpv6CidrBlock": return (member, try EC2Request.block(text, parameter, .ipv6).description)
        default: return (member, try EC2Request.block(text, parameter).description)
        }
    }

    private static func text(_ route: JSON) -> String? { destinations.lazy.compactMap { route[$0.1]?.string }.first }

    /// The members that say where a route leads, checked.
    private static func target(_ request: EC2Request, _ table: JSON, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        for parameter in otherTargets where request.input[parameter] != nil {
            throw AWSError(400, "UnsupportedOperation", "Routes to \(parameter) are not supported.")
        }
        let named = targets.filter { request.input[$0.parameter] != nil }
        guard let (parameter, member) = named.first else { throw EC2Error.missing("gatewayId") }
        guard named.count == 1 else { throw EC2Error.combination("The request must contain exactly one target") }
        let id = request.string(parameter) ?? ""
        let vpc = table["vpcId"]?.string ?? ""
        let tableID = table["routeTableId"]?.string ?? ""
        func foreign(_ noun: String) -> AWSError {
            EC2Error.invalid("route table \(tableID) and \(noun) \(id) belong to different networks")
        }
        switch parameter {
        case "GatewayId":
            guard id.hasPrefix("igw-") else {
                throw AWSError(400, "InvalidGatewayID.NotFound", "The gateway ID '\(id)' does not exist")
            }
            let gateway = try draft.require(.internetGateway, id)
            guard InternetGateways.attachment(gateway) == vpc else { throw foreign("network gateway") }
        case "NatGatewayId":
            let gateway = try draft.require(.natGateway, id)
            guard gateway["state"]?.string != "deleted" else { throw ResourceKind.natGateway.notFound(id) }
            guard gateway["vpcId"]?.string == vpc else { throw foreign("NAT gateway") }
        case "NetworkInterfaceId":
            guard try draft.require(.networkInterface, id)["vpcId"]?.string == vpc else { throw foreign("interface") }
        case "InstanceId":
            let instance = try draft.require(.instance, id)
            let interfaces = draft.list(.networkInterface).filter { $0.at("attachment", "instanceId")?.string == id }
            guard interfaces.count == 1, let interface = interfaces.first else {
                throw AWSError(
                    400, "InvalidInstanceID",
                    "There are multiple interfaces attached to instance '\(id)'. Please specify an interface ID for the operation instead.")
            }
            guard instance["vpcId"]?.string == vpc else { throw foreign("instance") }
            return [
                "instanceId": .string(id), "instanceOwnerId": .string(draft.account),
                "networkInterfaceId": interface["networkInterfaceId"] ?? "",
            ]
        default:
            let gateway = try draft.require(.egressOnlyGateway, id)
            guard InternetGateways.attachment(gateway) == vpc else { throw foreign("egress only internet gateway") }
        }
        return [member: .string(id)]
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let table = try request.resource(.routeTable, "RouteTableId", draft)
        let (member, text) = try destination(request)
        guard member != "destinationPrefixListId" else {
            throw AWSError(400, "InvalidPrefixListID.NotFound", "The prefix list ID '\(text)' does not exist")
        }
        guard !(table["routeSet"]?.array ?? []).contains(where: { Self.text($0) == text }) else {
            throw AWSError(400, "RouteAlreadyExists", "The route identified by \(text) already exists.")
        }
        guard (table["routeSet"]?.array?.count ?? 0) < EC2Quota.routesPerTable else {
            throw AWSError(400, "RouteLimitExceeded", "The maximum number of routes has been reached.")
        }
        var route = try target(request, table, draft)
        let vpc = try draft.require(.vpc, table["vpcId"]?.string ?? "")
        if let block = CIDRBlock(text), route["networkInterfaceId"] == nil,
            (vpc.vpcBlocks + vpc.vpcIPv6Blocks).contains(where: { $0.contains(block) })
        {
            throw EC2Error.invalid(
                "The destination CIDR block \(text) is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
            )
        }
        route[member] = .string(text)
        try add(&draft, to: try request.required("RouteTableId"), route)
        return ec2Return
    }

    /// Adds a route as made by CreateRoute.
    static func add(_ draft: inout ResourceDraft, to table: String, _ route: JSON) throws(AWSError) {
        var route = route
        route["origin"] = "CreateRoute"
        try draft.update(.routeTable, table) { $0["routeSet"] = .array(($0["routeSet"]?.array ?? []) + [route]) }
    }

    @Sendable private static func replace(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let table = try request.resource(.routeTable, "RouteTableId", draft)
        let (member, text) = try destination(request)
        guard let old = table["routeSet"]?.array?.first(where: { Self.text($0) == text }) else {
            throw EC2Error.invalid("There is no route defined for '\(text)' in the route table. Use CreateRoute instead.")
        }
        guard old["gatewayId"]?.string != "local" else {
            throw EC2Error.invalid("cannot replace local route \(text) in route table \(try request.required("RouteTableId"))")
        }
        var route = try target(request, table, draft)
        route[member] = .string(text)
        route["origin"] = "CreateRoute"
        let new = route
        try draft.update(.routeTable, try request.required("RouteTableId")) { table in
            table["routeSet"] = .array((table["routeSet"]?.array ?? []).map { Self.text($0) == text ? new : $0 })
        }
        return ec2Return
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let table = try request.resource(.routeTable, "RouteTableId", draft)
        let id = try request.required("RouteTableId")
        let (member, text) = try destination(request)
        guard let old = table["routeSet"]?.array?.first(where: { Self.text($0) == text }) else {
            let words = [
                "destinationIpv6CidrBlock": "destination-ipv6-cidr-block", "destinationPrefixListId": "destination-prefix-list-id",
            ]
            throw AWSError(
                400, "InvalidRoute.NotFound", "no route with \(words[member] ?? "destination-cidr-block") \(text) in route table \(id)")
        }
        guard old["gatewayId"]?.string != "local" else {
            throw EC2Error.invalid("cannot remove local route \(text) in route table \(id)")
        }
        guard old["gatewayId"]?.string?.hasPrefix("vpce-") != true else {
            throw EC2Error.invalid("cannot remove VPC endpoint route \(text) in route table \(id)")
        }
        try draft.update(.routeTable, id) { table in
            table["routeSet"] = .array((table["routeSet"]?.array ?? []).filter { Self.text($0) != text })
        }
        return ec2Return
    }

    /// Whether what a route leads to is there and in use.
    static func isActive(_ route: JSON, _ draft: ResourceDraft) -> Bool {
        if let gateway = route["gatewayId"]?.string {
            guard gateway.hasPrefix("igw-") else { return true }
            return draft.get(.internetGateway, gateway).flatMap(InternetGateways.attachment) != nil
        }
        if let gateway = route["natGatewayId"]?.string {
            return ["available", "pending"].contains(draft.get(.natGateway, gateway)?["state"]?.string)
        }
        if let gateway = route["egressOnlyInternetGatewayId"]?.string { return draft.get(.egressOnlyGateway, gateway) != nil }
        if let interface = route["networkInterfaceId"]?.string {
            return draft.get(.networkInterface, interface)?["status"]?.string == "in-use"
        }
        return true
    }
}
