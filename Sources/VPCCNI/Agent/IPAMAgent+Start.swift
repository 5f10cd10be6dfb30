import IPAddress
import VPCModel
import World

/// Why an agent does not start. Its text is that of the process's last error.
public enum StartError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Families, prefixes and custom networking do not go together, or not with the type.
    case invalidConfiguration
    /// EC2 does not describe the instance's interfaces.
    case interfacesUnknown(EC2Failure)
    /// An interface cannot be tagged.
    case untagged(String, EC2Failure)
    /// The state file gives an address twice.
    case ambiguousStateFile
    /// The first growth of the pool failed, other than by a full subnet.
    case poolNotIncreased
    /// Custom networking has no interface for pods.
    case noInterfaceForCustomNetworking

    /// The agent's own text.
    public var description: String {
        switch self {
        case .invalidConfiguration: "ipamd: failed to validate configuration"
        case .interfacesUnknown(let failure): "ipamd init: failed to retrieve attached ENIs info: \(failure.code): \(failure.message)"
        case .untagged(let id, let failure): "ipamd init: failed to tag managed ENI \(id): \(failure.code): \(failure.message)"
        case .ambiguousStateFile: "Error while reading datastore: datastore: IP already in data store"
        case .poolNotIncreased: "error while trying to increase datastore pool"
        case .noInterfaceForCustomNetworking: "Failed to attach any ENIs for custom networking"
        }
    }
}

extension IPAMAgent {
    private static let setUpRetries = 5
    private static let setUpPause = Duration.seconds(10)
    private static let describeTries = 12

    /// Starts: takes up what the instance has, restores who has which address, and lets a low pool grow once.
    ///
    /// Answers when the start ends, and why it failed if it did.
    public func start(at now: Instant, restoring file: StateFile = StateFile()) async -> (end: Instant, error: StartError?) {
        var clock = PassClock(now)
        do throws(StartError) {
            try await initialise(&clock, file)
            return (clock.now, nil)
        } catch {
            write(.error, clock.now, "Initialization failure: \(error)")
            return (clock.now, error)
        }
    }

    private func initialise(_ clock: inout PassClock, _ file: StateFile) async throws(StartError) {
        write(.debug, clock.now, "Start node init")
        guard settings.isValid(on: type) else { throw .invalidConfiguration }
        let attached: [AttachedInterface]
        do throws(EC2Failure) { attached = try await describeAttached(&clock) } catch { throw .interfacesUnknown(error) }
        primaryInterface = attached.first { $0.device == 0 }?.id ?? ""
        nodeSubnet = attached.first { $0.device == 0 }?.subnet ?? ""
        for interface in manage(attached) { try await takeUp(interface, &clock) }
        try await restore(file, at: clock.now)
        await giveBackUnusable(at: clock.now)
        await announceFeatures(at: clock.now)
        guard !settings.isProvisioningDisabled, family == .ipv4, isLow(at: clock.now) else { return }
        do throws(EC2Failure) { try await increase(&clock) } catch {
            metrics.branchErrors["nodeInit", default: 0] += 1
            throw .poolNotIncreased
        }
        if settings.usesCustomNetworking, statistics(at: clock.now).total == 0 {
            metrics.branchErrors["nodeInit", default: 0] += 1
            throw .noInterfaceForCustomNetworking
        }
    }

    /// The instance's interfaces from metadata with what only EC2 knows of them.
    func describeAttached(_ clock: inout PassClock) async throws(EC2Failure) -> [AttachedInterface] {
        let attached = await network.attachedInterfaces()
        // Without EC2 neither tags nor the kinds of interfaces are known.
        guard !settings.usesMetadataOnly else {
            return attached.map { interface in
                var plain = interface
                plain.tags = [:]
                plain.kind = .interface
                return plain
            }
        }
        for attempt in 0..<Self.describeTries - 1 {
            do throws(EC2Failure) {
                return try await call("DescribeNetworkInterfaces") { () async throws(EC2Failure) in
                    try await network.describeInterfaces(attached.map(\.id))
                }
            } catch {
                write(.error, clock.now, "Failed to call ec2:DescribeNetworkInterfaces: \(error.message)")
                clock.sleep(.milliseconds(attempt * 10))
            }
        }
        return try await call("DescribeNetworkInterfaces") { () async throws(EC2Failure) in
            try await network.describeInterfaces(attached.map(\.id))
        }
    }

    /// Notes which interfaces are left alone, by their tags, and answers the others, by device. The primary one is always managed.
    func manage(_ described: [AttachedInterface]) -> [AttachedInterface] {
        if !settings.usesMetadataOnly { unmanaged = Set(described.filter(isUnmanaged).map(\.id)) }
        return managed(described)
    }

    private func isUnmanaged(_ interface: AttachedInterface) -> Bool {
        guard interface.id != primaryInterface else { return false }
        if let tag = interface.tags["node.k8s.amazonaws.com/no_manage"] { return tag == "true" }
        return interface.tags[InterfaceTags.instance] != instanceID && !settings.managesUntaggedInterfaces
    }

    /// The interfaces that are not left alone. With IPv6 only the primary one and the trunk are used.
    func managed(_ attached: [AttachedInterface]) -> [AttachedInterface] {
        let managed = attached.filter { interface in
            family == .ipv6 ? interface.id == primaryInterface || interface.kind == .trunk : !unmanaged.contains(interface.id)
        }
        unmanagedCount = attached.count - managed.count
        return managed.sorted { $0.device < $1.device }
    }

    private func takeUp(_ interface: AttachedInterface, _ clock: inout PassClock) async throws(StartError) {
        if interface.kind != .trunk, !settings.isProvisioningDisabled {
            do throws(EC2Failure) { try await tag(interface, &clock) } catch { throw .untagged(interface.id, error) }
        }
        for attempt in 0...Self.setUpRetries {
            do throws(EC2Failure) {
                try await setUp(interface, at: clock.now)
                return write(.info, clock.now, "ENI \(interface.id) set up.")
            } catch {
                write(.warn, clock.now, "Error trying to set up ENI \(interface.id): \(error.message)")
                guard attempt < Self.setUpRetries else { break }
                clock.sleep(Self.setUpPause)
            }
        }
        metrics.errors["waitENIAttachedMaxRetryExceeded", default: 0] += 1
    }

    /// Adds an interface and its addresses to the store. The interface stays in it, without addresses, when EC2 refuses half-way.
    func setUp(_ interface: AttachedInterface, at now: Instant) async throws(EC2Failure) {
        changes &+= 1
        store.add(
            PoolInterface(
                id: interface.id, device: interface.device, subnet: interface.subnet, isPrimary: interface.id == primaryInterface,
                isTrunk: interface.kind == .trunk, isEFA: interface.kind == .efa, createdAt: now))
        if settings.discoversSubnets, try await isSubnetExcluded(interface.subnet), family == .ipv4 {
            write(.info, now, "Marking ENI \(interface.id) as excluded from pod IP allocation (in excluded subnet \(interface.subnet))")
            store.exclude(interface.id)
        }
        guard family == .ipv4 else {
            if interface.kind != .trunk { try await takeUpIPv6Prefix(of: interface) }
            return
        }
        for address in interface.secondary { store.add(CIDRBlock(address), isPrefix: false, to: interface.id) }
        // Prefixes of the primary interface are of no use to custom networking, and are not read.
        guard !(settings.usesCustomNetworking && interface.id == primaryInterface) else { return }
        for prefix in interface.prefixes { store.add(prefix, isPrefix: true, to: interface.id) }
    }

    /// One prefix, the first that there is; a new one when there is none.
    private func takeUpIPv6Prefix(of interface: AttachedInterface) async throws(EC2Failure) {
        let known =
            try await call("DescribeNetworkInterfaces") { () async throws(EC2Failure) in
                try await network.describeInterfaces([interface.id])
            }.first?.ipv6Prefixes ?? []
        let prefixes =
            known.isEmpty
            ? try await call("AssignIpv6Addresses") { () async throws(EC2Failure) in
                try await network.assignIPv6Prefix(to: interface.id)
            } : Array(known.prefix(1))
        for prefix in prefixes { store.add(prefix, isPrefix: true, to: interface.id) }
    }

    private func restore(_ file: StateFile, at now: Instant) async throws(StartError) {
        write(.info, now, "Begin ipam state recovery from backing store")
        for allocation in file.allocations where await isAlive(allocation) {
            let isHeld = store.interfaces.contains { $0.place(holding: allocation.address) != nil }
            guard isHeld else {
                write(
                    .info, now, "datastore: Sandbox \(allocation.key) uses unknown IP Address \(allocation.address) - presuming stale/dead")
                continue
            }
            guard store.restore(allocation) else { throw .ambiguousStateFile }
            write(.debug, now, "Recovered \(allocation.key) => \(allocation.address)")
        }
    }

    /// Whether the pod's host interface is there. Entries of old versions name no pod and are believed.
    private func isAlive(_ allocation: StateFile.Allocation) async -> Bool {
        guard !allocation.pod.namespace.isEmpty, !allocation.pod.name.isEmpty else { return true }
        return await objects.hasHostInterface(suffix: HostInterfaceName.suffix(of: allocation.pod))
    }

    /// Gives back what the node's mode does not use, and what excluded interfaces hold.
    private func giveBackUnusable(at now: Instant) async {
        guard family == .ipv4 else { return }
        for interface in store.interfaces where interface.isExcluded {
            await releaseUnused(prefixes: limits.usesPrefixes, of: interface, at: now)
        }
        for interface in store.interfaces { await releaseUnused(prefixes: !limits.usesPrefixes, of: interface, at: now) }
    }

    private func announceFeatures(at now: Instant) async {
        guard settings.usesBranchInterfaces else { return }
        if settings.usesCustomNetworking {
            let name = await objects.node().eniConfigName(settings)
            if name != "default" { await objects.addFeature("CustomNetworking", name) }
        }
        await announceBranchInterfaces(at: now)
    }

    /// Tells the resource controller that a trunk is wanted, once there is a slot for it.
    func announceBranchInterfaces(at now: Instant) async {
        guard family == .ipv6 || store.interfaces.count < limits.interfaces - unmanagedCount else {
            return write(.error, now, "No slot available for a trunk ENI to be attached.")
        }
        await objects.addFeature("SecurityGroupsForPods", "")
    }
}
