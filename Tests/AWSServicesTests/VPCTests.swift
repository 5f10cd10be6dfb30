import JSON
import Testing
import World

@Suite("EC2 networks")
struct VPCTests {
    @Test("an account's region starts with a default network, once")
    func defaultNetwork() async throws {
        let simulation = try await Simulation()
        #expect(await simulation.ec2("DescribeVpcs").fields("cidrBlock") == ["172.31.0.0/16", "172.31.0.0/16"])
        let subnets = await simulation.ec2("DescribeSubnets")
        #expect(subnets.fields("availabilityZone") == ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"])
        #expect(subnets.fields("availabilityZoneId") == ["apne1-az4", "apne1-az1", "apne1-az2"])
        #expect(subnets.fields("availableIpAddressCount") == ["4091", "4091", "4091"])
        #expect(await simulation.ec2("DescribeSecurityGroups").fields("groupName") == ["default"])
        #expect(await simulation.ec2("DescribeInternetGateways").fields("state") == ["available"])
        let again = try await Simulation(store: simulation.store)
        #expect(await again.ec2("DescribeVpcs").text.contains(await simulation.ec2("DescribeVpcs").field("vpcId") ?? "?"))
        #expect(await again.ec2("DescribeSubnets").fields("subnetId") == subnets.fields("subnetId"))
    }

    @Test("VPCs: sizes, further blocks, attributes, what keeps one from going")
    func vpcs() async throws {
        let simulation = try await Simulation()
        _ = await simulation.walk([
            .no("CreateVpc", ("CidrBlock", "10.0.0.0/15"), because: "InvalidVpc.Range: The CIDR '10.0.0.0/15' is invalid."),
            .no("CreateVpc", ("CidrBlock", "10.0.0.0/29"), because: "InvalidVpc.Range"),
            .no(
                "CreateVpc", ("CidrBlock", "10.0.0/16"),
                because: "InvalidParameterValue: Value (10.0.0/16) for parameter cidrBlock is invalid. This is not a valid CIDR block."),
            .no("CreateVpc", because: "MissingParameter: The request must contain the parameter cidrBlock"),
            .no(
                "CreateVpc", ("CidrBlock", "10.0.0.0/16"), ("Nonsense", "1"),
                because: "UnknownParameter: The parameter Nonsense is not recognized"),
            .no("CreateVpc", ("CidrBlock", "10.0.0.0/16"), ("InstanceTenancy", "x"), because: "InvalidParameterValue"),
            .no("CreateVpc", ("CidrBlock", "10.0.0.0/16"), ("DryRun", "true"), because: "DryRunOperation"),
            .ok("CreateVpc", ("CidrBlock", "10.0.3.7/16"), keep: [("vpc", "vpcId")], show: [("state", ["pending", "associated"])]),
            .ok("DescribeVpcs", ("VpcId.1", "$vpc"), show: [("isDefault", ["false"])]),
            .ok("DescribeVpcs", ("Filter.1.Name", "cidr"), ("Filter.1.Value.1", "10.*"), show: [("vpcId", ["$vpc"])]),
            .no("DescribeVpcs", ("VpcId.1", "vpc-0123"), because: "InvalidVpcID.NotFound: The vpc ID 'vpc-0123' does not exist"),
            .no("DescribeVpcs", ("VpcId.1", "x"), because: "InvalidVpcID.Malformed: Invalid id: \"x\" (expecting \"vpc-...\")"),
            .ok("DescribeVpcAttribute", ("VpcId", "$vpc"), ("Attribute", "enableDnsHostnames"), show: [("value", ["false"])]),
            .ok("ModifyVpcAttribute", ("VpcId", "$vpc"), ("EnableDnsHostnames.Value", "true")),
            .ok("DescribeVpcAttribute", ("VpcId", "$vpc"), ("Attribute", "enableDnsHostnames"), show: [("value", ["true"])]),
            .no("AssociateVpcCidrBlock", ("VpcId", "$vpc"), ("CidrBlock", "10.0.128.0/17"), because: "InvalidVpc.Range"),
            .no("AssociateVpcCidrBlock", ("VpcId", "$vpc"), ("CidrBlock", "192.168.0.0/16"), because: "InvalidVpc.Range"),
            .ok("AssociateVpcCidrBlock", ("VpcId", "$vpc"), ("CidrBlock", "100.64.0.0/16"), keep: [("block", "associationId")]),
            .ok("CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "100.64.0.0/24"), keep: [("subnet", "subnetId")]),
            .no("DisassociateVpcCidrBlock", ("AssociationId", "$block"), because: "InvalidCidrBlock.InUse"),
            .no(
                "DeleteVpc", ("VpcId", "$vpc"),
                because: "DependencyViolation: The vpc '$vpc' has dependencies and cannot be deleted."),
            .ok("DeleteSubnet", ("SubnetId", "$subnet")), .ok("DisassociateVpcCidrBlock", ("AssociationId", "$block")),
            .ok("DescribeRouteTables", ("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", "$vpc"), show: [("gatewayId", ["local"])]),
            .ok("DeleteVpc", ("VpcId", "$vpc")), .no("DeleteVpc", ("VpcId", "$vpc"), because: "InvalidVpcID.NotFound"),
        ])
        for _ in 0..<4 { _ = await simulation.ec2("CreateVpc", ("CidrBlock", "10.0.0.0/16")) }
        #expect(await simulation.ec2("CreateVpc", ("CidrBlock", "10.0.0.0/16")).verdict == "400 VpcLimitExceeded")
    }

    @Test("subnets: blocks, zones, IPv6, attributes, reservations")
    func subnets() async throws {
        let simulation = try await Simulation()
        let known = await simulation.walk([
            .ok(
                "CreateVpc", ("CidrBlock", "10.0.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true"),
                keep: [("vpc", "vpcId"), ("ipv6", "ipv6CidrBlock")]),
            .ok(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/24"), ("AvailabilityZone", "ap-northeast-1c"),
                keep: [("a", "subnetId")],
                show: [("availabilityZoneId", ["apne1-az1"]), ("availableIpAddressCount", ["251"]), ("state", ["available"])]),
            .no(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.128/25"),
                because: "InvalidSubnet.Conflict: The CIDR '10.0.0.128/25' conflicts with another subnet"),
            .no(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.1.0.0/24"),
                because: "InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid."),
            .no("CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.1.0/29"), because: "InvalidSubnet.Range"),
            .no(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.1.0/24"), ("AvailabilityZone", "ap-northeast-1b"),
                because:
                    "InvalidParameterValue: Value (ap-northeast-1b) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ap-northeast-1a, ap-northeast-1c, ap-northeast-1d."
            ),
            .ok(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.1.0/28"), ("TagSpecification.1.ResourceType", "subnet"),
                ("TagSpecification.1.Tag.1.Key", "kubernetes.io/role/elb"), ("TagSpecification.1.Tag.1.Value", "1"),
                keep: [("b", "subnetId")], show: [("availableIpAddressCount", ["11"])]),
            .ok(
                "DescribeSubnets", ("Filter.1.Name", "tag:kubernetes.io/role/elb"), ("Filter.1.Value.1", "?"), ("Filter.2.Name", "vpc-id"),
                ("Filter.2.Value.1", "$vpc"), ("Filter.2.Value.2", "vpc-none"), show: [("subnetId", ["$b"])]),
            .no("DescribeSubnets", ("Filter.1.Name", "nope"), ("Filter.1.Value.1", "1"), because: "InvalidParameterValue"),
            .ok("ModifySubnetAttribute", ("SubnetId", "$a"), ("MapPublicIpOnLaunch.Value", "true")),
            .no(
                "ModifySubnetAttribute", ("SubnetId", "$a"), ("AssignIpv6AddressOnCreation.Value", "true"), because: "InvalidParameterValue"
            ),
            .no("AssociateSubnetCidrBlock", ("SubnetId", "$a"), ("Ipv6CidrBlock", "2001:db8::/64"), because: "InvalidSubnet.Range"),
            .ok(
                "CreateSubnetCidrReservation", ("SubnetId", "$a"), ("Cidr", "10.0.0.64/26"), ("ReservationType", "prefix"),
                keep: [("kept", "subnetCidrReservationId")]),
            .no(
                "CreateSubnetCidrReservation", ("SubnetId", "$a"), ("Cidr", "10.0.0.64/28"), ("ReservationType", "explicit"),
                because: "InvalidParameterValue"),
            .ok("GetSubnetCidrReservations", ("SubnetId", "$a"), show: [("cidr", ["10.0.0.64/26"])]),
            .ok("DeleteSubnetCidrReservation", ("SubnetCidrReservationId", "$kept")),
            .ok("GetSubnetCidrReservations", ("SubnetId", "$a"), show: [("cidr", [])]),
            .ok("DeleteSubnet", ("SubnetId", "$b")), .no("DeleteSubnet", ("SubnetId", "$b"), because: "InvalidSubnetID.NotFound"),
            .ok("DescribeNetworkAcls", ("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", "$vpc"), show: [("subnetId", ["$a"])]),
        ])
        let block = (known["ipv6"] ?? "").replacing("::/56", with: "::/64")
        let associated = await simulation.ec2("AssociateSubnetCidrBlock", ("SubnetId", known["a"] ?? ""), ("Ipv6CidrBlock", block))
        #expect(associated.field("ipv6CidrBlock") == block, "\(associated.text)")
    }

    @Test("gateways and routes: main table, associations, blackholes, order of deletion")
    func routes() async throws {
        let simulation = try await Simulation()
        _ = await simulation.walk([
            .ok("CreateVpc", ("CidrBlock", "10.0.0.0/16"), keep: [("vpc", "vpcId")]),
            .ok("CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/24"), keep: [("subnet", "subnetId")]),
            .ok("CreateInternetGateway", keep: [("igw", "internetGatewayId")]),
            .ok("CreateRouteTable", ("VpcId", "$vpc"), ("ClientToken", "t"), keep: [("rtb", "routeTableId")]),
            .ok("CreateRouteTable", ("VpcId", "$vpc"), ("ClientToken", "t"), show: [("routeTableId", ["$rtb"])]),
            .no("CreateRouteTable", ("VpcId", "vpc-1"), ("ClientToken", "t"), because: "InvalidVpcID.NotFound"),
            .no(
                "CreateRoute", ("RouteTableId", "$rtb"), ("DestinationCidrBlock", "0.0.0.0/0"), ("GatewayId", "$igw"),
                because: "InvalidParameterValue: route table $rtb and network gateway $igw belong to different networks"),
            .ok("AttachInternetGateway", ("InternetGatewayId", "$igw"), ("VpcId", "$vpc")),
            .no(
                "AttachInternetGateway", ("InternetGatewayId", "$igw"), ("VpcId", "$vpc"),
                because: "Resource.AlreadyAssociated: resource $igw is already attached to network $vpc"),
            .ok("CreateRoute", ("RouteTableId", "$rtb"), ("DestinationCidrBlock", "0.0.0.0/0"), ("GatewayId", "$igw")),
            .no(
                "CreateRoute", ("RouteTableId", "$rtb"), ("DestinationCidrBlock", "0.0.0.0/0"), ("GatewayId", "$igw"),
                because: "RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists."),
            .no(
                "CreateRoute", ("RouteTableId", "$rtb"), ("DestinationCidrBlock", "10.0.1.0/24"), ("GatewayId", "$igw"),
                because:
                    "InvalidParameterValue: The destination CIDR block 10.0.1.0/24 is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
            ),
            .no(
                "DeleteRoute", ("RouteTableId", "$rtb"), ("DestinationCidrBlock", "10.0.0.0/16"),
                because: "InvalidParameterValue: cannot remove local route 10.0.0.0/16 in route table $rtb"),
            .no(
                "DeleteRoute", ("RouteTableId", "$rtb"), ("DestinationCidrBlock", "1.0.0.0/8"),
                because: "InvalidRoute.NotFound: no route with destination-cidr-block 1.0.0.0/8 in route table $rtb"),
            .ok("AssociateRouteTable", ("RouteTableId", "$rtb"), ("SubnetId", "$subnet"), keep: [("assoc", "associationId")]),
            .no(
                "DeleteRouteTable", ("RouteTableId", "$rtb"),
                because: "DependencyViolation: The routeTable '$rtb' has dependencies and cannot be deleted."),
            .ok(
                "DescribeRouteTables", ("Filter.1.Name", "association.subnet-id"), ("Filter.1.Value.1", "$subnet"),
                show: [("routeTableId", ["$rtb", "$rtb"])]),
            .no(
                "DeleteInternetGateway", ("InternetGatewayId", "$igw"),
                because: "DependencyViolation: The internetGateway '$igw' has dependencies and cannot be deleted."),
            .ok("DetachInternetGateway", ("InternetGatewayId", "$igw"), ("VpcId", "$vpc")),
            .no(
                "DetachInternetGateway", ("InternetGatewayId", "$igw"), ("VpcId", "$vpc"),
                because: "Gateway.NotAttached: resource $igw is not attached to network $vpc"),
            .ok(
                "DescribeRouteTables", ("Filter.1.Name", "route.state"), ("Filter.1.Value.1", "blackhole"),
                show: [("gatewayId", ["local", "$igw"])]),
            .ok("DisassociateRouteTable", ("AssociationId", "$assoc")),
            .no(
                "DisassociateRouteTable", ("AssociationId", "$assoc"),
                because: "InvalidAssociationID.NotFound: The association ID '$assoc' does not exist"),
            .ok("DeleteRouteTable", ("RouteTableId", "$rtb")), .ok("DeleteInternetGateway", ("InternetGatewayId", "$igw")),
            .ok("DeleteSubnet", ("SubnetId", "$subnet")), .ok("DeleteVpc", ("VpcId", "$vpc")),
        ])
    }

    @Test("tags are found, limited, reserved and removed")
    func tags() async throws {
        let simulation = try await Simulation()
        _ = await simulation.walk([
            .ok("DescribeVpcs", keep: [("vpc", "vpcId")]),
            .ok("CreateTags", ("ResourceId.1", "$vpc"), ("Tag.1.Key", "a"), ("Tag.1.Value", "1")),
            .ok("CreateTags", ("ResourceId.1", "$vpc"), ("Tag.1.Key", "a"), ("Tag.1.Value", "2"), ("Tag.2.Key", "b"), ("Tag.2.Value", "")),
            .ok("DescribeTags", show: [("key", ["a", "b"]), ("value", ["2", ""]), ("resourceType", ["vpc", "vpc"])]),
            .ok("DescribeTags", ("Filter.1.Name", "key"), ("Filter.1.Value.1", "b"), show: [("key", ["b"])]),
            .no("CreateTags", ("ResourceId.1", "$vpc"), ("Tag.1.Key", "aws:x"), ("Tag.1.Value", ""), because: "InvalidParameterValue"),
            .no("CreateTags", ("ResourceId.1", "vpc-1"), ("Tag.1.Key", "x"), ("Tag.1.Value", ""), because: "InvalidVpcID.NotFound"),
            .no("CreateTags", ("ResourceId.1", "foo"), ("Tag.1.Key", "x"), ("Tag.1.Value", ""), because: "InvalidID"),
            .ok("DeleteTags", ("ResourceId.1", "$vpc"), ("Tag.1.Key", "a"), ("Tag.1.Value", "1")),
            .ok("DeleteTags", ("ResourceId.1", "$vpc"), ("Tag.1.Key", "b")), .ok("DescribeTags", show: [("key", ["a"])]),
            .no(
                "CreateVpc", ("CidrBlock", "10.0.0.0/16"), ("TagSpecification.1.ResourceType", "subnet"),
                ("TagSpecification.1.Tag.1.Key", "a"),
                because: "InvalidParameterValue: 'subnet' is not a valid taggable resource type for this operation."),
        ])
    }

    @Test("pages go on where the last one ended, whatever is made meanwhile")
    func pages() async throws {
        let simulation = try await Simulation()
        let vpc = await simulation.ec2("CreateVpc", ("CidrBlock", "10.0.0.0/16")).field("vpcId") ?? ""
        var made: [String] = []
        for index in 0..<12 {
            made.append(
                await simulation.ec2("CreateSubnet", ("VpcId", vpc), ("CidrBlock", "10.0.\(index).0/24")).field("subnetId") ?? "")
        }
        var seen: [String] = []
        var token: String?
        repeat {
            var parameters = [("MaxResults", "5"), ("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)]
            if let token { parameters.append(("NextToken", token)) }
            let page = await simulation.ec2("DescribeSubnets", parameters)
            #expect(page.fields("subnetId").count <= 5)
            seen += page.fields("subnetId")
            token = page.field("nextToken")
            _ = await simulation.ec2("DeleteSubnet", ("SubnetId", seen.last ?? ""))
        } while token != nil
        #expect(seen == made)
        #expect(await simulation.ec2("DescribeSubnets", ("MaxResults", "4")).verdict == "400 InvalidParameterValue")
        #expect(await simulation.ec2("DescribeSubnets", ("NextToken", "zz")).verdict == "400 InvalidNextToken")
    }

    @Test("the caller's policies decide by resource, tags and what is made")
    func authorization() async throws {
        let simulation = try await Simulation()
        let user = await simulation.makeUser("ann")
        func allow(_ document: JSON) async {
            _ = await simulation.iam(
                "PutUserPolicy", ("UserName", "ann"), ("PolicyName", "p"),
                ("PolicyDocument", (["Version": "2012-10-17", "Statement": document] as JSON).text))
        }
        #expect(await simulation.ec2("DescribeVpcs", as: user).verdict == "403 UnauthorizedOperation")
        let vpc = await simulation.ec2("DescribeVpcs").field("vpcId") ?? ""
        let base = "arn:aws:ec2:\(Simulation.region):\(Simulation.account)"
        await allow([
            ["Effect": "Allow", "Action": "ec2:CreateSubnet", "Resource": .string("\(base):vpc/\(vpc)")],
            [
                "Effect": "Allow", "Action": "ec2:CreateSubnet", "Resource": .string("\(base):subnet/*"),
                "Condition": ["StringEquals": ["aws:RequestTag/team": "a"]],
            ],
            [
                "Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*",
                "Condition": ["StringEquals": ["ec2:CreateAction": "CreateSubnet"]],
            ],
            [
                "Effect": "Allow", "Action": "ec2:DeleteSubnet", "Resource": "*",
                "Condition": ["StringEquals": ["aws:ResourceTag/team": "a"]],
            ],
        ])
        func subnet(_ block: String, _ team: String) async -> Answer {
            await simulation.ec2(
                "CreateSubnet", ("VpcId", vpc), ("CidrBlock", block), ("TagSpecification.1.ResourceType", "subnet"),
                ("TagSpecification.1.Tag.1.Key", "team"), ("TagSpecification.1.Tag.1.Value", team), as: user)
        }
        let mine = await subnet("172.31.100.0/24", "a")
        #expect(mine.status == 200, "\(mine.text)")
        #expect(await subnet("172.31.101.0/24", "b").verdict == "403 UnauthorizedOperation")
        let other = await simulation.ec2("DescribeSubnets").field("subnetId") ?? ""
        let refused = await simulation.ec2("DeleteSubnet", ("SubnetId", other), as: user)
        #expect(refused.verdict == "403 UnauthorizedOperation" && refused.message.contains("on resource: \(base):subnet/\(other)"))
        #expect(
            await simulation.ec2("CreateTags", ("ResourceId.1", vpc), ("Tag.1.Key", "x"), as: user).verdict == "403 UnauthorizedOperation")
        #expect(
            await simulation.ec2("DeleteSubnet", ("SubnetId", mine.field("subnetId") ?? ""), ("DryRun", "true"), as: user).verdict
                == "412 DryRunOperation")
        #expect(await simulation.ec2("DeleteSubnet", ("SubnetId", mine.field("subnetId") ?? ""), as: user).status == 200)
    }
}
