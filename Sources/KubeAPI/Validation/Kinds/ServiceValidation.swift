import IPAddress
public import JSON

/// The checks of a Service's addresses by themselves, which allocation makes before it gives out any.
public enum ServiceAddressValidation {
    /// What is wrong with the address fields of a `spec` (`ValidateServiceClusterIPsRelatedFields`); addresses in `kept` are not looked at.
    public static func problems(_ spec: JSON, kept: [String]) -> [FieldError] {
        var list = FieldErrorList()
        list.clusterAddresses(spec, kept: kept)
        return list.errors
    }
}

/// Checks of services (`ValidateService`).
extension FieldErrorList {
    private static let spec = FieldPath("spec")
    private static let frozenOnce = "may not change once set"

    private static func isHeadless(_ spec: JSON) -> Bool { spec.texts("clusterIPs") == ["None"] }

    /// `ValidateService`; addresses that an update keeps are not looked at again.
    mutating func service(_ service: JSON, old: JSON? = nil) {
        metadata(service, .label, isNamespaced: true)
        let annotations = service.at("metadata", "annotations")
        let hints = "service.kubernetes.io/topology-aware-hints"
        let mode = "service.kubernetes.io/topology-mode"
        if let first = annotations?[hints]?.string, let second = annotations?[mode]?.string, first != second {
            invalid(
                (FieldPath("metadata") / "annotations").key(mode), .string(second),
                "must match annotations[\(hints)] when both are specified")
        }
        let spec = service["spec"] ?? [:]
        let at = Self.spec
        let type = spec.text("type")
        let ports = spec.items("ports")
        let isHeadless = Self.isHeadless(spec)
        if ports.isEmpty, !isHeadless, type != "ExternalName" { required(at / "ports") }
        serviceType(spec, type, isHeadless)
        var names: Set<String> = []
        for (index, port) in ports.enumerated() { servicePort(port, ports.count > 1, &names, (at / "ports")[index]) }
        labels(spec["selector"], at / "selector")
        sessionAffinity(spec, at)
        if type != "ExternalName" { clusterAddresses(spec, kept: old?["spec"]?.texts("clusterIPs") ?? []) }
        let kept = old?["spec"]?.texts("externalIPs") ?? []
        for (index, text) in spec.texts("externalIPs").enumerated() where !kept.contains(text) {
            let path = (at / "externalIPs")[index]
            let problems = AddressText.problems(text)
            if problems.isEmpty { nonSpecialAddress(text, path) } else { invalid(path, .string(text), each: problems) }
        }
        oneOf(type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], at / "type", requiredWhenEmpty: true)
        portUniqueness(ports, type, at / "ports")
        sourceRanges(service, spec, type)
        let allocates = spec.present("allocateLoadBalancerNodePorts")
        if allocates != nil, type != "LoadBalancer" {
            forbidden(at / "allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'")
        }
        if allocates == nil, type == "LoadBalancer" { required(FieldPath("allocateLoadBalancerNodePorts")) }
        loadBalancerClass(spec, type)
        trafficPolicies(spec, type)
    }

    private mutating func serviceType(_ spec: JSON, _ type: String, _ isHeadless: Bool) {
        let at = Self.spec
        switch type {
        case "LoadBalancer", "NodePort":
            if isHeadless { invalid((at / "clusterIPs")[0], "None", "may not be set to 'None' for \(type) services") }
        case "ExternalName":
            let text = "may not be set for ExternalName services"
            for field in ["clusterIPs", "ipFamilies"] where !spec.items(field).isEmpty { forbidden(at / field, text) }
            if spec.present("ipFamilyPolicy") != nil { forbidden(at / "ipFamilyPolicy", text) }
            let name = spec.text("externalName")
            let domain = name.hasSuffix(".") ? String(name.dropLast()) : name
            if domain.isEmpty { required(at / "externalName") } else { dns1123Subdomain(domain, at / "externalName") }
        default: break
        }
    }

    private mutating func servicePort(_ port: JSON, _ needsName: Bool, _ names: inout Set<String>, _ at: FieldPath) {
        let name = port.text("name")
        if name.isEmpty {
            if needsName { required(at / "name") }
        } else {
            dns1123Label(name, at / "name")
            if !names.insert(name).inserted { duplicate(at / "name", .string(name)) }
        }
        self.port(port.number("port") ?? 0, at / "port")
        oneOf(port.text("protocol"), ["SCTP", "TCP", "UDP"], at / "protocol", requiredWhenEmpty: true)
        portNumberOrName(port["targetPort"], at / "targetPort")
        if let application = port["appProtocol"]?.string { qualifiedName(application, at / "appProtocol") }
    }

    private mutating func sessionAffinity(_ spec: JSON, _ at: FieldPath) {
        let affinity = spec.text("sessionAffinity")
        oneOf(affinity, ["ClientIP", "None"], at / "sessionAffinity", requiredWhenEmpty: true)
        let path = at / "sessionAffinityConfig"
        let config = spec.present("sessionAffinityConfig")
        if affinity == "ClientIP" {
            let text = "when session affinity type is ClientIP"
            guard let config else { return required(path, text) }
            guard let client = config.present("clientIP") else { return required(path / "clientIP", text) }
            guard let seconds = client.number("timeoutSeconds") else { return required(path / "clientIP" / "timeoutSeconds", text) }
            if seconds <= 0 || seconds > 86400 {
                invalid(path / "clientIP" / "timeoutSeconds", .integer(seconds), "must be greater than 0 and less than 86400")
            }
        } else if affinity == "None", config != nil {
            forbidden(path, "must not be set when session affinity is None")
        }
    }

    private mutating func portUniqueness(_ ports: [JSON], _ type: String, _ at: FieldPath) {
        if type == "ClusterIP" {
            for (index, port) in ports.enumerated() where port.number("nodePort") ?? 0 != 0 {
                forbidden(at[index] / "nodePort", "may not be used when `type` is 'ClusterIP'")
            }
        }
        var nodePorts: Set<String> = []
        for (index, port) in ports.enumerated() {
            guard let number = port.number("nodePort"), number != 0 else { continue }
            if !nodePorts.insert("\(port.text("protocol"))/\(number)").inserted { duplicate(at[index] / "nodePort", .integer(number)) }
        }
        var numbers: Set<String> = []
        for (index, port) in ports.enumerated() where !numbers.insert("\(port.text("protocol"))/\(port.number("port") ?? 0)").inserted {
            let key: JSON = ["protocol": port["protocol"] ?? "", "port": port["port"] ?? 0]
            duplicate(at[index], GoForm.json(key, "core.v1.ServicePort"))
        }
    }

    private mutating func sourceRanges(_ service: JSON, _ spec: JSON, _ type: String) {
        let text = "may only be used when `type` is 'LoadBalancer'"
        let annotation = "service.beta.kubernetes.io/load-balancer-source-ranges"
        let ranges = spec.texts("loadBalancerSourceRanges")
        func trimmed(_ text: some StringProtocol) -> String {
            String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
        }
        if !ranges.isEmpty {
            let path = Self.spec / "LoadBalancerSourceRanges"
            if type != "LoadBalancer" { forbidden(path, text) }
            for (index, range) in ranges.enumerated() { network(trimmed(range), path[index]) }
        } else if let value = service.at("metadata", "annotations", annotation)?.string {
            let path = (FieldPath("metadata") / "annotations").key(annotation)
            if type != "LoadBalancer" { forbidden(path, text) }
            let list = trimmed(value)
            if !list.isEmpty {
                for range in list.split(separator: ",", omittingEmptySubsequences: false) { network(trimmed(range), path) }
            }
        }
    }

    private mutating func loadBalancerClass(_ spec: JSON, _ type: String) {
        guard let name = spec["loadBalancerClass"]?.string else { return }
        let path = Self.spec / "loadBalancerClass"
        if type == "LoadBalancer" {
            qualifiedName(name, path)
        } else {
            forbidden(path, "may only be used when `type` is 'LoadBalancer'")
        }
    }

    /// Whether nodes answer health checks for a service (`service.NeedsHealthCheck`).
    static func needsHealthCheck(_ spec: JSON) -> Bool {
        spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local"
    }

    private mutating func trafficPolicies(_ spec: JSON, _ type: String) {
        let at = Self.spec
        let external = spec.text("externalTrafficPolicy")
        if ServiceDefaults.isExternallyAccessible(spec) {
            oneOf(external, ["Cluster", "Local"], at / "externalTrafficPolicy", requiredWhenEmpty: true)
        } else if !external.isEmpty {
            invalid(at / "externalTrafficPolicy", .string(external), "may only be set for externally-accessible services")
        }
        let health = spec.number("healthCheckNodePort") ?? 0
        if Self.needsHealthCheck(spec) {
            if health == 0 { required(at / "healthCheckNodePort") } else { port(health, at / "healthCheckNodePort") }
        } else if health != 0 {
            invalid(
                at / "healthCheckNodePort", .integer(health),
                "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")
        }
        if let policy = spec["internalTrafficPolicy"]?.string {
            oneOf(policy, ["Cluster", "Local"], at / "internalTrafficPolicy")
        } else if ["NodePort", "LoadBalancer", "ClusterIP"].contains(type) {
            required(at / "internalTrafficPolicy")
        }
        if let distribution = spec["trafficDistribution"]?.string {
            oneOf(distribution, ["PreferClose", "PreferSameZone", "PreferSameNode"], at / "trafficDistribution")
        }
    }

    /// `ValidateServiceClusterIPsRelatedFields`.
    mutating func clusterAddresses(_ spec: JSON, kept: [String]) {
        let isHeadless = Self.isHeadless(spec)
        let at = Self.spec
        let addresses = spec.texts("clusterIPs")
        let all = JSON(strings: addresses)
        let first = spec.text("clusterIP")
        if first.isEmpty {
            if !addresses.isEmpty { invalid(at / "clusterIPs", all, "must be empty when `clusterIP` is not specified") }
        } else if addresses.isEmpty {
            required(at / "clusterIPs")
        } else if addresses[0] != first {
            invalid(at / "clusterIPs", all, "first value must match `clusterIP`")
        }
        let families = spec.texts("ipFamilies")
        var seen: Set<String> = []
        for (index, family) in families.enumerated() {
            oneOf(family, ["IPv4", "IPv6"], (at / "ipFamilies")[index])
            if !seen.insert(family).inserted { duplicate((at / "ipFamilies")[index], .string(family)) }
        }
        if let policy = spec["ipFamilyPolicy"]?.string {
            oneOf(policy, ["PreferDualStack", "RequireDualStack", "SingleStack"], at / "ipFamilyPolicy")
        }
        var hasInvalid = false
        for (index, text) in addresses.enumerated() {
            if index == 0, text == "None" {
                guard addresses.count > 1 else { continue }
                hasInvalid = true
                invalid(at / "clusterIPs", all, "'None' must be the first and only value")
                continue
            }
            let problems = kept.contains(text) ? [] : AddressText.problems(text)
            if !problems.isEmpty { hasInvalid = true }
            invalid((at / "clusterIPs")[index], .string(text), each: problems)
        }
        if addresses.count > 2 { invalid(at / "clusterIPs", all, "may only hold up to 2 values") }
        if hasInvalid { return }
        if addresses.count > 1, Set(addresses.compactMap { AddressText.address($0)?.family }).count < 2 {
            invalid(at / "clusterIPs", all, "may specify no more than one IP for each IP family")
        }
        guard !isHeadless else { return }
        for (text, (index, family)) in zip(addresses, families.enumerated()) {
            let own = AddressText.address(text)?.family.name ?? "IPv4"
            if own != family, family == "IPv4" || family == "IPv6" {
                invalid(
                    (at / "clusterIPs")[index], .string(text), "expected an \(family) value as indicated by `ipFamilies[\(index)]`")
            }
        }
    }

    /// `ValidateServiceUpdate`.
    mutating func serviceUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        let spec = new["spec"] ?? [:]
        let before = old["spec"] ?? [:]
        if spec["type"] != "ExternalName", before["type"] != "ExternalName" {
            clusterAddressesUpdate(spec, before)
            familiesUpdate(spec, before)
        }
        if spec["type"] == "LoadBalancer", before["type"] == "LoadBalancer",
            spec.present("loadBalancerClass") != before.present("loadBalancerClass")
        {
            invalid(Self.spec / "loadBalancerClass", spec["loadBalancerClass"] ?? .null, Self.frozenOnce)
        }
        loadBalancerClass(spec, spec.text("type"))
        if Self.needsHealthCheck(spec), Self.needsHealthCheck(before), spec["healthCheckNodePort"] != before["healthCheckNodePort"] {
            forbidden(Self.spec / "healthCheckNodePort", "field is immutable")
        }
        service(new, old: old)
    }

    private mutating func clusterAddressesUpdate(_ spec: JSON, _ before: JSON) {
        if Self.isHeadless(spec), Self.isHeadless(before) { return }
        let new = spec.texts("clusterIPs")
        let old = before.texts("clusterIPs")
        let path = Self.spec / "clusterIPs"
        let value = new.isEmpty ? JSON.null : JSON(strings: new)
        if new.count == old.count {
            for (index, text) in old.enumerated() where text != new[index] { invalid(path[index], value, Self.frozenOnce) }
            return
        }
        if new.isEmpty { invalid(path[0], value, "primary clusterIP can not be unset") }
        if let first = old.first, let now = new.first, first != now { invalid(path[0], value, Self.frozenOnce) }
        if old.count > new.count, new.count == 1, spec["ipFamilyPolicy"] != "SingleStack" {
            invalid(
                Self.spec / "ipFamilyPolicy", spec["ipFamilyPolicy"] ?? .null,
                "must be set to 'SingleStack' when releasing the secondary clusterIP")
        }
    }

    private mutating func familiesUpdate(_ spec: JSON, _ before: JSON) {
        if Self.isHeadless(spec) || Self.isHeadless(before) { return }
        let new = spec.texts("ipFamilies")
        let old = before.texts("ipFamilies")
        let path = (Self.spec / "ipFamilies")[0]
        if new.count == old.count {
            for (index, family) in old.enumerated() where family != new[index] { invalid(path, JSON(strings: new), Self.frozenOnce) }
            return
        }
        if old.count > new.count, spec.items("clusterIPs").isEmpty {
            invalid(path, JSON(strings: new), "primary ipFamily can not be unset")
        }
        if let first = old.first, let now = new.first, first != now {
            invalid(path, spec["clusterIPs"] ?? .null, Self.frozenOnce)
        }
        if old.count > new.count, new.count == 1, spec["ipFamilyPolicy"] != "SingleStack" {
            invalid(
                Self.spec / "ipFamilyPolicy", spec["ipFamilyPolicy"] ?? .null,
                "must be set to 'SingleStack' when releasing the secondary ipFamily")
        }
    }

    /// `ValidateLoadBalancerStatus`.
    mutating func loadBalancerStatus(_ status: JSON, _ spec: JSON?) {
        let at = FieldPath("status") / "loadBalancer" / "ingress"
        let ingress = status["loadBalancer"]?.items("ingress") ?? []
        if let spec, spec["type"] != "LoadBalancer", !ingress.isEmpty {
            return forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'")
        }
        for (index, entry) in ingress.enumerated() {
            let path = at[index]
            let ip = entry.text("ip")
            if !ip.isEmpty { address(ip, path / "ip") }
            if spec != nil {
                let mode = entry["ipMode"]?.string
                if let mode {
                    if ip.isEmpty {
                        forbidden(path / "ipMode", "may not be specified when `ip` is not set")
                    } else {
                        oneOf(mode, ["Proxy", "VIP"], path / "ipMode")
                    }
                } else if !ip.isEmpty {
                    required(path / "ipMode", "must be specified when `ip` is set")
                }
            }
            let host = entry.text("hostname")
            guard !host.isEmpty else { continue }
            dns1123Subdomain(host, path / "hostname")
            if AddressText.address(host) != nil {
                invalid(path / "hostname", .string(host), "must be a DNS name, not an IP address")
            }
        }
    }
}
