public import JSON
import World

/// A pod that wants to be connected, as the CNI plugin is told of it.
public struct PodSandbox: Sendable, Hashable {
    /// The pod's namespace.
    public let namespace: String
    /// The pod's name.
    public let name: String
    /// The pod's UID.
    public let uid: String
    /// The sandbox container's id: 64 hexadecimal digits.
    public let containerID: String
    /// The node's name.
    public let node: String
}

/// Where pods get their addresses: what the CNI plugin does on a node.
public protocol PodNetwork: Sendable {
    /// A machine has joined, or is another one now.
    func add(_ machine: NodeMachine) async

    /// What connects the pods of a registered node is to start, unless it runs; answers whether it is up.
    func prepare(_ machine: NodeMachine) async -> Bool

    /// A machine has gone.
    func remove(_ machine: NodeMachine) async

    /// ADD: connects a sandbox and answers its addresses, the primary one first.
    ///
    /// - Throws: `PodNetworkFailure` with the plugin's own words.
    func connect(_ sandbox: PodSandbox) async throws(PodNetworkFailure) -> [String]

    /// DEL: disconnects a sandbox; never fails for the kubelet.
    func disconnect(_ sandbox: PodSandbox) async

    /// After a restart: the sandbox has these addresses already.
    func restore(_ sandbox: PodSandbox, addresses: [String]) async

    /// The TCP ports of some at which a connected pod does not answer its own node, as its kubelet's probes try.
    func blocked(_ sandbox: PodSandbox, ports: Set<Int64>) async -> Set<Int64>

    /// Other containers of a pod on its node's own network run now: it may be what connects the others. `running` has their ids, by name;
    /// of a pod that has ended none run.
    func hostPodChanged(_ pod: JSON, _ sandbox: PodSandbox, running: [String: String]) async

    /// The labels, annotations or taints of a node are others now.
    func nodeChanged(_ node: String) async

    /// The objects that say where the interfaces of pods go have changed.
    func placesChanged() async

    /// The files under `/var/log` that it writes on a node.
    func logs(of node: String) async -> [String]

    /// One of them as it is now.
    func log(_ path: String, of node: String) async -> String?
}

extension PodNetwork {
    /// Nothing has to be known of it.
    public func add(_ machine: NodeMachine) async {}

    /// Nothing has to start.
    public func prepare(_ machine: NodeMachine) async -> Bool { machine.hasNetwork }

    /// Nothing lies between a node and its pods.
    public func blocked(_ sandbox: PodSandbox, ports: Set<Int64>) async -> Set<Int64> { [] }

    /// It is none of its own.
    public func hostPodChanged(_ pod: JSON, _ sandbox: PodSandbox, running: [String: String]) async {}

    /// Nothing depends on them.
    public func nodeChanged(_ node: String) async {}

    /// It has no such objects.
    public func placesChanged() async {}

    /// It writes none.
    public func logs(of node: String) async -> [String] { [] }

    /// It writes none.
    public func log(_ path: String, of node: String) async -> String? { nil }

    /// Nothing has to end.
    public func remove(_ machine: NodeMachine) async {}
}

/// Why a pod got no address.
public struct PodNetworkFailure: Error, Sendable, Hashable {
    /// What follows `failed to setup network for sandbox "…": `.
    public let message: String

    /// Makes the error.
    public init(message: String) { self.message = message }

    /// The VPC CNI plugin's answer when its agent has no free address.
    public static let noAddress = PodNetworkFailure(
        message: "plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: failed to assign an IP address to container")
}

/// Addresses of 100.64.0.0/10 or, in a cluster of IPv6, of fd00:6440::/106, lowest free first, for nodes that stand in no VPC.
public final class StandalonePodNetwork: PodNetwork {
    private struct State: Sendable {
        var taken: Set<UInt32> = []
        var bySandbox: [String: UInt32] = [:]
        /// No address below is free.
        var floor = StandalonePodNetwork.first
    }

    private static let first: UInt32 = 100 << 24 | 64 << 16 | 1
    private static let last: UInt32 = 100 << 24 | 127 << 16 | 0xFFFE

    /// What stands before the number of an address of IPv6.
    private static let ipv6Prefix = "fd00:6440::"

    private let isIPv6: Bool
    private let state = Lock(State())

    /// Makes a network without pods.
    public init(isIPv6: Bool = false) { self.isIPv6 = isIPv6 }

    /// Gives the lowest free address.
    public func connect(_ sandbox: PodSandbox) async throws(PodNetworkFailure) -> [String] {
        let address = state.withLock { state -> UInt32? in
            if let known = state.bySandbox[sandbox.uid] { return known }
            var candidate = state.floor
            while candidate <= Self.last, state.taken.contains(candidate) { candidate += 1 }
            guard candidate <= Self.last else { return nil }
            state.floor = candidate + 1
            state.taken.insert(candidate)
            state.bySandbox[sandbox.uid] = candidate
            return candidate
        }
        guard let address else { throw .noAddress }
        return [isIPv6 ? Self.ipv6Text(address) : Self.text(address)]
    }

    /// Takes the address back.
    public func disconnect(_ sandbox: PodSandbox) async {
        state.withLock { state in
            guard let address = state.bySandbox.removeValue(forKey: sandbox.uid) else { return }
            state.taken.remove(address)
            state.floor = min(state.floor, address)
        }
    }

    /// Notes an address that was given before.
    public func restore(_ sandbox: PodSandbox, addresses: [String]) async {
        guard let address = addresses.first.flatMap(Self.number) else { return }
        state.withLock { state in
            state.taken.insert(address)
            state.bySandbox[sandbox.uid] = address
        }
    }

    private static func text(_ address: UInt32) -> String {
        "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
    }

    private static func ipv6Text(_ address: UInt32) -> String {
        let (high, low) = ((address >> 16) & 0x3F, address & 0xFFFF)
        return ipv6Prefix + (high == 0 ? "" : String(high, radix: 16) + ":") + String(low, radix: 16)
    }

    private static func ipv6Number(_ text: String) -> UInt32? {
        let parts = text.dropFirst(ipv6Prefix.count).split(separator: ":").compactMap { UInt32($0, radix: 16) }
        guard text.hasPrefix(ipv6Prefix), (1...2).contains(parts.count), parts.allSatisfy({ $0 <= 0xFFFF }) else { return nil }
        let number = parts.reduce(0) { $0 << 16 | $1 }
        return number < 1 << 22 ? 100 << 24 | 64 << 16 | number : nil
    }

    private static func number(_ text: String) -> UInt32? {
        if text.contains(":") { return ipv6Number(text) }
        let parts = text.split(separator: ".").compactMap { UInt8($0) }
        return parts.count == 4 ? parts.reduce(0) { $0 << 8 | UInt32($1) } : nil
    }
}
