public import JSON

/// One rule of a Role, ClusterRole or access policy (`rbac.authorization.k8s.io/v1 PolicyRule`).
public struct PolicyRule: Sendable, Hashable {
    /// Verbs; `*` means all.
    public var verbs: [String]
    /// API groups; empty text is the core group, `*` means all.
    public var apiGroups: [String]
    /// Resources, `resource/subresource`, `*/subresource`, or `*`.
    public var resources: [String]
    /// Names; empty means all.
    public var resourceNames: [String]
    /// Paths, exact or with a final `*`; for requests that are about no resource.
    public var nonResourceURLs: [String]

    /// Makes a rule.
    public init(
        verbs: [String], apiGroups: [String] = [], resources: [String] = [], resourceNames: [String] = [], nonResourceURLs: [String] = []
    ) {
        self.verbs = verbs
        self.apiGroups = apiGroups
        self.resources = resources
        self.resourceNames = resourceNames
        self.nonResourceURLs = nonResourceURLs
    }

    /// Reads a rule; absent lists are empty.
    public init(json: JSON) {
        func strings(_ key: String) -> [String] { json[key]?.array?.compactMap(\.string) ?? [] }
        self.init(
            verbs: strings("verbs"), apiGroups: strings("apiGroups"), resources: strings("resources"),
            resourceNames: strings("resourceNames"), nonResourceURLs: strings("nonResourceURLs"))
    }

    /// The rule as JSON, without empty lists but for the verbs.
    public var json: JSON {
        var json: JSON = ["verbs": JSON(strings: verbs)]
        if !apiGroups.isEmpty { json["apiGroups"] = JSON(strings: apiGroups) }
        if !resources.isEmpty { json["resources"] = JSON(strings: resources) }
        if !resourceNames.isEmpty { json["resourceNames"] = JSON(strings: resourceNames) }
        if !nonResourceURLs.isEmpty { json["nonResourceURLs"] = JSON(strings: nonResourceURLs) }
        return json
    }

    /// The parts of a request that a rule looks at.
    public enum Field: String, Sendable, Hashable {
        case verb, resource, path
        case apiGroup = "API group"
        case resourceName = "resource name"
    }

    /// Whether the rule grants the request (`RuleAllows`, plugin/pkg/auth/authorizer/rbac).
    public func allows(_ attributes: Attributes) -> Bool {
        guard matchesVerb(attributes.verb) else { return false }
        guard attributes.isResourceRequest else { return matchesPath(attributes.path) }
        return matchesGroup(attributes.apiGroup) && matchesResource(attributes.resource, attributes.subresource)
            && matchesName(attributes.name)
    }

    /// The fields that keep the rule from granting the request; empty when it grants it.
    public func mismatches(_ attributes: Attributes) -> [Field] {
        var found: [Field] = []
        if !matchesVerb(attributes.verb) { found.append(.verb) }
        guard attributes.isResourceRequest else { return matchesPath(attributes.path) ? found : found + [.path] }
        if !matchesGroup(attributes.apiGroup) { found.append(.apiGroup) }
        if !matchesResource(attributes.resource, attributes.subresource) { found.append(.resource) }
        if !matchesName(attributes.name) { found.append(.resourceName) }
        return found
    }

    private func matchesGroup(_ group: String) -> Bool { apiGroups.contains { $0 == "*" || $0 == group } }

    private func matchesName(_ name: String) -> Bool { resourceNames.isEmpty || resourceNames.contains(name) }

    private func matchesVerb(_ verb: String) -> Bool { verbs.contains { $0 == "*" || $0 == verb } }

    private func matchesResource(_ resource: String, _ subresource: String) -> Bool {
        guard !subresource.isEmpty else { return resources.contains { $0 == "*" || $0 == resource } }
        let combined = "\(resource)/\(subresource)"
        return resources.contains { $0 == "*" || $0 == combined || $0 == "*/\(subresource)" }
    }

    private func matchesPath(_ path: String) -> Bool {
        nonResourceURLs.contains { rule in
            if rule == "*" || rule == path { return true }
            guard rule.hasSuffix("*") else { return false }
            var prefix = rule[...]
            while prefix.hasSuffix("*") { prefix = prefix.dropLast() }
            return path.hasPrefix(prefix)
        }
    }
}
