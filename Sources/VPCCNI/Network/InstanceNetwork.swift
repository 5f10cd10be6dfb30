import IPAddress
import World

/// EC2 and the metadata service, as the agent of one instance sees them.
///
/// Every call is one call of EC2's API and may fail as EC2 lets it fail. What the metadata service shows is up to date at once.
public protocol InstanceNetwork: Sendable {
    /// Interfaces attached to the instance, from its metadata.
    func attachedInterfaces() async -> [AttachedInterface]
    /// IPv4 CIDRs of the VPC, from metadata.
    func vpcBlocks() async -> [CIDRBlock]
    /// A number that is another one after each change of what `attachedInterfaces` answers.
    func revision() async -> UInt64

    /// DescribeNetworkInterfaces of the instance's interfaces.
    func describeInterfaces(_ ids: [String]) async throws(EC2Failure) -> [AttachedInterface]
    /// DescribeNetworkInterfaces of interfaces that agents of the cluster made (any cluster when empty) and nothing has attached.
    func describeDetachedInterfaces(cluster: String) async throws(EC2Failure) -> [DetachedInterface]
    /// DescribeInstances: the device indexes in use.
    func describeDevices() async throws(EC2Failure) -> Set<Int>
    /// DescribeSubnets of the instance's VPC and zone.
    func describeSubnets() async throws(EC2Failure) -> [CandidateSubnet]

    /// CreateNetworkInterface with all addresses in the same call. Answers its id.
    func createInterface(_ request: InterfaceRequest) async throws(EC2Failure) -> String
    /// AttachNetworkInterface.
    func attachInterface(_ id: String, device: Int) async throws(EC2Failure)
    /// ModifyNetworkInterfaceAttribute: deleted when the instance ends.
    func deleteOnTermination(_ id: String) async throws(EC2Failure)
    /// DetachNetworkInterface.
    func detachInterface(_ id: String) async throws(EC2Failure)
    /// DeleteNetworkInterface.
    func deleteInterface(_ id: String) async throws(EC2Failure)
    /// CreateTags.
    func createTags(_ tags: [String: String], on id: String) async throws(EC2Failure)
    /// AssignPrivateIpAddresses with a number of secondary addresses.
    func assignAddresses(_ count: Int, to id: String) async throws(EC2Failure) -> [IPAddress]
    /// AssignPrivateIpAddresses with a number of IPv4 prefixes.
    func assignPrefixes(_ count: Int, to id: String) async throws(EC2Failure) -> [CIDRBlock]
    /// AssignIpv6Addresses with one prefix.
    func assignIPv6Prefix(to id: String) async throws(EC2Failure) -> [CIDRBlock]
    /// UnassignPrivateIpAddresses.
    func unassign(_ addresses: [IPAddress], _ prefixes: [CIDRBlock], from id: String) async throws(EC2Failure)
}

/// EC2's refusal of a call.
public struct EC2Failure: Error, Sendable, Hashable {
    /// The error code.
    public let code: String
    /// The message.
    public let message: String

    /// Makes a refusal.
    public init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the subnet has not what was asked for, by the two codes that the agent knows. It does not know the `InvalidParameterValue`
    /// with which EC2 refuses prefixes in a subnet that is simply full.
    var isSubnetFull: Bool { code == "InsufficientCidrBlocks" || code == "InsufficientFreeAddressesInSubnet" }
    /// Whether the interface has more addresses than the agent knows.
    var isLimitExceeded: Bool { code == "PrivateIpAddressLimitExceeded" }
}

/// An interface of the instance.
public struct AttachedInterface: Sendable, Hashable {
    /// What EC2 calls the kind of interface.
    public enum Kind: String, Sendable, Hashable {
        /// An ordinary one.
        case interface
        /// It carries branch interfaces.
        case trunk
        /// Elastic Fabric Adapter.
        case efa
    }

    /// EC2's id.
    public var id: String
    /// The device index.
    public var device: Int
    /// The subnet.
    public var subnet: String
    /// The kind.
    public var kind: Kind
    /// The primary private address.
    public var primary: IPAddress
    /// Its other private addresses.
    public var secondary: [IPAddress]
    /// IPv4 prefixes.
    public var prefixes: [CIDRBlock]
    /// IPv6 prefixes.
    public var ipv6Prefixes: [CIDRBlock]
    /// Its tags, which only EC2 knows and metadata does not.
    public var tags: [String: String]

    /// Makes a description.
    public init(
        id: String, device: Int, subnet: String, kind: Kind = .interface, primary: IPAddress, secondary: [IPAddress] = [],
        prefixes: [CIDRBlock] = [], ipv6Prefixes: [CIDRBlock] = [], tags: [String: String] = [:]
    ) {
        self.id = id
        self.device = device
        self.subnet = subnet
        self.kind = kind
        self.primary = primary
        self.secondary = secondary
        self.prefixes = prefixes
        self.ipv6Prefixes = ipv6Prefixes
        self.tags = tags
    }
}

/// An interface that nothing has attached.
public struct DetachedInterface: Sendable, Hashable {
    /// EC2's id.
    public let id: String
    /// Its tags.
    public let tags: [String: String]

    /// Makes a description.
    public init(id: String, tags: [String: String]) {
        self.id = id
        self.tags = tags
    }
}

/// A subnet of the instance's VPC and zone.
public struct CandidateSubnet: Sendable, Hashable {
    /// EC2's id.
    public let id: String
    /// `AvailableIpAddressCount`.
    public let availableAddressCount: Int
    /// Its tags.
    public let tags: [String: String]

    /// Makes a description.
    public init(id: String, availableAddressCount: Int, tags: [String: String]) {
        self.id = id
        self.availableAddressCount = availableAddressCount
        self.tags = tags
    }
}

/// A new interface with its addresses.
public struct InterfaceRequest: Sendable, Hashable {
    /// Where.
    public var subnet: String
    /// Security groups; `nil` for those of the primary interface.
    public var securityGroups: [String]?
    /// How many secondary addresses.
    public var secondaryCount: Int
    /// How many prefixes.
    public var prefixCount: Int
    /// The description.
    public var description: String
    /// The tags.
    public var tags: [String: String]
}
