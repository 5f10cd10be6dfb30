import IPAddress
import World

/// An interface as the agent's store holds it.
public struct PoolInterface: Sendable, Hashable {
    /// EC2's id.
    public let id: String
    /// The device index.
    public let device: Int
    /// The subnet it lies in.
    public let subnet: String
    /// Whether the instance started with it.
    public let isPrimary: Bool
    /// Whether it carries branch interfaces.
    public let isTrunk: Bool
    /// Whether it is an Elastic Fabric Adapter.
    public let isEFA: Bool
    /// When the store learned of it.
    public let createdAt: Instant
    /// Whether its subnet is closed to pods by its tags. It gives no addresses and counts in no number, but keeps its slot.
    public internal(set) var isExcluded = false
    /// Single addresses and IPv4 prefixes, by address.
    public private(set) var blocks: [PoolBlock] = []
    /// IPv6 prefixes, by address.
    public private(set) var ipv6Blocks: [PoolBlock] = []

    init(
        id: String, device: Int, subnet: String, isPrimary: Bool = false, isTrunk: Bool = false, isEFA: Bool = false, createdAt: Instant
    ) {
        self.id = id
        self.device = device
        self.subnet = subnet
        self.isPrimary = isPrimary
        self.isTrunk = isTrunk
        self.isEFA = isEFA
        self.createdAt = createdAt
    }

    /// The routing table of its pods: the main one for the primary interface, else the one after the device index.
    public var routeTable: Int { device == 0 ? 254 : device + 1 }
    /// IPv4 addresses that have a pod.
    public var assignedCount: Int { blocks.reduce(0) { $0 + $1.assignedCount } }
    /// Whether the agent may ever give it back.
    var isRemovable: Bool { !isPrimary && !isTrunk && !isEFA }

    func place(of block: CIDRBlock) -> Int? {
        let blocks = blocks(of: block.family)
        let place = PoolInterface.place(of: block, in: blocks)
        return place < blocks.count && blocks[place].block == block ? place : nil
    }

    /// The place of the block that an address lies in.
    func place(holding address: IPAddress) -> Int? {
        // Blocks do not overlap, so only the last that begins at or before the address can hold it; a prefix sorts before its addresses.
        let blocks = blocks(of: address.family)
        let place = PoolInterface.place(of: CIDRBlock(address), in: blocks)
        if place < blocks.count, blocks[place].block.contains(address) { return place }
        return place > 0 && blocks[place - 1].block.contains(address) ? place - 1 : nil
    }

    func blocks(of family: IPAddress.Family) -> [PoolBlock] { family == .ipv4 ? blocks : ipv6Blocks }

    /// Adds a block unless it is there. Answers whether it was not.
    mutating func insert(_ block: CIDRBlock, isPrefix: Bool) -> Bool {
        let place = PoolInterface.place(of: block, in: blocks(of: block.family))
        let known = blocks(of: block.family)
        guard place == known.count || known[place].block != block else { return false }
        if block.family == .ipv4 {
            blocks.insert(PoolBlock(block, isPrefix: isPrefix), at: place)
        } else {
            ipv6Blocks.insert(PoolBlock(block, isPrefix: isPrefix), at: place)
        }
        return true
    }

    mutating func remove(_ block: CIDRBlock) -> PoolBlock? {
        guard let place = place(of: block) else { return nil }
        return block.family == .ipv4 ? blocks.remove(at: place) : ipv6Blocks.remove(at: place)
    }

    /// Gives the first address of a block of the kind to a sandbox; `nil` when all are taken or rest.
    mutating func assign(
        _ key: SandboxKey, _ pod: PodMetadata, _ family: IPAddress.Family, isPrefix: Bool, at now: Instant, _ cooldown: Duration
    ) -> IPAddress? {
        for place in blocks(of: family).indices {
            let address = withBlock(place, of: family) { block -> IPAddress? in
                guard block.isPrefix == isPrefix, block.assignedCount < block.size, let address = block.nextFree(now, cooldown) else {
                    return nil
                }
                block.assign(address, to: key, pod: pod, at: now)
                return address
            }
            if let address { return address }
        }
        return nil
    }

    mutating func withBlock<Result>(_ place: Int, of family: IPAddress.Family, _ change: (inout PoolBlock) -> Result) -> Result {
        family == .ipv4 ? change(&blocks[place]) : change(&ipv6Blocks[place])
    }

    private static func place(of block: CIDRBlock, in blocks: [PoolBlock]) -> Int {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].block < block { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
