import IPAddress
import JSON
import VPCModel
import World

/// The branch interfaces of one node's trunk, as the resource controller keeps them (amazon-vpc-resource-controller-k8s,
/// pkg/provider/branch/trunk).
public struct BranchInterfaces: Sendable, Hashable {
    /// A branch interface of a pod.
    public struct Branch: Sendable, Hashable {
        /// EC2's id.
        public let id: String
        /// The hardware address.
        public let hardwareAddress: String
        /// The private address.
        public let address: IPAddress
        /// The IPv6 address.
        public let ipv6Address: IPAddress?
        /// The VLAN on the trunk.
        public let vlan: Int
        /// The subnet's block.
        public let subnetBlock: CIDRBlock
        /// The subnet's IPv6 block.
        public let ipv6SubnetBlock: CIDRBlock?
        /// EC2's id of its association with the trunk.
        public let association: String

        /// Makes a description.
        public init(
            id: String, hardwareAddress: String, address: IPAddress, ipv6Address: IPAddress? = nil, vlan: Int, subnetBlock: CIDRBlock,
            ipv6SubnetBlock: CIDRBlock? = nil, association: String
        ) {
            self.id = id
            self.hardwareAddress = hardwareAddress
            self.address = address
            self.ipv6Address = ipv6Address
            self.vlan = vlan
            self.subnetBlock = subnetBlock
            self.ipv6SubnetBlock = ipv6SubnetBlock
            self.association = association
        }

        /// Reads what `annotation` wrote; `nil` when it does not say what is needed.
        public init?(annotation: String) {
            guard let branch = (try? JSON(parsing: annotation))?.array?.first, let id = branch["eniId"]?.string,
                let address = branch["privateIp"]?.string.flatMap({ IPAddress($0) }), let vlan = branch["vlanId"]?.integer,
                let block = branch["subnetCidr"]?.string.flatMap({ CIDRBlock($0) })
            else { return nil }
            self.init(
                id: id, hardwareAddress: branch["ifAddress"]?.string ?? "", address: address,
                ipv6Address: branch["ipv6Addr"]?.string.flatMap { IPAddress($0) }, vlan: Int(clamping: vlan), subnetBlock: block,
                ipv6SubnetBlock: branch["subnetV6Cidr"]?.string.flatMap { CIDRBlock($0) },
                association: branch["associationID"]?.string ?? "")
        }

        /// The value of the pod's annotation.
        public var annotation: String {
            let branch: JSON = [
                "eniId": .string(id), "ifAddress": .string(hardwareAddress), "privateIp": .string(address.description),
                "ipv6Addr": .string(ipv6Address?.description ?? ""), "vlanId": .integer(Int64(vlan)),
                "subnetCidr": .string(subnetBlock.description), "subnetV6Cidr": .string(ipv6SubnetBlock?.description ?? ""),
                "associationID": .string(association),
            ]
            return String(decoding: JSON.array([branch]).serialized(), as: UTF8.self)
        }
    }

    private struct Waiting: Sendable, Hashable {
        let branch: Branch
        /// The end of its pod; `nil` for one that nobody knows the pod of.
        let since: Instant?
        var failures = 0
    }

    private static let vlans = 1...120
    private static let deleteTries = 3
    private static let defaultCooldown = 60
    private static let leastCooldown = 30

    /// How many the type may have.
    public let limit: Int
    /// How long an interface outlives its pod.
    public var cooldown: Duration
    /// Numbers in use. That of an interface which cannot be deleted stays for ever.
    public private(set) var vlans: Set<Int> = []
    /// By pod.
    public private(set) var branches: [String: Branch] = [:]
    private var waiting: [Waiting] = []

    /// The trunk of a node that has no branch interface yet.
    public init(limit: Int, cooldown: Duration = cooldown(nil)) {
        self.limit = limit
        self.cooldown = cooldown
    }

    /// The cool-down that the ConfigMap `kube-system/amazon-vpc-cni` sets by `branch-eni-cooldown`.
    public static func cooldown(_ setting: String?) -> Duration {
        .seconds(max(setting.flatMap { Int($0) } ?? defaultCooldown, leastCooldown))
    }

    /// The resource that a node with a trunk offers; nothing without one.
    public static func capacity(_ type: InstanceLimits, hasTrunk: Bool) -> [String: String] {
        guard hasTrunk, type.canTrunk == true, let limit = type.branchInterfaces else { return [:] }
        return [PodWebhooks.branchResource: String(limit)]
    }

    /// Where the trunk goes: the highest free device index; `nil` when all are taken.
    public static func trunkDevice(_ type: InstanceLimits, taken: Set<Int>) -> Int? {
        (0..<type.interfaces).last { !taken.contains($0) }
    }

    /// How many interfaces wait for their deletion.
    public var waitingCount: Int { waiting.count }
    /// Whether there is room for one more: those that wait for their deletion still count.
    public var canCreate: Bool { branches.count + waiting.count < limit }
    /// The VLAN of the next interface, the lowest free one.
    public var nextVLAN: Int? { Self.vlans.first { !vlans.contains($0) } }

    /// Notes the interface of a pod.
    public mutating func add(_ branch: Branch, to pod: String) {
        vlans.insert(branch.vlan)
        branches[pod] = branch
    }

    /// The pod is gone; its interface waits.
    public mutating func remove(_ pod: String, at now: Instant) {
        guard let branch = branches.removeValue(forKey: pod) else { return }
        waiting.append(Waiting(branch: branch, since: now))
    }

    /// Notes an interface on the trunk that is no pod's: it is deleted without waiting.
    public mutating func discard(_ branch: Branch) {
        vlans.insert(branch.vlan)
        waiting.append(Waiting(branch: branch, since: nil))
    }

    /// The interfaces to delete now, in the order of their pods' ends.
    public func due(at now: Instant) -> [Branch] {
        waiting.filter { waiting in waiting.since.map { now - $0 >= cooldown } ?? true }.map(\.branch)
    }

    /// Those that wait, in that order.
    public var waitingBranches: [Branch] { waiting.map(\.branch) }

    /// When the next deletion is due, the past for at once; `nil` when nothing waits.
    public var nextDeadline: Instant? { waiting.map { $0.since.map { $0 + cooldown } ?? Instant(seconds: 0) }.min() }

    /// EC2 deleted an interface.
    public mutating func deleted(_ branch: Branch) {
        waiting.removeAll { $0.branch.id == branch.id }
        vlans.remove(branch.vlan)
    }

    /// EC2 did not delete an interface. After three times it is forgotten, but not its VLAN.
    public mutating func notDeleted(_ branch: Branch) {
        guard let place = waiting.firstIndex(where: { $0.branch.id == branch.id }) else { return }
        waiting[place].failures += 1
        if waiting[place].failures >= Self.deleteTries { waiting.remove(at: place) }
    }
}
