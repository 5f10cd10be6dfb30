public import IPAddress

/// How a Service range is divided: addresses that users name come from the lower band, addresses that the server chooses from the upper
/// (`pkg/registry/core/service/ipallocator`, KEP-3070).
public struct ServiceAddressBands: Sendable, Hashable {
    /// The range.
    public let block: CIDRBlock
    /// How many addresses the static band has; 0 in a small range.
    public let offset: UInt128
    /// The first and last address that can be given: without the network address and, for IPv4, the broadcast address.
    public let usable: IPRange

    /// Divides a range; `nil` for one without a usable address.
    public init?(_ block: CIDRBlock) {
        guard let first = block.network.next else { return nil }
        guard let last = block.family == .ipv4 ? block.last.previous : block.last, let usable = IPRange(first, last) else { return nil }
        self.block = block
        self.usable = usable
        // All of IPv6 has no count of its own; its offset is the largest anyway.
        let size = block.count ?? .max
        offset = size <= Self.smallest ? 0 : min(max(size / Self.step, Self.least), Self.most)
    }

    private static let smallest: UInt128 = 16
    private static let step: UInt128 = 16
    private static let least: UInt128 = 16
    private static let most: UInt128 = 256

    /// The band of named addresses; `nil` in a small range.
    public var staticBand: IPRange? {
        guard offset > 0, let last = block.address(at: offset) else { return nil }
        return IPRange(usable.first, min(last, usable.last))
    }

    /// The band that automatic choice starts in.
    public var dynamicBand: IPRange? { block.address(at: offset + 1).flatMap { IPRange($0, usable.last) } }

    /// The address of the `kubernetes` Service.
    public var kubernetesService: IPAddress { usable.first }

    /// A free address: from a random place of the dynamic band upwards and around, then the static band; `nil` when the range is full.
    /// `firstFree` answers the lowest free address of a range.
    public func free(random: (_ below: Int) -> Int, firstFree: (IPRange) -> IPAddress?) -> IPAddress? {
        for band in [dynamicBand, staticBand].compactMap(\.self) {
            guard let start = band.address(at: UInt128(random(Int(clamping: band.count ?? .max)))) else { continue }
            if let address = IPRange(start, band.last).flatMap(firstFree) { return address }
            if let before = start.previous, let address = IPRange(band.first, before).flatMap(firstFree) { return address }
        }
        return nil
    }
}

/// How the node port range is divided (`pkg/registry/core/service/portallocator`, KEP-3668).
public struct NodePortBands: Sendable, Hashable {
    /// The range.
    public let range: ClosedRange<Int>
    /// How many ports the static band has.
    public let offset: Int

    /// `--service-node-port-range`'s own value.
    public static let standard = NodePortBands(30000...32767)

    /// Divides a range of ports.
    public init(_ range: ClosedRange<Int>) {
        self.range = range
        offset = range.count <= 16 ? 0 : min(max(range.count / 32, 16), 128)
    }

    /// The ports that users name; `nil` in a small range.
    public var staticBand: ClosedRange<Int>? { offset > 0 ? range.lowerBound...(range.lowerBound + offset - 1) : nil }

    /// The ports that automatic choice starts in.
    public var dynamicBand: ClosedRange<Int> { (range.lowerBound + offset)...range.upperBound }

    /// A free port, chosen as addresses are; `nil` when the range is full.
    public func free(random: (_ below: Int) -> Int, isTaken: (Int) -> Bool) -> Int? {
        for band in [dynamicBand, staticBand].compactMap(\.self) {
            let start = random(band.count)
            for step in 0..<band.count {
                let port = band.lowerBound + (start + step) % band.count
                if !isTaken(port) { return port }
            }
        }
        return nil
    }
}
