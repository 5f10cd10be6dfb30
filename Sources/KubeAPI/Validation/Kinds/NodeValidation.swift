import IPAddress
import JSON

/// Checks of nodes and RuntimeClasses.
extension FieldErrorList {
    /// `ValidateNode`.
    mutating func node(_ node: JSON) {
        metadata(node, .subdomain, isNamespaced: false)
        let spec = node["spec"] ?? [:]
        taints(spec.items("taints"), FieldPath("metadata") / "taints")
        nodeResources(node)
        let networks = spec.texts("podCIDRs")
        let at = FieldPath("spec") / "podCIDRs"
        for (index, text) in networks.enumerated() { network(text, at[index]) }
        guard networks.count > 1 else { return }
        let families = Set(networks.compactMap { AddressText.network($0)?.family })
        if networks.count > 2 || families.count != 2 {
            invalid(at, JSON(strings: networks), "may specify no more than one CIDR for each IP family")
        }
        var seen: Set<String> = []
        for (index, text) in networks.enumerated() where !seen.insert(text).inserted { duplicate(at[index], .string(text)) }
    }

    private mutating func nodeResources(_ node: JSON) {
        for field in ["capacity", "allocatable"] {
            for member in node["status"]?.entries(field) ?? [] {
                resourceAmount(member.key, member.value.string ?? "", FieldPath("status") / field / member.key)
            }
        }
    }

    /// `validateNodeTaints`.
    private mutating func taints(_ taints: [JSON], _ at: FieldPath) {
        var seen: Set<String> = []
        for (index, taint) in taints.enumerated() {
            let path = at[index]
            qualifiedName(taint.text("key"), path / "key")
            let problems = QualifiedName.valueProblems(taint.text("value"))
            if !problems.isEmpty { invalid(path / "value", taint["value"] ?? "", problems.joined(separator: ";")) }
            taintEffect(taint.text("effect"), path / "effect")
            if !seen.insert("\(taint.text("effect"))/\(taint.text("key"))").inserted {
                other(
                    .duplicate, path,
                    "Duplicate value: \(GoForm.json(taint, "core.v1.Taint").text): taints must be unique by key and effect pair")
            }
        }
    }

    /// `ValidateNodeUpdate`.
    mutating func nodeUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        nodeResources(new)
        var addresses: Set<JSON> = []
        for (index, address) in (new["status"]?.items("addresses") ?? []).enumerated() where !addresses.insert(address).inserted {
            duplicate((FieldPath("status") / "addresses")[index], GoForm.json(address, "core.v1.NodeAddress"))
        }
        let spec = new["spec"] ?? [:]
        let before = old["spec"] ?? [:]
        let networks = before.texts("podCIDRs")
        if !networks.isEmpty {
            let after = spec.texts("podCIDRs")
            let changes = networks.count == after.count ? zip(networks, after).filter { $0 != $1 }.count : 1
            for _ in 0..<changes {
                forbidden(FieldPath("spec") / "podCIDRs", "node updates may not change podCIDR except from \"\" to valid")
            }
        }
        let provider = before.text("providerID")
        if !provider.isEmpty, provider != spec.text("providerID") {
            forbidden(FieldPath("spec") / "providerID", "node updates may not change providerID except from \"\" to valid")
        }
        taints(spec.items("taints"), FieldPath("metadata") / "taints")
        if spec.text("externalID") != before.text("externalID") { forbidden(FieldPath("spec") / "externalID", "may not be updated") }
    }

    /// `ValidateRuntimeClass`.
    mutating func runtimeClass(_ runtime: JSON) {
        metadata(runtime, .subdomain, isNamespaced: false)
        dns1123Label(runtime.text("handler"), FieldPath("handler"))
        if let overhead = runtime.present("overhead") {
            resourceRequirements(["limits": overhead["podFixed"] ?? [:]], [], FieldPath("overhead") / "podFixed")
        }
        if let scheduling = runtime.present("scheduling") {
            labels(scheduling["nodeSelector"], FieldPath("scheduling") / "nodeSelector")
            tolerations(scheduling.items("tolerations"), FieldPath("scheduling") / "tolerations")
        }
    }

    /// `ValidateRuntimeClassUpdate`.
    mutating func runtimeClassUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        immutable(new["handler"], old["handler"], FieldPath("handler"))
    }
}
