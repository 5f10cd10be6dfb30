import AWSServices
import IPAddress
import JSON
import KubeAPIServer
import KubeControllers
import Store
import VPCCNI
import VPCModel
import World

/// The pods' network of a cluster: on instances of EC2 an agent of the VPC CNI each, over the account's own interfaces; elsewhere addresses
/// that stand in no VPC.
final class ClusterPodNetwork: PodNetwork {
    /// An agent at work.
    struct Node: Sendable {
        let machine: NodeMachine
        let agent: IPAMAgent
    }

    private struct State: Sendable {
        var nodes: [String: Node] = [:]
        /// Instances of EC2: their pods get addresses of the VPC or none.
        var instances: Set<String> = []
        var timers: [String: Timers.Handle] = [:]
    }

    private static let networkName = "aws-cni"
    private static let interface = "eth0"
    private static let restart = Duration.seconds(30)
    /// What the plugin says while no agent listens.
    private static let noAgent = PodNetworkFailure(
        message:
            "plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: Error received from AddNetwork gRPC call: rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:50051: connect: connection refused\""
    )

    private let record: ClusterRecord
    private let cluster: ClusterState
    private let aws: AWSReference
    private let standalone = StandalonePodNetwork()
    private let state = Lock(State())
    private var world: World { cluster.world }

    init(record: ClusterRecord, cluster: ClusterState, aws: AWSReference) {
        self.record = record
        self.cluster = cluster
        self.aws = aws
    }

    /// The agents at work, by their nodes' names.
    var nodes: [Node] { state.withLock { $0.nodes.values.sorted { $0.machine.name < $1.machine.name } } }

    private func agent(_ node: String) -> IPAMAgent? { state.withLock { $0.nodes[node]?.agent } }

    // MARK: Nodes

    func prepare(_ machine: NodeMachine) async {
        if machine.isInstance { state.withLock { _ = $0.instances.insert(machine.name) } }
        guard machine.isInstance, machine.hasNetwork, let frontDoor = aws.frontDoor, agent(machine.name) == nil,
            let limits = InstanceLimits.of(machine.instanceType)
        else { return }
        let network = InstanceNetworkOverEC2(
            aws: frontDoor, account: record.accountID, region: record.region, id: machine.instanceID)
        let agent = IPAMAgent(
            settings, on: limits, instanceID: machine.instanceID, maxPods: Int(clamping: machine.maximumPods), network: network,
            objects: NodeObjectsOverStore(cluster: cluster, name: machine.name))
        state.withLock { $0.nodes[machine.name] = Node(machine: machine, agent: agent) }
        let start = await agent.start(at: world.now)
        guard start.error == nil else {
            // The container ends with it and is started again after a while.
            state.withLock { $0.nodes[machine.name] = nil }
            let retry = world.timers.schedule(after: Self.restart, "ipamd of \(machine.name) starts again") { [weak self] in
                await self?.prepare(machine)
            }
            return state.withLock { $0.timers[machine.name] = retry }
        }
        await agent.startLoop(at: start.end)
        await arm(machine.name, agent)
    }

    func remove(_ machine: NodeMachine) async {
        let timer = state.withLock { state in
            state.nodes[machine.name] = nil
            state.instances.remove(machine.name)
            return state.timers.removeValue(forKey: machine.name)
        }
        if let timer { world.timers.cancel(timer) }
    }

    /// The agent's settings: those of the DaemonSet `aws-node`, or of the manifest that AWS ships.
    private var settings: AgentSettings {
        let key = Key(cluster.collection(group: "apps", "daemonsets"), "kube-system/aws-node")
        let daemonSet = cluster.store.get(key).flatMap { try? JSON(parsing: $0.value) }
        let container = daemonSet?.at("spec", "template", "spec", "containers")?.array?.first { $0["name"] == "aws-node" }
        var environment = PlanScenario.manifest
        for variable in container?["env"]?.array ?? [] {
            if let name = variable["name"]?.string, let value = variable["value"]?.string { environment[name] = value }
        }
        if environment["CLUSTER_NAME"] == nil { environment["CLUSTER_NAME"] = record.name }
        return AgentSettings(environment: environment)
    }

    /// Wakes the agent when its loop has something to do next: a quiet pool costs nothing.
    private func arm(_ node: String, _ agent: IPAMAgent) async {
        let next = await agent.nextDeadline()
        let old = state.withLock { $0.timers.removeValue(forKey: node) }
        if let old { world.timers.cancel(old) }
        guard let next else { return }
        let handle = world.timers.schedule(at: max(next, world.now), "ipamd of \(node)") { [weak self] in await self?.wake(node, agent) }
        state.withLock { $0.timers[node] = handle }
    }

    private func wake(_ node: String, _ agent: IPAMAgent) async {
        guard self.agent(node) === agent else { return }
        _ = await agent.run(until: world.now)
        await arm(node, agent)
    }

    // MARK: Pods

    private static func key(_ sandbox: PodSandbox) -> SandboxKey {
        SandboxKey(networkName: networkName, containerID: sandbox.containerID, ifName: interface)
    }

    private static func pod(_ sandbox: PodSandbox) -> PodMetadata { PodMetadata(namespace: sandbox.namespace, name: sandbox.name) }

    func connect(_ sandbox: PodSandbox) async throws(PodNetworkFailure) -> [String] {
        guard let agent = agent(sandbox.node) else {
            guard !state.withLock({ $0.instances.contains(sandbox.node) }) else { throw Self.noAgent }
            return try await standalone.connect(sandbox)
        }
        let reply: AddReply
        do throws(RequestRefusal) {
            reply = try await agent.add(AddRequest(key: Self.key(sandbox), pod: Self.pod(sandbox)), at: world.now)
        } catch {
            throw PodNetworkFailure(message: "plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: \(error.message)")
        }
        await arm(sandbox.node, agent)
        guard let pod = reply.pod else { throw .noAddress }
        return [pod.address.description]
    }

    func disconnect(_ sandbox: PodSandbox) async {
        guard let agent = agent(sandbox.node) else { return await standalone.disconnect(sandbox) }
        _ = try? await agent.delete(Self.key(sandbox), pod: Self.pod(sandbox), at: world.now)
        await arm(sandbox.node, agent)
    }

    func restore(_ sandbox: PodSandbox, addresses: [String]) async {
        guard let agent = agent(sandbox.node) else { return await standalone.restore(sandbox, addresses: addresses) }
        guard let address = addresses.first.flatMap({ IPAddress($0) }) else { return }
        await agent.restore(
            StateFile.Allocation(key: Self.key(sandbox), address: address, assignedAt: world.now, pod: Self.pod(sandbox)))
    }
}
