public import HTTP
public import IPAddress
import World
public import World

/// The NLB in front of a cluster's kube-apiserver replicas: a decision when a connection is accepted, not a byte proxy.
public final class NetworkLoadBalancer: ConnectionAdmission {
    /// One kube-apiserver replica.
    public struct Target: Sendable {
        /// `demo/apiserver-0`
        public let name: String
        /// `ap-northeast-1a`
        public let zone: String
        /// What answers its requests.
        public let handler: any HTTPHandler

        /// Makes a target.
        public init(name: String, zone: String, handler: any HTTPHandler) {
            self.name = name
            self.zone = zone
            self.handler = handler
        }
    }

    /// Who may reach the endpoint (`resourcesVpcConfig`).
    public struct EndpointAccess: Sendable, Hashable {
        /// `endpointPublicAccess`
        public var isPublic: Bool
        /// `endpointPrivateAccess`
        public var isPrivate: Bool
        /// `publicAccessCidrs`
        public var publicCIDRs: [CIDRBlock]
        /// The VPC's own blocks: addresses that use the private endpoint.
        public var vpcCIDRs: [CIDRBlock]

        /// Makes access rules.
        public init(isPublic: Bool, isPrivate: Bool, publicCIDRs: [CIDRBlock], vpcCIDRs: [CIDRBlock] = []) {
            self.isPublic = isPublic
            self.isPrivate = isPrivate
            self.publicCIDRs = publicCIDRs
            self.vpcCIDRs = vpcCIDRs
        }
    }

    /// A target as `targets` reports it.
    public struct TargetHealth: Sendable, Hashable {
        /// The target.
        public let name: String
        /// Its zone.
        public let zone: String
        /// Whether new flows may go there.
        public let isHealthy: Bool
    }

    private struct State: Sendable {
        var access: EndpointAccess
        var dead: Set<String> = []
    }

    private let name: String
    private let allTargets: [Target]
    private let state: Lock<State>
    /// Told of every connection that is turned away, with the steps that decided it: nobody else hears of it.
    public let onRefusal: (@Sendable (_ remoteAddress: String, _ steps: [TraceStep]) -> Void)?

    /// Makes the load balancer of a cluster.
    public init(
        name: String, targets: [Target], access: EndpointAccess,
        onRefusal: (@Sendable (_ remoteAddress: String, _ steps: [TraceStep]) -> Void)? = nil
    ) {
        self.name = name
        allTargets = targets
        state = Lock(State(access: access))
        self.onRefusal = onRefusal
    }

    /// The targets and their health.
    public var targets: [TargetHealth] {
        let dead = state.withLock { $0.dead }
        return allTargets.map { TargetHealth(name: $0.name, zone: $0.zone, isHealthy: !dead.contains($0.name)) }
    }

    /// Changes who may reach the endpoint. Connections that are open stay open, as flows of an NLB do.
    public func setAccess(_ access: EndpointAccess) { state.withLock { $0.access = access } }

    /// Marks a target healthy or dead; answers its name, or `nil` when there is none at that place. The caller closes a dead target's connections.
    @discardableResult
    public func setHealth(target index: Int, isAlive: Bool) -> String? {
        guard allTargets.indices.contains(index) else { return nil }
        let name = allTargets[index].name
        state.withLock { state in
            if isAlive { state.dead.remove(name) } else { state.dead.insert(name) }
        }
        return name
    }

    /// Decides about a connection: endpoint access by its source address, then a healthy target by the hash of its flow.
    public func admit(remoteAddress: String, remotePort: Int) -> Admission {
        let step = check(state.withLock { $0.access }, remoteAddress)
        guard step.verdict == .pass else {
            onRefusal?(remoteAddress, [step])
            return .drop
        }
        return forward(source: remoteAddress, port: remotePort, steps: [step])
    }

    /// Hands a connection that may reach the endpoint to a healthy target, by the hash of its flow. The target sees `source`.
    public func forward(source: String, port: Int, steps: [TraceStep]) -> Admission {
        let dead = state.withLock { $0.dead }
        let healthy = allTargets.filter { !dead.contains($0.name) }
        guard !healthy.isEmpty else {
            let step = TraceStep(
                "nlb", "target", expected: "a healthy kube-apiserver", actual: "0 of \(allTargets.count) healthy", .fail,
                fix: "eks-sim replica revive \(name) 0")
            onRefusal?(source, steps + [step])
            return .reset
        }
        let target = healthy[Int(Self.flowHash(source, port, name) % UInt64(healthy.count))]
        let step = TraceStep(
            "nlb", "target", actual: "\(target.name) in \(target.zone), \(healthy.count) of \(allTargets.count) healthy", .pass)
        return .serve(target.handler, target: target.name, steps: steps + [step], source: source)
    }

    private func check(_ access: EndpointAccess, _ text: String) -> TraceStep {
        guard let address = IPAddress(text)?.unmapped else {
            return TraceStep("nlb", "source address", expected: "an IP address", actual: text, .fail)
        }
        if access.isPrivate, access.vpcCIDRs.contains(where: { $0.contains(address) }) {
            return TraceStep("nlb", "private endpoint", expected: "inside the VPC", actual: text, .pass)
        }
        let shown = access.publicCIDRs.map(\.description).joined(separator: ", ")
        guard access.isPublic else {
            return TraceStep(
                "nlb", "endpoint access", expected: "a source inside the VPC: the public endpoint is off", actual: text, .fail,
                fix: "aws eks update-cluster-config --name \(name) --resources-vpc-config endpointPublicAccess=true")
        }
        // An IPv4 rule for everybody means everybody: loopback over IPv6 is how a local client comes.
        let isOpen = access.publicCIDRs.contains { $0.contains(address) || $0.prefixLength == 0 }
        return TraceStep(
            "nlb", "publicAccessCidrs", expected: shown, actual: text, isOpen ? .pass : .fail, nearMisses: [],
            fix: isOpen
                ? nil
                : "aws eks update-cluster-config --name \(name) --resources-vpc-config \(Self.admitting(address, besides: access.publicCIDRs.map(\.description)))"
        )
    }

    /// The blocks that let an address in besides those that are in; EKS takes no private and no IPv6 block, so such an address needs all.
    public static func admitting(_ address: IPAddress, besides blocks: [String]) -> String {
        guard address.family == .ipv4, address.specialPurpose.map({ $0 == .documentation }) ?? true else {
            return "publicAccessCidrs=0.0.0.0/0"
        }
        return "publicAccessCidrs=\((blocks + ["\(address)/32"]).joined(separator: ","))"
    }

    /// FNV-1a over the flow, so that the same flow always takes the same target.
    static func flowHash(_ address: String, _ port: Int, _ listener: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "\(address):\(port)>\(listener)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // FNV's low bits mix badly; the high half is folded in.
        return hash ^ (hash >> 32)
    }
}
