import IPAddress
import JSON
import World

/// What the CNI plugin asks to attach a pod.
public struct AddRequest: Sendable, Hashable {
    /// The attachment.
    public let key: SandboxKey
    /// The pod.
    public let pod: PodMetadata
    /// The plugin's version; `nil` for the agent's own.
    public let clientVersion: String?

    /// Makes a request.
    public init(key: SandboxKey, pod: PodMetadata, clientVersion: String? = nil) {
        self.key = key
        self.pod = pod
        self.clientVersion = clientVersion
    }
}

/// The address of a pod, as the agent hands it to the CNI plugin.
public struct PodAddress: Sendable, Hashable {
    /// The address.
    public let address: IPAddress
    /// The device index of its interface; -1 for a branch interface.
    public let device: Int
    /// The routing table; 0 for a branch interface, which does not use it.
    public let routeTable: Int
    /// The VLAN of a branch interface.
    public let vlan: Int?
    /// The hardware address of a branch interface.
    public let branchHardwareAddress: String?
    /// The gateway of a branch interface's subnet.
    public let branchGateway: IPAddress?
}

/// The agent's answer to a request to attach a pod.
public struct AddReply: Sendable, Hashable {
    /// The address; `nil` when there is none to give. The kubelet then reports `failedMessage` and tries again.
    public let pod: PodAddress?
    /// Whether something else translates source addresses.
    public let usesExternalSNAT: Bool
    /// Blocks towards which the pod keeps its address.
    public let vpcBlocks: [CIDRBlock]

    /// There is no address to give.
    public static let none = AddReply(pod: nil, usesExternalSNAT: false, vpcBlocks: [])

    /// What the kubelet's event says of a failed request.
    public static let failedMessage = "add cmd: failed to assign an IP address to container"
}

/// The agent's refusal of a request to detach a pod. The CNI plugin reports success to the kubelet all the same.
public struct RequestRefusal: Error, Sendable, Hashable {
    /// The text of the gRPC status.
    public let message: String

    /// Whether the agent knows no such pod, which the plugin takes for done.
    public var isUnknownPod: Bool { message.contains("datastore: unknown pod") }

    static let unknownPod = RequestRefusal(message: "1 error occurred:\n\t* datastore: unknown pod\n\n")

    static func noPod(_ name: String) -> RequestRefusal {
        RequestRefusal(message: "error while trying to retrieve pod info: pods \"\(name)\" not found")
    }
}

extension IPAMAgent {
    /// How long an empty block of an excluded interface is kept.
    private static let dropDelay = Duration.seconds(5)

    /// Gives a pod an address, from the pool or from its branch interface.
    ///
    /// - Throws: when the plugin is of another version.
    public func add(_ request: AddRequest, at now: Instant) async throws(RequestRefusal) -> AddReply {
        await settle(at: now)
        write(
            .info, now,
            "Received AddNetwork for NS \(request.pod.namespace), Sandbox \(request.key.containerID), ifname \(request.key.ifName)")
        metrics.addRequests += 1
        if let clientVersion = request.clientVersion, clientVersion != version {
            throw RequestRefusal(message: "wrong client version \"\(clientVersion)\" (!= \"\(version)\")")
        }
        var pod: PodAddress?
        if settings.usesBranchInterfaces {
            guard let object = await objects.pod(request.pod.namespace, request.pod.name) else { return .none }
            if object.wantsBranchInterface {
                guard store.trunk != nil, let annotation = object.annotation, let branch = branchAddress(annotation) else { return .none }
                pod = branch
            }
        }
        if pod == nil { pod = poolAddress(request, at: now) }
        guard let pod else { return .none }
        let blocks = family == .ipv4 ? await network.vpcBlocks() : []
        let host = settings.hostNetwork
        return AddReply(
            pod: pod, usesExternalSNAT: family == .ipv4 && host.usesExternalSNAT,
            vpcBlocks: host.usesExternalSNAT || family == .ipv6 ? blocks : blocks + host.excludedFromSNAT)
    }

    private func poolAddress(_ request: AddRequest, at now: Instant) -> PodAddress? {
        guard !request.key.containerID.isEmpty, !request.key.ifName.isEmpty, !request.key.networkName.isEmpty else { return nil }
        changes &+= 1
        guard let given = store.assign(request.key, request.pod, family, at: now) else {
            metrics.dryRequests += 1
            log.write(.error, now, "datastore/data_store.go", "DataStore has no available IP/Prefix addresses")
            write(.warn, now, "Failed to assign IPs from network card 0: AssignPodIPAddress: no available IP/Prefix addresses")
            return nil
        }
        log.write(
            .info, now, "datastore/data_store.go",
            "assignPodIPAddressUnsafe: Assign IP \(given.address) to sandbox \(request.key) with metadata \(request.pod.logText)")
        return PodAddress(
            address: given.address, device: given.interface.device, routeTable: given.interface.routeTable, vlan: nil,
            branchHardwareAddress: nil, branchGateway: nil)
    }

    /// The first branch interface of the annotation, if it says all that is needed.
    private func branchAddress(_ annotation: String) -> PodAddress? {
        guard let branch = (try? JSON(parsing: annotation))?.array?.first,
            let address = branch[family == .ipv4 ? "privateIp" : "ipv6Addr"]?.string.flatMap({ IPAddress($0) }),
            let hardware = branch["ifAddress"]?.string, !hardware.isEmpty, let vlan = branch["vlanId"]?.integer, vlan != 0,
            let subnet = branch[family == .ipv4 ? "subnetCidr" : "subnetV6Cidr"]?.string,
            let block = try? CIDRBlock(parsing: subnet, syntax: .go)
        else { return nil }
        return PodAddress(
            address: address, device: -1, routeTable: 0, vlan: Int(vlan), branchHardwareAddress: hardware,
            branchGateway: family == .ipv4 ? block.address(at: 1) : nil)
    }

    /// Takes a pod's address back. Answers it, or that of the pod's branch interface.
    ///
    /// - Throws: for a sandbox that the agent does not know.
    @discardableResult
    public func delete(
        _ key: SandboxKey, pod: PodMetadata, reason: String = "", at now: Instant
    ) async throws(RequestRefusal) -> PodAddress? {
        await settle(at: now)
        write(.info, now, "Received DelNetwork for Sandbox \(key.containerID)")
        metrics.deleteRequests[reason, default: 0] += 1
        guard let freed = store.unassign(key, at: now) else {
            log.write(.warn, now, "datastore/data_store.go", "UnassignPodIPAddress: Failed to find sandbox \(key)")
            return try await deleteBranch(pod)
        }
        changes &+= 1
        log.write(
            .debug, now, "datastore/data_store.go",
            "IP \(freed.address) entering cooldown period of \(GoNumber.jsonText(settings.cooldown.inSeconds))s (available after \((now + settings.cooldown).rfc3339))"
        )
        if let place = freed.interface.place(holding: freed.address) {
            let block = freed.interface.blocks(of: freed.address.family)[place]
            if freed.interface.isExcluded, block.assignedCount == 0 {
                drops.append(Drop(due: now + Self.dropDelay, interface: freed.interface.id, block: block.block))
            }
            // A prefix that a node without prefix delegation still had goes as soon as it is empty.
            if family == .ipv4, block.isPrefix, !limits.usesPrefixes { await releaseUnused(prefixes: true, of: freed.interface, at: now) }
        }
        return PodAddress(
            address: freed.address, device: freed.interface.device, routeTable: freed.interface.routeTable, vlan: nil,
            branchHardwareAddress: nil, branchGateway: nil)
    }

    private func deleteBranch(_ pod: PodMetadata) async throws(RequestRefusal) -> PodAddress? {
        guard settings.usesBranchInterfaces else { throw .unknownPod }
        guard let object = await objects.pod(pod.namespace, pod.name) else { throw .noPod(pod.name) }
        guard let annotation = object.annotation else { throw .unknownPod }
        return branchAddress(annotation)
    }

    /// Carries out what was put off and is due.
    public func settle(at now: Instant) async {
        let due = drops.filter { $0.due <= now }
        guard !due.isEmpty else { return }
        drops.removeAll { $0.due <= now }
        for drop in due {
            guard let interface = store.interface(drop.interface), interface.isExcluded, let place = interface.place(of: drop.block) else {
                continue
            }
            let block = interface.blocks(of: drop.block.family)[place]
            // The agent forgets to count these.
            guard store.remove(drop.block, of: interface.id, isCounted: false) != nil else { continue }
            changes &+= 1
            await unassign([block], from: interface.id, at: drop.due)
        }
    }
}

extension PodMetadata {
    /// Go's `%+v` of the agent's own type.
    var logText: String { "{K8SPodNamespace:\(namespace) K8SPodName:\(name) InterfacesCount:\(interfacesCount)}" }
}
