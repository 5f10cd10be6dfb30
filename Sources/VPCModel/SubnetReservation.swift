import IPAddress

/// A part of a subnet that EC2 does not give out by itself (CreateSubnetCidrReservation).
public struct SubnetReservation: Sendable, Hashable {
    /// What the part is kept for.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Only requests for prefixes are served from it.
        case prefix
        /// Only addresses and prefixes that the caller names are served from it.
        case explicit
    }

    /// The part.
    public let block: CIDRBlock
    /// What it is kept for.
    public let kind: Kind

    /// Makes a reservation.
    public init(block: CIDRBlock, kind: Kind) {
        self.block = block
        self.kind = kind
    }
}
