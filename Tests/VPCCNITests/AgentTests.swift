import IPAddress
import JSON
import Testing
import VPCCNI
import VPCModel
import World

@Suite("The agent where the vectors say nothing")
struct AgentTests {
    @Test("an interface in use whose subnet is closed to pods keeps its pods, and gives up each address five seconds after its pod left")
    func exclusion() async throws {
        let vpc = try TestNode.vpc(
            ["subnet-a": "10.0.0.0/24", "subnet-b": "10.0.4.0/24"], tags: ["subnet-b": ["kubernetes.io/role/cni": "1"]])
        var node = try TestNode(vpc: vpc)
        #expect(await node.agent.start(at: TestNode.epoch).error == nil)
        #expect(try await node.add("a", at: 1) == "10.0.0.5")
        #expect(try await node.add("b", at: 1) == "10.0.0.6")
        vpc.changeSubnet("subnet-a") { $0.tags["kubernetes.io/role/cni"] = "0" }
        _ = node.calls()
        #expect(await node.restart(at: 10) == nil)
        #expect(node.calls() == ["UnassignPrivateIpAddresses", "CreateNetworkInterface", "AttachNetworkInterface"])
        #expect(try await node.add("c", at: 11) == "10.0.4.5")
        try await node.delete("a", at: 20)
        await node.agent.settle(at: TestNode.at(24.9))
        #expect(node.calls().isEmpty)
        await node.agent.settle(at: TestNode.at(25))
        #expect(node.calls() == ["UnassignPrivateIpAddresses"])
        let store = await node.agent.store
        #expect(store.interfaces[0].blocks.map(\.block.description) == ["10.0.0.6/32"])
        // Nine of the new interface, two of the old one of which one is gone: the running counter was not told.
        #expect(store.counters.total == 11)
    }

    @Test("an interface taken away under its pods is forgotten, its addresses are counted off twice, and its pods are unknown")
    func forcedRemoval() async throws {
        let node = try TestNode("m5.large", ["WARM_ENI_TARGET": "2"])
        _ = await node.agent.start(at: TestNode.epoch)
        _ = await node.agent.poolCheck(at: TestNode.at(2))
        for number in 0..<10 { _ = try await node.add("p\(number)", at: 3) }
        #expect(node.vpc.remove(device: 1, of: "i-1"))
        _ = await node.agent.reconcile(at: TestNode.at(90))
        let store = await node.agent.store
        #expect(store.interfaces.count == 1 && store.counters.total == 0 && store.counters.assigned == 9)
        let refusal = await #expect(throws: RequestRefusal.self) { try await node.delete("p9", at: 91) }
        #expect(refusal?.message == "1 error occurred:\n\t* datastore: unknown pod\n\n")
    }

    @Test("an interface that EC2 does not detach is tried twelve times in four minutes, and taken up again")
    func stubbornInterface() async throws {
        let node = try TestNode("m5.large", ["WARM_ENI_TARGET": "2"])
        _ = await node.agent.start(at: TestNode.epoch)
        _ = await node.agent.poolCheck(at: TestNode.at(2))
        let lazy = try TestNode.restarted(node, ["WARM_ENI_TARGET": "0"])
        _ = await lazy.agent.start(at: TestNode.at(10))
        node.vpc.arm(LocalVPC.Fault(api: "DetachNetworkInterface", times: 12, failure: EC2Failure("InternalError", "")))
        _ = node.calls()
        let end = await lazy.agent.poolCheck(at: TestNode.at(100))
        #expect(node.calls() == Array(repeating: "DetachNetworkInterface", count: 12))
        #expect((230...245).contains((end - TestNode.at(100)).inSeconds))
        #expect(await lazy.agent.store.interfaces.count == 1)
        _ = await lazy.agent.reconcile(at: end)
        #expect(await lazy.agent.store.interfaces.count == 2)
    }

    @Test("an interface that an agent left behind is deleted by the hourly search once it is five minutes old")
    func leftBehind() async throws {
        let node = try TestNode("m5.large")
        _ = await node.agent.start(at: TestNode.epoch)
        _ = try await node.add("a", at: 1)
        node.vpc.arm(LocalVPC.Fault(api: "AttachNetworkInterface", times: 1, failure: EC2Failure("AttachmentLimitExceeded", "")))
        node.vpc.arm(LocalVPC.Fault(api: "DeleteNetworkInterface", times: 12, failure: EC2Failure("InternalError", "")))
        await node.agent.startLoop(at: TestNode.epoch)
        _ = await node.agent.run(until: TestNode.at(3600))
        #expect(node.vpc.subnets[0].pool.availableAddressCount == 1019 - 30)
        _ = await node.agent.run(until: TestNode.at(4000))
        #expect(node.vpc.subnets[0].pool.availableAddressCount == 1019 - 20)
    }

    @Test("a plugin of another version is refused")
    func otherVersion() async throws {
        let node = try TestNode()
        _ = await node.agent.start(at: TestNode.epoch)
        let request = AddRequest(key: TestNode.pod("a").key, pod: TestNode.pod("a").pod, clientVersion: "v1.20.0")
        let refusal = await #expect(throws: RequestRefusal.self) { try await node.agent.add(request, at: TestNode.at(1)) }
        #expect(refusal?.message == "wrong client version \"v1.20.0\" (!= \"v1.23.1\")")
    }

    @Test("the log says what the real one says")
    func log() async throws {
        let node = try TestNode("t3.micro", ["MAX_ENI": "1"])
        _ = await node.agent.start(at: TestNode.epoch)
        _ = try await node.add("a", at: 1)
        _ = try await node.add("b", at: 1)
        try await node.delete("a", at: 2)
        let messages = await node.agent.log.lines.map(\.message)
        for message in [
            "Trying to allocate 1 IP addresses on ENI eni-1", "Received AddNetwork for NS default, Sandbox sandbox-a, ifname eth0",
            "assignPodIPAddressUnsafe: Assign IP 10.0.0.5 to sandbox aws-cni/sandbox-a/eth0 with metadata {K8SPodNamespace:default K8SPodName:a InterfacesCount:1}",
            "DataStore has no available IP/Prefix addresses",
            "IP 10.0.0.5 entering cooldown period of 30s (available after 2001-09-09T01:47:12Z)",
        ] { #expect(messages.contains(message), "\(message)") }
        let line = try JSON(parsing: try #require(await node.agent.log.lines.last).text)
        #expect(line.object?.members.map(\.key) == ["level", "ts", "caller", "msg"])
    }
}

extension TestNode {
    /// The same node with an agent of other settings that has not started.
    static func restarted(_ node: TestNode, _ environment: [String: String]) throws -> TestNode {
        var other = node
        other.environment.merge(environment) { $1 }
        other.agent = IPAMAgent(
            AgentSettings(environment: other.environment), on: node.type, instanceID: node.network.id, maxPods: 110, network: node.network,
            objects: node.objects)
        return other
    }
}
