/// A block of addresses that share a prefix (RFC 4632). The network address has no bits beyond the prefix.
public struct CIDRBlock: Sendable, Hashable {
    /// The first address.
    public let network: IPAddress
    /// How many leading bits all addresses share: 0 to 32 or 128.
    public let prefixLength: Int

    /// The block around an address; `nil` when the family has no such prefix length.
    public init?(containing address: IPAddress, prefixLength: Int) {
        guard (0...address.family.bitCount).contains(prefixLength) else { return nil }
        self.init(around: address, prefix: prefixLength)
    }

    /// For prefix lengths known to be in range.
    init(around address: IPAddress, prefix: Int) {
        prefixLength = prefix
        network = IPAddress(family: address.family, uncheckedBits: address.bits & ~CIDRBlock.hostMask(address.family, prefix))
    }

    /// The block of a single address.
    public init(_ address: IPAddress) { self.init(around: address, prefix: address.family.bitCount) }

    private static func hostMask(_ family: IPAddress.Family, _ prefix: Int) -> UInt128 {
        // A shift by the full width gives 0, which is right for a single address.
        family.maximum & ~(UInt128.max << UInt128(family.bitCount - prefix))
    }

    private var hostMask: UInt128 { CIDRBlock.hostMask(family, prefixLength) }

    /// The family of its addresses.
    public var family: IPAddress.Family { network.family }
    /// The first address; the same as `network`.
    public var first: IPAddress { network }
    /// The last address (the broadcast address of an IPv4 subnet).
    public var last: IPAddress { IPAddress(family: family, uncheckedBits: network.bits | hostMask) }
    /// All addresses.
    public var range: IPRange { IPRange(uncheckedFrom: first, to: last) }
    /// The netmask as an address: `255.255.255.0`.
    public var netmask: IPAddress { IPAddress(family: family, uncheckedBits: family.maximum & ~hostMask) }
    /// How many addresses there are; `nil` for `::/0`, whose 2^128 fit no integer.
    public var count: UInt128? { hostMask == .max ? nil : hostMask + 1 }

    /// Whether the address lies inside. An address of the other family never does.
    public func contains(_ address: IPAddress) -> Bool {
        address.family == family && address.bits & ~hostMask == network.bits
    }

    /// Whether all of the other block lies inside.
    public func contains(_ other: CIDRBlock) -> Bool { prefixLength <= other.prefixLength && contains(other.network) }

    /// Whether any address lies in both.
    public func overlaps(_ other: CIDRBlock) -> Bool { contains(other) || other.contains(self) }

    /// The address at a place counted from the first one; `nil` outside the block.
    public func address(at offset: UInt128) -> IPAddress? {
        offset <= hostMask ? IPAddress(family: family, uncheckedBits: network.bits + offset) : nil
    }

    /// The place of an address counted from the first one; `nil` outside the block.
    public func offset(of address: IPAddress) -> UInt128? { contains(address) ? address.bits - network.bits : nil }

    /// The addresses that hosts may have. An IPv4 block loses its first and last address (network and broadcast), an IPv6 block its
    /// first (subnet-router anycast); blocks of one or two addresses lose none (RFC 3021, RFC 6164). Kubernetes' Service ranges
    /// count so too.
    public var hosts: IPRange {
        guard hostMask > 1 else { return range }
        let top = IPAddress(family: family, uncheckedBits: last.bits - (family == .ipv4 ? 1 : 0))
        return IPRange(uncheckedFrom: IPAddress(family: family, uncheckedBits: network.bits + 1), to: top)
    }

    /// The block around this one with a shorter prefix; `nil` when the length is not shorter or equal, or negative.
    public func supernet(prefixLength length: Int) -> CIDRBlock? {
        (0...prefixLength).contains(length) ? CIDRBlock(around: network, prefix: length) : nil
    }

    /// How many blocks of a longer prefix fit; `nil` when the length is shorter than this block's, beyond the family, or the number
    /// does not fit 128 bits.
    public func subnetCount(prefixLength length: Int) -> UInt128? {
        guard length >= prefixLength, length <= family.bitCount, length - prefixLength < 128 else { return nil }
        return 1 << UInt128(length - prefixLength)
    }

    /// The block of a longer prefix at a place counted from the first one; `nil` outside.
    public func subnet(at index: UInt128, prefixLength length: Int) -> CIDRBlock? {
        guard length >= prefixLength, length <= family.bitCount else { return nil }
        let shift = UInt128(family.bitCount - length)
        guard index <= hostMask >> shift else { return nil }
        return CIDRBlock(around: IPAddress(family: family, uncheckedBits: network.bits | index << shift), prefix: length)
    }

    /// All blocks of a longer prefix in order, made one by one; empty when the length does not fit.
    public func subnets(prefixLength length: Int) -> some Sequence<CIDRBlock> {
        sequence(state: UInt128?(0)) { index in
            guard let place = index, let block = self.subnet(at: place, prefixLength: length) else { return nil }
            index = place == .max ? nil : place + 1
            return block
        }
    }
}

extension CIDRBlock: Comparable {
    /// By first address, then the larger block first.
    public static func < (left: CIDRBlock, right: CIDRBlock) -> Bool {
        left.network == right.network ? left.prefixLength < right.prefixLength : left.network < right.network
    }
}

extension CIDRBlock: CustomStringConvertible {
    /// The canonical text: `10.0.0.0/8`.
    public var description: String { "\(network)/\(prefixLength)" }
}

/// Why a text is no CIDR block.
public struct CIDRError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of refusal.
    public enum Reason: Sendable, Hashable {
        case noSlash
        case address(IPAddressError.Reason)
        case prefixLength
        /// Bits are set beyond the prefix; the block meant is probably this one.
        case hostBits(CIDRBlock)
        /// An IPv4-mapped IPv6 address, which strict readers refuse.
        case ipv4Mapped
    }

    /// The text refused.
    public let text: String
    /// What is wrong with it.
    public let reason: Reason

    /// Makes an error.
    public init(text: String, reason: Reason) {
        self.text = text
        self.reason = reason
    }

    /// The words of Go's `net.ParseCIDR`.
    public var description: String { "invalid CIDR address: \(text)" }
}

extension CIDRBlock {
    /// How exact a text must be.
    public enum Syntax: Sendable, Hashable {
        /// Canonical: no bits beyond the prefix, no leading zeros in the length, no IPv4-mapped address (`netip.ParsePrefix` and what
        /// Kubernetes' strict validation adds).
        case strict
        /// As Go's `net.ParseCIDR` reads it: bits beyond the prefix are cleared.
        case go
    }

    /// Reads `address/length`.
    ///
    /// - Throws: `CIDRError`.
    public init(parsing text: String, syntax: Syntax = .strict) throws(CIDRError) {
        self = try CIDRBlock.parseInterface(text, syntax: syntax).block
    }

    /// Reads `address/length` strictly; `nil` when it is no CIDR block.
    public init?(_ text: String) {
        guard let block = try? CIDRBlock(parsing: text) else { return nil }
        self = block
    }

    /// Reads `address/length` as `net.ParseCIDR` does, which answers the address as written and the block around it.
    ///
    /// - Throws: `CIDRError`.
    public static func parseInterface(
        _ text: String, syntax: Syntax = .go
    ) throws(CIDRError) -> (address: IPAddress, block: CIDRBlock) {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { throw CIDRError(text: text, reason: .noSlash) }
        let address: IPAddress
        do { address = try IPAddress(parsing: String(text[..<slash])) } catch {
            throw CIDRError(text: text, reason: .address(error.reason))
        }
        let digits = text[text.utf8.index(after: slash)...].utf8
        let isCanonical = digits.count == 1 || digits.first != UInt8(ascii: "0")
        guard !digits.isEmpty, digits.count <= 8, digits.allSatisfy({ $0 &- 0x30 < 10 }), syntax == .go || isCanonical,
            let length = Int(String(Substring(digits))), let block = CIDRBlock(containing: address, prefixLength: length)
        else { throw CIDRError(text: text, reason: .prefixLength) }
        if syntax == .strict {
            if address.isIPv4Mapped { throw CIDRError(text: text, reason: .ipv4Mapped) }
            if block.network != address { throw CIDRError(text: text, reason: .hostBits(block)) }
        }
        return (address, block)
    }
}
