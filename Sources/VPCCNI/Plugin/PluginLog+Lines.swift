import IPAddress
import JSON

/// The lines of one call, in the plugin's own words (amazon-vpc-cni-k8s, cmd/routed-eni-cni-plugin, cni.go and driver/driver.go).
extension PluginLog.Call {
    private static let main = 254

    var lines: [AgentLog.Line] {
        said.filter { settings.writes($0.level) }.map { said in
            AgentLog.Line(
                level: said.level, time: time, caller: said.isOfDriver ? "driver/driver.go" : "routed-eni-cni-plugin/cni.go",
                message: said.message)
        }
    }

    /// What is said at a level; most by the plugin's main file.
    private struct Said {
        let level: AgentLog.Level
        let message: String
        var isOfDriver = false

        init(_ level: AgentLog.Level, _ message: String) {
            self.level = level
            self.message = message
        }

        static func drive(_ message: String) -> Said {
            var said = Said(.debug, message)
            said.isOfDriver = true
            return said
        }
    }

    private var said: [Said] {
        switch outcome {
        case .added(let reply):
            guard let address = reply.pod else {
                return begin + [Said(.error, "Failed to assign an IP address to container \(container)")]
            }
            let answer = Said(
                .info,
                "Received add network response from ipamd for container \(container) interface \(pod.key.ifName): \(text(reply, address))")
            let stand = Said(
                .debug,
                "Using dummy interface: {Name:\(host("dummy")) Mac:\(address.vlan ?? 0) Mtu:0 Sandbox:\(address.vlan == nil ? "\(address.device)" : "") SocketPath: PciID:}"
            )
            return begin + [answer] + (address.vlan == nil ? setUp(address) : []) + [stand, policies("EnforceNpToPod")]
        case .addFailed(let reason):
            return begin + [Said(.error, "Error received from AddNetwork grpc call for containerID \(container): \(reason)")]
        case .deleted(nil):
            return [
                Said(.info, request("del", previous: nil)), Said(.warn, "Container \(container) did not have a valid IP []"),
                policies("DeletePodNp"),
            ]
        case .deleted(let address?):
            let request = Said(.info, request("del", previous: address))
            if let vlan = address.vlan {
                // What the plugin answered to ADD is enough for a branch interface: the agent is not asked.
                return [
                    request, .drive("TeardownBranchENIPodNetwork: containerAddr=\(block(address)), vlanID=\(vlan)"),
                    Said(.info, "Handled CNI del request with prevResult: \(place)"),
                ]
            }
            let answer = Said(
                .info,
                "Received del network response from ipamd for pod \(pod.metadata.name) namespace \(pod.metadata.namespace) sandbox \(container): Success:true \(allocation(address))"
            )
            return [request, answer] + tearDown(address) + [policies("DeletePodNp")]
        case .unknown:
            return [Said(.info, request("del", previous: nil)), Said(.info, "Container \(container) not found")]
        case .deleteFailed(let reason, let address):
            let begin = [
                Said(.info, request("del", previous: address)),
                Said(.error, "Error received from DelNetwork gRPC call for container \(container): \(reason)"),
            ]
            guard let address else {
                return begin + [
                    Said(.info, "PrevResult not available for pod. Pod may have already been deleted."),
                    Said(.info, "Could not teardown pod using prevResult: \(place)"),
                ]
            }
            return begin + tearDown(address) + [Said(.info, "Handled pod teardown using prevResult: \(place)")]
        }
    }

    private var begin: [Said] {
        [
            Said(.info, request("add", previous: nil)), Said(.debug, "Prev Result: <nil>\n"),
            Said(.debug, "MTU value set is \(settings.mtu):"), Said(.debug, "pod requires multi-nic attachment: false"),
        ]
    }

    private func policies(_ call: String) -> Said {
        guard !settings.networkPolicyMode.isEmpty else { return Said(.info, "NETWORK_POLICY_ENFORCING_MODE is not set") }
        return Said(.debug, "Network Policy agent for \(call) returned Success : true")
    }

    // MARK: The request

    private var container: String { pod.key.containerID }

    /// The sandbox's network namespace, which containerd names at random.
    private var netns: String {
        let digits = Array(container.suffix(32))
        guard digits.count == 32 else { return "" }
        let ends = [0, 8, 12, 16, 20, 32]
        return "/var/run/netns/cni-" + zip(ends, ends.dropFirst()).map { String(digits[$0..<$1]) }.joined(separator: "-")
    }

    private var place: String {
        "ContainerID(\(container)) Netns(\(netns)) IfName(\(pod.key.ifName)) PodNamespace(\(pod.metadata.namespace)) PodName(\(pod.metadata.name))"
    }

    private func request(_ verb: String, previous: PodAddress?) -> String {
        let arguments =
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=\(pod.metadata.namespace);K8S_POD_NAME=\(pod.metadata.name);K8S_POD_INFRA_CONTAINER_ID=\(container);K8S_POD_UID=\(pod.uid)"
        return
            "Received CNI \(verb) request: ContainerID(\(container)) Netns(\(netns)) IfName(\(pod.key.ifName)) Args(\(arguments)) Path(/opt/cni/bin) argsStdinData(\(settings.input(previous: previous.map(result))))"
    }

    /// What the plugin answered to ADD: the host's interface, the pod's with its table, and one that stands for what DEL needs to know.
    private func result(_ address: PodAddress) -> JSON {
        let stand: JSON =
            address.vlan.map { ["mac": .string("\($0)"), "name": .string(host("dummy"))] }
            ?? ["mac": "0", "name": .string(host("dummy")), "sandbox": .string("\(address.device)")]
        return [
            "cniVersion": .string(PluginSettings.version), "dns": [:],
            "interfaces": [
                ["name": .string(host(settings.vethPrefix))],
                ["mac": .string("\(address.routeTable)"), "name": .string(pod.key.ifName), "sandbox": .string(netns)], stand,
            ], "ips": [["address": .string(block(address)), "interface": 1]],
        ]
    }

    private func host(_ prefix: String) -> String { prefix + HostInterfaceName.suffix(of: pod.metadata) }

    // MARK: The agent's answers, as Go prints messages of protocol buffers

    private func block(_ address: PodAddress) -> String { "\(address.address)/\(address.address.family == .ipv4 ? 32 : 128)" }

    private func allocation(_ address: PodAddress) -> String {
        var fields = ["\(address.address.family == .ipv4 ? "IPv4Addr" : "IPv6Addr"):\"\(address.address)\""]
        if address.device != 0 { fields.append("DeviceNumber:\(address.device)") }
        if address.routeTable != 0 { fields.append("RouteTableId:\(address.routeTable)") }
        return "IPAllocationMetadata:{\(fields.joined(separator: " "))}"
    }

    private func text(_ reply: AddReply, _ address: PodAddress) -> String {
        var fields = ["Success:true", allocation(address)]
        if reply.usesExternalSNAT { fields.append("UseExternalSNAT:true") }
        fields += reply.vpcBlocks.map { "VPCv\($0.family == .ipv4 ? 4 : 6)CIDRs:\"\($0)\"" }
        if let vlan = address.vlan { fields.append("PodVlanId:\(vlan)") }
        if let hardware = address.branchHardwareAddress { fields.append("PodENIMAC:\"\(hardware)\"") }
        if let gateway = address.branchGateway { fields.append("PodENISubnetGW:\"\(gateway)\"") }
        if !settings.networkPolicyMode.isEmpty { fields.append("NetworkPolicyMode:\"\(settings.networkPolicyMode)\"") }
        return fields.joined(separator: " ")
    }

    // MARK: Interfaces, routes and rules

    private func setUp(_ address: PodAddress) -> [Said] {
        let (block, veth) = (block(address), host(settings.vethPrefix))
        var lines: [Said] = [
            .drive(
                "SetupPodNetwork: hostVethName=\(veth), contVethName=\(pod.key.ifName), netnsPath=\(netns), ipAddr=\(block), routeTableNumber=\(address.routeTable), mtu=\(settings.mtu)"
            ), .drive("Successfully set IPv6 sysctls on hostVeth \(veth)"),
            .drive("Successfully setup container route, containerAddr=\(block), hostVeth=\(veth), rtTable=main"),
            .drive("Successfully setup toContainer rule, containerAddr=\(block), rtTable=main"),
        ]
        if address.routeTable != Self.main {
            lines.append(.drive("Successfully setup fromContainer rule, containerAddr=\(block), rtTable=\(address.routeTable)"))
        }
        return lines
    }

    private func tearDown(_ address: PodAddress) -> [Said] {
        let block = block(address)
        var lines: [Said] = [
            .drive("TeardownPodNetwork: containerAddr=\(block), routeTable=\(address.routeTable)"),
            .drive("Successfully deleted toContainer rule, containerAddr=\(block), rtTable=main"),
        ]
        if address.routeTable != Self.main {
            lines.append(.drive("Successfully deleted fromContainer rule, containerAddr=\(block), rtTable=\(address.routeTable)"))
        }
        return lines + [.drive("Successfully deleted container route, containerAddr=\(block), rtTable=main")]
    }
}
