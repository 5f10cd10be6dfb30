import IPAddress
import JSON

/// Checks of the `networking.k8s.io` group (`pkg/apis/networking/validation/validation.go`).
extension FieldErrorList {
    /// `ValidateIngressCreate` and `ValidateIngressUpdate`.
    mutating func ingress(_ ingress: JSON, isUpdate: Bool) {
        metadata(ingress, .subdomain, isNamespaced: true)
        let spec = ingress["spec"] ?? [:]
        let at = FieldPath("spec")
        let rules = spec.items("rules")
        let backend = spec.present("defaultBackend")
        if rules.isEmpty, backend == nil { invalid(at, .null, "either `defaultBackend` or `rules` must be specified") }
        if let backend { ingressBackend(backend, at / "defaultBackend") }
        for (index, rule) in rules.enumerated() { ingressRule(rule, (at / "rules")[index]) }
        for (index, tls) in spec.items("tls").enumerated() {
            let path = (at / "tls")[index]
            for (position, host) in tls.texts("hosts").enumerated() { ingressHost(host, (path / "hosts")[position]) }
            if !tls.text("secretName").isEmpty { dns1123Subdomain(tls.text("secretName"), path / "secretName") }
        }
        let name = spec["ingressClassName"]?.string
        if let name { dns1123Subdomain(name, at / "ingressClassName") }
        let annotation = "kubernetes.io/ingress.class"
        if !isUpdate, let name, let other = ingress.at("metadata", "annotations", annotation)?.string, other != name {
            invalid(
                FieldPath("annotations") / annotation, .string(other), "must match `ingressClassName` when both are specified")
        }
    }

    private mutating func ingressHost(_ host: String, _ at: FieldPath) {
        if host.contains("*") {
            invalid(at, .string(host), each: FormatChecks.wildcardSubdomain(host))
        } else {
            dns1123Subdomain(host, at)
        }
    }

    private mutating func ingressRule(_ rule: JSON, _ at: FieldPath) {
        let host = rule.text("host")
        if !host.isEmpty {
            if AddressText.address(host) != nil { invalid(at / "host", .string(host), "must be a DNS name, not an IP address") }
            ingressHost(host, at / "host")
        }
        guard let http = rule.present("http") else { return }
        let paths = http.items("paths")
        if paths.isEmpty { required(at / "http" / "paths") }
        for (index, path) in paths.enumerated() { ingressPath(path, (at / "http" / "paths")[index]) }
    }

    private mutating func ingressPath(_ path: JSON, _ at: FieldPath) {
        guard let type = path["pathType"]?.string else { return required(at / "pathType", "pathType must be specified") }
        let text = path.text("path")
        func refuse(_ detail: String) { invalid(at / "path", .string(text), detail) }
        switch type {
        case "Exact", "Prefix":
            if !text.hasPrefix("/") { refuse("must be an absolute path") }
            for sequence in ["//", "/./", "/../", "%2f", "%2F"] where text.contains(sequence) { refuse("must not contain '\(sequence)'") }
            for suffix in ["/..", "/."] where text.hasSuffix(suffix) { refuse("cannot end with '\(suffix)'") }
        case "ImplementationSpecific": if !text.isEmpty, !text.hasPrefix("/") { refuse("must be an absolute path") }
        default: notSupported(at / "pathType", .string(type), ["Exact", "ImplementationSpecific", "Prefix"])
        }
        ingressBackend(path["backend"] ?? [:], at / "backend")
    }

    private mutating func ingressBackend(_ backend: JSON, _ at: FieldPath) {
        switch (backend.present("resource"), backend.present("service")) {
        case (.some, .some): invalid(at, "", "cannot set both resource and service backends")
        case (let resource?, nil): typedReference(resource, at / "resource")
        case (nil, let service?):
            let name = service.text("name")
            if name.isEmpty { required(at / "service" / "name") } else { self.name(name, .label, at / "service" / "name") }
            let portName = service["port"]?.text("name") ?? ""
            let number = service["port"]?.number("number") ?? 0
            if !portName.isEmpty, number != 0 {
                invalid(at, "", "cannot set both port name & port number")
            } else if !portName.isEmpty {
                invalid(at / "service" / "port" / "name", .string(portName), each: FormatChecks.portName(portName))
            } else if number != 0 {
                port(number, at / "service" / "port" / "number")
            } else {
                required(at, "port name or number is required")
            }
        case (nil, nil): invalid(at, "", "resource or service backend is required")
        }
    }

    private mutating func typedReference(_ reference: JSON, _ at: FieldPath) {
        if let group = reference["apiGroup"]?.string { dns1123Subdomain(group, at / "apiGroup") }
        for field in ["kind", "name"] {
            let text = reference.text(field)
            if text.isEmpty { required(at / field) } else { name(text, .pathSegment, at / field) }
        }
    }

    /// `ValidateIngressClass`.
    mutating func ingressClass(_ ingressClass: JSON) {
        metadata(ingressClass, .subdomain, isNamespaced: false)
        let spec = ingressClass["spec"] ?? [:]
        let at = FieldPath("spec")
        let controller = spec.text("controller")
        if controller.isEmpty {
            required(at / "controller")
        } else {
            if controller.utf8.count > 250 { tooLong(at / "controller", 250) }
            domainPrefixedPath(controller, at / "controller")
        }
        guard let parameters = spec.present("parameters") else { return }
        let path = at / "parameters"
        typedReference(parameters, path)
        guard let scope = parameters["scope"]?.string else { return required(path / "scope") }
        let namespace = parameters["namespace"]?.string
        switch scope {
        case "Namespace":
            if let namespace {
                name(namespace, .label, path / "namespace")
            } else {
                required(path / "namespace", "`parameters.scope` is set to 'Namespace'")
            }
        case "Cluster": if namespace != nil { forbidden(path / "namespace", "`parameters.scope` is set to 'Cluster'") }
        default: notSupported(path / "scope", .string(scope), ["Cluster", "Namespace"])
        }
    }

    /// `ValidateNetworkPolicySpec`; networks that an update keeps are not looked at again.
    mutating func networkPolicySpec(_ spec: JSON, old: JSON?) {
        let at = FieldPath("spec")
        labelSelector(spec["podSelector"], at / "podSelector")
        var kept: [String] = []
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for peer in (old?.items(direction) ?? []).flatMap({ $0.items(peers) }) {
                guard let block = peer.present("ipBlock") else { continue }
                kept += [block.text("cidr")] + block.texts("except")
            }
        }
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for (index, rule) in spec.items(direction).enumerated() {
                let path = (at / direction)[index]
                for (position, port) in rule.items("ports").enumerated() { policyPort(port, (path / "ports")[position]) }
                for (position, peer) in rule.items(peers).enumerated() { policyPeer(peer, (path / peers)[position], kept) }
            }
        }
        let types = spec.texts("policyTypes")
        if types.count > 2 {
            return invalid(at / "policyTypes", JSON(strings: types), "may not specify more than two policyTypes")
        }
        for (index, type) in types.enumerated() { oneOf(type, ["Ingress", "Egress"], (at / "policyTypes")[index]) }
    }

    private mutating func policyPort(_ port: JSON, _ at: FieldPath) {
        if let name = port["protocol"]?.string { oneOf(name, ["TCP", "UDP", "SCTP"], at / "protocol") }
        let end = port.number("endPort")
        switch port["port"] {
        case .integer(let number)?:
            self.port(number, at / "port")
            guard let end else { return }
            if end < number { invalid(at / "endPort", .integer(number), "must be greater than or equal to `port`") }
            self.port(end, at / "endPort")
        case .string(let name)?:
            if let end { invalid(at / "endPort", .integer(end), "may not be specified when `port` is non-numeric") }
            invalid(at / "port", .string(name), each: FormatChecks.portName(name))
        default: if let end { invalid(at / "endPort", .integer(end), "may not be specified when `port` is not specified") }
        }
    }

    private mutating func policyPeer(_ peer: JSON, _ at: FieldPath, _ kept: [String]) {
        let selectors = ["podSelector", "namespaceSelector"].filter { peer.present($0) != nil }
        for field in selectors { labelSelector(peer[field], at / field) }
        guard let block = peer.present("ipBlock") else {
            if selectors.isEmpty { required(at, "must specify a peer") }
            return
        }
        let path = at / "ipBlock"
        let text = block.text("cidr")
        if text.isEmpty {
            required(path / "cidr")
        } else {
            network(text, path / "cidr", kept: kept)
            if let outer = AddressText.network(text) {
                for (index, exception) in block.texts("except").enumerated() {
                    let place = (path / "except")[index]
                    network(exception, place, kept: kept)
                    guard let inner = AddressText.network(exception) else { continue }
                    if !outer.contains(inner.network) || outer.prefixLength >= inner.prefixLength {
                        invalid(place, .string(exception), "must be a strict subset of `cidr`")
                    }
                }
            }
        }
        if !selectors.isEmpty { forbidden(at, "may not specify both ipBlock and another peer") }
    }

    /// `ValidateIPAddress`.
    mutating func ipAddress(_ address: JSON) {
        metadata(address, .address, isNamespaced: false)
        let at = FieldPath("spec") / "parentRef"
        guard let parent = address["spec"]?.present("parentRef") else { return required(at) }
        if !parent.text("group").isEmpty { dns1123Subdomain(parent.text("group"), at / "group") }
        for field in ["resource", "name"] {
            let text = parent.text(field)
            if text.isEmpty { required(at / field) } else { name(text, .pathSegment, at / field) }
        }
        if !parent.text("namespace").isEmpty { name(parent.text("namespace"), .pathSegment, at / "namespace") }
    }

    /// `ValidateServiceCIDR`.
    mutating func serviceNetwork(_ object: JSON) {
        metadata(object, .subdomain, isNamespaced: false)
        serviceNetworks(object["spec"] ?? [:])
    }

    private mutating func serviceNetworks(_ spec: JSON) {
        let at = FieldPath("spec") / "cidrs"
        let networks = spec.texts("cidrs")
        if networks.isEmpty { return required(at, "at least one CIDR required") }
        if networks.count > 2 {
            return invalid(at, GoForm.json(spec, "networking.v1.ServiceCIDRSpec"), "may only hold up to 2 values")
        }
        for (index, text) in networks.enumerated() { network(text, at[index]) }
        let families = networks.compactMap { AddressText.network($0)?.family }
        if families.count == 2, families[0] == families[1] {
            invalid(
                at, JSON(strings: networks),
                "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64")
        }
    }

    /// `ValidateServiceCIDRUpdate`.
    mutating func serviceNetworkUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        let at = FieldPath("spec") / "cidrs"
        let after = new["spec"]?.texts("cidrs") ?? []
        let before = old["spec"]?.texts("cidrs") ?? []
        if after.count == before.count || (before.count == 1 && after.count == 2) {
            for (index, text) in before.enumerated() where text != after[index] {
                invalid(at[index], .string(after[index]), Self.immutable)
            }
            if after.count > before.count { serviceNetworks(new["spec"] ?? [:]) }
        } else {
            invalid(at, after.isEmpty ? .null : JSON(strings: after), Self.immutable)
        }
    }
}
