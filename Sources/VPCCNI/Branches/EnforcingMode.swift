import IPAddress

/// How the traffic of pods with security groups of their own goes (`POD_SECURITY_GROUP_ENFORCING_MODE`; amazon-vpc-cni-k8s,
/// pkg/sgpp, and README).
public enum EnforcingMode: String, Sendable, Hashable {
    /// All of it passes the branch interface, that of the node itself too, and keeps the pod's address.
    case strict
    /// What the node and its pods exchange stays on the node, past the groups; source addresses are translated as those of other pods.
    case standard

    /// Whether a call of the node itself, such as a kubelet's probe, reaches a port of the pod.
    ///
    /// - Parameters:
    ///   - isOpen: whether the groups let it in.
    ///   - hasEarlyDemux: whether the node's kernel looks for the socket of TCP packets before it routes them, and so drops what comes
    ///     back by another interface (`DISABLE_TCP_EARLY_DEMUX` of the init container is not `true`).
    public func nodeReaches(isOpen: Bool, hasEarlyDemux: Bool) -> Bool { self == .standard || isOpen && !hasEarlyDemux }

    /// The address that a destination sees of a pod before anything outside the node translates it.
    public func source(of pod: IPAddress, to destination: IPAddress, _ translation: SourceTranslation) -> IPAddress {
        self == .strict ? pod : translation.source(of: pod, to: destination)
    }
}
