import IPAddress
import VPCModel
import World

/// A VPC in memory: subnets, and interfaces on instances, with EC2's rules for both. Plans and tests run agents on it.
public final class LocalVPC: Sendable {
    /// A subnet.
    public struct Subnet: Sendable {
        /// EC2's id.
        public let id: String
        /// Its zone.
        public let zone: String
        /// Its VPC.
        public let vpc: String
        /// Its tags.
        public var tags: [String: String]
        /// Its IPv4 addresses.
        public var pool: SubnetPool
        /// Its IPv6 addresses.
        public var ipv6Pool: SubnetPool?

        /// Makes a subnet of which nothing is given out.
        public init(
            id: String, zone: String = "us-west-2a", vpc: String = "vpc-1", tags: [String: String] = [:], block: CIDRBlock,
            ipv6Block: CIDRBlock? = nil
        ) {
            self.id = id
            self.zone = zone
            self.vpc = vpc
            self.tags = tags
            pool = SubnetPool(block)
            ipv6Pool = ipv6Block.map { SubnetPool($0) }
        }
    }

    /// Calls of an API that fail.
    public struct Fault: Sendable, Hashable {
        /// The API's name.
        public let api: String
        /// How many calls pass first.
        public var skip: Int
        /// How many calls fail then.
        public var times: Int
        /// What they answer.
        public let failure: EC2Failure

        /// Makes a fault.
        public init(api: String, skip: Int = 0, times: Int, failure: EC2Failure) {
            self.api = api
            self.skip = skip
            self.times = times
            self.failure = failure
        }
    }

    /// A call that changes something, refused ones too.
    public struct Call: Sendable, Hashable {
        /// The API's name.
        public let api: String
        /// The instance that made it.
        public let instance: String
        /// The device index of the interface; `nil` when it has none.
        public var device: Int?
        /// The subnet of a new interface.
        public var subnet: String?
        /// Secondary addresses asked for or given back; `nil` when the call names none.
        public var secondary: Int?
        /// Prefixes asked for or given back; `nil` when the call names none.
        public var prefixes: Int?
    }

    struct Interface: Sendable {
        var description: AttachedInterface
        /// The instance, when attached.
        var instance: String?
        /// Who made it, for the search of what agents left behind.
        let text: String
    }

    struct Instance: Sendable {
        let zone: String
        let vpc: String
        /// What is attached, in the order in which it was.
        var interfaces: [String] = []
        var revision: UInt64 = 0
    }

    struct State: Sendable {
        var blocks: [CIDRBlock]
        var subnets: [String: Subnet] = [:]
        var subnetOrder: [String] = []
        var interfaces: [String: Interface] = [:]
        var instances: [String: Instance] = [:]
        var faults: [Fault] = []
        var calls: [Call] = []
        var interfaceCount = 0
    }

    let state: Lock<State>

    /// A VPC of these blocks.
    public init(blocks: [CIDRBlock], subnets: [Subnet]) {
        var state = State(blocks: blocks)
        for subnet in subnets {
            state.subnets[subnet.id] = subnet
            state.subnetOrder.append(subnet.id)
        }
        self.state = Lock(state)
    }

    /// Makes an instance without interfaces.
    public func addInstance(_ id: String, _ limits: InstanceLimits, zone: String = "us-west-2a", vpc: String = "vpc-1") -> LocalInstance {
        state.withLock { $0.instances[id] = Instance(zone: zone, vpc: vpc) }
        return LocalInstance(vpc: self, id: id, limits: limits)
    }

    /// Attaches an interface with these addresses, made by nobody's agent. Answers its id.
    ///
    /// - Throws: when the subnet cannot give the addresses.
    @discardableResult
    public func attach(_ wanted: AttachedInterface, to instance: String) throws(EC2Failure) -> String {
        try state.withLock { state throws(EC2Failure) in
            guard var subnet = state.subnets[wanted.subnet] else { throw .noSubnet(wanted.subnet) }
            do throws(SubnetError) {
                try subnet.pool.allocate([wanted.primary] + wanted.secondary)
                try subnet.pool.allocatePrefixes(wanted.prefixes)
                try subnet.ipv6Pool?.allocatePrefixes(wanted.ipv6Prefixes)
            } catch { throw EC2Failure(error) }
            state.subnets[wanted.subnet] = subnet
            var description = wanted
            description.id = state.nextInterfaceID()
            state.interfaces[description.id] = Interface(description: description, instance: nil, text: "")
            state.attach(description.id, to: instance)
            return description.id
        }
    }

    /// Attaches an interface with the lowest free address as its primary one, as an instance's own is made.
    ///
    /// - Throws: when the subnet has none.
    @discardableResult
    public func attachPrimary(to instance: String, subnet: String) throws(EC2Failure) -> String {
        let address = try state.withLock { state throws(EC2Failure) -> IPAddress in
            guard var pool = state.subnets[subnet]?.pool else { throw .noSubnet(subnet) }
            do throws(SubnetError) { return try pool.allocate(1)[0] } catch { throw EC2Failure(error) }
        }
        return try attach(AttachedInterface(id: "", device: 0, subnet: subnet, primary: address), to: instance)
    }

    /// Somebody else's change of the interface with a device index. Answers whether there is one.
    @discardableResult
    public func change(device: Int, of instance: String, _ change: (inout AttachedInterface) -> Void) -> Bool {
        state.withLock { state in
            guard let id = state.interface(device: device, of: instance), var interface = state.interfaces[id],
                var subnet = state.subnets[interface.description.subnet]
            else { return false }
            let before = Set(interface.description.secondary)
            change(&interface.description)
            let after = Set(interface.description.secondary)
            for address in before.subtracting(after) { subnet.pool.release(address) }
            do { try subnet.pool.allocate(Array(after.subtracting(before))) } catch { return false }
            state.subnets[subnet.id] = subnet
            state.interfaces[id] = interface
            state.instances[instance]?.revision += 1
            return true
        }
    }

    /// Somebody else detaches and deletes the interface with a device index. Answers whether there was one.
    @discardableResult
    public func remove(device: Int, of instance: String) -> Bool {
        state.withLock { state in
            guard let id = state.interface(device: device, of: instance) else { return false }
            state.detach(id)
            state.delete(id)
            return true
        }
    }

    /// Changes a subnet.
    public func changeSubnet(_ id: String, _ change: (inout Subnet) -> Void) {
        state.withLock { state in
            guard var subnet = state.subnets[id] else { return }
            change(&subnet)
            state.subnets[id] = subnet
        }
    }

    /// Arms a fault.
    public func arm(_ fault: Fault) { state.withLock { $0.faults.append(fault) } }

    /// The subnets, in the order in which they were made.
    public var subnets: [Subnet] { state.withLock { state in state.subnetOrder.compactMap { state.subnets[$0] } } }

    /// The calls since the last time, which it forgets.
    public func takeCalls() -> [Call] {
        state.withLock { state in
            defer { state.calls = [] }
            return state.calls
        }
    }

    /// Every interface on an instance, by device.
    public func interfaces(of instance: String) -> [AttachedInterface] { state.withLock { $0.attached(to: instance) } }
}

extension LocalVPC.State {
    mutating func nextInterfaceID() -> String {
        interfaceCount += 1
        return "eni-\(interfaceCount)"
    }

    func attached(to instance: String) -> [AttachedInterface] {
        (instances[instance]?.interfaces ?? []).compactMap { interfaces[$0]?.description }.sorted { $0.device < $1.device }
    }

    func interface(device: Int, of instance: String) -> String? { attached(to: instance).first { $0.device == device }?.id }

    mutating func attach(_ id: String, to instance: String) {
        interfaces[id]?.instance = instance
        instances[instance]?.interfaces.append(id)
        instances[instance]?.revision += 1
    }

    mutating func detach(_ id: String) {
        guard let instance = interfaces[id]?.instance else { return }
        interfaces[id]?.instance = nil
        instances[instance]?.interfaces.removeAll { $0 == id }
        instances[instance]?.revision += 1
    }

    /// Deletes an interface and gives its addresses back.
    mutating func delete(_ id: String) {
        guard let interface = interfaces.removeValue(forKey: id)?.description, var subnet = subnets[interface.subnet] else { return }
        for address in [interface.primary] + interface.secondary { subnet.pool.release(address) }
        for prefix in interface.prefixes { subnet.pool.release(prefix) }
        for prefix in interface.ipv6Prefixes { subnet.ipv6Pool?.release(prefix) }
        subnets[subnet.id] = subnet
    }

    /// Notes a call, and fails it if a fault says so.
    mutating func begin(_ call: LocalVPC.Call, isChange: Bool = true) throws(EC2Failure) {
        if isChange { calls.append(call) }
        for index in faults.indices where faults[index].api == call.api {
            if faults[index].skip > 0 {
                faults[index].skip -= 1
            } else if faults[index].times > 0 {
                faults[index].times -= 1
                throw faults[index].failure
            }
        }
    }
}

extension EC2Failure {
    init(_ error: SubnetError) { self.init(error.code, error.message) }

    static func noSubnet(_ id: String) -> EC2Failure { EC2Failure("InvalidSubnetID.NotFound", "The subnet ID '\(id)' does not exist") }
    static func noInterface(_ id: String) -> EC2Failure {
        EC2Failure("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '\(id)' does not exist")
    }
}
