import IPAddress
import JSON

/// Who reaches a cluster's endpoint.
struct EndpointAccess: Sendable, Hashable {
    private static let everybody = ["0.0.0.0/0"]
    private static let limit = 40

    var isPublic = true
    var isPrivate = false
    /// Empty while the public endpoint is closed.
    var publicCIDRs = everybody

    init() {}

    /// The state of a cluster's `resourcesVpcConfig`.
    init(of vpc: JSON) {
        isPublic = vpc["endpointPublicAccess"]?.bool ?? true
        isPrivate = vpc["endpointPrivateAccess"]?.bool ?? false
        publicCIDRs = vpc["publicAccessCidrs"]?.strings ?? []
    }

    /// A wish over what is so far.
    init(_ wish: JSON, over before: EndpointAccess) {
        isPublic = wish["endpointPublicAccess"]?.bool ?? before.isPublic
        isPrivate = wish["endpointPrivateAccess"]?.bool ?? before.isPrivate
        let wanted = wish["publicAccessCidrs"]?.strings ?? before.publicCIDRs
        publicCIDRs = !isPublic ? [] : wanted.isEmpty ? Self.everybody : wanted
    }

    /// One endpoint stays open; the public one is restricted to at most forty public IPv4 blocks.
    func check(_ cluster: String) throws(AWSError) {
        func invalid(_ text: String) -> AWSError { AWSError(400, "InvalidParameterException", text, members: ["clusterName": cluster]) }
        guard isPublic || isPrivate else { throw invalid("Private and public endpoint access cannot be false") }
        guard publicCIDRs.count <= Self.limit else { throw invalid("publicAccessCidrs: at most \(Self.limit) CIDR blocks are allowed") }
        let wrong = publicCIDRs.filter { text in CIDRBlock(text).map { $0.family != .ipv4 } ?? true }
        guard wrong.isEmpty else {
            throw invalid("The following CIDRs are invalid in publicAccessCidrs: [\(wrong.joined(separator: ", "))]")
        }
        let reserved = publicCIDRs.filter { text in
            guard let block = CIDRBlock(text), block.prefixLength > 0 else { return false }
            // AWS' own examples use the documentation blocks.
            return block.network.specialPurpose.map { $0 != .documentation } ?? false
        }
        guard reserved.isEmpty else {
            throw invalid("The following CIDRs are not allowed in publicAccessCidrs: [\(reserved.joined(separator: ", "))]")
        }
    }

    /// The same but for the order of the blocks.
    func isSame(as other: EndpointAccess) -> Bool {
        isPublic == other.isPublic && isPrivate == other.isPrivate && Set(publicCIDRs) == Set(other.publicCIDRs)
    }

    /// Writes the three members of `resourcesVpcConfig`.
    func write(into vpc: inout JSON) {
        vpc["endpointPublicAccess"] = .bool(isPublic)
        vpc["endpointPrivateAccess"] = .bool(isPrivate)
        vpc["publicAccessCidrs"] = JSON(strings: publicCIDRs)
    }
}
