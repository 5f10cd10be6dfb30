import IPAddress
import KubeControllers
import VPCCNI
import World

/// The CNI plugin: what containerd calls to connect a pod, and what it says when it cannot.
extension ClusterPodNetwork {
    private static let networkName = "aws-cni"
    private static let interface = "eth0"
    /// Where agents listen.
    private static let port: Int64 = 50051
    private static let unreachable =
        "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:\(port): connect: connection refused\""

    private static func key(_ sandbox: PodSandbox) -> SandboxKey {
        SandboxKey(networkName: networkName, containerID: sandbox.containerID, ifName: interface)
    }

    private static func pod(_ sandbox: PodSandbox) -> PodMetadata { PodMetadata(namespace: sandbox.namespace, name: sandbox.name) }

    private static func called(_ sandbox: PodSandbox) -> PluginLog.Pod {
        PluginLog.Pod(key: key(sandbox), metadata: pod(sandbox), uid: sandbox.uid)
    }

    private static func failed(_ reason: String) -> PodNetworkFailure {
        PodNetworkFailure(message: "plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: \(reason)")
    }

    func connect(_ sandbox: PodSandbox) async throws(PodNetworkFailure) -> [String] {
        guard host(sandbox.node) != nil else { return try await standalone.connect(sandbox) }
        do throws(PodNetworkFailure) { return try await add(sandbox) } catch {
            // containerd takes down what it could not set up.
            await delete(sandbox)
            throw error
        }
    }

    private func add(_ sandbox: PodSandbox) async throws(PodNetworkFailure) -> [String] {
        guard let agent = agent(sandbox.node) else { throw noAgent(sandbox) }
        let reply: AddReply
        do throws(RequestRefusal) {
            reply = try await agent.add(AddRequest(key: Self.key(sandbox), pod: Self.pod(sandbox)), at: world.now)
        } catch {
            note(sandbox.node, Self.called(sandbox), .addFailed(error.message))
            throw Self.failed(error.message)
        }
        // An agent that ended meanwhile has not written down what it gave.
        guard self.agent(sandbox.node) === agent else { throw noAgent(sandbox) }
        await arm(sandbox.node, agent)
        note(sandbox.node, Self.called(sandbox), .added(reply))
        guard let pod = reply.pod else { throw .noAddress }
        if pod.vlan != nil { change(sandbox.node) { $0.modes[sandbox.uid] = agent.settings.enforcingMode } }
        return [pod.address.description]
    }

    private func noAgent(_ sandbox: PodSandbox) -> PodNetworkFailure {
        note(sandbox.node, Self.called(sandbox), .addFailed(Self.unreachable))
        return Self.failed("Error received from AddNetwork gRPC call: \(Self.unreachable)")
    }

    func blocked(_ sandbox: PodSandbox, ports: Set<Int64>) async -> Set<Int64> {
        guard let host = host(sandbox.node) else { return [] }
        if host.pod?.uid == sandbox.uid { return host.isUp ? [] : [Self.port] }
        guard let settings = host.agent?.settings, settings.usesBranchInterfaces, let branch = await branch(of: sandbox)
        else { return [] }
        let open = openPorts(ports, of: branch.id, on: host.machine)
        let mode = host.modes[sandbox.uid] ?? settings.enforcingMode
        return ports.filter { !mode.nodeReaches(isOpen: open.contains($0), hasEarlyDemux: settings.hasEarlyDemux) }
    }

    func disconnect(_ sandbox: PodSandbox) async {
        guard host(sandbox.node) != nil else { return await standalone.disconnect(sandbox) }
        change(sandbox.node) { $0.modes[sandbox.uid] = nil }
        await delete(sandbox)
    }

    private func delete(_ sandbox: PodSandbox) async {
        let (key, called) = (Self.key(sandbox), Self.called(sandbox))
        guard let agent = agent(sandbox.node) else {
            // The agent that comes finds the pod's interface gone.
            change(sandbox.node) { _ = $0.gone.insert(key) }
            return note(sandbox.node, called, .deleteFailed(Self.unreachable, host(sandbox.node)?.pluginLog.address(of: key)))
        }
        do throws(RequestRefusal) {
            let address = try await agent.delete(key, pod: called.metadata, reason: "PodDeleted", at: world.now)
            note(sandbox.node, called, .deleted(address))
        } catch {
            note(sandbox.node, called, error.isUnknownPod ? .unknown : .deleteFailed(error.message, nil))
        }
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

/// What stands under `/var/log` of a node, as its kubelet serves it at `/logs/`.
extension ClusterPodNetwork {
    func logs(of node: String) async -> [String] {
        guard let host = host(node) else { return [] }
        // The plugin's file comes with its first call.
        return (host.agent == nil ? [] : ["aws-routed-eni/ipamd.log"]) + (host.pluginLog.isEmpty ? [] : ["aws-routed-eni/plugin.log"])
    }

    func log(_ path: String, of node: String) async -> String? {
        switch path {
        case "aws-routed-eni/ipamd.log": await host(node)?.agent?.log.text
        case "aws-routed-eni/plugin.log": host(node)?.pluginLog.text
        default: nil
        }
    }
}
