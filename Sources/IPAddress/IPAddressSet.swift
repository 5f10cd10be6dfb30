/// Addresses that lie close together, as those do that are given out of one range: a bit each.
///
/// Finding an absent one takes a step for 64 addresses, so that a range that is nearly full costs no more than an empty one.
public struct IPAddressSet: Sendable {
    /// 4,096 neighbours.
    private struct Block: Sendable {
        static let bits = 12
        static let mask: UInt128 = (1 << bits) - 1

        var words = [UInt64](repeating: 0, count: 1 << (bits - 6))
        var count = 0

        /// The first place from `start` on that is not set.
        func firstAbsent(from start: Int) -> Int? {
            var word = start >> 6
            var absent = ~words[word] & (.max << UInt64(start & 63))
            while absent == 0 {
                word += 1
                guard word < words.count else { return nil }
                absent = ~words[word]
            }
            return word << 6 | absent.trailingZeroBitCount
        }
    }

    private struct Place: Hashable, Sendable {
        let family: IPAddress.Family
        let number: UInt128
    }

    private var blocks: [Place: Block] = [:]

    /// A set without addresses.
    public init() {}

    private static func place(_ address: IPAddress) -> (block: Place, offset: Int) {
        (Place(family: address.family, number: address.bits >> Block.bits), Int(address.bits & Block.mask))
    }

    /// Whether an address is in the set.
    public func contains(_ address: IPAddress) -> Bool {
        let (place, offset) = Self.place(address)
        return blocks[place].map { $0.words[offset >> 6] >> UInt64(offset & 63) & 1 == 1 } ?? false
    }

    /// Adds an address.
    public mutating func insert(_ address: IPAddress) {
        guard !contains(address) else { return }
        let (place, offset) = Self.place(address)
        blocks[place, default: Block()].words[offset >> 6] |= 1 << UInt64(offset & 63)
        blocks[place]?.count += 1
    }

    /// Takes an address out.
    public mutating func remove(_ address: IPAddress) {
        guard contains(address) else { return }
        let (place, offset) = Self.place(address)
        blocks[place]?.words[offset >> 6] &= ~(1 << UInt64(offset & 63))
        blocks[place]?.count -= 1
        if blocks[place]?.count == 0 { blocks[place] = nil }
    }

    /// The lowest address of a range that is not in the set.
    public func firstAbsent(in range: IPRange) -> IPAddress? {
        var address = range.first
        while range.contains(address) {
            let (place, offset) = Self.place(address)
            guard let block = blocks[place] else { return address }
            if let found = block.firstAbsent(from: offset) {
                return address.advanced(by: UInt128(found - offset)).flatMap { range.contains($0) ? $0 : nil }
            }
            guard let next = address.advanced(by: Block.mask + 1 - UInt128(offset)) else { return nil }
            address = next
        }
        return nil
    }
}
