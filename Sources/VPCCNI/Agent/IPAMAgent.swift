import IPAddress
import VPCModel
import World

/// The agent of one node that holds a pool of pod addresses: `ipamd` of amazon-vpc-cni-k8s v1.23.1.
///
/// It shares its state between the requests of the CNI plugin and its own loop, as the real one does; hence an actor. Time comes with each
/// call. A pass that sleeps is carried out at once and answers when it ends.
public actor IPAMAgent {
    /// Its settings.
    public nonisolated let settings: AgentSettings
    /// What its instance type can have.
    public nonisolated let type: InstanceLimits
    /// What it may use.
    public nonisolated let limits: NodeLimits
    /// The instance's id.
    public nonisolated let instanceID: String
    /// The version that it asks of the plugin.
    public nonisolated let version: String

    nonisolated let network: any InstanceNetwork
    nonisolated let objects: any NodeObjects
    nonisolated let targets: PoolTargets

    /// The pool.
    public internal(set) var store: Datastore
    /// The log's last lines.
    public internal(set) var log: AgentLog
    /// What was counted.
    public internal(set) var metrics = AgentMetrics()
    /// EC2's last refusal, until a call succeeds that gives addresses.
    public internal(set) var lastRefusal: EC2Failure?

    /// When the pool last grew or shrank or was reconciled; freeing an interface does not count.
    var lastPoolAction: Instant?
    var lastDecrease: Instant?
    var lastSubnetFull: Instant?
    /// Blocks given back, which reconciliation does not take up again for a while.
    var released: [CIDRBlock: Instant] = [:]
    var unmanaged: Set<String> = []
    var unmanagedCount = 0
    /// Empty blocks of excluded interfaces that are given back a little later.
    var drops: [Drop] = []
    var isTerminating = false
    var nodeSubnet = ""
    var primaryInterface = ""
    /// Grows with each change of the pool and each call of EC2.
    var changes: UInt64 = 0
    var loop: Loop?

    struct Drop {
        let due: Instant
        let interface: String
        let block: CIDRBlock
    }

    /// Makes the agent of a node; it does nothing before `start`.
    ///
    /// `maxPods` is the node's `status.capacity.pods`; `log` is what is in the log already.
    public init(
        _ settings: AgentSettings, on type: InstanceLimits, instanceID: String, maxPods: Int, network: any InstanceNetwork,
        objects: any NodeObjects, version: String = "v1.23.1", log: AgentLog = AgentLog(capacity: 128)
    ) {
        self.settings = settings
        self.type = type
        self.instanceID = instanceID
        self.network = network
        self.objects = objects
        self.version = version
        limits = NodeLimits(settings, on: type)
        targets = PoolTargets(settings, limits, maxPods: maxPods)
        store = Datastore(usesPrefixes: limits.usesPrefixes, cooldown: settings.cooldown, skipsPrimary: settings.usesCustomNetworking)
        self.log = log
    }

    /// The family of pod addresses.
    public nonisolated var family: IPAddress.Family { settings.isIPv6Enabled ? .ipv6 : .ipv4 }

    /// The numbers of the pool.
    public func statistics(at now: Instant) -> PoolStatistics { store.statistics(family, at: now) }

    /// What the agent's state file holds.
    public var stateFile: StateFile { StateFile(allocations: store.allocations) }

    /// SIGTERM: it goes on answering, but neither grows nor shrinks.
    public func terminate() {
        isTerminating = true
        changes &+= 1
    }

    /// Notes who has an address that the pool holds, after a restart of the whole simulator; answers whether it was free.
    @discardableResult
    public func restore(_ allocation: StateFile.Allocation) -> Bool {
        changes &+= 1
        return store.restore(allocation)
    }

    /// The node was cordoned or uncordoned, or its labels changed.
    public func nodeChanged() { changes &+= 1 }

    // MARK: -

    func write(_ level: AgentLog.Level, _ time: Instant, _ message: @autoclosure () -> String) {
        log.write(level, time, "ipamd/ipamd.go", message())
    }

    /// Calls EC2, counting the call.
    func call<Value>(_ api: String, _ body: () async throws(EC2Failure) -> Value) async throws(EC2Failure) -> Value {
        changes &+= 1
        metrics.requests[api, default: 0] += 1
        do {
            let value = try await body()
            if Self.givingCalls.contains(api) { lastRefusal = nil }
            return value
        } catch {
            metrics.refusals[api, default: [:]][error.code, default: 0] += 1
            lastRefusal = error
            throw error
        }
    }

    private static let givingCalls: Set<String> = ["AssignPrivateIpAddresses", "AssignIpv6Addresses", "CreateNetworkInterface"]

    var subnetChoice: SubnetChoice { SubnetChoice(nodeSubnet: nodeSubnet, clusterName: settings.clusterName) }

    /// Whether interfaces in the subnet serve no pods.
    ///
    /// - Throws: EC2's refusal, or a failure without code when the VPC and zone have no such subnet.
    func isSubnetExcluded(_ id: String) async throws(EC2Failure) -> Bool {
        let subnets = try await call("DescribeSubnets", network.describeSubnets)
        guard let subnet = subnets.first(where: { $0.id == id }) else { throw EC2Failure("", "subnet \(id) not found in VPC") }
        return subnetChoice.isExcluded(subnet)
    }

    /// Gives blocks back to EC2 after the store forgot them; a refusal is only repaired by reconciliation.
    func unassign(_ blocks: [PoolBlock], from interface: String, at now: Instant) async {
        let prefixes = blocks.filter(\.isPrefix).map(\.block)
        let addresses = blocks.filter { !$0.isPrefix }.map(\.block.first)
        for (addresses, prefixes) in [([], prefixes), (addresses, [])] where !addresses.isEmpty || !prefixes.isEmpty {
            do throws(EC2Failure) {
                try await call("UnassignPrivateIpAddresses") { () async throws(EC2Failure) in
                    try await network.unassign(addresses, prefixes, from: interface)
                }
            } catch {
                write(.warn, now, "Failed to free \(prefixes.isEmpty ? "IPs" : "Prefixes") from ENI \(interface): \(error.message)")
            }
        }
    }

    /// Gives back what of an interface is of a kind and unused.
    func releaseUnused(prefixes: Bool, of interface: PoolInterface, at now: Instant) async {
        let unused = store.freeable(interface).filter { $0.isPrefix == prefixes }
        guard !unused.isEmpty else { return }
        for block in unused { store.remove(block.block, of: interface.id) }
        await unassign(unused, from: interface.id, at: now)
    }
}
