import JSON
import KubeAPI
import World

extension NodeMachine {
    /// The lease by which the node's kubelet says that it is alive; `owner` is the UID of the Node.
    func lease(in namespace: String, owner: String, at time: Instant) -> JSON {
        let owner: JSON = ["apiVersion": "v1", "kind": "Node", "name": .string(name), "uid": .string(owner)]
        return [
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": ["name": .string(name), "namespace": .string(namespace), "ownerReferences": [owner]],
            "spec": ["holderIdentity": .string(name), "leaseDurationSeconds": 40, "renewTime": .string(time.rfc3339Micro)],
        ]
    }

    /// Labels that the kubelet and the cloud provider give a node.
    private var allLabels: [String: String] {
        var all = labels
        for (key, value) in [
            ("kubernetes.io/hostname", name), ("kubernetes.io/os", "linux"), ("kubernetes.io/arch", architecture),
            ("beta.kubernetes.io/os", "linux"), ("beta.kubernetes.io/arch", architecture),
            ("node.kubernetes.io/instance-type", instanceType), ("beta.kubernetes.io/instance-type", instanceType),
            ("topology.kubernetes.io/region", region), ("topology.kubernetes.io/zone", zone),
            ("failure-domain.beta.kubernetes.io/region", region), ("failure-domain.beta.kubernetes.io/zone", zone),
            ("topology.k8s.aws/zone-id", zone),
        ] where all[key] == nil { all[key] = value }
        return all
    }

    /// The Node object that the kubelet registers.
    func object(at now: Instant) -> JSON {
        var spec: JSON = ["providerID": .string("aws:///\(zone)/\(instanceID)")]
        if !taints.isEmpty { spec["taints"] = .array(taints.map(\.json)) }
        var annotations: JSON = [:]
        // Where nodes get their addresses from a cloud, the one that the kubelet was started with says which of them counts.
        if isInstance { annotations["alpha.kubernetes.io/provided-node-ip"] = .string(address) }
        annotations["volumes.kubernetes.io/controller-managed-attach-detach"] = "true"
        return [
            "apiVersion": "v1", "kind": "Node",
            "metadata": [
                "name": .string(name),
                "labels": .object(JSONObject(allLabels.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
                "annotations": annotations,
            ],
            "spec": spec, "status": status(isReady: false, since: now, at: now),
        ]
    }

    /// What the kubelet keeps back of memory and CPU on EKS' images ([ami] nodeadm, `kubeReserved`): 255 MiB and 11 MiB a pod, 6 % of
    /// the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of the others.
    private var reserved: (milliCPU: Int64, memory: Int64) {
        var cpu: Int64 = 0
        for (share, from, to) in [(600, 0, 1000), (100, 1000, 2000), (50, 2000, 4000), (25, 4000, Int64.max)] as [(Int64, Int64, Int64)]
        where milliCPU > from { cpu += (min(milliCPU, to) - from) * share / 10000 }
        let (perPods, overflow) = maximumPods.multipliedReportingOverflow(by: 11 << 20)
        return (cpu, overflow ? .max : perPods + (255 << 20))
    }

    private static let evictionMemory: Int64 = 100 << 20

    /// `status.capacity` and `status.allocatable`.
    private func amounts() -> (capacity: JSON, allocatable: JSON) {
        func list(_ cpu: Int64, _ memory: Int64, _ storage: String) -> JSON {
            var list: JSONObject = [
                "cpu": .string(cpu % 1000 == 0 ? "\(cpu / 1000)" : "\(cpu)m"), "ephemeral-storage": .string(storage),
                "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": .string("\(max(memory, 0) >> 10)Ki"),
                "pods": .string("\(maximumPods)"),
            ]
            for (name, count) in extendedResources.sorted(by: { $0.key < $1.key }) { list[name] = .string("\(count)") }
            return .object(list)
        }
        let reserved = reserved
        let left = memory - min(memory, reserved.memory) - Self.evictionMemory
        return (
            list(milliCPU, memory, "\(storage >> 10)Ki"),
            list(milliCPU - reserved.milliCPU, left, "\(storage / 10 * 9 - (1 << 30))")
        )
    }

    /// `status` of the Node.
    func status(isReady: Bool, since: Instant, at now: Instant) -> JSON {
        let amounts = amounts()
        return [
            "capacity": amounts.capacity, "allocatable": amounts.allocatable,
            "conditions": conditions(isReady: isReady, since: since, at: now),
            "addresses": .array(addresses),
            "daemonEndpoints": ["kubeletEndpoint": ["Port": 10250]],
            "nodeInfo": [
                "machineID": .string("ec2" + PodSandbox.containerID(instanceID).prefix(29)),
                "systemUUID": .string(Self.uuid(instanceID)), "bootID": .string(bootID),
                "kernelVersion": .string("6.12.46-66.121.amzn2023.\(architecture == "arm64" ? "aarch64" : "x86_64")"),
                "osImage": "Amazon Linux 2023.9.20251117", "containerRuntimeVersion": "containerd://2.1.4",
                "kubeletVersion": .string(kubeletVersion), "kubeProxyVersion": "", "operatingSystem": "linux",
                "architecture": .string(architecture),
            ],
        ]
    }

    /// `status.nodeInfo.bootID`: another one after each start.
    var bootID: String { Self.uuid(instanceID + "/boot" + (boots == 0 ? "" : "/\(boots)")) }

    /// The cloud provider knows no names of IPv6 addresses (cloud-provider-aws, `extractIPv6NodeAddresses`); the host's is the kubelet's word.
    private var addresses: [JSON] {
        let types = address.contains(":") ? ["InternalIP", "Hostname"] : ["InternalIP", "InternalDNS", "Hostname"]
        return types.map { ["type": .string($0), "address": .string($0 == "InternalIP" ? address : name)] }
    }

    private static func uuid(_ text: String) -> String {
        let digits = Array("ec2" + PodSandbox.containerID(text).prefix(29))
        let ends = [0, 8, 12, 16, 20, 32]
        return zip(ends, ends.dropFirst()).map { String(digits[$0..<$1]) }.joined(separator: "-")
    }

    /// The conditions that the kubelet reports.
    func conditions(isReady: Bool, since: Instant, at now: Instant) -> JSON {
        func condition(_ type: String, _ status: String, _ reason: String, _ message: String) -> JSON {
            [
                "type": .string(type), "status": .string(status), "lastHeartbeatTime": .string(now.rfc3339),
                "lastTransitionTime": .string(since.rfc3339), "reason": .string(reason), "message": .string(message),
            ]
        }
        return [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            isReady
                ? condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")
                : condition(
                    "Ready", "False", "KubeletNotReady",
                    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: "
                        + "cni plugin not initialized"),
        ]
    }
}
