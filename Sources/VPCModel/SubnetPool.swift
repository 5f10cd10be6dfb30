import IPAddress

/// The addresses of one CIDR block of a subnet, as EC2 gives them to network interfaces: the first four addresses and the last are AWS's,
/// and what the caller does not choose is the lowest that fits (EC2's own order is not documented).
///
/// Every request is served whole or not at all. A request of several parts, such as an interface with secondary addresses, is made on a
/// copy that replaces the pool when all parts succeeded.
public struct SubnetPool: Sendable, Hashable {
    /// The block that the addresses are of: of a subnet's IPv4 block, or of its IPv6 block.
    public let block: CIDRBlock
    /// Parts kept for prefixes or for named addresses, by address; none overlaps another.
    public private(set) var reservations: [SubnetReservation] = []
    /// Prefixes that interfaces have, without order.
    public private(set) var prefixes: Set<CIDRBlock> = []
    /// AWS's own addresses and all that have an owner.
    private var taken: IPRangeSet
    /// How many of the block's addresses are AWS's.
    private let reservedCount: UInt128
    /// How many addresses have an owner, prefixes included.
    private var usedCount: UInt128 = 0
    /// What requests that name nothing are served from after the reservations for prefixes.
    private var open: [IPRange]

    /// A pool of which nothing is given out.
    public init(_ block: CIDRBlock) {
        self.block = block
        let reserved = IPRangeSet(
            [0, 1, 2, 3].compactMap { block.address(at: $0).map { IPRange($0) } } + [IPRange(block.last)])
        taken = reserved
        reservedCount = reserved.count ?? 0
        open = [block.range]
    }

    /// The size of prefixes that interfaces get: `/28` of IPv4, `/80` of IPv6.
    public static func prefixLength(_ family: IPAddress.Family) -> Int { family == .ipv4 ? 28 : 80 }

    /// How many addresses no interface has, those in reservations included: EC2's `AvailableIpAddressCount`.
    public var availableAddressCount: UInt128 { (block.count ?? .max) - reservedCount - usedCount }

    /// How many prefixes could be given to requests that name none.
    public var availablePrefixCount: UInt128 {
        let length = SubnetPool.prefixLength(block.family)
        return prefixSources.flatMap { taken.free(in: $0) }.reduce(0) { count, gap in
            guard let first = gap.firstBlock(prefixLength: length), let size = first.count,
                let room = first.first.distance(to: gap.last)
            else { return count }
            return count + (room + 1) / size
        }
    }

    /// Whether the address is AWS's or has an owner.
    public func isTaken(_ address: IPAddress) -> Bool { taken.contains(address) }

    // MARK: Giving

    /// Gives the lowest free addresses outside of reservations.
    ///
    /// - Throws: `insufficientFreeAddresses`.
    public mutating func allocate(_ count: Int) throws(SubnetError) -> [IPAddress] {
        var given: [IPAddress] = []
        for range in open {
            var next = taken.firstFree(in: range)
            while given.count < count, let address = next {
                given.append(address)
                next = address.next.flatMap { range.contains($0) ? taken.firstFree(in: range, from: $0) : nil }
            }
        }
        guard given.count >= count else { throw .insufficientFreeAddresses }
        for address in given { take(IPRange(address)) }
        return given
    }

    /// Gives the addresses that the caller names.
    ///
    /// - Throws: `outsideSubnet`, `reservedByAWS`, `reservedForPrefixes` or `inUse`.
    public mutating func allocate(_ addresses: [IPAddress]) throws(SubnetError) {
        var named: Set<IPAddress> = []
        for address in addresses {
            guard let place = block.offset(of: address) else { throw .outsideSubnet(address.description) }
            guard place > 3, address != block.last else { throw .reservedByAWS(address) }
            guard !reservations.contains(where: { $0.kind == .prefix && $0.block.contains(address) }) else {
                throw .reservedForPrefixes(address)
            }
            guard !taken.contains(address), named.insert(address).inserted else { throw .inUse(address) }
        }
        for address in addresses { take(IPRange(address)) }
    }

    /// Gives the lowest aligned and wholly free blocks, those of reservations for prefixes first.
    ///
    /// - Throws: `insufficientAddressesForPrefixes` when the subnet has fewer free addresses than asked for, and
    ///   `insufficientCIDRBlocks` when they do not lie together.
    public mutating func allocatePrefixes(_ count: Int) throws(SubnetError) -> [CIDRBlock] {
        let length = SubnetPool.prefixLength(block.family)
        let size = UInt128(1) << UInt128(block.family.bitCount - length)
        guard let wanted = UInt128(exactly: max(count, 0)), wanted <= availableAddressCount / size else {
            throw .insufficientAddressesForPrefixes
        }
        var given: [CIDRBlock] = []
        search: for source in prefixSources {
            for gap in taken.gaps(in: source) {
                var next = gap.firstBlock(prefixLength: length)
                while let found = next {
                    guard given.count < count else { break search }
                    given.append(found)
                    next = found.last.next.flatMap { IPRange($0, gap.last) }?.firstBlock(prefixLength: length)
                }
            }
        }
        guard given.count >= count else { throw .insufficientCIDRBlocks }
        give(given)
        return given
    }

    /// Gives the prefixes that the caller names.
    ///
    /// - Throws: `outsideSubnet`, `notAPrefix`, `reservedByAWS` or `inUse`, with the first address of the block that is not free.
    public mutating func allocatePrefixes(_ blocks: [CIDRBlock]) throws(SubnetError) {
        var copy = self
        for prefix in blocks {
            guard block.contains(prefix) else { throw .outsideSubnet(prefix.description) }
            guard prefix.prefixLength == SubnetPool.prefixLength(block.family) else { throw .notAPrefix(prefix) }
            if prefix.contains(block.first) { throw .reservedByAWS(block.first) }
            if prefix.contains(block.last) { throw .reservedByAWS(block.last) }
            if let address = copy.taken.first(in: prefix.range) { throw .inUse(address) }
            copy.give([prefix])
        }
        self = copy
    }

    /// Takes a single address back. Answers whether one was given.
    @discardableResult
    public mutating func release(_ address: IPAddress) -> Bool {
        let length = SubnetPool.prefixLength(block.family)
        guard let place = block.offset(of: address), place > 3, address != block.last, taken.contains(address),
            CIDRBlock(containing: address, prefixLength: length).map(prefixes.contains) != true
        else { return false }
        taken.subtract(address)
        usedCount -= 1
        return true
    }

    /// Takes a prefix back. Answers whether it was given.
    @discardableResult
    public mutating func release(_ prefix: CIDRBlock) -> Bool {
        guard prefixes.remove(prefix) != nil else { return false }
        taken.subtract(prefix)
        usedCount -= prefix.count ?? 0
        return true
    }

    // MARK: Reservations

    /// Keeps a part of the block for prefixes or for named addresses. What is given out inside stays.
    ///
    /// - Throws: `outsideSubnet` or `reservationOverlaps`.
    public mutating func reserve(_ reservation: SubnetReservation) throws(SubnetError) {
        guard block.contains(reservation.block) else { throw .outsideSubnet(reservation.block.description) }
        guard !reservations.contains(where: { $0.block.overlaps(reservation.block) }) else {
            throw .reservationOverlaps(reservation.block)
        }
        reservations = (reservations + [reservation]).sorted { $0.block < $1.block }
        findOpenRanges()
    }

    /// Ends a reservation. Answers whether there was one of exactly this block.
    @discardableResult
    public mutating func unreserve(_ block: CIDRBlock) -> Bool {
        guard let place = reservations.firstIndex(where: { $0.block == block }) else { return false }
        reservations.remove(at: place)
        findOpenRanges()
        return true
    }

    // MARK: A map

    /// The block from its first to its last address, each part with its use.
    public var spans: [SubnetSpan] {
        var spans = [
            block.address(at: 3).flatMap { IPRange(block.first, $0) }, IPRange(block.last),
        ].compactMap { $0.map { SubnetSpan(range: $0, use: .reservedByAWS) } }
        spans += prefixes.map { SubnetSpan(range: $0.range, use: .prefix) }
        spans += taken.free(in: block.range).map { SubnetSpan(range: $0, use: .free) }
        let known = IPRangeSet(spans.map(\.range))
        spans += known.free(in: block.range).map { SubnetSpan(range: $0, use: .addresses) }
        return spans.sorted { $0.range < $1.range }
    }

    // MARK: -

    private var prefixSources: [IPRange] { reservations.filter { $0.kind == .prefix }.map(\.block.range) + open }

    private mutating func findOpenRanges() { open = IPRangeSet(reservations.map(\.block)).free(in: block.range) }

    private mutating func take(_ range: IPRange) {
        taken.insert(range)
        usedCount += range.count ?? 0
    }

    private mutating func give(_ blocks: [CIDRBlock]) {
        for prefix in blocks {
            prefixes.insert(prefix)
            take(prefix.range)
        }
    }
}

/// Consecutive addresses of a subnet with one use.
public struct SubnetSpan: Sendable, Hashable {
    /// What the addresses are used for.
    public enum Use: String, Sendable, Hashable, CaseIterable {
        /// The first four addresses or the last.
        case reservedByAWS
        /// Single addresses of interfaces, primary or secondary.
        case addresses
        /// A prefix of an interface.
        case prefix
        /// No interface has them.
        case free
    }

    /// The addresses.
    public let range: IPRange
    /// What they are used for.
    public let use: Use
}
