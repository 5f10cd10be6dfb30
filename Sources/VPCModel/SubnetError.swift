import IPAddress

/// Why EC2 does not give an address or a prefix out of a subnet, with the code and the text of its answer.
///
/// Codes and texts are those of EC2's answers as users of it report them (amazon-vpc-cni-k8s issue 3105, cilium pull request 31016);
/// EC2 documents the codes only.
public enum SubnetError: Error, Sendable, Hashable {
    /// Fewer free addresses than asked for.
    case insufficientFreeAddresses
    /// Enough free addresses, but not in aligned and wholly free blocks.
    case insufficientCIDRBlocks
    /// Fewer free addresses than the prefixes asked for would hold.
    case insufficientAddressesForPrefixes
    /// The address or the block does not lie in the subnet.
    case outsideSubnet(String)
    /// One of the four first addresses or the last one.
    case reservedByAWS(IPAddress)
    /// The address has an owner.
    case inUse(IPAddress)
    /// The address lies in a reservation for prefixes.
    case reservedForPrefixes(IPAddress)
    /// The block has not the size or the alignment of a prefix that an interface can have.
    case notAPrefix(CIDRBlock)
    /// The reservation overlaps another one.
    case reservationOverlaps(CIDRBlock)

    /// The error code of EC2's answer.
    public var code: String {
        switch self {
        case .insufficientFreeAddresses: "InsufficientFreeAddressesInSubnet"
        case .insufficientCIDRBlocks: "InsufficientCidrBlocks"
        case .inUse: "InvalidIPAddress.InUse"
        case .insufficientAddressesForPrefixes, .outsideSubnet, .reservedByAWS, .reservedForPrefixes, .notAPrefix, .reservationOverlaps:
            "InvalidParameterValue"
        }
    }

    /// The message of EC2's answer. Those of the last three cases are ours: EC2's are not known from any source.
    public var message: String {
        switch self {
        case .insufficientFreeAddresses: "The specified subnet does not have enough free addresses to satisfy the request."
        case .insufficientCIDRBlocks: "The specified subnet does not have enough free cidr blocks to satisfy the request."
        case .insufficientAddressesForPrefixes: "There aren't sufficient free Ipv4 addresses or prefixes"
        case .outsideSubnet(let text): "Address \(text) does not fall within the subnet's address range"
        case .reservedByAWS(let address): "Address \(address) is in subnet's reserved address range"
        case .inUse(let address): "Address \(address) is in use."
        case .reservedForPrefixes(let address): "Address \(address) is in a subnet CIDR reservation of type prefix"
        case .notAPrefix(let block): "The prefix \(block) is not valid for a network interface"
        case .reservationOverlaps(let block): "The CIDR \(block) overlaps with an existing subnet CIDR reservation"
        }
    }
}
