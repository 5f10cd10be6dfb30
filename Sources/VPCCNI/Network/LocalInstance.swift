import IPAddress
import VPCModel
import World

/// An instance of a VPC in memory.
public struct LocalInstance: InstanceNetwork {
    let vpc: LocalVPC
    /// The instance's id.
    public let id: String
    let limits: InstanceLimits

    private func begin(_ api: String, isChange: Bool = false) throws(EC2Failure) {
        try vpc.state.withLock { state throws(EC2Failure) in try state.begin(LocalVPC.Call(api: api, instance: id), isChange: isChange) }
    }

    /// By device, as metadata shows them.
    public func attachedInterfaces() -> [AttachedInterface] { vpc.interfaces(of: id) }
    /// The VPC's IPv4 blocks.
    public func vpcBlocks() -> [CIDRBlock] { vpc.state.withLock { $0.blocks } }
    /// Counts changes of what is attached.
    public func revision() -> UInt64 { vpc.state.withLock { $0.instances[id]?.revision ?? 0 } }

    /// Refused as a whole when one is unknown.
    public func describeInterfaces(_ ids: [String]) throws(EC2Failure) -> [AttachedInterface] {
        try begin("DescribeNetworkInterfaces")
        return try vpc.state.withLock { state throws(EC2Failure) in
            var found: [AttachedInterface] = []
            for id in ids {
                guard let interface = state.interfaces[id] else { throw .noInterface(id) }
                found.append(interface.description)
            }
            return found
        }
    }

    /// By id.
    public func describeDetachedInterfaces(cluster: String) throws(EC2Failure) -> [DetachedInterface] {
        try begin("DescribeNetworkInterfaces")
        return vpc.state.withLock { state in
            state.interfaces.values.filter { interface in
                let tags = interface.description.tags
                return interface.instance == nil && interface.text.hasPrefix("aws-K8S-") && tags[InterfaceTags.instance] != nil
                    && (cluster.isEmpty || tags[InterfaceTags.cluster] == cluster)
            }.map { DetachedInterface(id: $0.description.id, tags: $0.description.tags) }.sorted { $0.id < $1.id }
        }
    }

    /// The device indexes in use.
    public func describeDevices() throws(EC2Failure) -> Set<Int> {
        try begin("DescribeInstances")
        return Set(attachedInterfaces().map(\.device))
    }

    /// In the order in which they were made.
    public func describeSubnets() throws(EC2Failure) -> [CandidateSubnet] {
        try begin("DescribeSubnets")
        return vpc.state.withLock { state in
            guard let instance = state.instances[id] else { return [] }
            return state.subnetOrder.compactMap { state.subnets[$0] }.filter { $0.vpc == instance.vpc && $0.zone == instance.zone }.map {
                CandidateSubnet(id: $0.id, availableAddressCount: Int(clamping: $0.pool.availableAddressCount), tags: $0.tags)
            }
        }
    }

    /// Whole or not at all: the primary address is the lowest free one.
    public func createInterface(_ request: InterfaceRequest) throws(EC2Failure) -> String {
        try vpc.state.withLock { state throws(EC2Failure) in
            var call = LocalVPC.Call(api: "CreateNetworkInterface", instance: id, subnet: request.subnet)
            if request.prefixCount > 0 { call.prefixes = request.prefixCount } else { call.secondary = request.secondaryCount }
            try state.begin(call)
            guard var subnet = state.subnets[request.subnet] else { throw .noSubnet(request.subnet) }
            let addresses: [IPAddress]
            let prefixes: [CIDRBlock]
            do throws(SubnetError) {
                addresses = try subnet.pool.allocate(1 + request.secondaryCount)
                prefixes = try subnet.pool.allocatePrefixes(request.prefixCount)
            } catch { throw EC2Failure(error) }
            state.subnets[subnet.id] = subnet
            let interface = AttachedInterface(
                id: state.nextInterfaceID(), device: -1, subnet: subnet.id, primary: addresses[0], secondary: Array(addresses.dropFirst()),
                prefixes: prefixes, tags: request.tags)
            state.interfaces[interface.id] = LocalVPC.Interface(description: interface, instance: nil, text: request.description)
            return interface.id
        }
    }

    /// Refused beyond the type's interfaces.
    public func attachInterface(_ interface: String, device: Int) throws(EC2Failure) {
        try vpc.state.withLock { state throws(EC2Failure) in
            try state.begin(LocalVPC.Call(api: "AttachNetworkInterface", instance: id, device: device))
            guard state.interfaces[interface] != nil else { throw .noInterface(interface) }
            let count = state.attached(to: id).count + 1
            guard count <= limits.interfaces else {
                throw EC2Failure("AttachmentLimitExceeded", "Interface count \(count) exceeds the limit for \(limits.type)")
            }
            state.interfaces[interface]?.description.device = device
            state.attach(interface, to: id)
        }
    }

    /// Changes nothing here: instances do not end.
    public func deleteOnTermination(_ interface: String) throws(EC2Failure) { try begin("ModifyNetworkInterfaceAttribute") }

    /// Takes effect at once.
    public func detachInterface(_ interface: String) throws(EC2Failure) {
        try vpc.state.withLock { state throws(EC2Failure) in
            let device = state.interfaces[interface]?.description.device
            try state.begin(LocalVPC.Call(api: "DetachNetworkInterface", instance: id, device: device))
            guard state.interfaces[interface] != nil else { throw .noInterface(interface) }
            state.detach(interface)
        }
    }

    /// Refused while it is attached; gives its addresses back to the subnet.
    public func deleteInterface(_ interface: String) throws(EC2Failure) {
        try vpc.state.withLock { state throws(EC2Failure) in
            try state.begin(LocalVPC.Call(api: "DeleteNetworkInterface", instance: id))
            guard let found = state.interfaces[interface] else { throw .noInterface(interface) }
            guard found.instance == nil else {
                throw EC2Failure("InvalidParameterValue", "Network interface '\(interface)' is currently in use.")
            }
            state.delete(interface)
        }
    }

    /// Adds to the tags or replaces them.
    public func createTags(_ tags: [String: String], on interface: String) throws(EC2Failure) {
        try begin("CreateTags")
        vpc.state.withLock { $0.interfaces[interface]?.description.tags.merge(tags) { _, new in new } }
    }

    /// Whole or not at all, and not beyond the type's addresses of an interface.
    public func assignAddresses(_ count: Int, to interface: String) throws(EC2Failure) -> [IPAddress] {
        try change(interface, "AssignPrivateIpAddresses", secondary: count) { interface, subnet throws(EC2Failure) in
            try checkLimit(interface, adding: count)
            let addresses: [IPAddress]
            do throws(SubnetError) { addresses = try subnet.pool.allocate(count) } catch { throw EC2Failure(error) }
            interface.secondary += addresses
            return addresses
        }
    }

    /// Whole or not at all, and not beyond the type's addresses of an interface.
    public func assignPrefixes(_ count: Int, to interface: String) throws(EC2Failure) -> [CIDRBlock] {
        try change(interface, "AssignPrivateIpAddresses", prefixes: count) { interface, subnet throws(EC2Failure) in
            try checkLimit(interface, adding: count)
            let prefixes: [CIDRBlock]
            do throws(SubnetError) { prefixes = try subnet.pool.allocatePrefixes(count) } catch { throw EC2Failure(error) }
            interface.prefixes += prefixes
            return prefixes
        }
    }

    /// Refused in a subnet without an IPv6 block.
    public func assignIPv6Prefix(to interface: String) throws(EC2Failure) -> [CIDRBlock] {
        try change(interface, "AssignIpv6Addresses", prefixes: 1) { interface, subnet throws(EC2Failure) in
            let prefixes: [CIDRBlock]
            do throws(SubnetError) { prefixes = try subnet.ipv6Pool?.allocatePrefixes(1) ?? [] } catch { throw EC2Failure(error) }
            guard !prefixes.isEmpty else {
                throw EC2Failure("InvalidParameterValue", "There are no IPv6 CIDR blocks associated with subnet '\(subnet.id)'")
            }
            interface.ipv6Prefixes += prefixes
            return prefixes
        }
    }

    /// Refused as a whole when the interface lacks one.
    public func unassign(_ addresses: [IPAddress], _ prefixes: [CIDRBlock], from interface: String) throws(EC2Failure) {
        try change(
            interface, "UnassignPrivateIpAddresses", secondary: addresses.count, prefixes: prefixes.count
        ) { interface, subnet throws(EC2Failure) in
            guard Set(interface.secondary).isSuperset(of: addresses), Set(interface.prefixes).isSuperset(of: prefixes) else {
                throw EC2Failure("InvalidParameterValue", "Some of the addresses are not assigned to interface \(interface.id)")
            }
            interface.secondary.removeAll { addresses.contains($0) }
            interface.prefixes.removeAll { prefixes.contains($0) }
            for address in addresses { subnet.pool.release(address) }
            for prefix in prefixes { subnet.pool.release(prefix) }
        }
    }

    private func checkLimit(_ interface: AttachedInterface, adding count: Int) throws(EC2Failure) {
        guard 1 + interface.secondary.count + interface.prefixes.count + count > limits.addressesPerInterface else { return }
        throw EC2Failure("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
    }

    /// Carries out a call on an interface and the subnet that it lies in, whole or not at all.
    private func change<Value>(
        _ interface: String, _ api: String, secondary: Int? = nil, prefixes: Int? = nil,
        _ body: (inout AttachedInterface, inout LocalVPC.Subnet) throws(EC2Failure) -> Value
    ) throws(EC2Failure) -> Value {
        try vpc.state.withLock { state throws(EC2Failure) in
            let known = state.interfaces[interface]
            try state.begin(
                LocalVPC.Call(
                    api: api, instance: id, device: known?.description.device, secondary: secondary, prefixes: prefixes))
            guard var known, var subnet = state.subnets[known.description.subnet] else { throw .noInterface(interface) }
            let value = try body(&known.description, &subnet)
            state.interfaces[interface] = known
            state.subnets[subnet.id] = subnet
            state.instances[id]?.revision += 1
            return value
        }
    }
}
