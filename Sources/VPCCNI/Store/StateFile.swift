import IPAddress
import JSON
import World

/// What the agent keeps on disk across its restarts, `/var/run/aws-node/ipam.json`: who has which address. Ages of interfaces and
/// cool-downs are not in it.
public struct StateFile: Sendable, Hashable {
    /// One pod's address.
    public struct Allocation: Sendable, Hashable {
        /// Who has it.
        public let key: SandboxKey
        /// The address.
        public let address: IPAddress
        /// When it was given.
        public let assignedAt: Instant
        /// The pod.
        public let pod: PodMetadata

        /// Makes an allocation.
        public init(key: SandboxKey, address: IPAddress, assignedAt: Instant, pod: PodMetadata) {
            self.key = key
            self.address = address
            self.assignedAt = assignedAt
            self.pod = pod
        }
    }

    /// The format's name.
    public static let version = "vpc-cni-ipam/1"

    /// The allocations in the order of their interfaces and addresses.
    public var allocations: [Allocation]

    /// Makes a file.
    public init(allocations: [Allocation] = []) { self.allocations = allocations }

    /// The file's content.
    public var json: JSON {
        [
            "version": .string(StateFile.version),
            "allocations": .array(
                allocations.map { allocation in
                    [
                        "networkName": .string(allocation.key.networkName), "containerID": .string(allocation.key.containerID),
                        "ifName": .string(allocation.key.ifName),
                        allocation.address.family == .ipv4 ? "ipv4" : "ipv6": .string(allocation.address.description),
                        "allocationTimestamp": .integer(allocation.assignedAt.nanoseconds), "metadata": allocation.pod.json,
                    ]
                }),
        ]
    }
}

extension PodMetadata {
    /// As the state file and introspection write it: what is empty is left out.
    var json: JSON {
        var object = JSONObject()
        if !namespace.isEmpty { object["k8sPodNamespace"] = .string(namespace) }
        if !name.isEmpty { object["k8sPodName"] = .string(name) }
        if interfacesCount != 0 { object["interfacesCount"] = .integer(Int64(interfacesCount)) }
        return .object(object)
    }
}
