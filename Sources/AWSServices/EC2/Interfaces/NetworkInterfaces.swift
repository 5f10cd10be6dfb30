import IPAddress
import JSON
import VPCModel
import World

/// Elastic network interfaces.
enum NetworkInterfaces {
    static let operations: [EC2Operation] = [
        .write("CreateNetworkInterface", on: ["SubnetId", "SecurityGroupId"], making: [.networkInterface], create),
        .write("DeleteNetworkInterface", on: ["NetworkInterfaceId"], delete), description.operation("DescribeNetworkInterfaces"),
    ]

    private static let description: EC2Description = {
        var filters = [
            "availability-zone": "availabilityZone", "description": "description", "group-id": "groupSet.groupId",
            "group-name": "groupSet.groupName", "interface-type": "interfaceType",
            "ipv6-addresses.ipv6-address": "ipv6AddressesSet.ipv6Address",
            "mac-address": "macAddress", "network-interface-id": "networkInterfaceId", "owner-id": "ownerId",
            "private-dns-name": "privateDnsName", "private-ip-address": "privateIpAddress", "requester-id": "requesterId",
            "requester-managed": "requesterManaged", "source-dest-check": "sourceDestCheck", "status": "status", "subnet-id": "subnetId",
            "vpc-id": "vpcId", "addresses.private-ip-address": "privateIpAddressesSet.privateIpAddress",
            "addresses.primary": "privateIpAddressesSet.primary",
            "addresses.association.public-ip": "privateIpAddressesSet.association.publicIp",
            "addresses.association.owner-id": "privateIpAddressesSet.association.ipOwnerId",
        ]
        for (name, member) in [
            ("association-id", "associationId"), ("allocation-id", "allocationId"), ("ip-owner-id", "ipOwnerId"),
            ("public-ip", "publicIp"), ("public-dns-name", "publicDnsName"),
        ] { filters["association.\(name)"] = "association.\(member)" }
        for (name, member) in [
            ("attachment-id", "attachmentId"), ("attach-time", "attachTime"), ("delete-on-termination", "deleteOnTermination"),
            ("device-index", "deviceIndex"), ("instance-id", "instanceId"), ("instance-owner-id", "instanceOwnerId"), ("status", "status"),
        ] { filters["attachment.\(name)"] = "attachment.\(member)" }
        return EC2Description(
            kind: .networkInterface, set: "networkInterfaceSet", ids: ("NetworkInterfaceId", "networkInterfaceId"), filters: filters)
    }()

    /// What an interface is made for beside its addresses.
    struct Purpose: Sendable {
        var description = ""
        var type = "interface"
        /// The service that made it for the account; `nil` for the account's own.
        var requester: String?
        var tags: JSON = []
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let subnet = try request.resource(.subnet, "SubnetId", draft)
        let type = request.string("InterfaceType") ?? "interface"
        guard ["interface", "trunk", "branch"].contains(type) else {
            throw AWSError(400, "UnsupportedOperation", "Interfaces of type \(type) are not supported.")
        }
        let tags = try EC2Tags.specified(request, for: .networkInterface)
        let wish = try InterfaceWish(request.input)
        let groups = try groups(request.strings("SecurityGroupId"), subnet, draft)
        var answer = try draft.once(request, .networkInterface, answer: "networkInterface", keepsToken: true) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            try make(
                &draft, in: subnet, wish, groups: groups,
                Purpose(description: request.string("Description") ?? "", type: type, tags: tags))
        }
        if answer.at("networkInterface", "status") == "available" { answer["networkInterface"]?["status"] = "pending" }
        return answer
    }

    /// The groups of an interface, which must be of the subnet's VPC: those asked for, or the VPC's default one.
    static func groups(_ ids: [String], _ subnet: JSON, _ draft: ResourceDraft) throws(AWSError) -> [String] {
        let vpc = subnet["vpcId"]?.string ?? ""
        guard !ids.isEmpty else { return [SecurityGroups.defaultGroup(of: vpc, draft)] }
        guard Set(ids).count <= EC2Quota.groupsPerInterface else {
            throw AWSError(
                400, "SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface has been reached.")
        }
        for id in ids {
            guard try draft.require(.securityGroup, id)["vpcId"]?.string == vpc else {
                throw AWSError(
                    400, "InvalidParameter",
                    "Security group \(id) and subnet \(subnet["subnetId"]?.string ?? "") belong to different networks.")
            }
        }
        return ids.reduce(into: []) { kept, id in if !kept.contains(id) { kept.append(id) } }
    }

    /// Groups as records show them.
    static func groupSet(_ ids: [String], _ draft: ResourceDraft) -> JSON {
        .array(
            ids.map { ["groupId": .string($0), "groupName": draft.get(.securityGroup, $0)?["groupName"] ?? ""] })
    }

    /// Makes an interface with its addresses; answers its id.
    static func make(
        _ draft: inout ResourceDraft, in subnet: JSON, _ wish: InterfaceWish, groups: [String], _ purpose: Purpose
    ) throws(AWSError) -> String {
        guard draft.count(.networkInterface) < EC2Quota.interfaces else {
            throw AWSError(400, "NetworkInterfaceLimitExceeded", "The maximum number of network interfaces has been reached.")
        }
        let subnetID = subnet["subnetId"]?.string ?? ""
        let id = draft.newID("eni-")
        let isIPv6Automatic = subnet["assignIpv6AddressOnCreation"]?.bool == true
        let given = try wish.allocate(&draft, subnet: subnetID, isIPv6Automatic: isIPv6Automatic)
        let primary = given.addresses.first?.description ?? ""
        let digits = draft.world.random.hex(10)
        let mac = "06" + stride(from: 0, to: 10, by: 2).map { ":" + digits.dropFirst($0).prefix(2) }.joined()
        var interface: JSON = [
            "networkInterfaceId": .string(id), "subnetId": .string(subnetID), "vpcId": subnet["vpcId"] ?? "",
            "availabilityZone": subnet["availabilityZone"] ?? "", "availabilityZoneId": subnet["availabilityZoneId"] ?? "",
            "description": .string(purpose.description), "ownerId": .string(draft.account),
            "requesterManaged": .bool(purpose.requester != nil), "status": "available", "macAddress": .string(mac),
            "privateIpAddress": .string(primary), "privateDnsName": .string(EC2Names.privateName(primary, draft.region)),
            "sourceDestCheck": .bool(["interface", "trunk", "branch"].contains(purpose.type)), "groupSet": groupSet(groups, draft),
            "interfaceType": .string(purpose.type), "tagSet": purpose.tags,
        ]
        interface["requesterId"] = purpose.requester.map(JSON.string)
        given.write(into: &interface, draft.region)
        draft.put(.networkInterface, id, interface)
        return id
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkInterfaceId")
        let interface = try draft.require(.networkInterface, id)
        guard interface["attachment"] == nil else {
            throw EC2Error.invalid("Network interface '\(id)' is currently in use.")
        }
        try remove(&draft, id)
        return ec2Return
    }

    /// Removes an interface; its addresses go back to the subnet, an Elastic IP is free again.
    static func remove(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        let interface = try draft.require(.networkInterface, id)
        let subnet = interface["subnetId"]?.string ?? ""
        let held = InterfaceAddresses(interface)
        for family in [IPAddress.Family.ipv4, .ipv6] {
            let name = SubnetBlock(subnet: subnet, family: family)
            guard var pool = draft.pool(name) else { continue }
            for address in held.addresses(family) { pool.release(address) }
            for prefix in held.prefixes(family) { pool.release(prefix) }
            draft.setPool(name, pool)
        }
        for entry in interface["privateIpAddressesSet"]?.array ?? [] {
            guard let allocation = entry.at("association", "allocationId")?.string, draft.get(.address, allocation) != nil else { continue }
            try draft.update(.address, allocation) { Addresses.clear(&$0) }
        }
        try TrunkAssociations.end(&draft, of: interface)
        draft.remove(.networkInterface, id)
    }

    /// An interface of a service is not the account's to change.
    static func requireOwn(_ interface: JSON) throws(AWSError) {
        guard interface["requesterManaged"]?.bool != true else {
            throw AWSError(
                400, "AuthFailure", "You do not have permission to access the specified resource.")
        }
    }
}

/// Host names that addresses have.
enum EC2Names {
    /// `ip-10-0-0-4.ap-northeast-1.compute.internal`
    static func privateName(_ address: String, _ region: String) -> String {
        guard !address.isEmpty else { return "" }
        let domain = region == "us-east-1" ? "ec2.internal" : "\(region).compute.internal"
        return "ip-\(address.replacing(".", with: "-")).\(domain)"
    }

    /// `ec2-54-0-0-1.ap-northeast-1.compute.amazonaws.com`; empty where the VPC gives no host names.
    static func publicName(_ address: String, vpc: JSON?, _ region: String) -> String {
        guard vpc?["_enableDnsHostnames"]?.bool == true else { return "" }
        let domain = region == "us-east-1" ? "compute-1" : "\(region).compute"
        return "ec2-\(address.replacing(".", with: "-")).\(domain).amazonaws.com"
    }
}
