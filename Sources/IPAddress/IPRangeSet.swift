/// A set of addresses of both families, kept as the fewest ranges. Looking up takes logarithmic time.
public struct IPRangeSet: Sendable, Hashable {
    /// The ranges in order; none touches the next.
    public private(set) var ranges: [IPRange] = []

    /// The empty set.
    public init() {}

    /// The set of all addresses of some ranges, which may overlap.
    public init(_ ranges: some Sequence<IPRange>) {
        for range in ranges.sorted() {
            if let last = self.ranges.last, let joined = IPRangeSet.joined(last, range) {
                self.ranges[self.ranges.count - 1] = joined
            } else {
                self.ranges.append(range)
            }
        }
    }

    /// The set of all addresses of some blocks, which may overlap.
    public init(_ blocks: some Sequence<CIDRBlock>) { self.init(blocks.map(\.range)) }

    /// Whether the set has no address.
    public var isEmpty: Bool { ranges.isEmpty }

    /// How many addresses there are; `nil` beyond 128 bits.
    public var count: UInt128? {
        var total: UInt128 = 0
        for range in ranges {
            guard let count = range.count else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(count)
            if overflow { return nil }
            total = sum
        }
        return total
    }

    /// All addresses in order, made one by one.
    public var addresses: some Sequence<IPAddress> { ranges.lazy.flatMap { $0 } }

    /// One range for two that overlap or touch (the first begins first).
    private static func joined(_ left: IPRange, _ right: IPRange) -> IPRange? {
        guard left.family == right.family, right.first <= left.last || left.last.next == right.first else { return nil }
        return IPRange(uncheckedFrom: left.first, to: max(left.last, right.last))
    }

    /// The place of the first range that ends at or after an address.
    private func place(endingFrom address: IPAddress) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < address { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether the address is in the set.
    public func contains(_ address: IPAddress) -> Bool {
        let place = place(endingFrom: address)
        return place < ranges.count && ranges[place].contains(address)
    }

    /// Whether every address of the range is in the set.
    public func contains(_ range: IPRange) -> Bool {
        let place = place(endingFrom: range.first)
        return place < ranges.count && ranges[place].contains(range)
    }

    /// Whether any address of the range is in the set.
    public func overlaps(_ range: IPRange) -> Bool {
        let place = place(endingFrom: range.first)
        return place < ranges.count && ranges[place].overlaps(range)
    }

    /// Adds all addresses of a range.
    public mutating func insert(_ range: IPRange) {
        let start = place(endingFrom: range.first.previous ?? range.first)
        var end = start
        var merged = range
        while end < ranges.count, let joined = IPRangeSet.joined(min(ranges[end], merged), max(ranges[end], merged)) {
            merged = joined
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: CollectionOfOne(merged))
    }

    /// Adds an address. Answers whether it was not in the set before.
    @discardableResult
    public mutating func insert(_ address: IPAddress) -> Bool {
        guard !contains(address) else { return false }
        insert(IPRange(address))
        return true
    }

    /// Adds all addresses of a block.
    public mutating func insert(_ block: CIDRBlock) { insert(block.range) }

    /// Takes all addresses of a range away.
    public mutating func subtract(_ range: IPRange) {
        let start = place(endingFrom: range.first)
        var end = start
        var kept: [IPRange] = []
        while end < ranges.count, ranges[end].overlaps(range) {
            if let below = range.first.previous, let rest = IPRange(ranges[end].first, below) { kept.append(rest) }
            if let above = range.last.next, let rest = IPRange(above, ranges[end].last) { kept.append(rest) }
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: kept)
    }

    /// Takes an address away. Answers whether it was in the set.
    @discardableResult
    public mutating func subtract(_ address: IPAddress) -> Bool {
        guard contains(address) else { return false }
        subtract(IPRange(address))
        return true
    }

    /// Takes all addresses of a block away.
    public mutating func subtract(_ block: CIDRBlock) { subtract(block.range) }

    /// The lowest address of a range, from `start` on if given, that is not in the set; `nil` when there is none.
    public func firstFree(in range: IPRange, from start: IPAddress? = nil) -> IPAddress? {
        var candidate = max(start ?? range.first, range.first)
        let place = place(endingFrom: candidate)
        // Ranges never touch, so the address after one is free.
        if place < ranges.count, ranges[place].contains(candidate) {
            guard let next = ranges[place].last.next else { return nil }
            candidate = next
        }
        return range.contains(candidate) ? candidate : nil
    }

    /// The lowest address of a range that is in the set; `nil` when none is.
    public func first(in range: IPRange) -> IPAddress? {
        let place = place(endingFrom: range.first)
        return place < ranges.count ? ranges[place].intersection(range)?.first : nil
    }

    /// The parts of a range that are not in the set, in order, made one by one.
    public func gaps(in range: IPRange) -> some Sequence<IPRange> {
        sequence(state: (start: IPAddress?.some(range.first), place: place(endingFrom: range.first))) { [ranges] state in
            while let start = state.start {
                guard state.place < ranges.count, ranges[state.place].overlaps(range) else {
                    state.start = nil
                    return IPRange(start, range.last)
                }
                let taken = ranges[state.place]
                state.place += 1
                state.start = taken.last.next.flatMap { range.contains($0) ? $0 : nil }
                if start < taken.first, let below = taken.first.previous, let gap = IPRange(start, below) { return gap }
            }
            return nil
        }
    }

    /// The parts of a range that are not in the set, in order.
    public func free(in range: IPRange) -> [IPRange] { Array(gaps(in: range)) }

    /// The first aligned block of a prefix length inside `block` of which no address is in the set; `nil` when there is none.
    public func firstFreeBlock(in block: CIDRBlock, prefixLength: Int) -> CIDRBlock? {
        guard prefixLength >= block.prefixLength else { return nil }
        for gap in gaps(in: block.range) {
            if let found = gap.firstBlock(prefixLength: prefixLength) { return found }
        }
        return nil
    }
}

extension IPRangeSet: CustomStringConvertible {
    /// The ranges, separated by commas.
    public var description: String { ranges.map(\.description).joined(separator: ",") }
}
