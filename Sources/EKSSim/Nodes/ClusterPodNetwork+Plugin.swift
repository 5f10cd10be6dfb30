import IPAddress
import KubeControllers
import VPCCNI
import World

/// The CNI plugin: what containerd calls to connect a pod, and what it says when it cannot.
extension ClusterPodNetwork {
    private static let networkName = "aws-cni"
    private static let interface = "eth0"
    private static let unreachable =
        "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:50051: connect: connection refused\""

    private static func key(_ sandbox: PodSandbox) -> SandboxKey {
        SandboxKey(networkName: networkName, containerID: sandbox.containerID, ifName: interface)
    }

    private static func pod(_ sandbox: PodSandbox) -> PodMetadata { PodMetadata(namespace: sandbox.namespace, name: sandbox.name) }

    private static func failed(_ reason: String) -> PodNetworkFailure {
        PodNetworkFailure(message: "plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: \(reason)")
    }

    func connect(_ sandbox: PodSandbox) async throws(PodNetworkFailure) -> [String] {
        guard host(sandbox.node) != nil else { return try await standalone.connect(sandbox) }
        guard let agent = agent(sandbox.node) else { throw noAgent }
        let reply: AddReply
        do throws(RequestRefusal) {
            reply = try await agent.add(AddRequest(key: Self.key(sandbox), pod: Self.pod(sandbox)), at: world.now)
        } catch {
            throw Self.failed(error.message)
        }
        // An agent that ended meanwhile has not written down what it gave.
        guard self.agent(sandbox.node) === agent else { throw noAgent }
        await arm(sandbox.node, agent)
        guard let pod = reply.pod else { throw .noAddress }
        if pod.vlan != nil { change(sandbox.node) { $0.modes[sandbox.uid] = agent.settings.enforcingMode } }
        return [pod.address.description]
    }

    private var noAgent: PodNetworkFailure { Self.failed("Error received from AddNetwork gRPC call: \(Self.unreachable)") }

    func blocked(_ sandbox: PodSandbox, ports: Set<Int64>) async -> Set<Int64> {
        guard let host = host(sandbox.node), let settings = host.agent?.settings, settings.usesBranchInterfaces,
            let branch = await branch(of: sandbox)
        else { return [] }
        let open = openPorts(ports, of: branch.id, on: host.machine)
        let mode = host.modes[sandbox.uid] ?? settings.enforcingMode
        return ports.filter { !mode.nodeReaches(isOpen: open.contains($0), hasEarlyDemux: settings.hasEarlyDemux) }
    }

    func disconnect(_ sandbox: PodSandbox) async {
        guard host(sandbox.node) != nil else { return await standalone.disconnect(sandbox) }
        change(sandbox.node) { $0.modes[sandbox.uid] = nil }
        guard let agent = agent(sandbox.node) else {
            // The agent that comes finds the pod's interface gone.
            return change(sandbox.node) { _ = $0.gone.insert(Self.key(sandbox)) } ?? ()
        }
        _ = try? await agent.delete(Self.key(sandbox), pod: Self.pod(sandbox), at: world.now)
        await arm(sandbox.node, agent)
    }

    func restore(_ sandbox: PodSandbox, addresses: [String]) async {
        guard host(sandbox.node) != nil else { return await standalone.restore(sandbox, addresses: addresses) }
        guard let address = addresses.first.flatMap({ IPAddress($0) }) else { return }
        let allocation = StateFile.Allocation(key: Self.key(sandbox), address: address, assignedAt: world.now, pod: Self.pod(sandbox))
        guard let agent = agent(sandbox.node) else { return change(sandbox.node) { $0.file.allocations.append(allocation) } ?? () }
        await agent.restore(allocation)
    }
}
