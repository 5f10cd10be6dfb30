import Testing
import VPCCNI
import World

@Suite("The CNI plugin's log")
struct PluginLogTests {
    private let settings = PluginSettings(environment: [
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG", "NETWORK_POLICY_ENFORCING_MODE": "standard",
    ])
    private let id = String(repeating: "0123456789abcdef", count: 4)

    private func pod(_ name: String = "web") -> PluginLog.Pod {
        PluginLog.Pod(
            key: SandboxKey(networkName: "aws-cni", containerID: id, ifName: "eth0"), metadata: PodMetadata(namespace: "shop", name: name),
            uid: "53b79f5f-dc74-454d-bdde-5a9282ac6ace")
    }

    private func log(_ outcomes: PluginLog.Outcome..., settings: PluginSettings? = nil) -> [String] {
        var log = PluginLog(capacity: 8)
        for outcome in outcomes { log.note(pod(), outcome, settings ?? self.settings, at: TestNode.epoch) }
        return log.lines.map(\.message)
    }

    private func reply() async throws -> AddReply {
        let node = try TestNode()
        _ = await node.agent.start(at: TestNode.epoch)
        return try await node.agent.add(TestNode.pod("web"), at: TestNode.at(1))
    }

    @Test("an address that is given: what was asked, the agent's answer as Go prints it, interfaces, routes and rules")
    func add() async throws {
        let lines = log(.added(try await reply()))
        #expect(
            lines.first
                == "Received CNI add request: ContainerID(\(id)) Netns(/var/run/netns/cni-01234567-89ab-cdef-0123-456789abcdef) IfName(eth0) Args(IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=\(id);K8S_POD_UID=53b79f5f-dc74-454d-bdde-5a9282ac6ace) Path(/opt/cni/bin) argsStdinData({\"cniVersion\":\"1.0.0\",\"mtu\":\"9001\",\"name\":\"aws-cni\",\"pluginLogFile\":\"/var/log/aws-routed-eni/plugin.log\",\"pluginLogLevel\":\"DEBUG\",\"podSGEnforcingMode\":\"strict\",\"type\":\"aws-cni\",\"vethPrefix\":\"eni\"})"
        )
        #expect(
            lines.contains(
                "Received add network response from ipamd for container \(id) interface eth0: Success:true IPAllocationMetadata:{IPv4Addr:\"10.0.0.5\" RouteTableId:254} VPCv4CIDRs:\"10.0.0.0/8\" NetworkPolicyMode:\"standard\""
            ))
        // The first eleven digits of SHA-1 of "shop.web".
        #expect(
            lines.contains { $0.hasPrefix("SetupPodNetwork: hostVethName=eni551b05c3e54, contVethName=eth0, netnsPath=/var/run/netns/") })
        #expect(lines.contains("Successfully setup toContainer rule, containerAddr=10.0.0.5/32, rtTable=main"))
        #expect(lines.last == "Network Policy agent for EnforceNpToPod returned Success : true")
    }

    @Test("no address: the plugin's error; and no agent: gRPC's")
    func errors() {
        #expect(log(.added(.none)).last == "Failed to assign an IP address to container \(id)")
        #expect(
            log(.addFailed("rpc error: code = Unavailable")).last
                == "Error received from AddNetwork grpc call for containerID \(id): rpc error: code = Unavailable")
        #expect(log(.unknown).last == "Container \(id) not found")
        #expect(log(.deleteFailed("x", nil)).last?.hasPrefix("Could not teardown pod using prevResult: ContainerID(\(id))") == true)
    }

    @Test("a pod that goes: DEL is told what ADD answered, and the rules go")
    func delete() async throws {
        let lines = log(.deleted(try await reply().pod))
        #expect(lines.first?.hasPrefix("Received CNI del request: ContainerID(\(id))") == true)
        let previous = "\"prevResult\":{\"cniVersion\":\"1.0.0\",\"dns\":{},\"interfaces\":[{\"name\":\"eni551b05c3e54\"}"
        #expect(lines.first?.contains(previous) == true)
        #expect(
            lines.contains {
                $0.hasPrefix("Received del network response from ipamd for pod web namespace shop sandbox \(id): Success:true IPAlloc")
            })
        #expect(lines.contains("TeardownPodNetwork: containerAddr=10.0.0.5/32, routeTable=254"))
    }

    @Test("levels below the configured one are not written")
    func levels() async throws {
        let quiet = PluginSettings(environment: ["AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "ERROR"])
        #expect(log(.added(try await reply()), settings: quiet).isEmpty)
        #expect(log(.addFailed("x"), settings: quiet).count == 1)
    }

    @Test("only the last calls are kept")
    func bounded() {
        var log = PluginLog(capacity: 2)
        for name in ["a", "b", "c"] { log.note(pod(name), .unknown, settings, at: TestNode.epoch) }
        #expect(log.lines.filter { $0.message.hasPrefix("Received") }.map { $0.message.contains("K8S_POD_NAME=b") } == [true, false])
        #expect(log.lines.count == 4)
    }
}
