import IPAddress

/// To whom a cluster's endpoint is open.
public struct EndpointExposure: Sendable, Hashable {
    /// Why EKS refuses a setting. The texts are ours: EKS's are not known from any source.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// Nobody could reach the endpoint.
        case closed
        /// Too many blocks.
        case tooMany(Int)
        /// These are no blocks of a family that the endpoint has.
        case invalid([String])
        /// These blocks are of nobody on the internet.
        case reserved([String])

        /// What is wrong.
        public var description: String {
            switch self {
            case .closed: "Private and public endpoint access cannot be false"
            case .tooMany(let limit): "publicAccessCidrs: at most \(limit) CIDR blocks are allowed"
            case .invalid(let texts): "The following CIDRs are invalid in publicAccessCidrs: [\(texts.joined(separator: ", "))]"
            case .reserved(let texts): "The following CIDRs are not allowed in publicAccessCidrs: [\(texts.joined(separator: ", "))]"
            }
        }
    }

    /// The blocks of an open public endpoint that nobody restricted.
    public static let everybody = ["0.0.0.0/0"]
    /// The same of a cluster of IPv6, whose endpoint has addresses of both families.
    public static let everybodyOfBothFamilies = everybody + ["::/0"]
    private static let limit = 40

    /// `endpointPublicAccess`.
    public var isPublic: Bool
    /// `endpointPrivateAccess`.
    public var isPrivate: Bool
    /// `publicAccessCidrs`; empty while the public endpoint is closed.
    public var publicCIDRs: [String]
    /// Whether the endpoint has addresses of both families, as that of a cluster of IPv6 has.
    public var isDualStack = false

    /// Makes an exposure; EKS's default is public only, for everybody.
    public init(isPublic: Bool = true, isPrivate: Bool = false, publicCIDRs: [String] = everybody) {
        self.isPublic = isPublic
        self.isPrivate = isPrivate
        self.publicCIDRs = publicCIDRs
    }

    /// One endpoint stays open; the public one is restricted to at most forty public blocks, of IPv6 only where the endpoint has it.
    ///
    /// - Throws: the first of `closed`, `tooMany`, `invalid` and `reserved`.
    public func check() throws(Problem) {
        guard isPublic || isPrivate else { throw .closed }
        guard publicCIDRs.count <= Self.limit else { throw .tooMany(Self.limit) }
        let invalid = publicCIDRs.filter { text in CIDRBlock(text).map { $0.family == .ipv6 && !isDualStack } ?? true }
        guard invalid.isEmpty else { throw .invalid(invalid) }
        let reserved = publicCIDRs.filter { text in
            guard let block = CIDRBlock(text), block.prefixLength > 0 else { return false }
            // AWS' own examples use the documentation blocks.
            return block.network.specialPurpose.map { $0 != .documentation } ?? false
        }
        guard reserved.isEmpty else { throw .reserved(reserved) }
    }
}
