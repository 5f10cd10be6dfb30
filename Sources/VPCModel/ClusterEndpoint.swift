import IPAddress

/// A place from which somebody calls a cluster's endpoint.
public struct Vantage: Sendable, Hashable {
    /// Where it lies, seen from the cluster's VPC.
    public enum Place: String, Sendable, Hashable {
        /// Anywhere outside.
        case internet
        /// In the VPC.
        case vpc
        /// In a network with a route to the VPC: peered, or behind a VPN.
        case peered
        /// In a VPC that has no connection to it.
        case otherVPC = "another VPC"
    }

    /// Where it lies.
    public var place: Place
    /// The caller's own address.
    public var address: IPAddress
    /// The node's primary address, for a pod with an address of its own.
    public var node: IPAddress?
    /// Whether pods keep their addresses towards the internet (`AWS_VPC_K8S_CNI_EXTERNALSNAT`).
    public var keepsAddress = false
    /// The public address of the instance, in a subnet with a route to an internet gateway.
    public var publicAddress: IPAddress?
    /// The public address of the NAT gateway that the subnet's default route leads to.
    public var natAddress: IPAddress?
    /// Whether its interface has the cluster security group, which lets its members in.
    public var isInClusterGroup = false

    /// Makes a vantage point.
    public init(
        _ place: Place, _ address: IPAddress, node: IPAddress? = nil, keepsAddress: Bool = false, publicAddress: IPAddress? = nil,
        natAddress: IPAddress? = nil, isInClusterGroup: Bool = false
    ) {
        self.place = place
        self.address = address
        self.node = node
        self.keepsAddress = keepsAddress
        self.publicAddress = publicAddress
        self.natAddress = natAddress
        self.isInClusterGroup = isInClusterGroup
    }
}

/// How a call to an endpoint goes. One that is refused is not answered: security groups, network ACLs, blocks of public access and routes that
/// lead nowhere all swallow packets, so that the caller's connection hangs until it gives up; nothing on the way answers with a reset.
public struct EndpointReach: Sendable, Hashable {
    /// A hop at which something was compared.
    public struct Step: Sendable, Hashable {
        /// What compares.
        public let hop: String
        /// Whether the call goes on.
        public let isPassed: Bool
        /// What was wanted and found.
        public let detail: String
        /// What lets a refused call pass, as a command to paste, where the hop itself knows.
        public let fix: String?

        /// Makes a step.
        public init(hop: String, isPassed: Bool, detail: String, fix: String? = nil) {
            self.hop = hop
            self.isPassed = isPassed
            self.detail = detail
            self.fix = fix
        }
    }

    /// What the endpoint's name resolves to.
    public let names: [IPAddress]
    /// Whether the call goes to the control plane's interfaces in the VPC.
    public let isPrivatePath: Bool
    /// The hops, up to the one that stops the call.
    public let steps: [Step]
    /// The source address that the API server sees; `nil` when the call does not arrive.
    public let source: IPAddress?
    /// The source address of a pod's call when it has left the node; `nil` for others, and on the private path, where it is the pod's own.
    public let sourceAfterNode: IPAddress?

    /// Whether the call arrives.
    public var isReachable: Bool { source != nil }
}

/// The endpoint of a cluster (EKS User Guide, clusters/cluster-endpoint and networking/sec-group-reqs).
public struct ClusterEndpoint: Sendable, Hashable {
    /// To whom it is open.
    public var exposure: EndpointExposure
    /// Addresses of the control plane's interfaces in the VPC.
    public var interfaces: [IPAddress]
    /// Addresses of the public load balancer.
    public var publicAddresses: [IPAddress]
    /// Blocks to which the cluster security group opens port 443.
    public var allowedSources: [CIDRBlock]
    /// Whether the VPC has DNS support and hostnames, without which its private zone has no effect.
    public var hasPrivateNames: Bool

    /// Makes an endpoint.
    public init(
        exposure: EndpointExposure, interfaces: [IPAddress], publicAddresses: [IPAddress], allowedSources: [CIDRBlock] = [],
        hasPrivateNames: Bool = true
    ) {
        self.exposure = exposure
        self.interfaces = interfaces
        self.publicAddresses = publicAddresses
        self.allowedSources = allowedSources
        self.hasPrivateNames = hasPrivateNames
    }

    /// What the endpoint's name resolves to: with private access its interfaces, in the VPC; and everywhere when there is no public access.
    public func names(for vantage: Vantage) -> [IPAddress] {
        let isPrivate = exposure.isPrivate && (!exposure.isPublic || vantage.place == .vpc && hasPrivateNames)
        return isPrivate ? interfaces : publicAddresses
    }

    /// How a call from a vantage point goes, when hops between the name and the endpoint let it pass: `before`, where it leaves, and
    /// `arriving`, those that it meets on its route.
    public func reach(
        from vantage: Vantage, after before: [EndpointReach.Step] = [], arriving: [EndpointReach.Step] = []
    ) -> EndpointReach {
        let names = names(for: vantage)
        let isPrivate = exposure.isPrivate && names == interfaces
        var steps = [
            EndpointReach.Step(
                hop: "name", isPassed: !names.isEmpty,
                detail: "\(isPrivate ? "interfaces in the VPC" : "public addresses"): \(names.map(\.description).joined(separator: ", "))")
        ]
        let isOpen = !names.isEmpty && Self.pass(before, &steps)
        let end = !isOpen ? nil : isPrivate ? privatePath(vantage, arriving, &steps) : publicPath(vantage, arriving, &steps)
        return EndpointReach(
            names: names, isPrivatePath: isPrivate, steps: steps, source: end,
            sourceAfterNode: isPrivate ? nil : sourceAfterNode(of: vantage))
    }

    private func privatePath(
        _ vantage: Vantage, _ arriving: [EndpointReach.Step], _ steps: inout [EndpointReach.Step]
    ) -> IPAddress? {
        let hasRoute = vantage.place == .vpc || vantage.place == .peered
        steps.append(
            EndpointReach.Step(
                hop: "route", isPassed: hasRoute, detail: hasRoute ? "\(vantage.place.rawValue): private" : "none to private addresses"))
        guard hasRoute, Self.pass(arriving, &steps) else { return nil }
        let block = allowedSources.first { $0.contains(vantage.address) }
        let isAllowed = vantage.isInClusterGroup || block != nil
        let reason =
            vantage.isInClusterGroup ? "a member of it" : block.map { "443 from \($0)" } ?? "no rule lets \(vantage.address) reach 443"
        steps.append(EndpointReach.Step(hop: "cluster security group", isPassed: isAllowed, detail: reason))
        return isAllowed ? vantage.address : nil
    }

    private func publicPath(
        _ vantage: Vantage, _ arriving: [EndpointReach.Step], _ steps: inout [EndpointReach.Step]
    ) -> IPAddress? {
        if let source = sourceAfterNode(of: vantage) {
            steps.append(EndpointReach.Step(hop: "node", isPassed: true, detail: "\(vantage.address) leaves as \(source)"))
        }
        let source = vantage.place == .internet ? vantage.address : vantage.publicAddress ?? vantage.natAddress
        let route =
            vantage.place == .internet
            ? "internet"
            : vantage.publicAddress.map { "internet gateway, as \($0)" } ?? vantage.natAddress.map { "NAT gateway, as \($0)" }
        steps.append(EndpointReach.Step(hop: "route", isPassed: source != nil, detail: route ?? "no default route to the internet"))
        guard let source, Self.pass(arriving, &steps) else { return nil }
        let block = exposure.publicCIDRs.first { CIDRBlock($0)?.contains(source) == true }
        steps.append(
            EndpointReach.Step(
                hop: "publicAccessCidrs", isPassed: block != nil,
                detail: block.map { "\(source) is in \($0)" } ?? "\(source) is in none of \(exposure.publicCIDRs.joined(separator: ", "))"))
        return block == nil ? nil : source
    }

    /// Takes hops in turn, up to the one that refuses; answers whether none does.
    private static func pass(_ hops: [EndpointReach.Step], _ steps: inout [EndpointReach.Step]) -> Bool {
        for hop in hops {
            steps.append(hop)
            guard hop.isPassed else { return false }
        }
        return true
    }

    /// A pod's call leaves with the node's address, unless something else is to translate it.
    private func sourceAfterNode(of vantage: Vantage) -> IPAddress? {
        vantage.node.map { vantage.keepsAddress ? vantage.address : $0 }
    }
}
