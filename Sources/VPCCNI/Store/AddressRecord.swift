import IPAddress
import World

/// Names one attachment of a pod to a network: CNI's key of network, sandbox and interface.
public struct SandboxKey: Sendable, Hashable {
    /// The network's name, `aws-cni`.
    public let networkName: String
    /// The sandbox's id.
    public let containerID: String
    /// The interface's name in the sandbox, `eth0`.
    public let ifName: String

    /// Makes a key.
    public init(networkName: String, containerID: String, ifName: String) {
        self.networkName = networkName
        self.containerID = containerID
        self.ifName = ifName
    }
}

extension SandboxKey: CustomStringConvertible {
    /// `aws-cni/ID/eth0`, as the agent's log writes it.
    public var description: String { "\(networkName)/\(containerID)/\(ifName)" }
}

/// Which pod an address was given to.
public struct PodMetadata: Sendable, Hashable {
    /// The pod's namespace.
    public let namespace: String
    /// The pod's name.
    public let name: String
    /// How many interfaces the pod has.
    public let interfacesCount: Int

    /// Makes the metadata of a pod.
    public init(namespace: String, name: String, interfacesCount: Int = 1) {
        self.namespace = namespace
        self.name = name
        self.interfacesCount = interfacesCount
    }
}

/// What the agent remembers of an address that it gave out at least once.
public struct AddressRecord: Sendable, Hashable {
    /// The address.
    public let address: IPAddress
    /// Who has it; `nil` when nobody does.
    public internal(set) var key: SandboxKey?
    /// The pod of `key`.
    public internal(set) var pod: PodMetadata?
    /// When it was given last.
    public internal(set) var assignedAt: Instant
    /// When its pod left; `nil` before.
    public internal(set) var unassignedAt: Instant?

    /// Whether the address may not be given out yet: up to and including the end of the period after its pod left.
    func isCooling(_ now: Instant, _ cooldown: Duration) -> Bool {
        guard key == nil, let unassignedAt else { return false }
        return now - unassignedAt <= cooldown
    }
}

/// A single address or a prefix of an interface, with the records of its addresses.
public struct PoolBlock: Sendable, Hashable {
    /// `/32`, `/28` or `/80`.
    public let block: CIDRBlock
    /// Whether EC2 gave it as a prefix.
    public let isPrefix: Bool
    /// By address.
    public private(set) var records: [AddressRecord] = []
    /// How many of them have a pod.
    public private(set) var assignedCount = 0

    init(_ block: CIDRBlock, isPrefix: Bool) {
        self.block = block
        self.isPrefix = isPrefix
    }

    /// How many addresses it has.
    public var size: Int { block.count.flatMap { Int(exactly: $0) } ?? .max }

    func coolingCount(_ now: Instant, _ cooldown: Duration) -> Int {
        // Most blocks have no record at all.
        records.isEmpty ? 0 : records.count { $0.isCooling(now, cooldown) }
    }

    /// The address to give next: the lowest whose record is past its cool-down, else the lowest without a record. Drops what is past.
    mutating func nextFree(_ now: Instant, _ cooldown: Duration) -> IPAddress? {
        let expired = assignedCount == records.count ? nil : records.first { $0.key == nil && !$0.isCooling(now, cooldown) }
        if let expired {
            records.removeAll { $0.key == nil && !$0.isCooling(now, cooldown) }
            return expired.address
        }
        var candidate = block.first
        for record in records {
            guard record.address == candidate else { break }
            guard let next = candidate.next, block.contains(next) else { return nil }
            candidate = next
        }
        return candidate
    }

    mutating func assign(_ address: IPAddress, to key: SandboxKey, pod: PodMetadata, at now: Instant) {
        let record = AddressRecord(address: address, key: key, pod: pod, assignedAt: now, unassignedAt: nil)
        records.insert(record, at: place(of: address))
        assignedCount += 1
    }

    func record(of address: IPAddress) -> AddressRecord? {
        let place = place(of: address)
        return place < records.count && records[place].address == address ? records[place] : nil
    }

    /// Takes the address from its pod; without a time there is no cool-down. Answers the record as it was.
    mutating func unassign(_ address: IPAddress, at now: Instant?) -> AddressRecord? {
        let place = place(of: address)
        guard place < records.count, records[place].address == address, records[place].key != nil else { return nil }
        let before = records[place]
        records[place].key = nil
        records[place].pod = nil
        records[place].unassignedAt = now
        assignedCount -= 1
        return before
    }

    private func place(of address: IPAddress) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].address < address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
