import IPAddress
import VPCModel
import World

/// What becomes of the addresses when pods come to the nodes of a scenario, one after the other: run on the agents themselves.
public struct IPPlan: Sendable {
    /// How things stand when every node was given one pod more.
    public struct Step: Sendable, Hashable {
        /// Pods that each node was given so far.
        public let podsPerNode: Int
        /// Seconds since the nodes started.
        public let seconds: Int
        /// Pods that have an address.
        public let running: Int
        /// Pods that wait for one.
        public let waiting: Int
        /// Addresses of the subnets that the nodes hold, their interfaces' own ones too.
        public let held: Int
        /// Addresses of the subnets that nobody has.
        public let free: Int
        /// Pod addresses that the nodes hold without a pod.
        public let unused: Int
        /// Interfaces, the primary ones too.
        public let interfaces: Int
        /// Prefixes.
        public let prefixes: Int
        /// Calls of EC2 so far.
        public let calls: Int
    }

    /// The first pod that never gets an address.
    public struct Failure: Sendable, Hashable {
        /// Why.
        public enum Reason: Sendable, Hashable {
            /// The scheduler puts no more pods on the node.
            case maxPods(Int)
            /// All interfaces that the node may have are full.
            case nodeFull(interfaces: Int, addresses: Int)
            /// EC2 refuses; the last refusal but those that were worked around.
            case refused(EC2Failure)
            /// The settings ask for no more.
            case targetReached
        }

        /// The pod's number on its node, from 1.
        public let pod: Int
        /// The node's number, from 1.
        public let node: Int
        /// Why it gets none.
        public let reason: Reason
    }

    /// What was planned.
    public let scenario: PlanScenario
    /// The first is before any pod came, when the agents had filled their pools.
    public let steps: [Step]
    /// The first pod that fails; `nil` when all get an address.
    public let failure: Failure?
    /// How many seconds the pod waited that waited longest of those that got an address.
    public let longestWait: Int
    /// The subnets at the end.
    public let subnets: [LocalVPC.Subnet]

    /// How things stand at the end.
    public var end: Step? { steps.last }

    /// Runs a scenario.
    ///
    /// - Throws: `noRoomForNode` or `noStart`.
    public init(_ scenario: PlanScenario) async throws(PlanScenario.Problem) {
        var run = try await PlanRun(scenario)
        await run.addPods()
        await run.waitForLast()
        self.scenario = scenario
        steps = run.steps
        failure = await run.failure
        longestWait = run.longestWait
        subnets = run.vpc.subnets
    }
}

/// A plan while it runs.
private struct PlanRun {
    /// How long the last pods are waited for: more than the pause after a full subnet.
    private static let patience = 300

    private struct Pod {
        let number: Int
        let node: Int
        let since: Int
        var isTooMany = false
    }

    private let scenario: PlanScenario
    let vpc: LocalVPC
    private var agents: [IPAMAgent] = []
    private var waiting: [Pod] = []
    private var running = 0
    private var second = 0
    private let epoch = Instant(seconds: 946_684_800)
    private(set) var steps: [IPPlan.Step] = []
    private(set) var longestWait = 0

    private var now: Instant { epoch + .seconds(second) }

    init(_ scenario: PlanScenario) async throws(PlanScenario.Problem) {
        self.scenario = scenario
        func zone(_ index: Int) -> String { "zone-\(index + 1)" }
        vpc = LocalVPC(
            blocks: scenario.subnets + scenario.podSubnets,
            subnets: scenario.subnets.enumerated().map { LocalVPC.Subnet(id: "subnet-\($0 + 1)", zone: zone($0), block: $1) }
                + scenario.podSubnets.enumerated().map { LocalVPC.Subnet(id: "pods-\($0 + 1)", zone: zone($0), block: $1) })
        let settings = AgentSettings(environment: scenario.environment)
        for index in 0..<scenario.nodes {
            let place = index % max(scenario.subnets.count, 1)
            let instance = vpc.addInstance("node-\(index + 1)", scenario.type, zone: zone(place))
            do throws(EC2Failure) { try vpc.attachPrimary(to: instance.id, subnet: "subnet-\(place + 1)") } catch {
                throw .noRoomForNode(index + 1, error)
            }
            let config = scenario.podSubnets.isEmpty ? nil : ENIConfig(subnet: "pods-\(place % scenario.podSubnets.count + 1)")
            let agent = IPAMAgent(
                settings, on: scenario.type, instanceID: instance.id, maxPods: scenario.maxPods, network: instance,
                objects: PlanNode(config: config), log: AgentLog(capacity: 0))
            if let error = await agent.start(at: epoch).error { throw .noStart(error) }
            await agent.startLoop(at: epoch)
            agents.append(agent)
        }
        await settle()
        await note(podsPerNode: 0)
    }

    mutating func addPods() async {
        for number in 1...scenario.podsPerNode {
            for node in agents.indices {
                let isTooMany = number + scenario.hostNetworkPods > scenario.maxPods
                waiting.append(Pod(number: number, node: node, since: second, isTooMany: isTooMany))
            }
            await tryWaiting()
            await pass()
            await note(podsPerNode: number)
        }
    }

    /// Gives the pods that wait their time, until none waits or nothing more is to be expected.
    mutating func waitForLast() async {
        let start = second
        while waiting.contains(where: { !$0.isTooMany }), second - start < Self.patience {
            await tryWaiting()
            await pass()
        }
        await tryWaiting()
        await settle()
        await note(podsPerNode: scenario.podsPerNode)
    }

    /// Lets the agents answer the last change, which may take them a few passes.
    private mutating func settle() async {
        for _ in 0..<3 { await pass() }
    }

    private mutating func pass() async {
        second += scenario.interval
        for agent in agents { _ = await agent.run(until: now) }
    }

    private mutating func tryWaiting() async {
        var rest: [Pod] = []
        var dry: Set<Int> = []
        for pod in waiting {
            guard !pod.isTooMany, !dry.contains(pod.node) else {
                rest.append(pod)
                continue
            }
            let name = "pod-\(pod.number)"
            let request = AddRequest(
                key: SandboxKey(networkName: "aws-cni", containerID: name, ifName: "eth0"),
                pod: PodMetadata(namespace: "default", name: name))
            if (try? await agents[pod.node].add(request, at: now))?.pod != nil {
                running += 1
                longestWait = max(longestWait, second - pod.since)
            } else {
                dry.insert(pod.node)
                rest.append(pod)
            }
        }
        waiting = rest
    }

    private mutating func note(podsPerNode: Int) async {
        let subnets = vpc.subnets
        let free = subnets.reduce(0) { $0 + Int(clamping: $1.pool.availableAddressCount) }
        let size = subnets.reduce(0) { $0 + Int(clamping: SubnetPool($1.pool.block).availableAddressCount) }
        var (unused, interfaces, prefixes, calls) = (0, 0, 0, 0)
        for agent in agents {
            unused += await agent.statistics(at: now).available
            let store = await agent.store
            interfaces += store.interfaces.count
            prefixes += store.counters.prefixes
            calls += await agent.metrics.requests.values.reduce(0, +)
        }
        let step = IPPlan.Step(
            podsPerNode: podsPerNode, seconds: second, running: running, waiting: waiting.count, held: size - free, free: free,
            unused: unused, interfaces: interfaces, prefixes: prefixes, calls: calls)
        if steps.last?.podsPerNode == podsPerNode { steps.removeLast() }
        steps.append(step)
    }

    var failure: IPPlan.Failure? {
        get async {
            guard let first = waiting.first else { return nil }
            return IPPlan.Failure(pod: first.number, node: first.node + 1, reason: await reason(first))
        }
    }

    private func reason(_ pod: Pod) async -> IPPlan.Failure.Reason {
        if pod.isTooMany { return .maxPods(scenario.maxPods) }
        let agent = agents[pod.node]
        let pool = await agent.statistics(at: now)
        guard agent.targets.isLow(pool) else { return .targetReached }
        if let refusal = await agent.lastRefusal { return .refused(refusal) }
        return .nodeFull(interfaces: await agent.store.interfaces.count, addresses: pool.total)
    }
}

/// A node of a plan.
private struct PlanNode: NodeObjects {
    let config: ENIConfig?
    func node() -> NodeMetadata { NodeMetadata() }
    func isCordoned() -> Bool { false }
    func eniConfig(_ name: String) -> ENIConfig? { config }
    func pod(_ namespace: String, _ name: String) -> BranchPod? { BranchPod(wantsBranchInterface: false, annotation: nil) }
    func addFeature(_ name: String, _ value: String) {}
    func hasHostInterface(suffix: String) -> Bool { true }
}
