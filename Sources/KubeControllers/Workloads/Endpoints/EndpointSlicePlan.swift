import IPAddress
import JSON
import KubeAPI

/// What the EndpointSlices of a Service have to say, and which of them have to change for it (`k8s.io/endpointslice/reconciler.go`).
struct EndpointSlicePlan: Sendable {
    static let manager = "endpointslice-controller.k8s.io"
    static let managerLabel = "endpointslice.kubernetes.io/managed-by"
    static let serviceLabel = "kubernetes.io/service-name"
    static let headlessLabel = "service.kubernetes.io/headless"
    /// `--max-endpoints-per-slice`
    private static let largest = 100

    /// What leads on.
    struct Steps: Sendable {
        var create: [JSON] = []
        var update: [JSON] = []
        var delete: [JSON] = []
    }

    let service: JSON
    let pods: [WorkloadPod]
    let nodes: [String: WorkloadNode]
    /// What goes into the annotation of slices that change.
    let changed: String?

    /// The slices that have to be made, changed and deleted.
    func steps(_ slices: [JSON]) -> Steps {
        let types = (service.at("spec", "ipFamilies")?.strings ?? ["IPv4"])
        var steps = Steps()
        steps.delete = slices.filter { !types.contains($0["addressType"]?.string ?? "") }
        for type in types { settle(type, slices.filter { $0["addressType"]?.string == type }, &steps) }
        return steps
    }

    private func settle(_ type: String, _ slices: [JSON], _ steps: inout Steps) {
        var wanted = wanted(type)
        var kept = 0
        for slice in slices {
            let ports = Self.key(slice["ports"]?.array ?? [])
            guard var group = wanted.removeValue(forKey: ports) else {
                steps.delete.append(slice)
                continue
            }
            // What stays is where it was.
            var endpoints: [JSON] = []
            for endpoint in slice["endpoints"]?.array ?? [] {
                let uid = endpoint.at("targetRef", "uid")?.string ?? ""
                if let index = group.endpoints.firstIndex(where: { $0.at("targetRef", "uid")?.string == uid }) {
                    endpoints.append(group.endpoints.remove(at: index))
                }
            }
            let room = Self.largest - endpoints.count
            endpoints += group.endpoints.prefix(max(0, room))
            group.endpoints.removeFirst(min(group.endpoints.count, max(0, room)))
            if !group.endpoints.isEmpty { wanted[ports] = group }
            guard !endpoints.isEmpty || slices.count == 1 && wanted.isEmpty else {
                steps.delete.append(slice)
                continue
            }
            kept += 1
            var changed = slice
            changed["endpoints"] = endpoints.isEmpty ? .null : .array(endpoints)
            mark(&changed)
            if !changed.isEquivalent(to: slice) { steps.update.append(annotated(changed)) }
        }
        var made = 0
        for (_, group) in wanted.sorted(by: { $0.key < $1.key }) {
            for start in stride(from: 0, to: group.endpoints.count, by: Self.largest) {
                steps.create.append(new(type, group.ports, Array(group.endpoints[start...].prefix(Self.largest))))
                made += 1
            }
        }
        // A Service without pods has a slice that says so.
        if kept == 0, made == 0 {
            if let spare = slices.first {
                steps.delete.removeAll { $0.objectName == spare.objectName }
                var empty = spare
                empty["endpoints"] = .null
                empty["ports"] = .null
                mark(&empty)
                if !empty.isEquivalent(to: spare) { steps.update.append(annotated(empty)) }
            } else {
                steps.create.append(new(type, [], []))
            }
        }
    }

    private struct Group {
        let ports: [JSON]
        var endpoints: [JSON] = []
    }

    /// The endpoints by their ports.
    private func wanted(_ type: String) -> [String: Group] {
        var groups: [String: Group] = [:]
        for pod in pods where !pod.hasEnded {
            let addresses = pod.addresses.filter { (IPAddress($0)?.family == .ipv6) == (type == "IPv6") }
            guard !addresses.isEmpty else { continue }
            let ports = ServicePorts.isPortless(service) ? [] : ServicePorts.of(service, in: pod)
            groups[Self.key(ports), default: Group(ports: ports)].endpoints.append(endpoint(pod, addresses))
        }
        return groups
    }

    private static func key(_ ports: [JSON]) -> String { ports.map(\.text).sorted().joined() }

    private func endpoint(_ pod: WorkloadPod, _ addresses: [String]) -> JSON {
        let publishes = service.at("spec", "publishNotReadyAddresses")?.bool ?? false
        var endpoint: JSON = ["addresses": JSON(strings: addresses)]
        endpoint["conditions"] = [
            "ready": .bool(publishes || pod.isReady && !pod.isBeingDeleted), "serving": .bool(pod.isReady),
            "terminating": .bool(pod.isBeingDeleted),
        ]
        if ServicePorts.names(service, pod) { endpoint["hostname"] = .string(pod.hostname) }
        endpoint["targetRef"] = ServicePorts.reference(pod)
        if !pod.node.isEmpty { endpoint["nodeName"] = .string(pod.node) }
        if let zone = nodes[pod.node]?.zone, !zone.isEmpty { endpoint["zone"] = .string(zone) }
        return endpoint
    }

    private func new(_ type: String, _ ports: [JSON], _ endpoints: [JSON]) -> JSON {
        let owner: JSON = [
            "apiVersion": "v1", "kind": "Service", "name": .string(service.objectName), "uid": .string(service.objectUID),
            "controller": true, "blockOwnerDeletion": true,
        ]
        var slice: JSON = [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": ["generateName": .string("\(service.objectName)-"), "ownerReferences": [owner]], "addressType": .string(type),
        ]
        slice["endpoints"] = endpoints.isEmpty ? .null : .array(endpoints)
        slice["ports"] = ports.isEmpty && endpoints.isEmpty ? .null : .array(ports)
        mark(&slice)
        return annotated(slice)
    }

    /// Gives a slice the labels of its Service and its own.
    private func mark(_ slice: inout JSON) {
        var labels = service.at("metadata", "labels") ?? [:]
        labels[Self.headlessLabel] = ServicePorts.isHeadless(service) ? "" : nil
        labels[Self.serviceLabel] = .string(service.objectName)
        labels[Self.managerLabel] = .string(Self.manager)
        slice.set(labels, at: ["metadata", "labels"])
    }

    private func annotated(_ slice: JSON) -> JSON {
        guard let changed else { return slice }
        var slice = slice
        slice.set(.string(changed), at: ["metadata", "annotations", ChangeTimes.annotation])
        return slice
    }
}
