import JSON

/// The cells of a Service (`printService`).
enum ServiceRow {
    static func cells(_ object: JSON, age: JSON) -> [JSON] {
        let type = object.at("spec", "type")?.string ?? ""
        let clusterIP = object.at("spec", "clusterIPs")?.array?.first?.string ?? object.at("spec", "clusterIP")?.string ?? ""
        let selector = (object.at("spec", "selector")?.object?.members ?? []).map { "\($0.key)=\($0.value.string ?? "")" }.sorted()
        return [
            .string(object.objectName), .string(type), .string(clusterIP.isEmpty ? "<none>" : clusterIP), .string(external(object, type)),
            .string(ports(object)), age, .string(selector.isEmpty ? "<none>" : selector.joined(separator: ",")),
        ]
    }

    private static func external(_ object: JSON, _ type: String) -> String {
        let own = object.at("spec", "externalIPs")?.array?.compactMap(\.string) ?? []
        switch type {
        case "ExternalName": return object.at("spec", "externalName")?.string ?? ""
        case "LoadBalancer":
            let ingress = object.at("status", "loadBalancer", "ingress")?.array ?? []
            let balancer = Set(ingress.compactMap { $0["ip"]?.string ?? $0["hostname"]?.string }).sorted()
            let all = balancer + own
            return all.isEmpty ? "<pending>" : all.joined(separator: ",")
        default: return own.isEmpty ? "<none>" : own.joined(separator: ",")
        }
    }

    private static func ports(_ object: JSON) -> String {
        let ports = (object.at("spec", "ports")?.array ?? []).map { port in
            let number = port["port"]?.integer ?? 0
            let node = port["nodePort"]?.integer ?? 0
            return (node > 0 ? "\(number):\(node)" : "\(number)") + "/" + (port["protocol"]?.string ?? "TCP")
        }
        return ports.isEmpty ? "<none>" : ports.joined(separator: ",")
    }
}
