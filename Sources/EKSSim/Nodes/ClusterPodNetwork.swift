import AWSServices
import Encoding
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
    private struct State: Sendable {
        var hosts: [String: AgentHost] = [:]
        var timers: [String: Timers.Handle] = [:]
        /// The environment of the DaemonSet's template, and the revision that it was read at.
        var template: (revision: Revision, environment: [String: String]?)?
        /// Who makes what agents ask for, and the agents' way to the API server.
        var resources: (controller: VPCResourceController, session: ComponentSession)?
        /// How its components reach the cluster.
        var access: ComponentAccess?
    }

    /// After a failed start an agent without a pod, which no kubelet looks after, is started again.
    private static let restart = Duration.seconds(30)
    /// A start that takes longer has tried something in vain, and lets the node wait.
    private static let haste = Duration.seconds(5)

    let standalone: StandalonePodNetwork
    private let record: ClusterRecord
    private let cluster: ClusterState
    private let aws: AWSReference
    private let state = Lock(State())
    var world: World { cluster.world }

    init(record: ClusterRecord, cluster: ClusterState, aws: AWSReference) {
        self.record = record
        self.cluster = cluster
        self.aws = aws
        standalone = StandalonePodNetwork(isIPv6: record.isIPv6)
    }

    /// From now on agents ask `controller` for trunks, as clients of the API server.
    func connect(_ controller: VPCResourceController, _ access: ComponentAccess) {
        let account = "system:serviceaccount:kube-system:\(AgentEnvironment.name)"
        let session = ComponentSession(
            access, user: account,
            groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"], component: "aws-node")
        state.withLock { state in
            state.resources = (controller, session)
            state.access = access
        }
    }

    /// Lets go of what has ended.
    func disconnect() {
        let resources = state.withLock { state in
            defer { (state.resources, state.access) = (nil, nil) }
            return state.resources
        }
        resources?.session.close()
    }

    private func add(_ feature: String, _ value: String, to node: String) async {
        guard let resources = state.withLock({ $0.resources }) else { return }
        await resources.controller.addFeature(feature, value, to: node, as: resources.session)
    }

    /// The nodes that have or had an agent, by name.
    var hosts: [AgentHost] { state.withLock { $0.hosts.values.sorted { $0.machine.name < $1.machine.name } } }

    /// A node of the cluster that is an instance; `nil` for other machines.
    func host(_ node: String) -> AgentHost? { state.withLock { $0.hosts[node] } }

    /// Changes what is known of a node; answers what `body` does, `nil` for a node without an agent.
    @discardableResult
    func change<Value>(_ node: String, _ body: (inout AgentHost) -> Value) -> Value? {
        state.withLock { state in
            guard var host = state.hosts[node] else { return nil }
            defer { state.hosts[node] = host }
            return body(&host)
        }
    }

    /// Writes down what the plugin did on a node.
    func note(_ node: String, _ pod: PluginLog.Pod, _ outcome: PluginLog.Outcome) {
        let now = world.now
        state.withLock { state in
            // In place: the log is not copied for each line.
            guard let settings = state.hosts[node]?.pluginSettings else { return }
            state.hosts[node]?.pluginLog.note(pod, outcome, settings, at: now)
        }
    }

    /// The agent of a node, while it answers.
    func agent(_ node: String) -> IPAMAgent? { host(node).flatMap { $0.isUp ? $0.agent : nil } }

    // MARK: Nodes

    func add(_ machine: NodeMachine) async {
        guard machine.isInstance else { return }
        state.withLock { state in
            if state.hosts[machine.name] == nil { state.hosts[machine.name] = AgentHost(machine) }
            state.hosts[machine.name]?.machine = machine
        }
    }

    func prepare(_ machine: NodeMachine) async -> Bool {
        guard machine.isInstance else { return true }
        await add(machine)
        guard machine.hasNetwork, aws.frontDoor != nil, InstanceLimits.of(machine.instanceType) != nil else { return machine.hasNetwork }
        if let host = host(machine.name), host.agent == nil, host.pod != nil || hasOtherPlugin { await start(machine.name) }
        return agent(machine.name) != nil
    }

    /// Whether the cluster has no `aws-node`, and another DaemonSet brings a plugin's configuration to the nodes. Without either their network
    /// never becomes ready, as in clusters that were made without `bootstrapSelfManagedAddons` until somebody installs one.
    private var hasOtherPlugin: Bool {
        guard template == nil else { return false }
        let mark = Array("/etc/cni/net.d".utf8)
        let collection = cluster.collection(group: "apps", "daemonsets")
        let range = try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
        return range?.entries.contains { $0.value.firstRange(ofBytes: mark) != nil } ?? false
    }

    func remove(_ machine: NodeMachine) async {
        let timer = state.withLock { state in
            state.hosts[machine.name] = nil
            return state.timers.removeValue(forKey: machine.name)
        }
        if let timer { world.timers.cancel(timer) }
    }

    /// The branch interface of a pod.
    func branch(of sandbox: PodSandbox) async -> BranchInterfaces.Branch? {
        let key = Key(cluster.collection(group: "", "pods"), "\(sandbox.namespace)/\(sandbox.name)")
        guard let entry = cluster.store.get(key), let pod = try? cluster.trees.tree(key, at: entry.modified, entry.value) else {
            return nil
        }
        return pod.at("metadata", "annotations", PodWebhooks.branchResource)?.string.flatMap { BranchInterfaces.Branch(annotation: $0) }
    }

    /// The ports at which an interface's groups let its node in.
    func openPorts(_ ports: Set<Int64>, of interface: String, on machine: NodeMachine) -> Set<Int64> {
        aws.frontDoor?.openPorts(
            ports, of: interface, toInstance: machine.instanceID, account: record.accountID, region: record.region) ?? []
    }

    // MARK: Agents

    /// Starts the agent of a node, or another in the place of the one that is there: it takes over what that one left on disk.
    private func start(_ node: String) async {
        guard let frontDoor = aws.frontDoor, let host = host(node), let limits = InstanceLimits.of(host.machine.instanceType),
            let number = change(
                node,
                { (host: inout AgentHost) -> Int in
                    host.isUp = false
                    host.start += 1
                    return host.start
                })
        else { return }
        if host.isUp, let old = host.agent {
            let file = await old.stateFile
            change(node) { $0.file = file }
        }
        let machine = host.machine
        let environment = host.pod?.environment ?? defaults
        let network = InstanceNetworkOverEC2(
            aws: frontDoor, account: record.accountID, region: record.region, id: machine.instanceID, credentials: host.pod?.credentials)
        let agent = IPAMAgent(
            AgentSettings(environment: environment), on: limits, instanceID: machine.instanceID,
            maxPods: Int(clamping: machine.maximumPods), network: network,
            objects: NodeObjectsOverStore(cluster: cluster, name: machine.name) { [weak self] feature, value in
                await self?.add(feature, value, to: machine.name)
            }, log: await host.agent?.log ?? AgentLog(capacity: 128))
        let file = change(node) { (host: inout AgentHost) -> StateFile in
            host.agent = agent
            host.pluginSettings = PluginSettings(environment: environment)
            host.file.allocations.removeAll { host.gone.contains($0.key) }
            host.gone = []
            return host.file
        }
        let outcome = await agent.start(at: world.now, restoring: file ?? StateFile())
        guard outcome.error == nil else {
            // Its container waits for it until the kubelet has probed in vain for long enough, and starts it again.
            guard let host = self.host(node), host.start == number, host.pod == nil else { return }
            return schedule(node, at: outcome.end + Self.restart, "ipamd of \(node) starts again") { await $0.start(node) }
        }
        guard outcome.end > world.now + Self.haste else { return await serve(node, agent, number, from: outcome.end) }
        schedule(node, at: outcome.end, "ipamd of \(node) has started") { await $0.serve(node, agent, number, from: outcome.end) }
    }

    /// Lets an agent that has started answer the plugin.
    private func serve(_ node: String, _ agent: IPAMAgent, _ number: Int, from start: Instant) async {
        let gone = change(node) { (host: inout AgentHost) -> [StateFile.Allocation] in
            guard host.start == number else { return [] }
            host.isUp = true
            defer { host.gone = [] }
            return host.file.allocations.filter { host.gone.contains($0.key) }
        }
        for allocation in gone ?? [] { _ = try? await agent.delete(allocation.key, pod: allocation.pod, at: world.now) }
        await agent.startLoop(at: start)
        await arm(node, agent)
    }

    /// What AWS' manifest sets.
    private var defaults: [String: String] {
        var settings = PlanScenario.manifest
        settings["CLUSTER_NAME"] = record.name
        if record.isIPv6 {
            for (name, value) in [("ENABLE_IPv4", "false"), ("ENABLE_IPv6", "true"), ("ENABLE_PREFIX_DELEGATION", "true")] {
                settings[name] = value
            }
        }
        return settings
    }

    /// What EKS reckons with when it says how many pods fit on new nodes.
    var podSettings: NodePodSettings {
        let settings = AgentSettings(environment: template ?? defaults)
        return NodePodSettings(usesPrefixes: settings.usesPrefixes, usesCustomNetworking: settings.usesCustomNetworking)
    }

    /// The environment of the DaemonSet's template; `nil` when there is no such DaemonSet.
    private var template: [String: String]? {
        let key = Key(cluster.collection(group: "apps", "daemonsets"), "\(AgentEnvironment.namespace)/\(AgentEnvironment.name)")
        guard let entry = cluster.store.get(key) else { return nil }
        if let known = state.withLock({ $0.template }), known.revision == entry.modified { return known.environment }
        let daemonSet = try? JSON(parsing: entry.value)
        let environment = AgentEnvironment.of(spec: daemonSet?.at("spec", "template", "spec"))
        state.withLock { $0.template = (entry.modified, environment) }
        return environment
    }

    func placesChanged() async {
        for host in hosts where host.agent?.settings.usesCustomNetworking == true { await nodeChanged(host.machine.name) }
    }

    func nodeChanged(_ node: String) async {
        guard let agent = agent(node) else { return }
        await agent.nodeChanged()
        await arm(node, agent)
    }

    func hostPodChanged(_ pod: JSON, _ sandbox: PodSandbox, running: [String: String]) async {
        guard let host = host(sandbox.node) else { return }
        let isOwn = host.pod?.uid == sandbox.uid
        let container = running[AgentEnvironment.name]
        guard isOwn ? container != host.pod?.containerID : container != nil && AgentEntryPoint.isIn(pod) else { return }
        guard let container else { return await stop(sandbox.node) }
        guard let environment = AgentEnvironment.of(spec: pod["spec"]) else { return }
        let agentPod = AgentPod(
            uid: sandbox.uid, containerID: container, environment: environment, credentials: credentials(of: pod, on: host.machine))
        change(sandbox.node) { $0.pod = agentPod }
        // Without its image nothing runs in the container; the first agent starts when the node can pull.
        if host.machine.hasNetwork || host.agent != nil { await start(sandbox.node) }
    }

    private func credentials(of pod: JSON, on machine: NodeMachine) -> AgentCredentials? {
        guard let access = state.withLock({ $0.access }), let frontDoor = aws.frontDoor else { return nil }
        return AgentCredentials(
            pod,
            on: AgentCredentials.Node(
                name: machine.name, instanceID: machine.instanceID, record: record, frontDoor: frontDoor, access: access))
    }

    /// An agent ends with its container. Where another plugin has come in its place, pods are connected as before.
    private func stop(_ node: String) async {
        guard !hasOtherPlugin else { return change(node) { $0.pod = nil } ?? () }
        let agent = agent(node)
        change(node) { host in
            host.pod = nil
            host.isUp = false
            host.start += 1
        }
        schedule(node, at: nil, "") { _ in }
        guard let agent else { return }
        let file = await agent.stateFile
        change(node) { host in if !host.isUp { host.file = file } }
    }

    // MARK: Time

    /// Wakes the agent when its loop has something to do next: a quiet pool costs nothing.
    func arm(_ node: String, _ agent: IPAMAgent) async {
        let next = await agent.nextDeadline()
        schedule(node, at: next.map { max($0, world.now) }, "ipamd of \(node)") { network in
            guard network.agent(node) === agent else { return }
            _ = await agent.run(until: network.world.now)
            await network.arm(node, agent)
        }
    }

    /// Does something for a node at a time, in place of what was to be done before; `nil` for nothing.
    private func schedule(_ node: String, at time: Instant?, _ label: String, _ work: @escaping @Sendable (ClusterPodNetwork) async -> Void)
    {
        let handle = time.map { time in
            world.timers.schedule(at: time, label) { [weak self] in
                if let self { await work(self) }
            }
        }
        let old = state.withLock { state in
            defer { state.timers[node] = handle }
            return state.timers[node]
        }
        if let old { world.timers.cancel(old) }
    }
}
