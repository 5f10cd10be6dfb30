import JSON

/// Checks of affinity, tolerations and topology spread.
extension FieldErrorList {
    private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
    private static let preferred = "preferredDuringSchedulingIgnoredDuringExecution"

    /// `validateAffinity`.
    mutating func affinity(_ affinity: JSON?, _ at: FieldPath) {
        guard let affinity, !affinity.isNull else { return }
        if let node = affinity.present("nodeAffinity") {
            let path = at / "nodeAffinity"
            if let selector = node.present(Self.required) { nodeSelector(selector, path / Self.required) }
            for (index, term) in node.items(Self.preferred).enumerated() {
                let place = (path / Self.preferred)[index]
                weight(term, place)
                nodeSelectorTerm(term["preference"] ?? [:], place / "preference", checksValues: false)
            }
        }
        for kind in ["podAffinity", "podAntiAffinity"] {
            guard let terms = affinity.present(kind) else { continue }
            let path = at / kind
            for (index, term) in terms.items(Self.required).enumerated() { podAffinityTerm(term, (path / Self.required)[index]) }
            for (index, term) in terms.items(Self.preferred).enumerated() {
                let place = (path / Self.preferred)[index]
                weight(term, place)
                podAffinityTerm(term["podAffinityTerm"] ?? [:], place / "podAffinityTerm")
            }
        }
    }

    private mutating func weight(_ term: JSON, _ at: FieldPath) {
        let weight = term.number("weight") ?? 0
        if !(1...100 ~= weight) { invalid(at / "weight", .integer(weight), "must be in the range 1-100") }
    }

    /// `ValidateNodeSelector`.
    mutating func nodeSelector(_ selector: JSON, _ at: FieldPath) {
        let terms = selector.items("nodeSelectorTerms")
        let path = at / "nodeSelectorTerms"
        if terms.isEmpty { return required(path, "must have at least one node selector term") }
        for (index, term) in terms.enumerated() { nodeSelectorTerm(term, path[index], checksValues: true) }
    }

    private mutating func nodeSelectorTerm(_ term: JSON, _ at: FieldPath, checksValues: Bool) {
        for (index, requirement) in term.items("matchExpressions").enumerated() {
            let path = (at / "matchExpressions")[index]
            let values = requirement.texts("values")
            let operation = requirement.text("operator")
            switch operation {
            case "In", "NotIn":
                if values.isEmpty { required(path / "values", "must be specified when `operator` is 'In' or 'NotIn'") }
            case "Exists", "DoesNotExist":
                if !values.isEmpty { forbidden(path / "values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'") }
            case "Gt", "Lt":
                if values.count != 1 {
                    required(path / "values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
                }
            default: invalid(path / "operator", .string(operation), "not a valid selector operator")
            }
            qualifiedName(requirement.text("key"), path / "key")
            if checksValues {
                for (position, value) in values.enumerated() { labelValue(value, (path / "values")[position]) }
            }
        }
        for (index, requirement) in term.items("matchFields").enumerated() {
            let path = (at / "matchFields")[index]
            let values = requirement.texts("values")
            let operation = requirement.text("operator")
            if operation == "In" || operation == "NotIn" {
                if values.count != 1 {
                    required(path / "values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
                }
            } else {
                invalid(path / "operator", .string(operation), "not a valid selector operator")
            }
            if requirement["key"] == "metadata.name" {
                for (position, value) in values.enumerated() { dns1123Subdomain(value, (path / "values")[position]) }
            } else {
                invalid(path / "key", requirement["key"] ?? "", "not a valid field selector key")
            }
        }
    }

    private mutating func podAffinityTerm(_ term: JSON, _ at: FieldPath) {
        labelSelector(term["labelSelector"], at / "labelSelector")
        labelSelector(term["namespaceSelector"], at / "namespaceSelector")
        for namespace in term.texts("namespaces") { name(namespace, .label, at / "namespace") }
        let matching = term.texts("matchLabelKeys")
        let selector = term.present("labelSelector")
        for (field, keys) in [("matchLabelKeys", matching), ("mismatchLabelKeys", term.texts("mismatchLabelKeys"))] where !keys.isEmpty {
            guard selector != nil else {
                forbidden(at / field, "must not be specified when labelSelector is not set")
                continue
            }
            for (index, key) in keys.enumerated() { qualifiedName(key, (at / field)[index]) }
        }
        if let selector {
            var seen = Set(selector.entries("matchLabels").map(\.key))
            for requirement in selector.items("matchExpressions") {
                let key = requirement.text("key")
                if let index = matching.firstIndex(of: key), seen.contains(key) {
                    invalid(at[index], .string(key), "exists in both matchLabelKeys and labelSelector")
                }
                seen.insert(key)
            }
        }
        let mismatching = Set(term.texts("mismatchLabelKeys"))
        for (index, key) in matching.enumerated() where mismatching.contains(key) {
            invalid((at / "matchLabelKeys")[index], .string(key), "exists in both matchLabelKeys and mismatchLabelKeys")
        }
        let topology = term.text("topologyKey")
        if topology.isEmpty { required(at / "topologyKey", "can not be empty") }
        qualifiedName(topology, at / "topologyKey")
    }

    /// `validateTaintEffect`.
    mutating func taintEffect(_ effect: String, _ at: FieldPath) {
        oneOf(effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"], at, requiredWhenEmpty: true)
    }

    /// `ValidateTolerations`.
    mutating func tolerations(_ tolerations: [JSON], _ at: FieldPath) {
        for (index, toleration) in tolerations.enumerated() {
            let path = at[index]
            let key = toleration.text("key")
            let operation = toleration.text("operator")
            let effect = toleration.text("effect")
            let value = toleration.text("value")
            if !key.isEmpty { qualifiedName(key, path / "key") }
            if key.isEmpty, operation != "Exists" {
                invalid(
                    path / "operator", .string(operation),
                    "operator must be Exists when `key` is empty, which means \"match all values and all keys\"")
            }
            if toleration.present("tolerationSeconds") != nil, effect != "NoExecute" {
                invalid(path / "effect", .string(effect), "effect must be 'NoExecute' when `tolerationSeconds` is set")
            }
            switch operation {
            case "Equal", "":
                let problems = QualifiedName.valueProblems(value)
                if !problems.isEmpty { invalid(path / "operator", .string(value), problems.joined(separator: ";")) }
            case "Exists":
                if !value.isEmpty {
                    invalid(path / "operator", .string(value), "value must be empty when `operator` is 'Exists'")
                }
            default: notSupported(path / "operator", .string(operation), ["Equal", "Exists"])
            }
            if !effect.isEmpty { taintEffect(effect, path / "effect") }
        }
    }

    /// `validateTopologySpreadConstraints`.
    mutating func topologySpread(_ constraints: [JSON], _ at: FieldPath) {
        func pair(_ constraint: JSON) -> String { "{\(constraint.text("topologyKey")), \(constraint.text("whenUnsatisfiable"))}" }
        for (index, constraint) in constraints.enumerated() {
            let path = at[index]
            let skew = constraint.number("maxSkew") ?? 0
            if skew <= 0 { invalid(path / "maxSkew", .integer(skew), "must be greater than zero") }
            if constraint.text("topologyKey").isEmpty { required(path / "topologyKey", "can not be empty") }
            let action = constraint.text("whenUnsatisfiable")
            oneOf(action, ["DoNotSchedule", "ScheduleAnyway"], path / "whenUnsatisfiable")
            if constraints[(index + 1)...].contains(where: { pair($0) == pair(constraint) }) {
                duplicate(path / "{topologyKey, whenUnsatisfiable}", .string(pair(constraint)))
            }
            if let domains = constraint.number("minDomains") {
                if domains <= 0 { invalid(path / "minDomains", .integer(domains), "must be greater than zero") }
                if action != "DoNotSchedule" {
                    invalid(
                        path / "minDomains", .integer(domains),
                        "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not \(action)")
                }
            }
            for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
                if let policy = constraint[field]?.string { oneOf(policy, ["Honor", "Ignore"], path / field) }
            }
            spreadLabelKeys(constraint, path)
            labelSelector(constraint["labelSelector"], path / "labelSelector")
        }
    }

    private mutating func spreadLabelKeys(_ constraint: JSON, _ at: FieldPath) {
        let keys = constraint.texts("matchLabelKeys")
        guard !keys.isEmpty else { return }
        let path = at / "matchLabelKeys"
        let selector = constraint.present("labelSelector")
        if selector == nil { forbidden(path, "must not be specified when labelSelector is not set") }
        let used = Set((selector?.entries("matchLabels") ?? []).map(\.key))
        for (index, key) in keys.enumerated() {
            qualifiedName(key, path[index])
            if used.contains(key) { invalid(path[index], .string(key), "exists in both matchLabelKeys and labelSelector") }
        }
    }
}
