import IPAddress
import JSON
import KubeControllers
import VPCCNI
import World

/// What the CNI plugin wrote to `/var/log/aws-routed-eni/plugin.log` (amazon-vpc-cni-k8s, cmd/routed-eni-cni-plugin/cni.go). Kept as facts,
/// of which lines are made for who reads them; only the last ones stay.
struct PluginLog: Sendable {
    /// What came of a request.
    enum Outcome: Sendable {
        /// The agent gave a pod its address.
        case added(PodAddress)
        /// The agent has no address to give.
        case noAddress
        /// The agent refused to give one, or did not answer.
        case notAdded(String)
        /// The agent took the address back.
        case deleted
        /// The agent does not know the pod.
        case unknown
        /// The agent did not answer.
        case notDeleted(String)
    }

    /// A request to the plugin.
    struct Entry: Sendable {
        let time: Instant
        let sandbox: PodSandbox
        let outcome: Outcome
        let mode: EnforcingMode
    }

    private static let caller = "routed-eni-cni-plugin/cni.go"
    private static let capacity = 64

    private var entries: [Entry] = []
    private var oldest = 0

    mutating func note(_ entry: Entry) {
        guard entries.count == Self.capacity else { return entries.append(entry) }
        entries[oldest] = entry
        oldest = (oldest + 1) % Self.capacity
    }

    /// The file, one JSON object a line.
    var text: String { (entries[oldest...] + entries[..<oldest]).flatMap(Self.lines).joined() }

    private static func lines(_ entry: Entry) -> [String] {
        func line(_ level: AgentLog.Level, _ message: String) -> String {
            let object: JSON = [
                "level": .string(level.rawValue), "ts": .string(entry.time.rfc3339Milli), "caller": .string(caller),
                "msg": .string(message),
            ]
            return object.text + "\n"
        }
        let sandbox = entry.sandbox
        let id = sandbox.containerID
        let pod = "PodNamespace(\(sandbox.namespace)) PodName(\(sandbox.name))"
        func received(_ verb: String) -> String { line(.info, "Received CNI \(verb) request: \(request(entry))") }
        let adding = [received("add"), line(.debug, "Prev Result: <nil>\n"), line(.debug, "MTU value set is 9001:")]
        let deleting = [line(.debug, "Prev Result: <nil>\n"), received("del")]
        switch entry.outcome {
        case .added(let address):
            return adding + [
                line(.info, "Received add network response from ipamd for container \(id) interface eth0: \(answer(address))"),
                line(.info, "NETWORK_POLICY_ENFORCING_MODE is not set"),
            ]
        case .noAddress: return adding + [line(.error, "Failed to assign an IP address to container \(id)")]
        case .notAdded(let reason):
            return adding + [line(.error, "Error received from AddNetwork grpc call for containerID \(id): \(reason)")]
        case .deleted:
            return deleting + [
                line(
                    .info,
                    "Received del network response from ipamd for pod \(sandbox.name) namespace \(sandbox.namespace) sandbox \(id): Success:true"
                ), line(.info, "NETWORK_POLICY_ENFORCING_MODE is not set"),
            ]
        case .unknown: return deleting + [line(.info, "Container \(id) not found")]
        case .notDeleted(let reason):
            return deleting + [
                line(.error, "Error received from DelNetwork gRPC call for container \(id): \(reason)"),
                line(.info, "Could not teardown pod using prevResult: ContainerID(\(id)) Netns(\(netns(sandbox))) IfName(eth0) \(pod)"),
            ]
        }
    }

    private static func request(_ entry: Entry) -> String {
        let sandbox = entry.sandbox
        let arguments =
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=\(sandbox.namespace);K8S_POD_NAME=\(sandbox.name);"
            + "K8S_POD_INFRA_CONTAINER_ID=\(sandbox.containerID);K8S_POD_UID=\(sandbox.uid)"
        let configuration: JSON = [
            "cniVersion": "1.0.0", "mtu": "9001", "name": "aws-cni", "pluginLogFile": "/var/log/aws-routed-eni/plugin.log",
            "pluginLogLevel": "DEBUG", "podSGEnforcingMode": .string(entry.mode.rawValue), "type": "aws-cni", "vethPrefix": "eni",
        ]
        return
            "ContainerID(\(sandbox.containerID)) Netns(\(netns(sandbox))) IfName(eth0) Args(\(arguments)) Path(/opt/cni/bin) "
            + "argsStdinData(\(configuration.text))"
    }

    /// A reply as Go prints it: what is zero is left out.
    private static func answer(_ pod: PodAddress) -> String {
        var address = "IPv\(pod.address.family == .ipv4 ? 4 : 6)Addr:\"\(pod.address)\""
        if pod.device > 0 { address += " DeviceNumber:\(pod.device)" }
        if pod.routeTable > 0 { address += " RouteTableId:\(pod.routeTable)" }
        var text = "Success:true IPAddress:{\(address)}"
        if let vlan = pod.vlan {
            text +=
                " PodVlanId:\(vlan) PodENIMAC:\"\(pod.branchHardwareAddress ?? "")\" PodENISubnetGW:\"\(pod.branchGateway?.description ?? "")\""
        }
        return text
    }

    /// Made up of the sandbox's id, as there is no network namespace.
    private static func netns(_ sandbox: PodSandbox) -> String {
        let digits = sandbox.containerID.prefix(32)
        let parts = [8, 4, 4, 4, 12].reduce(into: (rest: digits, parts: [Substring]())) { state, length in
            state.parts.append(state.rest.prefix(length))
            state.rest = state.rest.dropFirst(length)
        }
        return "/var/run/netns/cni-" + parts.parts.joined(separator: "-")
    }
}
