/// A binding that almost granted a refused request, and the one thing that kept it from doing so.
public struct NearMiss: Sendable, Hashable {
    /// Told in one line.
    public let text: String
    /// Fewer differences are nearer.
    let distance: Int
}

extension RBACSnapshot {
    /// The bindings that came nearest to granting a refused request, nearest first.
    ///
    /// A binding is near when it names the user and one rule differs in one field, or when its rules grant the request but it names
    /// somebody else or another namespace.
    public func nearMisses(_ attributes: Attributes, limit: Int = 5) -> [NearMiss] {
        var found: [NearMiss] = []
        for binding in everyBinding {
            guard let rules = rules(of: binding) else { continue }
            let isNamed = binding.subjects.contains { $0.matches(attributes.user) }
            let isInScope = binding.namespace == nil || (binding.namespace == attributes.namespace && !attributes.namespace.isEmpty)
            let best = rules.map { ($0, $0.mismatches(attributes)) }.min { $0.1.count < $1.1.count }
            guard let (rule, fields) = best else { continue }
            switch (isNamed, isInScope, fields.count) {
            case (true, true, 1):
                found.append(NearMiss(text: Self.differs(binding, rule, fields[0], attributes), distance: 1))
            case (true, false, 0):
                let place = attributes.namespace.isEmpty ? "the cluster scope" : "namespace \"\(attributes.namespace)\""
                found.append(
                    NearMiss(
                        text: "\(binding.description) grants it to you, but only in its own namespace, not at \(place) [namespace]",
                        distance: 0))
            case (false, true, 0) where !Self.isUniversal(binding):
                let subjects = binding.subjects.prefix(3).map(\.description).joined(separator: ", ")
                found.append(NearMiss(text: "\(binding.description) grants it, but to \(subjects) [subject]", distance: 2))
            default: continue
            }
        }
        return Array(found.sorted { ($0.distance, $0.text) < ($1.distance, $1.text) }.prefix(limit))
    }

    /// Bindings of the system's own users tell a person nothing.
    private static func isUniversal(_ binding: RoleBinding) -> Bool {
        binding.name.hasPrefix("system:") || binding.name.hasPrefix("eks:")
    }

    private static func differs(_ binding: RoleBinding, _ rule: PolicyRule, _ field: PolicyRule.Field, _ attributes: Attributes) -> String {
        let (has, wants): ([String], String) =
            switch field {
            case .verb: (rule.verbs, attributes.verb)
            case .apiGroup: (rule.apiGroups, attributes.apiGroup)
            case .resource:
                (rule.resources, attributes.subresource.isEmpty ? attributes.resource : "\(attributes.resource)/\(attributes.subresource)")
            case .resourceName: (rule.resourceNames, attributes.name)
            case .path: (rule.nonResourceURLs, attributes.path)
            }
        let shown = has.prefix(8).map { "\"\($0)\"" }.joined(separator: ", ") + (has.count > 8 ? ", …" : "")
        return
            "\(binding.description) of \(binding.roleKind) \"\(binding.roleName)\" names you, but its \(field.rawValue) is [\(shown)], not "
            + "\"\(wants)\" [\(field.rawValue)]"
    }
}
