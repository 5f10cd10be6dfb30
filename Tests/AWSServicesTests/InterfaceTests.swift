import JSON
import Testing
import World

@Suite("EC2 network interfaces and addresses")
struct InterfaceTests {
    @Test("addresses, prefixes and IPv6 of an interface come from its subnet, lowest first, and go back")
    func addresses() async throws {
        let simulation = try await Simulation()
        _ = await simulation.walk([
            .ok(
                "CreateVpc", ("CidrBlock", "10.0.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true"),
                keep: [("vpc", "vpcId"), ("ipv6", "ipv6CidrBlock")]),
            .ok("CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/26"), keep: [("subnet", "subnetId")]),
            .ok(
                "CreateNetworkInterface", ("SubnetId", "$subnet"), ("SecondaryPrivateIpAddressCount", "2"), ("Description", "d"),
                keep: [("eni", "networkInterfaceId")],
                show: [
                    ("privateIpAddress", ["10.0.0.4", "10.0.0.4", "10.0.0.5", "10.0.0.6"]), ("primary", ["true", "false", "false"]),
                    ("status", ["pending"]), ("groupName", ["default"]),
                    ("privateDnsName", [4, 4, 5, 6].map { "ip-10-0-0-\($0).ap-northeast-1.compute.internal" }),
                ]),
            .ok("DescribeSubnets", ("SubnetId.1", "$subnet"), show: [("availableIpAddressCount", ["56"])]),
            .ok(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("Ipv4PrefixCount", "1"),
                show: [("ipv4Prefix", ["10.0.0.16/28"]), ("privateIpAddress", [])]),
            .ok("DescribeSubnets", ("SubnetId.1", "$subnet"), show: [("availableIpAddressCount", ["40"])]),
            .ok(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("PrivateIpAddress.1", "10.0.0.60"),
                show: [("privateIpAddress", ["10.0.0.60"])]),
            .no(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("PrivateIpAddress.1", "10.0.0.60"),
                because: "InvalidIPAddress.InUse: Address 10.0.0.60 is in use."),
            .no(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("PrivateIpAddress.1", "10.0.0.2"),
                because: "InvalidParameterValue: Address 10.0.0.2 is in subnet's reserved address range"),
            .no(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("PrivateIpAddress.1", "10.0.1.1"),
                because: "InvalidParameterValue: Address 10.0.1.1 does not fall within the subnet's address range"),
            .no(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("Ipv4PrefixCount", "2"),
                because:
                    "InsufficientCidrBlocks: The specified subnet does not have enough free cidr blocks to satisfy the request."),
            .no(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("SecondaryPrivateIpAddressCount", "40"),
                because:
                    "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request."
            ),
            .no("AssignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), because: "MissingParameter"),
            .ok(
                "UnassignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("PrivateIpAddress.1", "10.0.0.5"),
                ("PrivateIpAddress.2", "10.0.0.60")),
            .no(
                "UnassignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("PrivateIpAddress.1", "10.0.0.5"),
                because: "InvalidParameterValue"),
            .no(
                "UnassignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("PrivateIpAddress.1", "10.0.0.4"),
                because: "InvalidParameterValue"),
            .ok("UnassignPrivateIpAddresses", ("NetworkInterfaceId", "$eni"), ("Ipv4Prefix.1", "10.0.0.16/28")),
            .no(
                "AssignIpv6Addresses", ("NetworkInterfaceId", "$eni"), ("Ipv6AddressCount", "1"),
                because: "InvalidParameterValue: The subnet '$subnet' does not have an IPv6 CIDR block"),
            .ok(
                "CreateNetworkInterface", ("SubnetId", "$subnet"), ("PrivateIpAddress", "10.0.0.5"), keep: [("other", "networkInterfaceId")]
            ),
            .no(
                "DeleteSubnet", ("SubnetId", "$subnet"),
                because: "DependencyViolation: The subnet '$subnet' has dependencies and cannot be deleted."),
            .ok(
                "DescribeNetworkInterfaces", ("Filter.1.Name", "addresses.private-ip-address"), ("Filter.1.Value.1", "10.0.0.6"),
                show: [("networkInterfaceId", ["$eni"]), ("status", ["available"])]),
            .ok("DeleteNetworkInterface", ("NetworkInterfaceId", "$eni")), .ok("DeleteNetworkInterface", ("NetworkInterfaceId", "$other")),
            .ok("DescribeSubnets", ("SubnetId.1", "$subnet"), show: [("availableIpAddressCount", ["59"])]),
            .no("DeleteNetworkInterface", ("NetworkInterfaceId", "$eni"), because: "InvalidNetworkInterfaceID.NotFound"),
            .ok("DeleteSubnet", ("SubnetId", "$subnet")),
        ])
    }

    @Test("IPv6 addresses and prefixes, one by default where the subnet says so")
    func ipv6() async throws {
        let simulation = try await Simulation()
        let made = await simulation.walk([
            .ok(
                "CreateVpc", ("CidrBlock", "10.0.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true"),
                keep: [("vpc", "vpcId"), ("ipv6", "ipv6CidrBlock")])
        ])
        let vpc = made["vpc"] ?? ""
        let base = (made["ipv6"] ?? "").replacing("::/56", with: "")
        _ = await simulation.walk([
            .ok(
                "CreateSubnet", ("VpcId", vpc), ("CidrBlock", "10.0.0.0/24"), ("Ipv6CidrBlock", "\(base)::/64"),
                keep: [("subnet", "subnetId")]),
            .ok("ModifySubnetAttribute", ("SubnetId", "$subnet"), ("AssignIpv6AddressOnCreation.Value", "true")),
            .ok(
                "CreateNetworkInterface", ("SubnetId", "$subnet"), keep: [("eni", "networkInterfaceId")],
                show: [("ipv6Address", ["\(base)::4"])]),
            .ok("AssignIpv6Addresses", ("NetworkInterfaceId", "$eni"), ("Ipv6PrefixCount", "1")),
            .ok(
                "DescribeNetworkInterfaces", ("NetworkInterfaceId.1", "$eni"), show: [("ipv6Prefix", ["\(base):1::/80"])]),
            .ok("UnassignIpv6Addresses", ("NetworkInterfaceId", "$eni"), ("Ipv6Prefix.1", "\(base):1::/80")),
            .ok("DescribeNetworkInterfaces", ("NetworkInterfaceId.1", "$eni"), show: [("ipv6Prefix", [])]),
            .no("DeleteSubnet", ("SubnetId", "$subnet"), because: "DependencyViolation"),
        ])
    }

    @Test("interfaces are attached within the limits of the instance's type, and detached")
    func attachments() async throws {
        let simulation = try await Simulation()
        let image = await simulation.image()
        _ = await simulation.walk([
            .ok("DescribeSubnets", keep: [("subnet", "subnetId")]),
            .ok(
                "RunInstances", ("ImageId", image), ("InstanceType", "t3.medium"), ("MinCount", "1"), ("MaxCount", "1"),
                ("SubnetId", "$subnet"), keep: [("i", "instanceId"), ("first", "networkInterfaceId")]),
            .ok(
                "CreateNetworkInterface", ("SubnetId", "$subnet"), ("SecondaryPrivateIpAddressCount", "4"),
                keep: [("a", "networkInterfaceId")]),
            .ok("CreateNetworkInterface", ("SubnetId", "$subnet"), keep: [("b", "networkInterfaceId")]),
            .ok("CreateNetworkInterface", ("SubnetId", "$subnet"), keep: [("c", "networkInterfaceId")]),
            .ok(
                "AttachNetworkInterface", ("NetworkInterfaceId", "$a"), ("InstanceId", "$i"), ("DeviceIndex", "1"),
                keep: [("attached", "attachmentId")]),
            .no(
                "AttachNetworkInterface", ("NetworkInterfaceId", "$a"), ("InstanceId", "$i"), ("DeviceIndex", "2"),
                because: "InvalidNetworkInterface.InUse: Interface: [$a] in use."),
            .no(
                "AttachNetworkInterface", ("NetworkInterfaceId", "$b"), ("InstanceId", "$i"), ("DeviceIndex", "1"),
                because: "InvalidParameterValue: Instance '$i' already has an interface attached at device index '1'."),
            .ok("AttachNetworkInterface", ("NetworkInterfaceId", "$b"), ("InstanceId", "$i"), ("DeviceIndex", "2")),
            .no(
                "AttachNetworkInterface", ("NetworkInterfaceId", "$c"), ("InstanceId", "$i"), ("DeviceIndex", "3"),
                because: "AttachmentLimitExceeded: Interface count 4 exceeds the limit for t3.medium"),
            .ok("AssignPrivateIpAddresses", ("NetworkInterfaceId", "$a"), ("SecondaryPrivateIpAddressCount", "1")),
            .no(
                "AssignPrivateIpAddresses", ("NetworkInterfaceId", "$a"), ("SecondaryPrivateIpAddressCount", "1"),
                because: "PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit."),
            .no(
                "DeleteNetworkInterface", ("NetworkInterfaceId", "$a"),
                because: "InvalidParameterValue: Network interface '$a' is currently in use."),
            .ok(
                "DescribeNetworkInterfaces", ("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", "$i"),
                show: [("deviceIndex", ["0", "1", "2"])]),
            .ok(
                "ModifyNetworkInterfaceAttribute", ("NetworkInterfaceId", "$a"), ("Attachment.AttachmentId", "$attached"),
                ("Attachment.DeleteOnTermination", "true")),
            .ok("ModifyNetworkInterfaceAttribute", ("NetworkInterfaceId", "$a"), ("Description.Value", "mine")),
            .ok(
                "DescribeNetworkInterfaces", ("Filter.1.Name", "description"), ("Filter.1.Value.1", "mi*"),
                show: [("networkInterfaceId", ["$a"]), ("deleteOnTermination", ["true"])]),
            .ok("DetachNetworkInterface", ("AttachmentId", "$attached")),
            .no("DetachNetworkInterface", ("AttachmentId", "$attached"), because: "InvalidAttachmentID.NotFound"),
            .ok("DeleteNetworkInterface", ("NetworkInterfaceId", "$a")), .ok("TerminateInstances", ("InstanceId.1", "$i")),
        ])
        await simulation.world.advance(by: .seconds(60))
        // The primary one went with the instance; the others stay.
        #expect(await simulation.ec2("DescribeNetworkInterfaces").fields("status") == ["available", "available"])
    }

    @Test("Elastic IPs and NAT gateways: a gateway's lifecycle, what it holds, why it fails")
    func natGateways() async throws {
        let simulation = try await Simulation()
        _ = await simulation.walk([
            .ok("CreateVpc", ("CidrBlock", "10.0.0.0/16"), keep: [("vpc", "vpcId")]),
            .ok("CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/24"), keep: [("subnet", "subnetId")]),
            .ok("AllocateAddress", keep: [("eip", "allocationId"), ("ip", "publicIp")], show: [("domain", ["vpc"])]),
            .ok(
                "CreateNatGateway", ("SubnetId", "$subnet"), ("AllocationId", "$eip"), keep: [("lost", "natGatewayId")],
                show: [("state", ["pending"])]),
            .no("CreateNatGateway", ("SubnetId", "$subnet"), because: "MissingParameter"),
        ])
        await simulation.world.advance(by: .seconds(60))
        let failed = await simulation.ec2("DescribeNatGateways")
        #expect(failed.field("state") == "failed" && failed.field("failureCode") == "Gateway.NotAttached", "\(failed.text)")
        let subnet = await simulation.ec2("DescribeSubnets", ("Filter.1.Name", "cidr-block"), ("Filter.1.Value.1", "10.0.0.0/24"))
        let vpc = subnet.field("vpcId") ?? ""
        let address = await simulation.ec2("DescribeAddresses")
        let eip = address.field("allocationId") ?? ""
        _ = await simulation.walk([
            .ok("CreateInternetGateway", keep: [("igw", "internetGatewayId")]),
            .ok("AttachInternetGateway", ("InternetGatewayId", "$igw"), ("VpcId", vpc)),
            .ok(
                "CreateNatGateway", ("SubnetId", subnet.field("subnetId") ?? ""), ("AllocationId", eip), ("ClientToken", "t"),
                keep: [("nat", "natGatewayId"), ("eni", "networkInterfaceId")], show: [("privateIp", ["10.0.0.4"])]),
            .ok(
                "CreateNatGateway", ("SubnetId", subnet.field("subnetId") ?? ""), ("AllocationId", eip), ("ClientToken", "t"),
                show: [("natGatewayId", ["$nat"])]),
            .ok(
                "DescribeNetworkInterfaces", ("NetworkInterfaceId.1", "$eni"),
                show: [
                    ("interfaceType", ["nat_gateway"]), ("requesterManaged", ["true"]), ("description", ["Interface for NAT Gateway $nat"]),
                    ("publicIp", [address.field("publicIp") ?? "", address.field("publicIp") ?? ""]),
                ]),
            .no("DeleteNetworkInterface", ("NetworkInterfaceId", "$eni"), because: "InvalidParameterValue"),
            .no(
                "ReleaseAddress", ("AllocationId", eip),
                because: "AuthFailure: You do not have permission to access the specified resource."),
            .no(
                "DetachInternetGateway", ("InternetGatewayId", "$igw"), ("VpcId", vpc),
                because:
                    "DependencyViolation: Network \(vpc) has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
            ),
        ])
        await simulation.world.advance(by: .seconds(60))
        let known = await simulation.walk([
            .ok(
                "DescribeNatGateways", ("Filter.1.Name", "state"), ("Filter.1.Value.1", "available"), keep: [("nat", "natGatewayId")]),
            .ok("DeleteNatGateway", ("NatGatewayId", "$nat")),
            .ok("DescribeNatGateways", ("NatGatewayId.1", "$nat"), show: [("state", ["deleting"])]),
            .no("DeleteSubnet", ("SubnetId", subnet.field("subnetId") ?? ""), because: "DependencyViolation"),
        ])
        await simulation.world.advance(by: .seconds(60))
        _ = await simulation.walk([
            .ok("DescribeNatGateways", ("NatGatewayId.1", known["nat"] ?? ""), show: [("state", ["deleted"])]),
            .ok("DescribeNetworkInterfaces", show: [("networkInterfaceId", [])]), .ok("ReleaseAddress", ("AllocationId", eip)),
            .ok("DeleteSubnet", ("SubnetId", subnet.field("subnetId") ?? "")),
        ])
        await simulation.world.advance(by: .seconds(3600))
        #expect(await simulation.ec2("DescribeNatGateways", ("NatGatewayId.1", known["nat"] ?? "")).verdict == "400 NatGatewayNotFound")
    }

    @Test("what was pending when the simulator ended goes on in the next run")
    func restart() async throws {
        let simulation = try await Simulation()
        let allocation = await simulation.ec2("AllocateAddress").field("allocationId") ?? ""
        let subnet = await simulation.ec2("DescribeSubnets").field("subnetId") ?? ""
        _ = await simulation.ec2("CreateNatGateway", ("SubnetId", subnet), ("AllocationId", allocation))
        let free = await simulation.ec2("DescribeSubnets", ("SubnetId.1", subnet)).field("availableIpAddressCount")
        #expect(free == "4090")
        let again = try await Simulation(store: simulation.store)
        #expect(await again.ec2("DescribeSubnets", ("SubnetId.1", subnet)).field("availableIpAddressCount") == free)
        #expect(await again.ec2("DescribeNatGateways").field("state") == "pending")
        await again.world.advance(by: .seconds(60))
        #expect(await again.ec2("DescribeNatGateways").field("state") == "available")
    }

    @Test("Elastic IPs move between interfaces")
    func elasticIPs() async throws {
        let simulation = try await Simulation()
        _ = await simulation.walk([
            .ok("DescribeSubnets", keep: [("subnet", "subnetId")]),
            .ok("CreateNetworkInterface", ("SubnetId", "$subnet"), keep: [("a", "networkInterfaceId")]),
            .ok("CreateNetworkInterface", ("SubnetId", "$subnet"), keep: [("b", "networkInterfaceId")]),
            .ok("AllocateAddress", keep: [("eip", "allocationId"), ("ip", "publicIp")]),
            .ok("AssociateAddress", ("AllocationId", "$eip"), ("NetworkInterfaceId", "$a"), keep: [("at", "associationId")]),
            .no(
                "AssociateAddress", ("AllocationId", "$eip"), ("NetworkInterfaceId", "$b"),
                because: "Resource.AlreadyAssociated: resource $eip is already associated with associate-id $at"),
            .no("ReleaseAddress", ("AllocationId", "$eip"), because: "InvalidIPAddress.InUse: Address $ip is in use."),
            .ok(
                "AssociateAddress", ("PublicIp", "$ip"), ("NetworkInterfaceId", "$b"), ("AllowReassociation", "true"),
                keep: [("at", "associationId")]),
            .ok("DescribeAddresses", ("PublicIp.1", "$ip"), show: [("networkInterfaceId", ["$b"])]),
            .ok("DisassociateAddress", ("AssociationId", "$at")),
            .no("DisassociateAddress", ("AssociationId", "$at"), because: "InvalidAssociationID.NotFound"),
            .ok("DescribeAddressesAttribute", ("AllocationId.1", "$eip"), ("Attribute", "domain-name"), show: [("publicIp", ["$ip"])]),
            .ok("ReleaseAddress", ("AllocationId", "$eip")),
            .no(
                "DescribeAddresses", ("AllocationId.1", "$eip"),
                because: "InvalidAllocationID.NotFound: The allocation ID '$eip' does not exist"),
        ])
    }

    @Test("VPC endpoints: interfaces in zones, routes of gateways, private names")
    func endpoints() async throws {
        let simulation = try await Simulation()
        let s3 = "com.amazonaws.ap-northeast-1.s3"
        _ = await simulation.walk([
            .ok("CreateVpc", ("CidrBlock", "10.0.0.0/16"), keep: [("vpc", "vpcId")]),
            .ok(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/24"), ("AvailabilityZone", "ap-northeast-1a"),
                keep: [("a", "subnetId")]),
            .ok(
                "CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.1.0/24"), ("AvailabilityZone", "ap-northeast-1a"),
                keep: [("b", "subnetId")]),
            .ok("DescribeRouteTables", ("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", "$vpc"), keep: [("rtb", "routeTableId")]),
            .no(
                "CreateVpcEndpoint", ("VpcId", "$vpc"), ("ServiceName", "com.amazonaws.ap-northeast-1.none"),
                because: "InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.ap-northeast-1.none' does not exist"),
            .ok(
                "CreateVpcEndpoint", ("VpcId", "$vpc"), ("ServiceName", s3), ("RouteTableId.1", "$rtb"),
                keep: [("gateway", "vpcEndpointId")],
                show: [("state", ["available"])]),
            .no(
                "CreateVpcEndpoint", ("VpcId", "$vpc"), ("ServiceName", s3), ("RouteTableId.1", "$rtb"), because: "RouteAlreadyExists"),
            .ok(
                "DescribeRouteTables", ("RouteTableId.1", "$rtb"), keep: [("list", "destinationPrefixListId")],
                show: [("gatewayId", ["local", "$gateway"])]),
            .ok("DescribePrefixLists", ("PrefixListId.1", "$list"), show: [("prefixListName", [s3])]),
            .no(
                "CreateVpcEndpoint", ("VpcId", "$vpc"), ("ServiceName", "com.amazonaws.ap-northeast-1.sts"),
                ("VpcEndpointType", "Interface"),
                because:
                    "InvalidParameter: Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for $vpc"
            ),
            .ok("ModifyVpcAttribute", ("VpcId", "$vpc"), ("EnableDnsHostnames.Value", "true")),
            .no(
                "CreateVpcEndpoint", ("VpcId", "$vpc"), ("ServiceName", "com.amazonaws.ap-northeast-1.sts"),
                ("VpcEndpointType", "Interface"),
                ("SubnetId.1", "$a"), ("SubnetId.2", "$b"), because: "DuplicateSubnetsInSameZone"),
            .ok(
                "CreateVpcEndpoint", ("VpcId", "$vpc"), ("ServiceName", "com.amazonaws.ap-northeast-1.ecr.api"),
                ("VpcEndpointType", "Interface"), ("SubnetId.1", "$a"), keep: [("ecr", "vpcEndpointId")],
                show: [("state", ["pending"]), ("privateDnsEnabled", ["true"])]),
            .no(
                "CreateVpcEndpoint", ("VpcId", "$vpc"), ("ServiceName", "com.amazonaws.ap-northeast-1.ecr.api"),
                ("VpcEndpointType", "Interface"),
                because:
                    "InvalidParameter: private-dns-enabled cannot be set because there is already a conflicting DNS domain for api.ecr.ap-northeast-1.amazonaws.com in the VPC $vpc"
            ),
            .ok(
                "DescribeNetworkInterfaces", ("Filter.1.Name", "interface-type"), ("Filter.1.Value.1", "vpc_endpoint"),
                show: [("description", ["VPC Endpoint Interface $ecr"]), ("status", ["in-use", "attached"])]),
            .ok(
                "DeleteVpcEndpoints", ("VpcEndpointId.1", "$gateway"), ("VpcEndpointId.2", "$ecr"), ("VpcEndpointId.3", "vpce-1"),
                show: [("resourceId", ["vpce-1"])]),
        ])
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.ec2("DescribeVpcEndpoints").fields("vpcEndpointId") == [])
        #expect(await simulation.ec2("DescribeNetworkInterfaces").fields("networkInterfaceId") == [])
    }
}

extension Simulation {
    /// A public image for Intel machines.
    func image(_ architecture: String = "x86_64") async -> String {
        await ec2("DescribeImages", ("Filter.1.Name", "name"), ("Filter.1.Value.1", "al2023-ami-*-\(architecture)")).field("imageId") ?? ""
    }
}
