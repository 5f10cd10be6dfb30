import IPAddress
import JSON
import VPCModel

/// The addresses that a call wants for a new interface. EC2 writes them the same way in CreateNetworkInterface, RunInstances and launch templates.
struct InterfaceWish: Sendable {
    private var primary: IPAddress?
    private var named: [IPAddress] = []
    private var count = 0
    private var prefixes: [CIDRBlock] = []
    private var prefixCount = 0
    private var ipv6: [IPAddress] = []
    private var ipv6Count: Int?
    private var ipv6Prefixes: [CIDRBlock] = []
    private var ipv6PrefixCount = 0

    /// One address that nobody chooses, and as many of IPv6 as are wanted or, without a number, as the subnet gives by itself.
    init(ipv6Count: Int? = nil) { self.ipv6Count = ipv6Count }

    /// A given primary address.
    init(primary: String) throws(AWSError) { self.primary = try Self.address(primary, .ipv4) }

    /// The wish of an interface specification.
    init(_ input: JSON) throws(AWSError) {
        if let text = input["PrivateIpAddress"]?.string { primary = try Self.address(text, .ipv4) }
        for entry in input["PrivateIpAddresses"]?.array ?? [] {
            let address = try Self.address(entry["PrivateIpAddress"]?.string ?? "", .ipv4)
            guard entry["Primary"]?.bool == true else {
                named.append(address)
                continue
            }
            guard primary == nil || primary == address else {
                throw EC2Error.combination("Only one primary private IP address can be specified.")
            }
            primary = address
        }
        count = try Self.count(input, "SecondaryPrivateIpAddressCount")
        for entry in input["Ipv4Prefix"]?.array ?? [] { prefixes.append(try Self.block(entry["Ipv4Prefix"]?.string ?? "")) }
        prefixCount = try Self.count(input, "Ipv4PrefixCount")
        for entry in input["Ipv6Addresses"]?.array ?? [] { ipv6.append(try Self.address(entry["Ipv6Address"]?.string ?? "", .ipv6)) }
        if input["Ipv6AddressCount"] != nil { ipv6Count = try Self.count(input, "Ipv6AddressCount") }
        for entry in input["Ipv6Prefix"]?.array ?? [] { ipv6Prefixes.append(try Self.block(entry["Ipv6Prefix"]?.string ?? "")) }
        ipv6PrefixCount = try Self.count(input, "Ipv6PrefixCount")
        let kinds = [!named.isEmpty, count > 0, !prefixes.isEmpty, prefixCount > 0].filter { $0 }.count
        let ipv6Kinds = [!ipv6.isEmpty, (ipv6Count ?? 0) > 0, !ipv6Prefixes.isEmpty, ipv6PrefixCount > 0].filter { $0 }.count
        guard kinds <= 1, ipv6Kinds <= 1 else {
            throw EC2Error.combination("You may specify only one of addresses, a number of addresses, prefixes and a number of prefixes.")
        }
    }

    static func address(_ text: String, _ family: IPAddress.Family) throws(AWSError) -> IPAddress {
        guard let address = try? IPAddress(parsing: text), address.family == family else {
            throw EC2Error.invalidValue(
                text, family == .ipv4 ? "privateIpAddress" : "ipv6Address", "Invalid \(family.name) address: \(text)")
        }
        return address
    }

    static func block(_ text: String) throws(AWSError) -> CIDRBlock {
        guard let block = CIDRBlock(text) else { throw EC2Error.invalidValue(text, "prefix", "This is not a valid CIDR block.") }
        return block
    }

    static func count(_ input: JSON, _ name: String) throws(AWSError) -> Int {
        let count = input[name]?.integer ?? 0
        guard (0...5000).contains(count) else { throw EC2Error.invalidValue(String(count), name) }
        return Int(count)
    }

    /// How many of an interface's IPv4 slots are asked for: each address and each prefix takes one.
    var slots: Int { 1 + named.count + count + prefixes.count + prefixCount }

    /// What was given to an interface; the first address is the primary one.
    struct Given: Sendable {
        var addresses: [IPAddress] = []
        var prefixes: [CIDRBlock] = []
        var ipv6: [IPAddress] = []
        var ipv6Prefixes: [CIDRBlock] = []

        /// The lists of an interface's record.
        func write(into interface: inout JSON, _ region: String) {
            interface["privateIpAddressesSet"] = .array(
                addresses.enumerated().map { NetworkInterfaceAddresses.entry($0.element, isPrimary: $0.offset == 0, region) })
            interface["ipv4PrefixSet"] = .array(prefixes.map { ["ipv4Prefix": .string($0.description)] })
            interface["ipv6AddressesSet"] = .array(ipv6.map { ["ipv6Address": .string($0.description)] })
            interface["ipv6PrefixSet"] = .array(ipv6Prefixes.map { ["ipv6Prefix": .string($0.description)] })
        }
    }

    /// Takes the addresses out of a subnet, all or none.
    func allocate(_ draft: inout ResourceDraft, subnet: String, isIPv6Automatic: Bool) throws(AWSError) -> Given {
        var given = Given()
        let name = SubnetBlock(subnet: subnet, family: .ipv4)
        let ipv6Name = SubnetBlock(subnet: subnet, family: .ipv6)
        guard var pool = draft.pool(name) else { throw ResourceKind.subnet.notFound(subnet) }
        do throws(SubnetError) {
            if let primary {
                try pool.allocate([primary])
                given.addresses = [primary]
            } else {
                given.addresses = try pool.allocate(1)
            }
            try pool.allocate(named)
            given.addresses += named
            given.addresses += try pool.allocate(count)
            try pool.allocatePrefixes(prefixes)
            given.prefixes = prefixes
            given.prefixes += try pool.allocatePrefixes(prefixCount)
        } catch { throw error.ec2 }
        let ipv6Wanted = ipv6Count ?? (isIPv6Automatic && ipv6.isEmpty && ipv6Prefixes.isEmpty && ipv6PrefixCount == 0 ? 1 : 0)
        if !ipv6.isEmpty || ipv6Wanted > 0 || !ipv6Prefixes.isEmpty || ipv6PrefixCount > 0 {
            guard var ipv6Pool = draft.pool(ipv6Name) else { throw Self.noIPv6(subnet) }
            do throws(SubnetError) {
                try ipv6Pool.allocate(ipv6)
                given.ipv6 = ipv6
                given.ipv6 += try ipv6Pool.allocate(ipv6Wanted)
                try ipv6Pool.allocatePrefixes(ipv6Prefixes)
                given.ipv6Prefixes = ipv6Prefixes
                given.ipv6Prefixes += try ipv6Pool.allocatePrefixes(ipv6PrefixCount)
            } catch { throw error.ec2 }
            draft.setPool(ipv6Name, ipv6Pool)
        }
        draft.setPool(name, pool)
        return given
    }

    static func noIPv6(_ subnet: String) -> AWSError {
        EC2Error.invalid("The subnet '\(subnet)' does not have an IPv6 CIDR block")
    }
}
