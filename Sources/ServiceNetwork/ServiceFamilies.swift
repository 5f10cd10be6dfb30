import IPAddress
import JSON
import KubeAPI

/// Chooses the IP families of a Service by its policy and the cluster's ranges.
struct ServiceFamilies {
    /// The families of the cluster, that of new Services first.
    let configured: [String]

    init(_ families: [IPAddress.Family]) { configured = families.map(\.name) }

    /// Fills in `ipFamilyPolicy` and `ipFamilies`, or says why they do not fit.
    ///
    /// - Throws: 422.
    func complete(_ service: inout ServiceFields, old: ServiceFields?, name: String) throws(KubeStatus) {
        guard service.type != "ExternalName" else { return }
        let isBare = service.clusterIP == ServiceFields.headless && service.isSelectorless
        // Headless without selector says nothing about where its endpoints are: both families.
        if service.policy == nil { service.policy = old?.policy ?? (isBare ? "RequireDualStack" : "SingleStack") }
        try refuse(ServiceAddressValidation.problems(service.addressSpec, kept: old?.clusterIPs ?? []), name)

        var problems = old.map { reductions(&service, $0) } ?? []
        problems += singleStackProblems(service)
        for (index, text) in service.clusterIPs.enumerated() where index >= service.families.count {
            guard text != ServiceFields.headless, let family = IPAddress(text)?.family.name else { break }
            if configured.contains(family) {
                service.families.append(family)
            } else {
                problems.append(
                    .invalid(
                        "spec.clusterIPs[\(index)]", JSON(strings: service.clusterIPs), "\(family) is not configured on this cluster"))
            }
        }
        try refuse(problems, name)
        if !isBare { try refuse(mismatches(service), name) }
        let first = configured.first ?? "IPv4"
        if service.families.isEmpty { service.families = [first] }
        if service.policy != "SingleStack", service.families.count == 1, isBare || configured.count == 2 {
            service.families.append(service.families[0] == "IPv4" ? "IPv6" : "IPv4")
        }
    }

    private func refuse(_ problems: [FieldError], _ name: String) throws(KubeStatus) {
        if !problems.isEmpty { throw .invalid(group: "", kind: "Service", name: name, problems) }
    }

    /// Giving up the second family needs the policy to say so; when it does, the lists are shortened for the user.
    private func reductions(_ service: inout ServiceFields, _ old: ServiceFields) -> [FieldError] {
        if service.policy == "SingleStack" {
            if service.clusterIPs == old.clusterIPs { service.clusterIPs = Array(service.clusterIPs.prefix(1)) }
            if service.families == old.families { service.families = Array(service.families.prefix(1)) }
            return []
        }
        func refusal(_ what: String) -> FieldError {
            .invalid(
                "spec.ipFamilyPolicy", service.policy.map(JSON.string) ?? .null, "must be 'SingleStack' to release the secondary \(what)")
        }
        var problems: [FieldError] = []
        if !service.clusterIPs.isEmpty, service.clusterIPs.count < old.clusterIPs.count { problems.append(refusal("cluster IP")) }
        if !service.families.isEmpty, service.families.count < old.families.count { problems.append(refusal("IP family")) }
        return problems
    }

    private func singleStackProblems(_ service: ServiceFields) -> [FieldError] {
        guard service.policy == "SingleStack" else { return [] }
        return [(service.clusterIPs.count, "cluster IPs"), (service.families.count, "IP families")].filter { $0.0 == 2 }.map {
            .invalid(
                "spec.ipFamilyPolicy", "SingleStack",
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple \($0.1) are specified")
        }
    }

    private func mismatches(_ service: ServiceFields) -> [FieldError] {
        var problems: [FieldError] = []
        if service.policy == "RequireDualStack", configured.count < 2 {
            problems.append(
                .invalid("spec.ipFamilyPolicy", "RequireDualStack", "this cluster is not configured for dual-stack services"))
        }
        for (index, family) in service.families.enumerated() where !configured.contains(family) {
            problems.append(.invalid("spec.ipFamilies[\(index)]", .string(family), "not configured on this cluster"))
        }
        return problems
    }
}
