extension ServiceFields {
    /// Takes over what the old Service was given where the new one says nothing, so that a PUT without it changes nothing.
    mutating func keepAllocated(from old: ServiceFields) {
        if old.needsClusterIP, needsClusterIP {
            if clusterIP.isEmpty { clusterIP = old.clusterIP }
            if clusterIPs.isEmpty, clusterIP == old.clusterIP { clusterIPs = old.clusterIPs }
        }
        if old.needsNodePort, needsNodePort {
            let used = Set(old.nodePorts).intersection(nodePorts)
            let byName = Dictionary(old.ports.map { ($0.name, $0.nodePort) }) { _, last in last }
            for (index, port) in ports.enumerated() where port.nodePort == 0 {
                if let before = byName[port.name], !used.contains(before) { ports[index].nodePort = before }
            }
        }
        if old.needsHealthCheckNodePort, needsHealthCheckNodePort, healthCheckNodePort == 0 {
            healthCheckNodePort = old.healthCheckNodePort
        }
    }

    /// Makes `clusterIPs` follow `clusterIP` for clients that know only the one (`normalizeClusterIPs`).
    mutating func alignClusterIPs(with old: ServiceFields) {
        if clusterIPs.isEmpty, clusterIP == old.clusterIP { clusterIPs = old.clusterIPs }
        guard clusterIP != old.clusterIP, clusterIPs.isEmpty || clusterIPs == old.clusterIPs else { return }
        clusterIPs = clusterIP.isEmpty ? [] : [clusterIP]
    }

    /// Whether both are the same PreferDualStack Service: what a change of the cluster's families must not touch.
    func isSettledDualStack(_ old: ServiceFields) -> Bool {
        type == old.type && needsClusterIP && policy == "PreferDualStack" && old.policy == policy && clusterIPs == old.clusterIPs
            && families == old.families
    }

    /// Wipes fields that the new type has no use for, unless the user changed them too, which validation then refuses.
    mutating func dropUnneeded(_ old: ServiceFields) {
        if old.needsClusterIP, !needsClusterIP {
            if clusterIPs == old.clusterIPs {
                clusterIP = ""
                clusterIPs = []
            }
            if families == old.families { families = [] }
            if policy == old.policy { policy = nil }
            if internalTrafficPolicy == old.internalTrafficPolicy { internalTrafficPolicy = nil }
        }
        if old.needsNodePort, !needsNodePort, Set(nodePorts) == Set(old.nodePorts) {
            for index in ports.indices { ports[index].nodePort = 0 }
        }
        if old.needsHealthCheckNodePort, !needsHealthCheckNodePort, healthCheckNodePort == old.healthCheckNodePort {
            healthCheckNodePort = 0
        }
        if old.type == "LoadBalancer", type != "LoadBalancer" {
            if allocatesNodePorts == old.allocatesNodePorts { allocatesNodePorts = nil }
            if loadBalancerClass == old.loadBalancerClass { loadBalancerClass = nil }
        }
        if old.isExternallyReachable, !isExternallyReachable, externalTrafficPolicy == old.externalTrafficPolicy {
            externalTrafficPolicy = ""
        }
    }
}
