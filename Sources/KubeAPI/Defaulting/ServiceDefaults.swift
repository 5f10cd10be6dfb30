import JSON

/// The defaults of services, endpoints and network kinds (`pkg/apis/{core,discovery,networking}/v1/defaults.go`).
enum ServiceDefaults {
    static let rules: [String: DefaultingTable.Rule] = [
        "core.v1.Service": service,
        "discovery.v1.EndpointPort": { port in
            if port["name"] == nil || port["name"] == .null { port["name"] = "" }
            port.fill("protocol", "TCP")
        },
        "networking.v1.NetworkPolicyPort": { $0.fill("protocol", "TCP") },
        "networking.v1.NetworkPolicySpec": { spec in
            guard spec["policyTypes"].isEmptyCollection else { return }
            spec["policyTypes"] = spec["egress"].isEmptyCollection ? ["Ingress"] : ["Ingress", "Egress"]
        },
        "networking.v1.IngressClassParametersReference": { $0.fill("scope", "Cluster") },
    ]

    /// Whether traffic from outside the cluster may reach a service (`service.ExternallyAccessible`).
    static func isExternallyAccessible(_ spec: JSON) -> Bool {
        let type = spec.text("type")
        return type == "LoadBalancer" || type == "NodePort" || (type == "ClusterIP" && !spec.items("externalIPs").isEmpty)
    }

    private static let service: DefaultingTable.Rule = { service in
        var spec = service["spec"] ?? [:]
        spec.fill("sessionAffinity", "None")
        switch spec.text("sessionAffinity") {
        case "None": spec["sessionAffinityConfig"] = nil
        case "ClientIP":
            if spec.at("sessionAffinityConfig", "clientIP", "timeoutSeconds").isUnset {
                spec["sessionAffinityConfig"] = ["clientIP": ["timeoutSeconds": 10800]]
            }
        default: break
        }
        spec.fill("type", "ClusterIP")
        spec.forEachElement("ports") { port in
            port.fill("protocol", "TCP")
            let target = port["targetPort"]
            if target.isUnset || target == 0 { port["targetPort"] = port["port"] ?? 0 }
        }
        let type = spec.text("type")
        if isExternallyAccessible(spec) { spec.fill("externalTrafficPolicy", "Cluster") }
        if ["NodePort", "LoadBalancer", "ClusterIP"].contains(type) { spec.fill("internalTrafficPolicy", "Cluster") }
        if type == "LoadBalancer" {
            spec.fill("allocateLoadBalancerNodePorts", true)
            if var status = service["status"], var balancer = status.present("loadBalancer") {
                balancer.forEachElement("ingress") { ingress in if !ingress["ip"].isUnset { ingress.fill("ipMode", "VIP") } }
                status["loadBalancer"] = balancer
                service["status"] = status
            }
        }
        service["spec"] = spec
    }
}
