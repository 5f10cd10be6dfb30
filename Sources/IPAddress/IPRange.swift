/// Consecutive addresses of one family, both ends included.
public struct IPRange: Sendable, Hashable {
    /// The lowest address.
    public let first: IPAddress
    /// The highest address.
    public let last: IPAddress

    /// Makes a range; `nil` when the ends are of different families or in the wrong order.
    public init?(_ first: IPAddress, _ last: IPAddress) {
        guard first.family == last.family, first <= last else { return nil }
        self.init(uncheckedFrom: first, to: last)
    }

    /// The range of a single address.
    public init(_ address: IPAddress) { self.init(uncheckedFrom: address, to: address) }

    init(uncheckedFrom first: IPAddress, to last: IPAddress) {
        self.first = first
        self.last = last
    }

    /// The family of its addresses.
    public var family: IPAddress.Family { first.family }
    /// How many addresses there are; `nil` for all of IPv6, whose 2^128 fit no integer.
    public var count: UInt128? {
        let (count, overflow) = (last.bits - first.bits).addingReportingOverflow(1)
        return overflow ? nil : count
    }

    /// Whether the address lies inside.
    public func contains(_ address: IPAddress) -> Bool { first <= address && address <= last }
    /// Whether all of the other range lies inside.
    public func contains(_ other: IPRange) -> Bool { first <= other.first && other.last <= last }
    /// Whether any address lies in both.
    public func overlaps(_ other: IPRange) -> Bool { first <= other.last && other.first <= last }

    /// What lies in both, if anything does.
    public func intersection(_ other: IPRange) -> IPRange? {
        overlaps(other) ? IPRange(Swift.max(first, other.first), Swift.min(last, other.last)) : nil
    }

    /// The address at a place counted from the first one; `nil` outside the range.
    public func address(at offset: UInt128) -> IPAddress? {
        offset <= last.bits - first.bits ? first.advanced(by: offset) : nil
    }

    /// The lowest aligned block of a prefix length that lies wholly inside; `nil` when none does.
    public func firstBlock(prefixLength: Int) -> CIDRBlock? {
        guard var found = CIDRBlock(containing: first, prefixLength: prefixLength) else { return nil }
        if found.first < first {
            guard let above = found.last.next, let next = CIDRBlock(containing: above, prefixLength: prefixLength) else { return nil }
            found = next
        }
        return contains(found.range) ? found : nil
    }

    /// The fewest CIDR blocks that hold exactly these addresses, in order.
    public var blocks: [CIDRBlock] {
        var blocks: [CIDRBlock] = []
        var next: IPAddress? = first
        while let start = next, start <= last {
            // As large as the alignment of the start and the end of the range allow.
            var prefix = family.bitCount - Swift.min(start.bits.trailingZeroBitCount, family.bitCount)
            while CIDRBlock(around: start, prefix: prefix).last > last { prefix += 1 }
            let block = CIDRBlock(around: start, prefix: prefix)
            blocks.append(block)
            next = block.last.next
        }
        return blocks
    }
}

extension IPRange: Sequence {
    /// Iterates over the addresses in order.
    public func makeIterator() -> Iterator { Iterator(upcoming: first, last: last) }

    /// Walks a range, or nothing.
    public struct Iterator: IteratorProtocol, Sendable {
        fileprivate var upcoming: IPAddress?
        fileprivate let last: IPAddress

        /// The next address; `nil` after the last.
        public mutating func next() -> IPAddress? {
            guard let address = upcoming else { return nil }
            upcoming = address == last ? nil : address.next
            return address
        }
    }

    /// Bounded: a range may have more addresses than memory holds.
    public var underestimatedCount: Int { Int(Swift.min(last.bits - first.bits, 65535)) + 1 }
}

extension IPRange: Comparable {
    /// By first address, then by last.
    public static func < (left: IPRange, right: IPRange) -> Bool {
        left.first == right.first ? left.last < right.last : left.first < right.first
    }
}

extension IPRange: CustomStringConvertible {
    /// `10.0.0.4-10.0.0.9`, or the address when there is only one.
    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}
