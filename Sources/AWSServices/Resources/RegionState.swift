import IPAddress
import JSON
import Store
import VPCModel

/// The resources of a region as they are committed: parsed once, listed in the order of their making.
struct RegionState: Sendable {
    /// The resources of one kind.
    struct Table: Sendable {
        /// What the store had last written when the table was read or changed.
        var revision: Revision = 0
        private(set) var rows: [String: JSON] = [:]
        /// Ids by their sequence numbers.
        private(set) var order: [(number: Int64, id: String)] = []

        init() {}

        init(_ documents: [Records.Document], revision: Revision) {
            self.revision = revision
            rows = Dictionary(documents.map { ($0.name, $0.json) }) { first, _ in first }
            order = documents.map { ($0.json[RegionState.number]?.integer ?? 0, $0.name) }.sorted { $0 < $1 }
        }

        /// Sets or removes a resource; its number says where it is listed.
        mutating func apply(_ id: String, _ json: JSON?) {
            if let json {
                let number = json[RegionState.number]?.integer ?? 0
                if rows.updateValue(json, forKey: id) == nil { order.insert((number, id), at: place(of: number)) }
            } else if let old = rows.removeValue(forKey: id) {
                let place = place(of: old[RegionState.number]?.integer ?? 0)
                if place < order.count, order[place].id == id { order.remove(at: place) } else { order.removeAll { $0.id == id } }
            }
        }

        /// Where a number is, or would be.
        private func place(of number: Int64) -> Int {
            if let last = order.last, last.number < number { return order.count }
            var low = 0
            var high = order.count
            while low < high {
                let middle = (low + high) / 2
                if order[middle].number < number { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// The private member that orders resources by their making.
    static let number = "_n"

    var tables: [ResourceKind: Table] = [:]
    var nextNumber: Int64 = 1
    /// What each subnet has to give: derived from the interfaces, and kept so that no request has to count them.
    var pools: [SubnetBlock: SubnetPool] = [:]

    /// Derives the pools anew.
    mutating func makePools() {
        pools = [:]
        for subnet in tables[.subnet]?.rows.values.map({ $0 }) ?? [] {
            for block in SubnetBlock.all(of: subnet) { pools[block.name] = SubnetPool(block.block) }
        }
        for interface in tables[.networkInterface]?.rows.values.map({ $0 }) ?? [] {
            let subnet = interface["subnetId"]?.string ?? ""
            let held = InterfaceAddresses(interface)
            for family in [IPAddress.Family.ipv4, .ipv6] {
                let name = SubnetBlock(subnet: subnet, family: family)
                // What is held was given before; a state file that says otherwise gives nothing more.
                try? pools[name]?.allocate(held.addresses(family))
                try? pools[name]?.allocatePrefixes(held.prefixes(family))
            }
        }
        // Last: reservations leave what is given out inside them.
        for reservation in tables[.cidrReservation]?.rows.values.map({ $0 }) ?? [] {
            guard let wanted = SubnetReservation(record: reservation), let subnet = reservation["subnetId"]?.string else { continue }
            try? pools[SubnetBlock(subnet: subnet, family: wanted.block.family)]?.reserve(wanted)
        }
    }
}

/// Names the IPv4 or the IPv6 block of a subnet.
struct SubnetBlock: Sendable, Hashable {
    let subnet: String
    let family: IPAddress.Family

    /// The blocks that a subnet's record has.
    static func all(of subnet: JSON) -> [(name: SubnetBlock, block: CIDRBlock)] {
        let id = subnet["subnetId"]?.string ?? ""
        let ipv6 = subnet["ipv6CidrBlockAssociationSet"]?.array?.first?["ipv6CidrBlock"]?.string
        return [subnet["cidrBlock"]?.string, ipv6].compactMap { $0.flatMap { CIDRBlock($0) } }.map {
            (SubnetBlock(subnet: id, family: $0.family), $0)
        }
    }
}

/// The addresses and prefixes that an interface's record holds.
struct InterfaceAddresses: Sendable {
    private let record: JSON

    init(_ record: JSON) { self.record = record }

    func addresses(_ family: IPAddress.Family) -> [IPAddress] {
        let (list, member) = family == .ipv4 ? ("privateIpAddressesSet", "privateIpAddress") : ("ipv6AddressesSet", "ipv6Address")
        return (record[list]?.array ?? []).compactMap { $0[member]?.string.flatMap { try? IPAddress(parsing: $0) } }
    }

    func prefixes(_ family: IPAddress.Family) -> [CIDRBlock] {
        let (list, member) = family == .ipv4 ? ("ipv4PrefixSet", "ipv4Prefix") : ("ipv6PrefixSet", "ipv6Prefix")
        return (record[list]?.array ?? []).compactMap { $0[member]?.string.flatMap { CIDRBlock($0) } }
    }
}

extension SubnetReservation {
    init?(record: JSON) {
        guard let block = record["cidr"]?.string.flatMap({ CIDRBlock($0) }),
            let kind = record["reservationType"]?.string.flatMap(Kind.init)
        else { return nil }
        self.init(block: block, kind: kind)
    }
}
