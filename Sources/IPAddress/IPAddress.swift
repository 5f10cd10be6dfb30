/// An IPv4 or IPv6 address without a zone.
///
/// IPv4 addresses come before IPv6 addresses; an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is an IPv6 address, as in Go's `netip`.
public struct IPAddress: Sendable, Hashable {
    /// The two kinds of addresses.
    public enum Family: Int, Sendable, Hashable, Comparable, CaseIterable {
        case ipv4 = 4
        case ipv6 = 6

        /// Bits of an address: 32 or 128.
        public var bitCount: Int { self == .ipv4 ? 32 : 128 }
        /// `IPv4` or `IPv6`, as Kubernetes' `ipFamilies` names them.
        public var name: String { self == .ipv4 ? "IPv4" : "IPv6" }
        /// The highest address's bits.
        var maximum: UInt128 { self == .ipv4 ? UInt128(UInt32.max) : .max }

        /// IPv4 before IPv6.
        public static func < (left: Family, right: Family) -> Bool { left.rawValue < right.rawValue }
    }

    /// IPv4 or IPv6.
    public let family: Family
    /// The address as a number; for IPv4 below 2^32.
    public let bits: UInt128

    /// Makes an address of a number; `nil` when it does not fit the family.
    public init?(_ family: Family, bits: UInt128) {
        guard bits <= family.maximum else { return nil }
        self.init(family: family, uncheckedBits: bits)
    }

    init(family: Family, uncheckedBits: UInt128) {
        self.family = family
        bits = uncheckedBits
    }

    /// An IPv4 address of its number.
    public init(ipv4 value: UInt32) { self.init(family: .ipv4, uncheckedBits: UInt128(value)) }

    /// An IPv4 address of its octets.
    public init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        self.init(ipv4: UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth))
    }

    /// An IPv6 address of its number.
    public init(ipv6 value: UInt128) { self.init(family: .ipv6, uncheckedBits: value) }

    /// An address of 4 or 16 bytes in network order; `nil` for any other number of bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.init(family: bytes.count == 4 ? .ipv4 : .ipv6, uncheckedBits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    /// The 4 or 16 bytes in network order.
    public var bytes: [UInt8] {
        stride(from: family.bitCount - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> UInt128($0)) }
    }

    /// Whether this is an IPv6 address that stands for an IPv4 one (`::ffff:0:0/96`).
    public var isIPv4Mapped: Bool { family == .ipv6 && bits >> 32 == 0xFFFF }

    /// The IPv4 address that a mapped one stands for, else the address itself. Go's `net.ParseIP` never tells the two apart.
    public var unmapped: IPAddress { isIPv4Mapped ? IPAddress(ipv4: UInt32(truncatingIfNeeded: bits)) : self }

    /// The address so far above; `nil` beyond the last of the family.
    public func advanced(by offset: UInt128) -> IPAddress? {
        let (sum, overflow) = bits.addingReportingOverflow(offset)
        return overflow ? nil : IPAddress(family, bits: sum)
    }

    /// The address so far below; `nil` beyond the first.
    public func lowered(by offset: UInt128) -> IPAddress? {
        offset <= bits ? IPAddress(family: family, uncheckedBits: bits - offset) : nil
    }

    /// The next address, if there is one.
    public var next: IPAddress? { advanced(by: 1) }
    /// The address before, if there is one.
    public var previous: IPAddress? { lowered(by: 1) }

    /// How far the other address is above this one; `nil` when it is below or of the other family.
    public func distance(to other: IPAddress) -> UInt128? {
        family == other.family && bits <= other.bits ? other.bits - bits : nil
    }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by number.
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.family == right.family ? left.bits < right.bits : left.family < right.family
    }
}

extension IPAddress: CustomStringConvertible {
    /// The canonical text: dotted quad, or RFC 5952 (lower case, the first longest run of zero groups as `::`). IPv4-mapped addresses
    /// end in a dotted quad, as `netip` writes them.
    public var description: String {
        guard family == .ipv6 else { return bytes.map { String($0) }.joined(separator: ".") }
        if isIPv4Mapped { return "::ffff:\(unmapped)" }
        let groups = stride(from: 112, through: 0, by: -16).map { UInt16(truncatingIfNeeded: bits >> UInt128($0)) }
        var longest = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(longest.count, 1) { longest = start..<end }
            start = end + 1
        }
        func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if longest.isEmpty { return text(groups[...]) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }
}
