import IPAddress
import JSON
import VPCModel

/// Further addresses and prefixes of interfaces.
enum NetworkInterfaceAddresses {
    static let operations: [EC2Operation] = [
        .write("AssignPrivateIpAddresses", on: ["NetworkInterfaceId"], assign),
        .write("UnassignPrivateIpAddresses", on: ["NetworkInterfaceId"], unassign),
        .write("AssignIpv6Addresses", on: ["NetworkInterfaceId"], assignIPv6),
        .write("UnassignIpv6Addresses", on: ["NetworkInterfaceId"], unassignIPv6),
    ]

    /// An IPv4 address in an interface's record.
    static func entry(_ address: IPAddress, isPrimary: Bool, _ region: String) -> JSON {
        [
            "privateIpAddress": .string(address.description),
            "privateDnsName": .string(EC2Names.privateName(address.description, region)), "primary": .bool(isPrimary),
        ]
    }

    /// How many addresses and prefixes an interface may have: its instance's type says so. An interface alone has no such limit.
    private static func check(_ interface: JSON, adding count: Int, _ family: IPAddress.Family, _ draft: ResourceDraft)
        throws(AWSError)
    {
        guard let instance = interface.at("attachment", "instanceId")?.string,
            let type = draft.get(.instance, instance)?["instanceType"]?.string
        else { return }
        let held = InterfaceAddresses(interface)
        let slots = held.addresses(family).count + held.prefixes(family).count + count
        guard slots <= InstanceTypes.limits(type).addressesPerInterface else {
            throw AWSError(400, "PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
        }
    }

    private static func requireOne(_ request: EC2Request, _ names: [String]) throws(AWSError) {
        let named = names.filter { request.input[$0] != nil }
        guard !named.isEmpty else { throw EC2Error.missing(names[0]) }
        guard named.count == 1 else {
            throw EC2Error.combination("You may specify only one of \(names.joined(separator: ", ")).")
        }
    }

    @Sendable private static func assign(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkInterfaceId")
        let interface = try draft.require(.networkInterface, id)
        try NetworkInterfaces.requireOwn(interface)
        try requireOne(request, ["PrivateIpAddress", "SecondaryPrivateIpAddressCount", "Ipv4Prefix", "Ipv4PrefixCount"])
        let subnet = SubnetBlock(subnet: interface["subnetId"]?.string ?? "", family: .ipv4)
        var addresses: [IPAddress] = []
        for text in request.strings("PrivateIpAddress") { addresses.append(try InterfaceWish.address(text, .ipv4)) }
        var prefixes: [CIDRBlock] = []
        for text in request.strings("Ipv4Prefix") { prefixes.append(try InterfaceWish.block(text)) }
        let count = try InterfaceWish.count(request.input, "SecondaryPrivateIpAddressCount")
        let prefixCount = try InterfaceWish.count(request.input, "Ipv4PrefixCount")
        try check(interface, adding: addresses.count + prefixes.count + count + prefixCount, .ipv4, draft)
        if request.bool("AllowReassignment") == true {
            for address in addresses { try takeAway(address, from: subnet.subnet, &draft) }
        }
        guard var pool = draft.pool(subnet) else { throw ResourceKind.subnet.notFound(subnet.subnet) }
        do throws(SubnetError) {
            try pool.allocate(addresses)
            addresses += try pool.allocate(count)
            try pool.allocatePrefixes(prefixes)
            prefixes += try pool.allocatePrefixes(prefixCount)
        } catch { throw error.ec2 }
        draft.setPool(subnet, pool)
        let region = draft.region
        let assigned: [JSON] = prefixes.map { ["ipv4Prefix": .string($0.description)] }
        try draft.update(.networkInterface, id) { interface in
            interface["privateIpAddressesSet"] = .array(
                (interface["privateIpAddressesSet"]?.array ?? []) + addresses.map { entry($0, isPrimary: false, region) })
            interface["ipv4PrefixSet"] = .array((interface["ipv4PrefixSet"]?.array ?? []) + assigned)
        }
        return [
            "return": true, "networkInterfaceId": .string(id),
            "assignedPrivateIpAddressesSet": .array(addresses.map { ["privateIpAddress": .string($0.description)] }),
            "assignedIpv4PrefixSet": .array(assigned),
        ]
    }

    /// Takes a secondary address from another interface of the subnet; a primary one stays and is refused afterwards.
    private static func takeAway(_ address: IPAddress, from subnet: String, _ draft: inout ResourceDraft) throws(AWSError) {
        let text = address.description
        let owner = draft.list(.networkInterface, "subnetId", subnet).first {
            $0["privateIpAddressesSet"]?.array?.contains { $0["privateIpAddress"]?.string == text && $0["primary"]?.bool == false } == true
        }
        guard let owner, let id = owner["networkInterfaceId"]?.string else { return }
        try NetworkInterfaces.requireOwn(owner)
        try release(&draft, id, [address], [])
    }

    @Sendable private static func unassign(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkInterfaceId")
        let interface = try draft.require(.networkInterface, id)
        try NetworkInterfaces.requireOwn(interface)
        guard request.input["PrivateIpAddress"] != nil || request.input["Ipv4Prefix"] != nil else {
            throw EC2Error.missing("privateIpAddress")
        }
        var addresses: [IPAddress] = []
        for text in request.strings("PrivateIpAddress") { addresses.append(try InterfaceWish.address(text, .ipv4)) }
        var prefixes: [CIDRBlock] = []
        for text in request.strings("Ipv4Prefix") { prefixes.append(try InterfaceWish.block(text)) }
        let held = InterfaceAddresses(interface)
        let own = held.addresses(.ipv4)
        let ownPrefixes = held.prefixes(.ipv4)
        for address in addresses {
            guard own.first != address else {
                throw EC2Error.invalid("The primary IP address \(address) of the interface \(id) cannot be unassigned")
            }
            guard own.contains(address) else {
                throw EC2Error.invalid("Some of the specified addresses are not assigned to interface \(id)")
            }
        }
        for prefix in prefixes where !ownPrefixes.contains(prefix) {
            throw EC2Error.invalid("Some of the specified prefixes are not assigned to interface \(id)")
        }
        try release(&draft, id, addresses, prefixes)
        return ec2Return
    }

    /// Gives addresses of an interface back to its subnet; Elastic IPs of theirs are free again.
    private static func release(
        _ draft: inout ResourceDraft, _ id: String, _ addresses: [IPAddress], _ prefixes: [CIDRBlock]
    ) throws(AWSError) {
        let interface = try draft.require(.networkInterface, id)
        let name = SubnetBlock(subnet: interface["subnetId"]?.string ?? "", family: .ipv4)
        if var pool = draft.pool(name) {
            for address in addresses { pool.release(address) }
            for prefix in prefixes { pool.release(prefix) }
            draft.setPool(name, pool)
        }
        let gone = Set(addresses.map(\.description))
        let gonePrefixes = Set(prefixes.map(\.description))
        for entry in interface["privateIpAddressesSet"]?.array ?? [] where gone.contains(entry["privateIpAddress"]?.string ?? "") {
            guard let allocation = entry.at("association", "allocationId")?.string else { continue }
            try draft.update(.address, allocation) { Addresses.clear(&$0) }
        }
        try draft.update(.networkInterface, id) { interface in
            interface["privateIpAddressesSet"] = .array(
                (interface["privateIpAddressesSet"]?.array ?? []).filter { !gone.contains($0["privateIpAddress"]?.string ?? "") })
            interface["ipv4PrefixSet"] = .array(
                (interface["ipv4PrefixSet"]?.array ?? []).filter { !gonePrefixes.contains($0["ipv4Prefix"]?.string ?? "") })
        }
    }

    // MARK: IPv6

    @Sendable private static func assignIPv6(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkInterfaceId")
        let interface = try draft.require(.networkInterface, id)
        try NetworkInterfaces.requireOwn(interface)
        try requireOne(request, ["Ipv6Addresses", "Ipv6AddressCount", "Ipv6Prefix", "Ipv6PrefixCount"])
        let subnet = SubnetBlock(subnet: interface["subnetId"]?.string ?? "", family: .ipv6)
        var addresses: [IPAddress] = []
        for text in request.strings("Ipv6Addresses") { addresses.append(try InterfaceWish.address(text, .ipv6)) }
        var prefixes: [CIDRBlock] = []
        for text in request.strings("Ipv6Prefix") { prefixes.append(try InterfaceWish.block(text)) }
        let count = try InterfaceWish.count(request.input, "Ipv6AddressCount")
        let prefixCount = try InterfaceWish.count(request.input, "Ipv6PrefixCount")
        try check(interface, adding: addresses.count + prefixes.count + count + prefixCount, .ipv6, draft)
        guard var pool = draft.pool(subnet) else { throw InterfaceWish.noIPv6(subnet.subnet) }
        do throws(SubnetError) {
            try pool.allocate(addresses)
            addresses += try pool.allocate(count)
            try pool.allocatePrefixes(prefixes)
            prefixes += try pool.allocatePrefixes(prefixCount)
        } catch { throw error.ec2 }
        draft.setPool(subnet, pool)
        try draft.update(.networkInterface, id) { interface in
            interface["ipv6AddressesSet"] = .array(
                (interface["ipv6AddressesSet"]?.array ?? []) + addresses.map { ["ipv6Address": .string($0.description)] })
            interface["ipv6PrefixSet"] = .array(
                (interface["ipv6PrefixSet"]?.array ?? []) + prefixes.map { ["ipv6Prefix": .string($0.description)] })
        }
        return [
            "networkInterfaceId": .string(id), "assignedIpv6Addresses": JSON(strings: addresses.map(\.description)),
            "assignedIpv6PrefixSet": JSON(strings: prefixes.map(\.description)),
        ]
    }

    @Sendable private static func unassignIPv6(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkInterfaceId")
        let interface = try draft.require(.networkInterface, id)
        try NetworkInterfaces.requireOwn(interface)
        var addresses: [IPAddress] = []
        for text in request.strings("Ipv6Addresses") { addresses.append(try InterfaceWish.address(text, .ipv6)) }
        var prefixes: [CIDRBlock] = []
        for text in request.strings("Ipv6Prefix") { prefixes.append(try InterfaceWish.block(text)) }
        guard !addresses.isEmpty || !prefixes.isEmpty else { throw EC2Error.missing("ipv6Addresses") }
        let held = InterfaceAddresses(interface)
        guard Set(held.addresses(.ipv6)).isSuperset(of: addresses), Set(held.prefixes(.ipv6)).isSuperset(of: prefixes) else {
            throw EC2Error.invalid("Some of the specified addresses are not assigned to interface \(id)")
        }
        let name = SubnetBlock(subnet: interface["subnetId"]?.string ?? "", family: .ipv6)
        if var pool = draft.pool(name) {
            for address in addresses { pool.release(address) }
            for prefix in prefixes { pool.release(prefix) }
            draft.setPool(name, pool)
        }
        let gone = Set(addresses.map(\.description) + prefixes.map(\.description))
        try draft.update(.networkInterface, id) { interface in
            interface["ipv6AddressesSet"] = .array(
                (interface["ipv6AddressesSet"]?.array ?? []).filter { !gone.contains($0["ipv6Address"]?.string ?? "") })
            interface["ipv6PrefixSet"] = .array(
                (interface["ipv6PrefixSet"]?.array ?? []).filter { !gone.contains($0["ipv6Prefix"]?.string ?? "") })
        }
        return [
            "networkInterfaceId": .string(id), "unassignedIpv6Addresses": JSON(strings: addresses.map(\.description)),
            "unassignedIpv6PrefixSet": JSON(strings: prefixes.map(\.description)),
        ]
    }
}
