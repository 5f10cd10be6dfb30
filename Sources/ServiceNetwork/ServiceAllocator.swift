public import IPAddress
public import JSON
public import KubeAPI

/// What is taken in a cluster's Service ranges, as an allocation sees it.
public protocol ServiceNetworkState {
    /// The ranges that addresses may come from, by family; the family of new Services first.
    var ranges: [(family: IPAddress.Family, bands: [ServiceAddressBands])] { get }
    /// The range of node ports.
    var nodePorts: NodePortBands { get }
    /// Whether an address is somebody's.
    func isTaken(_ address: IPAddress) -> Bool
    /// The lowest address of a range that is nobody's. It may be kept for the caller until he has tried to write it.
    func reserveFirst(in range: IPRange) -> IPAddress?
    /// Whether a node port is somebody's.
    func isTaken(nodePort: Int) -> Bool
    /// A random number below `bound`.
    func random(below bound: Int) -> Int
}

/// What a write of a Service takes and gives back.
public struct ServiceAllocation: Sendable, Hashable {
    /// Addresses that become the Service's.
    public var addresses: [IPAddress] = []
    /// Addresses that it gives back.
    public var releasedAddresses: [IPAddress] = []
    /// Node ports that become the Service's.
    public var nodePorts: [Int] = []
    /// Node ports that it gives back.
    public var releasedNodePorts: [Int] = []
}

/// Gives Services their cluster IPs and node ports (`pkg/registry/core/service/storage/alloc.go`).
///
/// Pure: the outcome says what has to be written together with the Service; nothing is taken until that is committed.
public struct ServiceAllocator<State: ServiceNetworkState> {
    let state: State
    let isDryRun: Bool
    private(set) var allocation = ServiceAllocation()

    private init(_ state: State, isDryRun: Bool) {
        self.state = state
        self.isDryRun = isDryRun
    }

    /// Fills in a new Service.
    ///
    /// - Throws: 422, or 500 when a range is full.
    public static func create(_ service: inout JSON, in state: State, isDryRun: Bool) throws(KubeStatus) -> ServiceAllocation {
        var allocator = ServiceAllocator(state, isDryRun: isDryRun)
        var new = ServiceFields(service)
        let name = service.objectName
        if new.clusterIPs.isEmpty, !new.clusterIP.isEmpty { new.clusterIPs = [new.clusterIP] }
        try ServiceFamilies(state.ranges.map(\.family)).complete(&new, old: nil, name: name)
        try allocator.takeAddresses(&new, name: name)
        if new.needsNodePort { try allocator.takeNodePorts(&new, name: name) }
        if new.needsHealthCheckNodePort { try allocator.takeHealthCheckNodePort(&new) }
        new.write(to: &service)
        return allocator.allocation
    }

    /// Fills in a changed Service from the one that stands, and says what becomes free.
    ///
    /// - Throws: 422, or 500 when a range is full.
    public static func update(
        _ service: inout JSON, old oldService: JSON, in state: State, isDryRun: Bool
    ) throws(KubeStatus) -> ServiceAllocation {
        var allocator = ServiceAllocator(state, isDryRun: isDryRun)
        var new = ServiceFields(service)
        let old = ServiceFields(oldService)
        let name = service.objectName
        new.keepAllocated(from: old)
        new.alignClusterIPs(with: old)
        let isSettled = new.isSettledDualStack(old)
        if !isSettled {
            try ServiceFamilies(state.ranges.map(\.family)).complete(&new, old: old, name: name)
            try allocator.changeAddresses(&new, old: old, name: name)
        }
        try allocator.changeNodePorts(&new, old: old, name: name)
        new.dropUnneeded(old)
        new.write(to: &service)
        return allocator.allocation
    }

    /// What a deleted Service gives back.
    public static func delete(_ service: JSON) -> ServiceAllocation {
        let old = ServiceFields(service)
        var allocation = ServiceAllocation()
        if old.type != "ExternalName", !old.isHeadless { allocation.releasedAddresses = old.clusterIPs.compactMap { IPAddress($0) } }
        allocation.releasedNodePorts = old.nodePorts.map { Int($0) }
        if old.needsHealthCheckNodePort, old.healthCheckNodePort > 0 {
            allocation.releasedNodePorts.append(Int(old.healthCheckNodePort))
        }
        return allocation
    }

    // MARK: Addresses

    private mutating func takeAddresses(_ service: inout ServiceFields, name: String) throws(KubeStatus) {
        guard service.type != "ExternalName", service.clusterIPs.first != ServiceFields.headless else { return }
        for (index, family) in service.families.enumerated() {
            if index >= service.clusterIPs.count { service.clusterIPs.append("") }
            try takeAddress(&service, at: index, family: family, name: name)
        }
        service.clusterIP = service.clusterIPs.first ?? ""
    }

    /// Takes the address at a place of `clusterIPs`: the one named there, or any.
    private mutating func takeAddress(
        _ service: inout ServiceFields, at index: Int, family: String, name: String
    ) throws(KubeStatus) {
        let bands = state.ranges.first { $0.family.name == family }?.bands ?? []
        let wanted = service.clusterIPs[index]
        guard !wanted.isEmpty else {
            var free = isDryRun ? bands.first?.block.network : nil
            if !isDryRun {
                for range in bands where free == nil {
                    free = range.free(random: state.random(below:), firstFree: state.reserveFirst(in:))
                }
            }
            guard let free else {
                throw .internalError("failed to allocate a serviceIP for Service \(GoText.quoted(name)): range is full")
            }
            service.clusterIPs[index] = free.description
            if !isDryRun { allocation.addresses.append(free) }
            return
        }
        func refused(_ reason: String) -> KubeStatus {
            .invalid(
                group: "", kind: "Service", name: name,
                [.invalid("spec.clusterIPs", JSON(strings: service.clusterIPs), "failed to allocate IP \(wanted): \(reason)")])
        }
        guard let address = IPAddress(wanted), bands.contains(where: { $0.usable.contains(address) }) else {
            throw refused("the provided network does not match the current range")
        }
        // A dry run does not look whether a named address is free, as the real allocator does not.
        guard !isDryRun else { return }
        guard !state.isTaken(address) else { throw refused("provided IP is already allocated") }
        allocation.addresses.append(address)
    }

    private mutating func changeAddresses(_ new: inout ServiceFields, old: ServiceFields, name: String) throws(KubeStatus) {
        if old.type == "ExternalName", new.type != "ExternalName" { return try takeAddresses(&new, name: name) }
        guard old.clusterIPs.first != ServiceFields.headless else { return }
        if old.type != "ExternalName", new.type == "ExternalName" {
            allocation.releasedAddresses = old.clusterIPs.compactMap { IPAddress($0) }
        } else if old.families.count == 1, new.families.count == 2 {
            if new.clusterIPs.count < 2 { new.clusterIPs.append("") }
            guard new.clusterIPs.count == 2 else { return }
            try takeAddress(&new, at: 1, family: new.families[1], name: name)
        } else if old.families.count == 2, new.families.count == 1, old.clusterIPs.count == 2 {
            allocation.releasedAddresses = IPAddress(old.clusterIPs[1]).map { [$0] } ?? []
        }
    }

    // MARK: Node ports

    private mutating func takeNodePorts(_ service: inout ServiceFields, name: String) throws(KubeStatus) {
        var given: [Int64: Int64] = [:]
        for (index, port) in service.ports.enumerated() {
            if port.nodePort == 0, !service.wantsNodePorts { continue }
            if let shared = given[port.port] {
                // Entries of one port number share the node port, unless another is asked for.
                if port.nodePort == 0 {
                    service.ports[index].nodePort = shared
                } else if port.nodePort != shared {
                    try take(nodePort: port.nodePort, at: index, name: name)
                }
                continue
            }
            let asked = service.ports.first { $0.port == port.port && $0.nodePort != 0 }?.nodePort
            if let asked {
                try take(nodePort: asked, at: index, name: name)
                service.ports[index].nodePort = asked
            } else {
                service.ports[index].nodePort = Int64(try anyNodePort { "failed to allocate a nodePort: \($0)" })
            }
            given[port.port] = service.ports[index].nodePort
        }
    }

    private mutating func changeNodePorts(_ new: inout ServiceFields, old: ServiceFields, name: String) throws(KubeStatus) {
        let before = old.nodePorts
        if old.needsNodePort, !new.needsNodePort { allocation.releasedNodePorts += before.map { Int($0) } }
        if new.needsNodePort {
            var seen: Set<ServiceFields.Port> = []
            for (index, port) in new.ports.enumerated() {
                if port.nodePort == 0, !new.wantsNodePorts { continue }
                if port.nodePort == 0 {
                    new.ports[index].nodePort = Int64(try anyNodePort { "failed to allocate a nodePort: \($0)" })
                } else if !before.contains(port.nodePort), !allocation.nodePorts.contains(Int(port.nodePort)) {
                    try take(nodePort: port.nodePort, at: index, name: name)
                }
                let identity = ServiceFields.Port(
                    name: "", transport: port.transport, port: 0, nodePort: new.ports[index].nodePort)
                guard seen.insert(identity).inserted else {
                    throw .internalError("duplicate nodePort: {\(identity.transport) \(identity.nodePort)}")
                }
            }
            let after = new.nodePorts
            allocation.releasedNodePorts += before.filter { !after.contains($0) }.map { Int($0) }
        }
        if !old.needsHealthCheckNodePort, new.needsHealthCheckNodePort {
            try takeHealthCheckNodePort(&new)
        } else if old.needsHealthCheckNodePort, !new.needsHealthCheckNodePort, old.healthCheckNodePort > 0 {
            allocation.releasedNodePorts.append(Int(old.healthCheckNodePort))
        }
    }

    private mutating func takeHealthCheckNodePort(_ service: inout ServiceFields) throws(KubeStatus) {
        let asked = service.healthCheckNodePort
        guard asked != 0 else {
            service.healthCheckNodePort = Int64(try anyNodePort { "failed to allocate a HealthCheck NodePort 0: \($0)" })
            return
        }
        if let reason = refusal(of: asked) {
            throw .internalError("failed to allocate requested HealthCheck NodePort \(asked): \(reason)")
        }
        allocation.nodePorts.append(Int(asked))
    }

    private mutating func take(nodePort: Int64, at index: Int, name: String) throws(KubeStatus) {
        if let reason = refusal(of: nodePort) {
            throw .invalid(
                group: "", kind: "Service", name: name, [.invalid("spec.ports[\(index)].nodePort", .integer(nodePort), reason)])
        }
        allocation.nodePorts.append(Int(nodePort))
    }

    private func refusal(of port: Int64) -> String? {
        let range = state.nodePorts.range
        guard let port = Int(exactly: port), range.contains(port) else {
            return "provided port is not in the valid range. The range of valid ports is \(range.lowerBound)-\(range.upperBound)"
        }
        return allocation.nodePorts.contains(port) || state.isTaken(nodePort: port) ? "provided port is already allocated" : nil
    }

    /// A free port. A dry run makes one up beyond what it has, as the real allocator does.
    private mutating func anyNodePort(_ text: (_ reason: String) -> String) throws(KubeStatus) -> Int {
        let state = state
        let taken = allocation.nodePorts
        let port =
            isDryRun
            ? (taken.max() ?? 32768) + 1
            : state.nodePorts.free(random: state.random(below:)) { taken.contains($0) || state.isTaken(nodePort: $0) }
        guard let port else { throw .internalError(text("range is full")) }
        allocation.nodePorts.append(port)
        return port
    }
}
