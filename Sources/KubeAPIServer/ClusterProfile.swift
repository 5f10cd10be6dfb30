/// Whose kube-apiserver a cluster behaves as.
public enum ClusterProfile: String, Sendable, Hashable, CaseIterable {
    /// Amazon EKS: anonymous requests reach health checks only, the EKS webhooks are there.
    case eks
    /// kube-apiserver as Kubernetes ships it, with anonymous authentication and without anything of EKS.
    case upstream

    /// Which paths an anonymous request may ask for; `nil` for every path. EKS restricts them since Kubernetes 1.32
    /// (EKS User Guide, kubernetes-versions-standard).
    func anonymousPaths(minorVersion: Int) -> Set<String>? {
        self == .eks && minorVersion >= 32 ? ["/healthz", "/livez", "/readyz"] : nil
    }

    /// The version of clusters that ask for none, where that is not EKS' default: the newest that the API server knows.
    public var kubernetesVersion: String? { self == .upstream ? "1.36" : nil }

    /// Whether a controller manager looks after ServiceCIDR objects.
    var controlsServiceRanges: Bool { self == .eks }

    /// Whether a controller manager counts what ResourceQuotas bound.
    var controlsQuotas: Bool { self == .eks }
}
