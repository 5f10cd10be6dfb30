import JSON

/// Checks of roles and bindings (`pkg/apis/rbac/validation/validation.go`).
extension FieldErrorList {
    private static let rbacGroup = "rbac.authorization.k8s.io"

    /// `ValidateRole` and `ValidateClusterRole`.
    mutating func role(_ role: JSON, isNamespaced: Bool) {
        metadata(role, .pathSegment, isNamespaced: isNamespaced)
        for (index, rule) in role.items("rules").enumerated() { policyRule(rule, isNamespaced, FieldPath("rules")[index]) }
        guard !isNamespaced, let aggregation = role.present("aggregationRule") else { return }
        let at = FieldPath("aggregationRule") / "clusterRoleSelectors"
        let selectors = aggregation.items("clusterRoleSelectors")
        if selectors.isEmpty { required(at, "at least one clusterRoleSelector required if aggregationRule is non-nil") }
        for (index, selector) in selectors.enumerated() {
            labelSelector(selector, at[index])
            if !Self.isConvertible(selector) { invalid(at[index], .null, "invalid label selector.") }
        }
    }

    private mutating func policyRule(_ rule: JSON, _ isNamespaced: Bool, _ at: FieldPath) {
        if rule.items("verbs").isEmpty { required(at / "verbs", "verbs must contain at least one value") }
        let urls = rule.items("nonResourceURLs")
        if !urls.isEmpty {
            if isNamespaced {
                invalid(at / "nonResourceURLs", .array(urls), "namespaced rules cannot apply to non-resource URLs")
            }
            if ["apiGroups", "resources", "resourceNames"].contains(where: { !rule.items($0).isEmpty }) {
                invalid(at / "nonResourceURLs", .array(urls), "rules cannot apply to both regular resources and non-resource URLs")
            }
            return
        }
        if rule.items("apiGroups").isEmpty { required(at / "apiGroups", "resource rules must supply at least one api group") }
        if rule.items("resources").isEmpty { required(at / "resources", "resource rules must supply at least one resource") }
    }

    /// `ValidateRoleBinding` and `ValidateClusterRoleBinding`.
    mutating func roleBinding(_ binding: JSON, isNamespaced: Bool) {
        metadata(binding, .pathSegment, isNamespaced: isNamespaced)
        let reference = binding["roleRef"] ?? [:]
        let at = FieldPath("roleRef")
        oneOf(reference.text("apiGroup"), [Self.rbacGroup], at / "apiGroup")
        oneOf(reference.text("kind"), isNamespaced ? ["Role", "ClusterRole"] : ["ClusterRole"], at / "kind")
        let name = reference.text("name")
        if name.isEmpty { required(at / "name") } else { self.name(name, .pathSegment, at / "name") }
        for (index, subject) in binding.items("subjects").enumerated() {
            bindingSubject(subject, isNamespaced, FieldPath("subjects")[index])
        }
    }

    private mutating func bindingSubject(_ subject: JSON, _ isNamespaced: Bool, _ at: FieldPath) {
        let name = subject.text("name")
        if name.isEmpty { required(at / "name") }
        let group = subject.text("apiGroup")
        switch subject.text("kind") {
        case "ServiceAccount":
            if !name.isEmpty { dns1123Subdomain(name, at / "name") }
            if !group.isEmpty { notSupported(at / "apiGroup", .string(group), [""]) }
            if !isNamespaced, subject.text("namespace").isEmpty { required(at / "namespace") }
        case "User", "Group": oneOf(group, [Self.rbacGroup], at / "apiGroup")
        case let kind: notSupported(at / "kind", .string(kind), ["ServiceAccount", "User", "Group"])
        }
    }

    /// `ValidateRoleBindingUpdate`.
    mutating func roleBindingUpdate(_ new: JSON, _ old: JSON, isNamespaced: Bool) {
        roleBinding(new, isNamespaced: isNamespaced)
        metadataUpdate(new, old)
        if new["roleRef"] != old["roleRef"] {
            invalid(FieldPath("roleRef"), GoForm.json(new["roleRef"], "rbac.v1.RoleRef"), "cannot change roleRef")
        }
    }

    private static let systemPriorities: [String: Int64] = [
        "system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000,
    ]

    /// `ValidatePriorityClass`.
    mutating func priorityClass(_ priority: JSON) {
        metadata(priority, .subdomain, isNamespaced: false)
        let name = priority.objectName
        let value = priority.number("value") ?? 0
        if name.hasPrefix("system-") {
            let reserved = "priority class names with 'system-' prefix are reserved for system use only. error: "
            let at = FieldPath("metadata") / "name"
            if let known = Self.systemPriorities[name] {
                if value != known {
                    forbidden(at, "\(reserved)value of \(name) PriorityClass must be \(known)")
                } else if priority.flag("globalDefault") {
                    forbidden(at, "\(reserved)globalDefault of \(name) PriorityClass must be false")
                }
            } else {
                forbidden(at, "\(reserved)\(name) is not a known system priority class")
            }
        } else if value > 1_000_000_000 {
            forbidden(FieldPath("value"), "maximum allowed value of a user defined priority is 1000000000")
        }
        if let policy = priority["preemptionPolicy"]?.string {
            oneOf(policy, ["PreemptLowerPriority", "Never"], FieldPath("preemptionPolicy"), requiredWhenEmpty: true)
        }
    }

    /// `ValidatePriorityClassUpdate`.
    mutating func priorityClassUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        if new.number("value") ?? 0 != old.number("value") ?? 0 { forbidden(FieldPath("value"), "may not be changed in an update.") }
        immutable(new["preemptionPolicy"], old["preemptionPolicy"], FieldPath("preemptionPolicy"))
    }
}
