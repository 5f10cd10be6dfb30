import JSON

/// Rows of Services and what leads to and from them.
enum NetworkRows {
    private static let limit = 3

    static func service(_ shown: PrintedObject) -> [JSON] {
        [
            .string(shown.name), .string(shown.text("spec", "type")),
            .string(shown.list("spec", "clusterIPs").first?.string ?? PrintedObject.none), .string(externalIP(shown)),
            .string(servicePorts(shown)), shown.age, .string(PrintedObject.labels(shown.value("spec", "selector"))),
        ]
    }

    private static func externalIP(_ shown: PrintedObject) -> String {
        let own = shown.list("spec", "externalIPs").compactMap(\.string)
        switch shown.text("spec", "type") {
        case "ClusterIP", "NodePort": return own.isEmpty ? PrintedObject.none : own.joined(separator: ",")
        case "LoadBalancer":
            let all = balancerAddresses(shown) + own
            return all.isEmpty ? "<pending>" : all.joined(separator: ",")
        case "ExternalName": return shown.text("spec", "externalName")
        default: return PrintedObject.unknown
        }
    }

    /// Addresses and names of load balancers, each once, in order.
    private static func balancerAddresses(_ shown: PrintedObject) -> [String] {
        var found: Set<String> = []
        for ingress in shown.list("status", "loadBalancer", "ingress") {
            let address = ingress["ip"]?.string ?? ""
            found.insert(address.isEmpty ? ingress["hostname"]?.string ?? "" : address)
        }
        return found.filter { !$0.isEmpty }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func servicePorts(_ shown: PrintedObject) -> String {
        let ports = shown.list("spec", "ports").map { port in
            let number = port["port"]?.integer ?? 0
            let node = port["nodePort"]?.integer ?? 0
            return (node > 0 ? "\(number):\(node)" : "\(number)") + "/" + (port["protocol"]?.string ?? "")
        }
        return ports.isEmpty ? PrintedObject.none : ports.joined(separator: ",")
    }

    static func endpoints(_ shown: PrintedObject) -> [JSON] {
        let subsets = shown.list("subsets")
        guard !subsets.isEmpty else { return [.string(shown.name), .string(PrintedObject.none), shown.age] }
        var items: [String] = []
        for subset in subsets {
            let addresses = (subset["addresses"]?.array ?? []).map { $0["ip"]?.string ?? "" }
            let ports = subset["ports"]?.array ?? []
            // A headless Service may have no ports.
            if ports.isEmpty { items += addresses }
            for port in ports {
                let number = port["port"]?.integer ?? 0
                items += addresses.map { $0.contains(":") ? "[\($0)]:\(number)" : "\($0):\(number)" }
            }
        }
        return [.string(shown.name), .string(PrintedObject.shortened(items, of: items.count, limit: limit)), shown.age]
    }

    static func endpointSlice(_ shown: PrintedObject) -> [JSON] {
        func listed(_ items: [String]) -> JSON {
            let text = PrintedObject.shortened(items, of: items.count, limit: limit)
            return .string(text.isEmpty ? PrintedObject.unset : text)
        }
        let ports = shown.list("ports").map { port in port["port"]?.integer.map { String($0) } ?? port["name"]?.string ?? "*" }
        let addresses = shown.list("endpoints").flatMap { $0["addresses"]?.array?.compactMap(\.string) ?? [] }
        return [.string(shown.name), .string(shown.text("addressType")), listed(ports), listed(addresses), shown.age]
    }

    static func ingress(_ shown: PrintedObject) -> [JSON] {
        [
            .string(shown.name), .string(shown.value("spec", "ingressClassName")?.string ?? PrintedObject.none),
            .string(hosts(shown.list("spec", "rules"))), .string(balancerAddresses(shown).joined(separator: ",")),
            shown.list("spec", "tls").isEmpty ? "80" : "80, 443", shown.age,
        ]
    }

    /// Three hosts; what is told to be more counts rules, also those without a host.
    private static func hosts(_ rules: [JSON]) -> String {
        var hosts: [String] = []
        var hasMore = false
        for rule in rules {
            if hosts.count == limit { hasMore = true }
            let host = rule["host"]?.string ?? ""
            if !hasMore, !host.isEmpty { hosts.append(host) }
        }
        guard !hosts.isEmpty else { return "*" }
        return PrintedObject.shortened(hosts, of: hasMore ? rules.count : 0, limit: limit)
    }

    static func ingressClass(_ shown: PrintedObject) -> [JSON] {
        var parameters = PrintedObject.none
        if let reference = shown.value("spec", "parameters") {
            parameters = reference["kind"]?.string ?? ""
            if let group = reference["apiGroup"]?.string { parameters += "." + group }
            parameters += "/" + (reference["name"]?.string ?? "")
        }
        let isDefault = shown.text("metadata", "annotations", "ingressclass.kubernetes.io/is-default-class") == "true"
        return [
            .string(shown.name + (isDefault ? " (default)" : "")), .string(shown.text("spec", "controller")), .string(parameters),
            shown.age,
        ]
    }

    /// `services/tv/x`: what an IPAddress is allocated for. The row has an age, although the table has no column for it.
    static func ipAddress(_ shown: PrintedObject) -> [JSON] {
        guard let parent = shown.value("spec", "parentRef") else { return [.string(shown.name), .string(PrintedObject.none), shown.age] }
        func part(_ key: String) -> String { parent[key]?.string ?? "" }
        let resource = part("group").isEmpty ? part("resource") : "\(part("resource")).\(part("group"))"
        let pieces = [resource.lowercased(), part("namespace"), part("name")]
        return [.string(shown.name), .string(pieces.filter { !$0.isEmpty }.joined(separator: "/")), shown.age]
    }
}
