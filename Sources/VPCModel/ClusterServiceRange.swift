import IPAddress

/// The addresses of a cluster's Services, by EKS's rules (EKS User Guide and API; amazon-eks-ami's bootstrap.sh for the default).
public struct ClusterServiceRange: Sendable, Hashable {
    /// Why EKS refuses a range. The texts are ours: EKS's are not known from any source.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// Not a block of private addresses of a size that EKS takes.
        case unsuitable(String)
        /// The VPC has some of the addresses.
        case overlaps(String, CIDRBlock)
        /// The cluster's Services have IPv6 addresses, which EKS chooses.
        case notOfIPv6(String)

        /// What is wrong.
        public var description: String {
            switch self {
            case .unsuitable(let text):
                "The specified CIDR \(text) for serviceIpv4Cidr must be within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 with a size of /12 to /24"
            case .overlaps(let text, let block): "The specified CIDR \(text) for serviceIpv4Cidr overlaps with the VPC CIDR \(block)"
            case .notOfIPv6(let text): "The CIDR \(text) for serviceIpv4Cidr cannot be specified for a cluster with ipFamily ipv6"
            }
        }
    }

    private static let sizes = 12...24
    private static let allowed = [
        CIDRBlock(containing: IPAddress(10, 0, 0, 0), prefixLength: 8), CIDRBlock(containing: IPAddress(172, 16, 0, 0), prefixLength: 12),
        CIDRBlock(containing: IPAddress(192, 168, 0, 0), prefixLength: 16),
    ].compactMap { $0 }

    /// The addresses.
    public let block: CIDRBlock

    /// The range of a cluster with IPv4 Services: as asked, or one of two defaults. That is `172.20.0.0/16` when any block of the VPC
    /// begins with 10, else `10.100.0.0/16`.
    ///
    /// - Throws: `unsuitable` or `overlaps`.
    public init(_ wanted: String?, vpcBlocks: [CIDRBlock]) throws(Problem) {
        let isInTen = vpcBlocks.contains { $0.family == .ipv4 && $0.network.bytes.first == 10 }
        let text = wanted ?? (isInTen ? "172.20.0.0/16" : "10.100.0.0/16")
        guard let block = CIDRBlock(text), Self.sizes.contains(block.prefixLength), Self.allowed.contains(where: { $0.contains(block) })
        else { throw .unsuitable(text) }
        if let taken = vpcBlocks.first(where: { $0.overlaps(block) }) { throw .overlaps(text, taken) }
        self.block = block
    }

    /// The range of a cluster with IPv6 Services, a `/108` that EKS chose; nothing may be asked for.
    ///
    /// - Throws: `notOfIPv6`.
    public init(assigned block: CIDRBlock, wanted: String?) throws(Problem) {
        if let wanted { throw .notOfIPv6(wanted) }
        self.block = block
    }

    /// The address of the Service `kubernetes`, the first one.
    public var kubernetesService: IPAddress { block.address(at: 1) ?? block.first }

    /// The address that nodes give to pods for DNS. It is made of the range's text, up to its last dot or before its length
    /// (amazon-eks-ami, nodeadm/internal/api/net.go).
    public var clusterDNS: String {
        let network = block.network.description
        guard block.family == .ipv4 else { return network + "a" }
        return String(network[...(network.lastIndex(of: ".") ?? network.startIndex)]) + "10"
    }
}
