/// What the IANA special-purpose address registries (RFC 6890) and the IPv4 and IPv6 architecture set a block aside for.
public enum SpecialPurpose: String, Sendable, Hashable, CaseIterable {
    /// `0.0.0.0/8`, `::/128`
    case unspecified
    /// RFC 1918: `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`; RFC 4193: `fc00::/7`
    case privateUse
    /// RFC 6598, carrier-grade NAT: `100.64.0.0/10`
    case sharedAddressSpace
    case loopback
    case linkLocal
    case documentation
    case benchmarking
    case protocolAssignments
    /// IPv4 addresses inside IPv6: mapped, NAT64, 6to4
    case ipv4Translation
    case discardOnly
    case multicast
    /// `240.0.0.0/4`
    case reserved
    case broadcast

    /// The blocks, of which the most exact one counts.
    public static let blocks: [(block: CIDRBlock, purpose: SpecialPurpose)] =
        ipv4.map { (CIDRBlock(around: IPAddress(ipv4: $0.0), prefix: $0.1), $0.2) }
        + ipv6.map { (CIDRBlock(around: IPAddress(ipv6: UInt128($0.0) << 96), prefix: $0.1), $0.2) }
        + ipv6Low.map { (CIDRBlock(around: IPAddress(ipv6: $0.0), prefix: $0.1), $0.2) }

    private static let ipv4: [(UInt32, Int, SpecialPurpose)] = [
        (0x0000_0000, 8, .unspecified), (0x0A00_0000, 8, .privateUse), (0x6440_0000, 10, .sharedAddressSpace), (0x7F00_0000, 8, .loopback),
        (0xA9FE_0000, 16, .linkLocal), (0xAC10_0000, 12, .privateUse), (0xC000_0000, 24, .protocolAssignments),
        (0xC000_0200, 24, .documentation), (0xC058_6300, 24, .ipv4Translation), (0xC0A8_0000, 16, .privateUse),
        (0xC612_0000, 15, .benchmarking), (0xC633_6400, 24, .documentation), (0xCB00_7100, 24, .documentation),
        (0xE000_0000, 4, .multicast), (0xF000_0000, 4, .reserved), (0xFFFF_FFFF, 32, .broadcast),
    ]

    /// By their first 32 bits.
    private static let ipv6: [(UInt32, Int, SpecialPurpose)] = [
        (0x0100_0000, 64, .discardOnly), (0x2001_0000, 23, .protocolAssignments), (0x2001_0DB8, 32, .documentation),
        (0x2002_0000, 16, .ipv4Translation), (0x3FFF_0000, 20, .documentation), (0xFC00_0000, 7, .privateUse),
        (0xFE80_0000, 10, .linkLocal), (0xFF00_0000, 8, .multicast),
    ]

    private static let ipv6Low: [(UInt128, Int, SpecialPurpose)] = [
        (0, 128, .unspecified), (1, 128, .loopback), (0xFFFF << 32, 96, .ipv4Translation), (0x0064_FF9B << 96, 96, .ipv4Translation),
        (0x0064_FF9B_0001 << 80, 48, .ipv4Translation),
    ]
}

extension IPAddress {
    /// What the address is set aside for; `nil` for an ordinary, globally routed unicast address.
    public var specialPurpose: SpecialPurpose? {
        SpecialPurpose.blocks.filter { $0.block.contains(self) }.max { $0.block.prefixLength < $1.block.prefixLength }?.purpose
    }

    /// RFC 1918 or RFC 4193, as Go's `IP.IsPrivate`.
    public var isPrivate: Bool { specialPurpose == .privateUse }
    /// `127.0.0.0/8` or `::1`.
    public var isLoopback: Bool { specialPurpose == .loopback }
    /// `169.254.0.0/16` or `fe80::/10`.
    public var isLinkLocal: Bool { specialPurpose == .linkLocal }
    /// `224.0.0.0/4` or `ff00::/8`.
    public var isMulticast: Bool { specialPurpose == .multicast }
    /// `0.0.0.0` or `::`.
    public var isUnspecified: Bool { bits == 0 }
}

extension CIDRBlock {
    /// The purpose of the special block that holds all of this one; `nil` when none does.
    public var specialPurpose: SpecialPurpose? {
        SpecialPurpose.blocks.filter { $0.block.contains(self) }.max { $0.block.prefixLength < $1.block.prefixLength }?.purpose
    }

    /// Whether every address is private (RFC 1918, RFC 4193).
    public var isPrivate: Bool { specialPurpose == .privateUse }

    /// The special blocks that this block holds or lies in, in the order of their addresses: `0.0.0.0/0` holds all of IPv4's.
    public var specialOverlaps: [(block: CIDRBlock, purpose: SpecialPurpose)] {
        SpecialPurpose.blocks.filter { $0.block.overlaps(self) }.sorted { $0.block < $1.block }
    }
}
