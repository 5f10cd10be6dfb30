public import IPAddress

/// Who calls a cluster's endpoint, as far as the network is concerned.
public enum EndpointCaller: Sendable, Hashable {
    /// Somebody outside with a public address.
    case internet(IPAddress)
    /// Somebody in a network that is peered with the cluster's VPC or connected by a VPN: the address there, and the one with which that
    /// network reaches the internet, if it does.
    case peered(IPAddress, leavesAs: IPAddress?)
    /// A network interface in a VPC of ours: of an instance, or made for the caller.
    case interface(NetworkInterfaceReference)
}

/// A network interface, and where it is kept.
public struct NetworkInterfaceReference: Sendable, Hashable {
    /// The owner: twelve digits.
    public let account: String
    /// The region.
    public let region: String
    /// `eni-…`
    public let id: String

    /// Makes a reference.
    public init(account: String, region: String, id: String) {
        self.account = account
        self.region = region
        self.id = id
    }
}

/// Why a place in the network cannot be a caller, or is one no longer.
public enum EndpointCallerProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// No account has a subnet, an instance or an interface of that id.
    case unknown(String)
    /// EC2's refusal.
    case refused(String)

    /// The text for messages.
    public var description: String {
        switch self {
        case .unknown(let id): "no account has \(id)"
        case .refused(let text): text
        }
    }
}
