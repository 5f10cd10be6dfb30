import JSON
import KubeAPI
import World

/// Says in Endpoints which pods stand behind each Service (`pkg/controller/endpoint`).
struct EndpointsController: WorkloadController {
    private static let managerLabel = "endpoints.kubernetes.io/managed-by"
    private static let truncation = "endpoints.kubernetes.io/over-capacity"
    /// More addresses are not written.
    private static let largest = 1000

    let context: ControllerContext
    private let times = ChangeTimes()

    init(_ context: ControllerContext) { self.context = context }

    func close() { context.client.close() }

    func sync(_ key: String, _ cache: WorkloadCache) async -> SyncOutcome {
        let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return .done }
        let path = "/api/v1/namespaces/\(parts[0])/endpoints"
        guard let service = cache.services[key]?.json else {
            times.forget(key)
            let isKnown = await context.client.send("GET", "\(path)/\(parts[1])").isSuccess
            if isKnown { _ = await context.client.send("DELETE", "\(path)/\(parts[1])") }
            return .done
        }
        guard ServicePorts.isManaged(service), !service.isBeingDeleted else { return .done }
        let pods = cache.selected(by: service)
        let known = await context.client.send("GET", "\(path)/\(parts[1])")
        guard known.isSuccess || known.status == 404 else { return .failed }
        var endpoints = known.isSuccess ? known.object : ["apiVersion": "v1", "kind": "Endpoints", "metadata": ["name": .string(parts[1])]]
        fill(&endpoints, service, pods)
        let changed = times.earliest(key, service, pods)
        guard !known.isSuccess || !endpoints.isEquivalent(to: known.object) else { return .done }
        if let changed { endpoints.set(.string(changed.rfc3339), at: ["metadata", "annotations", ChangeTimes.annotation]) }
        let answer =
            known.isSuccess
            ? await context.client.send("PUT", "\(path)/\(parts[1])", endpoints) : await context.client.send("POST", path, endpoints)
        guard !answer.isSuccess, !answer.isOfEndingNamespace else { return .done }
        let verb = known.isSuccess ? "Update" : "Create"
        await context.note(
            ObjectReference(endpoints, kind: "Endpoints"), "FailedTo\(verb)Endpoint",
            "Failed to \(verb.lowercased()) endpoint \(key): \(answer.message)", type: "Warning")
        return .failed
    }

    private func fill(_ endpoints: inout JSON, _ service: JSON, _ pods: [WorkloadPod]) {
        var labels = service.at("metadata", "labels") ?? [:]
        labels[EndpointSlicePlan.headlessLabel] = ServicePorts.isHeadless(service) ? "" : nil
        if context.minorVersion >= 33 { labels[Self.managerLabel] = "endpoint-controller" }
        endpoints.set(labels.object?.isEmpty ?? true ? nil : labels, at: ["metadata", "labels"])
        let subsets = subsets(service, pods.count > Self.largest ? Array(pods.prefix(Self.largest)) : pods)
        endpoints["subsets"] = subsets.isEmpty ? nil : .array(subsets)
        endpoints.set(pods.count > Self.largest ? "truncated" : nil, at: ["metadata", "annotations", Self.truncation])
    }

    /// The addresses by their ports, ready and not (`RepackSubsets`).
    private func subsets(_ service: JSON, _ pods: [WorkloadPod]) -> [JSON] {
        let publishes = service.at("spec", "publishNotReadyAddresses")?.bool ?? false
        var groups: [String: (ports: [JSON], ready: [JSON], unready: [JSON])] = [:]
        for pod in pods where !pod.hasEnded && (publishes || !pod.isBeingDeleted) {
            guard let address = address(of: pod, service) else { continue }
            let ports = portsWithoutEmptyNames(service, pod)
            guard !ports.isEmpty || ServicePorts.isPortless(service) else { continue }
            let key = ports.map(\.text).joined()
            var group = groups[key] ?? (ports, [], [])
            if publishes || pod.isReady { group.ready.append(address) } else { group.unready.append(address) }
            groups[key] = group
        }
        return groups.sorted { $0.key < $1.key }.map { _, group in
            func sorted(_ addresses: [JSON]) -> JSON? {
                addresses.isEmpty ? nil : .array(addresses.sorted { ($0["ip"]?.string ?? "") < ($1["ip"]?.string ?? "") })
            }
            var subset: JSON = [:]
            subset["addresses"] = sorted(group.ready)
            subset["notReadyAddresses"] = sorted(group.unready)
            if !group.ports.isEmpty { subset["ports"] = .array(group.ports) }
            return subset
        }
    }

    private func portsWithoutEmptyNames(_ service: JSON, _ pod: WorkloadPod) -> [JSON] {
        ServicePorts.of(service, in: pod).map { port in
            var ordered: JSON = [:]
            if port["name"] != "" { ordered["name"] = port["name"] }
            for field in ["port", "protocol", "appProtocol"] { ordered[field] = port[field] }
            return ordered
        }.sorted { $0.text < $1.text }
    }

    private func address(of pod: WorkloadPod, _ service: JSON) -> JSON? {
        let wantsIPv6 = service.at("spec", "ipFamilies")?.strings?.first == "IPv6"
        guard let text = pod.addresses.first(where: { $0.contains(":") == wantsIPv6 }) else { return nil }
        var address: JSON = ["ip": .string(text)]
        if ServicePorts.names(service, pod) { address["hostname"] = .string(pod.hostname) }
        if !pod.node.isEmpty { address["nodeName"] = .string(pod.node) }
        address["targetRef"] = ServicePorts.reference(pod)
        return address
    }
}
