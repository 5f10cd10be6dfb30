import IPAddress
import JSON

/// Elastic IP addresses.
enum Addresses {
    static let operations: [EC2Operation] = [
        .write("AllocateAddress", making: [.address], allocate), .write("ReleaseAddress", on: ["AllocationId"], release),
        .write("AssociateAddress", on: ["AllocationId", "InstanceId", "NetworkInterfaceId"], associate),
        .write("DisassociateAddress", disassociate), .read("DescribeAddresses", describe),
        .read("DescribeAddressesAttribute", describeAttribute),
    ]

    private static let description = EC2Description(
        kind: .address, set: "addressesSet", ids: ("AllocationId", "allocationId"),
        filters: [
            "allocation-id": "allocationId", "association-id": "associationId", "domain": "domain", "instance-id": "instanceId",
            "network-border-group": "networkBorderGroup", "network-interface-id": "networkInterfaceId",
            "network-interface-owner-id": "networkInterfaceOwnerId", "private-ip-address": "privateIpAddress", "public-ip": "publicIp",
        ])

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        var rows: [JSON] = []
        for id in request.strings("AllocationId") { rows.append(try draft.require(.address, id)) }
        for text in request.strings("PublicIp") { rows.append(try byPublicIP(text, draft)) }
        if request.input["AllocationId"] == nil, request.input["PublicIp"] == nil { rows = draft.list(.address) }
        return try description.answer(request, rows)
    }

    @Sendable private static func describeAttribute(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        var rows: [JSON] = []
        for id in request.strings("AllocationId") { rows.append(try draft.require(.address, id)) }
        if request.input["AllocationId"] == nil { rows = draft.list(.address) }
        return [
            "addressSet": .array(rows.map { ["publicIp": $0["publicIp"] ?? "", "allocationId": $0["allocationId"] ?? ""] })
        ]
    }

    private static func byPublicIP(_ text: String, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        guard let found = draft.list(.address, "publicIp", text).first else {
            throw AWSError(400, "InvalidAddress.NotFound", "Address '\(text)' not found.")
        }
        return found
    }

    /// The address that a call names by its allocation or by itself.
    private static func target(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        try request.exclude("AllocationId", "PublicIp")
        if let text = request.string("PublicIp") { return try byPublicIP(text, draft) }
        return try request.resource(.address, "AllocationId", draft)
    }

    @Sendable private static func allocate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        guard request.string("Domain") != "standard" else {
            throw AWSError(400, "UnsupportedOperation", "EC2-Classic addresses are not supported.")
        }
        for member in ["Address", "CustomerOwnedIpv4Pool", "IpamPoolId"] where request.input[member] != nil {
            throw AWSError(400, "UnsupportedOperation", "The parameter \(member) is not supported.")
        }
        guard draft.list(.address).count < EC2Quota.addresses else {
            throw AWSError(400, "AddressLimitExceeded", "The maximum number of addresses has been reached.")
        }
        let tags = try EC2Tags.specified(request, for: .address)
        let id = draft.newID("eipalloc-")
        let address: JSON = [
            "publicIp": .string(draft.newPublicAddress()), "allocationId": .string(id), "domain": "vpc", "publicIpv4Pool": "amazon",
            "networkBorderGroup": .string(draft.region), "tagSet": tags,
        ]
        draft.put(.address, id, address)
        var answer = address
        answer["tagSet"] = nil
        return answer
    }

    @Sendable private static func release(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let address = try target(request, draft)
        guard address["associationId"] == nil else {
            try requireOwn(address, draft)
            throw AWSError(400, "InvalidIPAddress.InUse", "Address \(address["publicIp"]?.string ?? "") is in use.")
        }
        draft.remove(.address, address["allocationId"]?.string ?? "")
        return ec2Return
    }

    /// The address of a NAT gateway is not the account's to take.
    private static func requireOwn(_ address: JSON, _ draft: ResourceDraft) throws(AWSError) {
        guard let interface = draft.get(.networkInterface, address["networkInterfaceId"]?.string ?? "") else { return }
        try NetworkInterfaces.requireOwn(interface)
    }

    @Sendable private static func associate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let address = try target(request, draft)
        try request.exclude("InstanceId", "NetworkInterfaceId")
        let interface: JSON
        if let id = request.string("InstanceId") {
            let attached = Instances.interfaces(of: try draft.require(.instance, id), draft)
            guard let first = attached.first, attached.count == 1 else {
                throw AWSError(
                    400, "InvalidInstanceID",
                    "There are multiple interfaces attached to instance '\(id)'. Please specify an interface ID for the operation instead.")
            }
            interface = first
        } else {
            interface = try request.resource(.networkInterface, "NetworkInterfaceId", draft)
        }
        try NetworkInterfaces.requireOwn(interface)
        let vpc = interface["vpcId"]?.string ?? ""
        guard draft.list(.internetGateway).contains(where: { InternetGateways.attachment($0) == vpc }) else {
            throw AWSError(400, "Gateway.NotAttached", "Network \(vpc) is not attached to any internet gateway")
        }
        let wanted = request.string("PrivateIpAddress") ?? interface["privateIpAddress"]?.string ?? ""
        guard let entry = interface["privateIpAddressesSet"]?.array?.first(where: { $0["privateIpAddress"]?.string == wanted }) else {
            throw EC2Error.invalid("Address \(wanted) is not assigned to interface \(interface["networkInterfaceId"]?.string ?? "")")
        }
        let allocation = address["allocationId"]?.string ?? ""
        for (noun, present) in [
            (allocation, address["associationId"]?.string), (wanted, entry.at("association", "associationId")?.string),
        ] {
            guard let present else { continue }
            guard request.bool("AllowReassociation") == true else {
                throw AWSError(
                    400, "Resource.AlreadyAssociated", "resource \(noun) is already associated with associate-id \(present)")
            }
            try detach(&draft, association: present)
        }
        let id = try attach(&draft, allocation: allocation, to: interface["networkInterfaceId"]?.string ?? "", at: wanted)
        return ["return": true, "associationId": .string(id)]
    }

    /// Puts an Elastic IP onto an address of an interface; answers the association.
    static func attach(
        _ draft: inout ResourceDraft, allocation: String, to interface: String, at privateAddress: String
    ) throws(AWSError) -> String {
        let id = draft.newID("eipassoc-")
        let address = try draft.require(.address, allocation)
        let record = try draft.require(.networkInterface, interface)
        let publicIP = address["publicIp"]?.string ?? ""
        let vpc = draft.get(.vpc, record["vpcId"]?.string ?? "")
        let association: JSON = [
            "allocationId": .string(allocation), "associationId": .string(id), "ipOwnerId": .string(draft.account),
            "publicIp": .string(publicIP), "publicDnsName": .string(EC2Names.publicName(publicIP, vpc: vpc, draft.region)),
        ]
        try set(&draft, association, on: interface, at: privateAddress)
        let owner = draft.account
        try draft.update(.address, allocation) { address in
            address["associationId"] = .string(id)
            address["networkInterfaceId"] = .string(interface)
            address["networkInterfaceOwnerId"] = .string(owner)
            address["privateIpAddress"] = .string(privateAddress)
            address["instanceId"] = record.at("attachment", "instanceId")
        }
        return id
    }

    /// Sets or removes what an address of an interface is known by outside.
    static func set(
        _ draft: inout ResourceDraft, _ association: JSON?, on interface: String, at privateAddress: String
    ) throws(AWSError) {
        try draft.update(.networkInterface, interface) { interface in
            if interface["privateIpAddress"]?.string == privateAddress { interface["association"] = association }
            interface["privateIpAddressesSet"] = .array(
                (interface["privateIpAddressesSet"]?.array ?? []).map { entry in
                    guard entry["privateIpAddress"]?.string == privateAddress else { return entry }
                    var entry = entry
                    entry["association"] = association
                    return entry
                })
        }
    }

    /// The members of an address that tell of an association.
    static func clear(_ address: inout JSON) {
        for member in ["associationId", "networkInterfaceId", "networkInterfaceOwnerId", "privateIpAddress", "instanceId"] {
            address[member] = nil
        }
    }

    /// Ends an association.
    static func detach(_ draft: inout ResourceDraft, association id: String) throws(AWSError) {
        guard let address = draft.list(.address, "associationId", id).first else { return }
        let interface = address["networkInterfaceId"]?.string ?? ""
        if draft.get(.networkInterface, interface) != nil {
            try set(&draft, nil, on: interface, at: address["privateIpAddress"]?.string ?? "")
        }
        try draft.update(.address, address["allocationId"]?.string ?? "") { clear(&$0) }
    }

    @Sendable private static func disassociate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        if let text = request.string("PublicIp") {
            let address = try byPublicIP(text, draft)
            guard let id = address["associationId"]?.string else {
                throw AWSError(400, "InvalidAssociationID.NotFound", "The address '\(text)' is not associated")
            }
            try requireOwn(address, draft)
            try detach(&draft, association: id)
            return ec2Return
        }
        let id = try request.required("AssociationId")
        guard let address = draft.list(.address, "associationId", id).first else {
            throw AWSError(400, "InvalidAssociationID.NotFound", "The association ID '\(id)' does not exist")
        }
        try requireOwn(address, draft)
        try detach(&draft, association: id)
        return ec2Return
    }
}

extension ResourceDraft {
    /// A public address that nobody in the region has had: AWS' own blocks stand for none of ours, so each region counts through a part of 54/8.
    mutating func newPublicAddress() -> String {
        let place = UInt32(EC2Zones.regions.firstIndex(of: region) ?? EC2Zones.regions.count)
        var address: IPAddress
        repeat {
            let number = UInt32(truncatingIfNeeded: takeNumber()) & 0x7_FFFF
            address = IPAddress(ipv4: 0x3600_0000 | place << 19 | number)
        } while address.bits & 0xFF == 0 || address.bits & 0xFF == 0xFF
        return address.description
    }
}
