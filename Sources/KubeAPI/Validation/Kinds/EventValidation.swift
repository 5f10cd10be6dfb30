import IPAddress
import JSON

/// Checks of events (`pkg/apis/core/validation/events.go`), of endpoints and of leases.
extension FieldErrorList {
    private mutating func atMost(_ limit: Int, _ event: JSON, _ field: String) {
        if event.text(field).utf8.count > limit { invalid(FieldPath(field), "", "can have at most \(limit) characters") }
    }

    /// `legacyValidateEvent`, on the core form.
    private mutating func legacyEvent(_ event: JSON) {
        let namespace = event.objectNamespace
        let involved = event.at("involvedObject", "namespace")?.string ?? ""
        let path = FieldPath("involvedObject") / "namespace"
        let mismatch = "does not match event.namespace"
        if event.present("eventTime") == nil {
            if involved.isEmpty ? namespace != "default" && !namespace.isEmpty : namespace != involved {
                invalid(path, .string(involved), mismatch)
            }
        } else {
            if involved.isEmpty, namespace != "default", namespace != "kube-system" { invalid(path, "", mismatch) }
            let controller = event.text("reportingComponent")
            if controller.isEmpty { required(FieldPath(Self.controllerField(event))) }
            qualifiedName(controller, FieldPath(Self.controllerField(event)))
            if event.text("reportingInstance").isEmpty { required(FieldPath("reportingInstance")) }
            atMost(128, event, "reportingInstance")
            if event.text("action").isEmpty { required(FieldPath("action")) }
            atMost(128, event, "action")
            if event.text("reason").isEmpty { required(FieldPath("reason")) }
            atMost(128, event, "reason")
            atMost(1024, event, "message")
        }
        dns1123Subdomain(namespace, FieldPath("namespace"))
    }

    /// The controller's field has another name in each version.
    private static func controllerField(_ event: JSON) -> String {
        event["apiVersion"] == "events.k8s.io/v1" ? "reportingController" : "reportingComponent"
    }

    /// `ValidateEventCreate`; `isNew` for requests through `events.k8s.io`, which are checked strictly.
    mutating func event(_ event: JSON, isNew: Bool) {
        var event = event
        if isNew { event["apiVersion"] = "events.k8s.io/v1" }
        legacyEvent(event)
        guard isNew else { return }
        metadata(event, .subdomain, isNamespaced: true)
        eventSeries(event)
        if event.present("eventTime") == nil { required(FieldPath("eventTime")) }
        let type = event.text("type")
        if type != "Normal", type != "Warning" { invalid(FieldPath("type"), "", "has invalid value: \(type)") }
        for field in ["firstTimestamp", "lastTimestamp"] where event.present(field) != nil {
            invalid(FieldPath(field), "", "needs to be unset")
        }
        if event.number("count") ?? 0 != 0 { invalid(FieldPath("count"), "", "needs to be unset") }
        if !event["source"].isEmptyCollection { invalid(FieldPath("source"), "", "needs to be unset") }
    }

    private mutating func eventSeries(_ event: JSON) {
        guard let series = event.present("series") else { return }
        if series.number("count") ?? 0 < 2 { invalid(FieldPath("series.count"), "", "should be at least 2") }
        if series.present("lastObservedTime") == nil { required(FieldPath("series.lastObservedTime")) }
    }

    /// `ValidateEventUpdate`.
    mutating func eventUpdate(_ new: JSON, _ old: JSON, isNew: Bool) {
        var event = new
        if isNew { event["apiVersion"] = "events.k8s.io/v1" }
        legacyEvent(event)
        guard isNew else { return }
        metadataUpdate(new, old)
        if !Self.isSemanticallyEqual(new["series"], old["series"]) { eventSeries(new) }
        for (field, type) in [("involvedObject", "core.v1.ObjectReference"), ("related", "core.v1.ObjectReference")]
        where !Self.isSemanticallyEqual(new[field], old[field]) {
            invalid(FieldPath(field), GoForm.json(new[field], type), Self.immutable)
        }
        for field in ["reason", "message", "firstTimestamp", "lastTimestamp", "count", "type", "eventTime", "action", "reportingInstance"] {
            immutable(new.present(field), old.present(field), FieldPath(field))
        }
        immutable(new["reportingComponent"], old["reportingComponent"], FieldPath("reportingController"))
    }

    /// `ValidateEndpoints`.
    mutating func endpoints(_ endpoints: JSON) {
        metadata(endpoints, .subdomain, isNamespaced: true)
        for (index, subset) in endpoints.items("subsets").enumerated() {
            let at = FieldPath("subsets")[index]
            if subset.items("addresses").isEmpty, subset.items("notReadyAddresses").isEmpty {
                required(at, "must specify `addresses` or `notReadyAddresses`")
            }
            for list in ["addresses", "notReadyAddresses"] {
                for (position, address) in subset.items(list).enumerated() {
                    let path = (at / list)[position]
                    self.address(address.text("ip"), path / "ip")
                    if !address.text("hostname").isEmpty { dns1123Label(address.text("hostname"), path / "hostname") }
                    if let node = address["nodeName"]?.string { dns1123Subdomain(node, path / "nodeName") }
                    nonSpecialAddress(address.text("ip"), path / "ip")
                }
            }
            let ports = subset.items("ports")
            for (position, port) in ports.enumerated() {
                let path = (at / "ports")[position]
                let name = port.text("name")
                if name.isEmpty { if ports.count > 1 { required(path / "name") } } else { dns1123Label(name, path / "name") }
                self.port(port.number("port") ?? 0, path / "port")
                oneOf(port.text("protocol"), ["SCTP", "TCP", "UDP"], path / "protocol", requiredWhenEmpty: true)
                if let application = port["appProtocol"]?.string { qualifiedName(application, path / "appProtocol") }
            }
        }
    }

    /// `ValidateEndpointSlice`.
    mutating func endpointSlice(_ slice: JSON, isUpdate: Bool) {
        metadata(slice, .subdomain, isNamespaced: true)
        let type = slice.text("addressType")
        oneOf(type, ["FQDN"] + (isUpdate ? ["IP"] : []) + ["IPv4", "IPv6"], FieldPath("addressType"), requiredWhenEmpty: true)
        let endpoints = slice.items("endpoints")
        if endpoints.count > 1000 {
            tooMany(FieldPath("endpoints"), endpoints.count, limit: 1000)
        } else {
            for (index, endpoint) in endpoints.enumerated() { sliceEndpoint(endpoint, type, FieldPath("endpoints")[index]) }
        }
        slicePorts(slice.items("ports"))
    }

    private mutating func sliceEndpoint(_ endpoint: JSON, _ type: String, _ at: FieldPath) {
        let addresses = endpoint.texts("addresses")
        let path = at / "addresses"
        if addresses.isEmpty { required(path, "must contain at least 1 address") }
        if addresses.count > 100 { tooMany(path, addresses.count, limit: 100) }
        for (index, text) in addresses.enumerated() {
            switch type {
            case "IPv4", "IPv6":
                let problems = AddressText.problems(text)
                if !problems.isEmpty {
                    invalid(path[index], .string(text), each: problems)
                } else if AddressText.address(text)?.family.name != type {
                    invalid(path, .string(text), "must be an \(type) address")
                }
                nonSpecialAddress(text, path[index])
            case "FQDN": fullyQualifiedDomain(text, path[index])
            default: break
            }
        }
        if let node = endpoint["nodeName"]?.string { dns1123Subdomain(node, at / "nodeName") }
        let topology = endpoint.entries("deprecatedTopology")
        if topology.count > 16 { tooMany(at / "deprecatedTopology", topology.count, limit: 16) }
        labels(endpoint["deprecatedTopology"], at / "deprecatedTopology")
        if topology.contains(where: { $0.key == "kubernetes.io/hostname" }) {
            forbidden((at / "deprecatedTopology").key("kubernetes.io/hostname"), "may not contain this key; use nodeName instead")
        }
        if let host = endpoint["hostname"]?.string { dns1123Label(host, at / "hostname") }
        for field in ["forZones", "forNodes"] {
            let hints = endpoint["hints"]?.items(field) ?? []
            if hints.count > 8 { tooMany(at / "hints" / field, hints.count, limit: 8) }
            var seen: Set<String> = []
            for (index, hint) in hints.enumerated() {
                let name = hint.text("name")
                let place = (at / "hints" / field)[index] / "name"
                if name.isEmpty {
                    required(place)
                } else if !seen.insert(name).inserted {
                    duplicate(place, .string(name))
                } else if field == "forZones" {
                    labelValue(name, place)
                } else {
                    dns1123Subdomain(name, place)
                }
            }
        }
    }

    /// `IsFullyQualifiedDomainName`.
    private mutating func fullyQualifiedDomain(_ text: String, _ at: FieldPath) {
        if text.isEmpty { return required(at) }
        let name = text.hasSuffix(".") ? String(text.dropLast()) : text
        let problems = NameForm.subdomain.problems(name)
        if !problems.isEmpty { return invalid(at, .string(name), problems.joined(separator: ",")) }
        let labels = name.split(separator: ".").map(String.init)
        if labels.count < 2 { return invalid(at, .string(name), "should be a domain with at least two segments separated by dots") }
        for label in labels {
            let problems = NameForm.label.problems(label)
            if !problems.isEmpty { return invalid(at, .string(label), problems.joined(separator: ",")) }
        }
    }

    private mutating func slicePorts(_ ports: [JSON]) {
        let at = FieldPath("ports")
        if ports.count > 20000 { return tooMany(at, ports.count, limit: 20000) }
        var names: Set<String> = []
        for (index, port) in ports.enumerated() {
            let path = at[index]
            let name = port.text("name")
            if !name.isEmpty { dns1123Label(name, path / "name") }
            if !names.insert(name).inserted { duplicate(path / "name", .string(name)) }
            oneOf(port.text("protocol"), ["SCTP", "TCP", "UDP"], path / "protocol", requiredWhenEmpty: true)
            if let application = port["appProtocol"]?.string { qualifiedName(application, path / "appProtocol") }
        }
    }

    /// `ValidateLeaseSpec`.
    mutating func lease(_ lease: JSON) {
        let spec = lease["spec"] ?? [:]
        let at = FieldPath("spec")
        if let seconds = spec.number("leaseDurationSeconds"), seconds <= 0 {
            invalid(at / "leaseDurationSeconds", .integer(seconds), "must be greater than 0")
        }
        nonnegative(spec.number("leaseTransitions"), at / "leaseTransitions")
        if let strategy = spec["strategy"]?.string { qualifiedName(strategy, at / "strategy") }
        if !spec.text("preferredHolder").isEmpty, spec.text("strategy").isEmpty {
            forbidden(at / "preferredHolder", "can only be specified when strategy is not empty")
        }
    }
}
