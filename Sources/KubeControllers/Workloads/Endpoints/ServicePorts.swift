import JSON
import KubeAPI

/// The ports of a Service as a pod has them (`pkg/controller/endpoint`, `k8s.io/endpointslice`).
enum ServicePorts {
    /// The ports behind those of the Service; a name that the pod's containers do not have leads nowhere.
    static func of(_ service: JSON, in pod: WorkloadPod) -> [JSON] {
        (service.at("spec", "ports")?.array ?? []).compactMap { port in
            let transport = port["protocol"]?.string ?? "TCP"
            guard let number = number(port["targetPort"] ?? port["port"], transport, pod) else { return nil }
            var found: JSON = [
                "name": .string(port["name"]?.string ?? ""), "protocol": .string(transport), "port": .integer(number),
            ]
            found["appProtocol"] = port["appProtocol"]
            return found
        }
    }

    private static func number(_ target: JSON?, _ transport: String, _ pod: WorkloadPod) -> Int64? {
        if let number = target?.integer { return number }
        return pod.ports.first { $0.name == target?.string && $0.transport == transport }?.number
    }

    /// Whether a Service of no address asks for pods without ports.
    static func isPortless(_ service: JSON) -> Bool {
        isHeadless(service) && service.at("spec", "ports")?.array?.isEmpty ?? true
    }

    static func isHeadless(_ service: JSON) -> Bool { service.at("spec", "clusterIP") == "None" }

    /// Whether the controllers say what stands behind a Service: others have no selector, or lead out of the cluster.
    static func isManaged(_ service: JSON) -> Bool {
        service.at("spec", "selector")?.object?.isEmpty == false && service.at("spec", "type") != "ExternalName"
    }

    /// Whether the pod's own name is one below the Service's (`ShouldSetHostname`).
    static func names(_ service: JSON, _ pod: WorkloadPod) -> Bool { !pod.hostname.isEmpty && pod.subdomain == service.objectName }

    /// The pod as endpoints name it.
    static func reference(_ pod: WorkloadPod) -> JSON {
        ["kind": "Pod", "namespace": .string(pod.namespace), "name": .string(pod.name), "uid": .string(pod.uid)]
    }
}
