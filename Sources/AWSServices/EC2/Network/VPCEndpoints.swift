import JSON
import World

/// VPC endpoints: interfaces to AWS services, and routes to those that have gateways.
enum VPCEndpoints {
    static let operations: [EC2Operation] = [
        .write("CreateVpcEndpoint", on: ["VpcId"], making: [.vpcEndpoint], create),
        .write("ModifyVpcEndpoint", on: ["VpcEndpointId"], modify), .write("DeleteVpcEndpoints", on: ["VpcEndpointId"], delete),
        description.operation("DescribeVpcEndpoints"), .read("DescribeVpcEndpointServices", describeServices),
    ]

    private static let description = EC2Description(
        kind: .vpcEndpoint, set: "vpcEndpointSet", ids: ("VpcEndpointId", "vpcEndpointId"),
        filters: [
            "ip-address-type": "ipAddressType", "service-name": "serviceName", "vpc-endpoint-id": "vpcEndpointId",
            "vpc-endpoint-state": "state", "vpc-endpoint-type": "vpcEndpointType", "vpc-id": "vpcId",
        ])

    /// Services that have interface endpoints, with the private name of each where it is not `SERVICE.REGION.amazonaws.com`.
    private static let interfaceServices: [String: String] = [
        "autoscaling": "autoscaling", "ec2": "ec2", "ec2messages": "ec2messages", "ecr.api": "api.ecr", "ecr.dkr": "dkr.ecr", "eks": "eks",
        "eks-auth": "eks-auth", "elasticfilesystem": "elasticfilesystem", "elasticloadbalancing": "elasticloadbalancing", "kms": "kms",
        "logs": "logs", "monitoring": "monitoring", "s3": "s3", "secretsmanager": "secretsmanager", "sns": "sns", "sqs": "sqs",
        "ssm": "ssm",
        "ssmmessages": "ssmmessages", "sts": "sts", "xray": "xray",
    ]
    private static let gatewayServices = ["s3", "dynamodb"]

    private static let openPolicy =
        "{\"Statement\":[{\"Action\":\"*\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Resource\":\"*\"}]}"

    /// `ecr.api` of `com.amazonaws.ap-northeast-1.ecr.api`.
    private static func service(_ name: String, _ region: String) -> String? {
        let prefix = "com.amazonaws.\(region)."
        return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        for member in ["SubnetConfiguration", "ServiceNetworkArn", "ResourceConfigurationArn", "ServiceRegion"]
        where request.input[member] != nil {
            throw AWSError(400, "UnsupportedOperation", "The parameter \(member) is not supported.")
        }
        let vpc = try request.resource(.vpc, "VpcId", draft)
        let name = try request.required("ServiceName")
        let type = request.string("VpcEndpointType") ?? "Gateway"
        let word = service(name, draft.region)
        let isKnown = word.map { type == "Gateway" ? gatewayServices.contains($0) : interfaceServices[$0] != nil } ?? false
        guard isKnown, ["Gateway", "Interface"].contains(type) else {
            let exists = word.map { gatewayServices.contains($0) || interfaceServices[$0] != nil } ?? false
            guard exists else { throw AWSError(400, "InvalidServiceName", "The Vpc Endpoint Service '\(name)' does not exist") }
            throw AWSError(
                400, "InvalidParameter",
                "Endpoint type (\(type)) does not match available service types ([\(type == "Gateway" ? "Interface" : "Gateway")]).")
        }
        if let policy = request.string("PolicyDocument"), (try? JSON(parsing: policy))?.object == nil {
            throw AWSError(400, "InvalidPolicyDocument", "The Policy Document is not valid JSON")
        }
        let tags = try EC2Tags.specified(request, for: .vpcEndpoint)
        return try draft.once(request, .vpcEndpoint, answer: "vpcEndpoint", keepsToken: true) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            let id = draft.newID("vpce-")
            var endpoint: JSON = [
                "vpcEndpointId": .string(id), "vpcEndpointType": .string(type), "vpcId": vpc["vpcId"] ?? "", "serviceName": .string(name),
                "state": "available", "policyDocument": .string(request.string("PolicyDocument") ?? openPolicy), "routeTableIdSet": [],
                "subnetIdSet": [], "groupSet": [], "privateDnsEnabled": false, "requesterManaged": false, "networkInterfaceIdSet": [],
                "dnsEntrySet": [], "creationTimestamp": .string(draft.world.now.ec2Text), "ownerId": .string(draft.account),
                "ipAddressType": .string(request.string("IpAddressType") ?? "ipv4"), "dnsOptions": ["dnsRecordIpType": "ipv4"],
                "serviceRegion": .string(draft.region), "tagSet": tags,
            ]
            draft.put(.vpcEndpoint, id, endpoint)
            if type == "Gateway" {
                endpoint["dnsOptions"] = ["dnsRecordIpType": "service-defined"]
                try addRoutes(&draft, &endpoint, to: request.strings("RouteTableId"))
            } else {
                try beInterface(request, &draft, &endpoint, vpc: vpc, word: word ?? "")
            }
            draft.put(.vpcEndpoint, id, endpoint)
            draft.settle(.vpcEndpoint, id)
            return id
        }
    }

    // MARK: Gateway endpoints

    private static func prefixList(_ endpoint: JSON, _ region: String) -> String {
        PrefixLists.all(region).first { $0.name == endpoint["serviceName"]?.string }?.id ?? ""
    }

    /// A route to the service's prefix list in each table.
    private static func addRoutes(_ draft: inout ResourceDraft, _ endpoint: inout JSON, to tables: [String]) throws(AWSError) {
        guard draft.list(.vpcEndpoint).filter({ $0["vpcEndpointType"] == "Gateway" }).count <= EC2Quota.gatewayEndpoints else {
            throw AWSError(400, "VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")
        }
        let list = prefixList(endpoint, draft.region)
        for id in tables {
            let table = try draft.require(.routeTable, id)
            guard table["vpcId"] == endpoint["vpcId"] else {
                throw AWSError(
                    400, "InvalidRouteTableId.NotFound", "The route table '\(id)' does not belong to the VPC of the endpoint")
            }
            guard !(table["routeSet"]?.array ?? []).contains(where: { $0["destinationPrefixListId"]?.string == list }) else {
                throw AWSError(
                    400, "RouteAlreadyExists", "route table \(id) already has a route with destination-prefix-list-id \(list)")
            }
            try Routes.add(&draft, to: id, ["destinationPrefixListId": .string(list), "gatewayId": endpoint["vpcEndpointId"] ?? ""])
        }
        endpoint["routeTableIdSet"] = JSON(strings: (endpoint["routeTableIdSet"]?.strings ?? []) + tables)
    }

    private static func removeRoutes(_ draft: inout ResourceDraft, _ endpoint: inout JSON, from tables: [String]) throws(AWSError) {
        let id = endpoint["vpcEndpointId"]
        for table in tables where draft.get(.routeTable, table) != nil {
            try draft.update(.routeTable, table) { $0["routeSet"] = .array(($0["routeSet"]?.array ?? []).filter { $0["gatewayId"] != id }) }
        }
        endpoint["routeTableIdSet"] = JSON(strings: (endpoint["routeTableIdSet"]?.strings ?? []).filter { !tables.contains($0) })
    }

    // MARK: Interface endpoints

    private static func beInterface(
        _ request: EC2Request, _ draft: inout ResourceDraft, _ endpoint: inout JSON, vpc: JSON, word: String
    ) throws(AWSError) {
        let vpcID = vpc["vpcId"]?.string ?? ""
        let siblings = draft.list(.vpcEndpoint, "vpcId", vpcID).filter { $0["vpcEndpointType"] == "Interface" }
        guard siblings.count <= EC2Quota.interfaceEndpointsPerVPC else {
            throw AWSError(400, "VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")
        }
        let isPrivate = request.bool("PrivateDnsEnabled") ?? true
        if isPrivate {
            guard vpc["_enableDnsSupport"]?.bool == true, vpc["_enableDnsHostnames"]?.bool == true else {
                throw AWSError(
                    400, "InvalidParameter",
                    "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for \(vpcID)")
            }
            let id = endpoint["vpcEndpointId"]
            guard
                !siblings.contains(where: {
                    $0["vpcEndpointId"] != id && $0["serviceName"] == endpoint["serviceName"] && $0["privateDnsEnabled"]?.bool == true
                })
            else {
                throw AWSError(
                    400, "InvalidParameter",
                    "private-dns-enabled cannot be set because there is already a conflicting DNS domain for \(privateName(word, draft.region)) in the VPC \(vpcID)"
                )
            }
        }
        var groups = request.strings("SecurityGroupId")
        for group in groups {
            guard try draft.require(.securityGroup, group)["vpcId"]?.string == vpcID else {
                throw AWSError(400, "InvalidParameter", "Security group \(group) and VPC \(vpcID) belong to different networks.")
            }
        }
        if groups.isEmpty { groups = [SecurityGroups.defaultGroup(of: vpcID, draft)] }
        endpoint["state"] = "pending"
        endpoint["privateDnsEnabled"] = .bool(isPrivate)
        endpoint["groupSet"] = NetworkInterfaces.groupSet(groups, draft)
        for subnet in request.strings("SubnetId") { try addSubnet(&draft, &endpoint, subnet) }
        let id = endpoint["vpcEndpointId"]?.string ?? ""
        let suffix = "\(id)-\(draft.world.random.characters(8, of: "abcdefghijklmnopqrstuvwxyz0123456789"))"
        let regional = "\(word).\(draft.region).vpce.amazonaws.com"
        var names = ["\(suffix).\(regional)"]
        var zones: [String] = []
        for subnet in endpoint["subnetIdSet"]?.strings ?? [] {
            let zone = draft.get(.subnet, subnet)?["availabilityZone"]?.string ?? ""
            zones.append("\(suffix)-\(zone).\(regional)")
        }
        names += zones.sorted()
        if isPrivate { names.append(privateName(word, draft.region)) }
        endpoint["dnsEntrySet"] = .array(names.map { ["dnsName": .string($0), "hostedZoneId": "Z2E726K9Y6RL4W"] })
    }

    private static func privateName(_ word: String, _ region: String) -> String {
        "\(interfaceServices[word] ?? word).\(region).amazonaws.com"
    }

    /// One interface in a further zone.
    private static func addSubnet(_ draft: inout ResourceDraft, _ endpoint: inout JSON, _ id: String) throws(AWSError) {
        let subnet = try draft.require(.subnet, id)
        guard subnet["vpcId"] == endpoint["vpcId"] else {
            throw AWSError(400, "InvalidSubnetID.NotFound", "The subnet '\(id)' does not belong to the VPC of the endpoint")
        }
        let present = endpoint["subnetIdSet"]?.strings ?? []
        let zones = present.map { draft.get(.subnet, $0)?["availabilityZone"] }
        guard !zones.contains(subnet["availabilityZone"]) else {
            throw AWSError(
                400, "DuplicateSubnetsInSameZone",
                "Found another VPC endpoint subnet in the availability zone of \(id). VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."
            )
        }
        let groups = (endpoint["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string }
        let interface = try NetworkInterfaces.make(
            &draft, in: subnet, InterfaceWish(), groups: groups,
            NetworkInterfaces.Purpose(
                description: "VPC Endpoint Interface \(endpoint["vpcEndpointId"]?.string ?? "")", type: "vpc_endpoint",
                requester: draft.account))
        try NetworkInterfaceAttachments.putManaged(&draft, interface: interface, owner: NATGateways.serviceOwner)
        endpoint["subnetIdSet"] = JSON(strings: present + [id])
        endpoint["networkInterfaceIdSet"] = JSON(strings: (endpoint["networkInterfaceIdSet"]?.strings ?? []) + [interface])
    }

    private static func removeSubnet(_ draft: inout ResourceDraft, _ endpoint: inout JSON, _ id: String) throws(AWSError) {
        var kept: [String] = []
        for interface in endpoint["networkInterfaceIdSet"]?.strings ?? [] {
            if draft.get(.networkInterface, interface)?["subnetId"]?.string == id {
                try NetworkInterfaces.remove(&draft, interface)
            } else {
                kept.append(interface)
            }
        }
        endpoint["networkInterfaceIdSet"] = JSON(strings: kept)
        endpoint["subnetIdSet"] = JSON(strings: (endpoint["subnetIdSet"]?.strings ?? []).filter { $0 != id })
    }

    // MARK: Changing and deleting

    @Sendable private static func modify(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("VpcEndpointId")
        var endpoint = try draft.require(.vpcEndpoint, id)
        if request.bool("ResetPolicy") == true { endpoint["policyDocument"] = .string(openPolicy) }
        if let policy = request.string("PolicyDocument") {
            guard (try? JSON(parsing: policy))?.object != nil else {
                throw AWSError(400, "InvalidPolicyDocument", "The Policy Document is not valid JSON")
            }
            endpoint["policyDocument"] = .string(policy)
        }
        try removeRoutes(&draft, &endpoint, from: request.strings("RemoveRouteTableId"))
        if !request.strings("AddRouteTableId").isEmpty { try addRoutes(&draft, &endpoint, to: request.strings("AddRouteTableId")) }
        for subnet in request.strings("RemoveSubnetId") { try removeSubnet(&draft, &endpoint, subnet) }
        for subnet in request.strings("AddSubnetId") { try addSubnet(&draft, &endpoint, subnet) }
        if let flag = request.input["PrivateDnsEnabled"] { endpoint["privateDnsEnabled"] = flag }
        let removed = Set(request.strings("RemoveSecurityGroupId"))
        let added = request.strings("AddSecurityGroupId")
        if !removed.isEmpty || !added.isEmpty {
            let present = (endpoint["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string }
            for group in added { _ = try draft.require(.securityGroup, group) }
            let set = NetworkInterfaces.groupSet(present.filter { !removed.contains($0) && !added.contains($0) } + added, draft)
            endpoint["groupSet"] = set
            for interface in endpoint["networkInterfaceIdSet"]?.strings ?? [] {
                try draft.update(.networkInterface, interface) { $0["groupSet"] = set }
            }
        }
        draft.put(.vpcEndpoint, id, endpoint)
        return ec2Return
    }

    /// Those that exist go; the others are told of, each with its own error.
    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        var failed: [JSON] = []
        for id in request.strings("VpcEndpointId") {
            guard draft.get(.vpcEndpoint, id) != nil else {
                let error = ResourceKind.vpcEndpoint.notFound(id)
                failed.append([
                    "resourceId": .string(id), "error": ["code": .string(error.code), "message": .string(error.message)],
                ])
                continue
            }
            try draft.update(.vpcEndpoint, id) { $0["state"] = "deleting" }
            draft.settle(.vpcEndpoint, id)
        }
        return ["unsuccessful": .array(failed)]
    }

    /// Removes an endpoint with its interfaces and routes.
    static func remove(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        var endpoint = try draft.require(.vpcEndpoint, id)
        try removeRoutes(&draft, &endpoint, from: endpoint["routeTableIdSet"]?.strings ?? [])
        for interface in endpoint["networkInterfaceIdSet"]?.strings ?? [] where draft.get(.networkInterface, interface) != nil {
            try NetworkInterfaces.remove(&draft, interface)
        }
        draft.remove(.vpcEndpoint, id)
    }

    @Sendable private static func describeServices(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let region = draft.region
        let zones = EC2Zones.of(region)
        var rows: [JSON] = []
        for (type, word) in gatewayServices.map({ ("Gateway", $0) }) + interfaceServices.keys.sorted().map({ ("Interface", $0) }) {
            let name = "com.amazonaws.\(region).\(word)"
            rows.append([
                "serviceName": .string(name), "serviceRegion": .string(region), "serviceType": [["serviceType": .string(type)]],
                "availabilityZoneSet": JSON(strings: zones.map(\.name)), "availabilityZoneIdSet": JSON(strings: zones.map(\.id)),
                "owner": "amazon", "baseEndpointDnsNameSet": [.string("\(word).\(region).vpce.amazonaws.com")],
                "vpcEndpointPolicySupported": true, "acceptanceRequired": false, "managesVpcEndpoints": false, "tagSet": [],
                "supportedIpAddressTypeSet": ["ipv4"],
            ])
        }
        let wanted = request.strings("ServiceName")
        for name in wanted where !rows.contains(where: { $0["serviceName"]?.string == name }) {
            throw AWSError(400, "InvalidServiceName", "The Vpc Endpoint Service '\(name)' does not exist")
        }
        let found = try EC2Filter.select(
            rows.filter { wanted.isEmpty || wanted.contains($0["serviceName"]?.string ?? "") }, request.structures("Filter"),
            paths: [
                "owner": "owner", "service-name": "serviceName", "service-region": "serviceRegion",
                "service-type": "serviceType.serviceType",
            ])
        return [
            "serviceNameSet": JSON(strings: Set(found.compactMap { $0["serviceName"]?.string }).sorted()),
            "serviceDetailSet": .array(found),
        ]
    }
}
