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
    public func allows(_ attributes: Attributes) -> Bool { firstMismatch(attributes, stopAtFirst: true).isEmpty }

    /// The fields that keep the rule from granting the request; empty when it grants it.
    public func mismatches(_ attributes: Attributes) -> [Field] { firstMismatch(attributes, stopAtFirst: false) }

    private func firstMismatch(_ attributes: Attributes, stopAtFirst: Bool) -> [Field] {
        var found: [Field] = []
        func check(_ holds: Bool, _ field: Field) -> Bool {
            if !holds { found.append(field) }
            return !holds && stopAtFirst
        }
        if check(matchesVerb(attributes.verb), .verb) { return found }
        guard attributes.isResourceRequest else {
            _ = check(matchesPath(attributes.path), .path)
            return found
        }
        if check(apiGroups.contains { $0 == "*" || $0 == attributes.apiGroup }, .apiGroup) { return found }
        if check(matchesResource(attributes.resource, attributes.subresource), .resource) { return found }
        _ = check(resourceNames.isEmpty || resourceNames.contains(attributes.name), .resourceName)
        return found
    }

    private func matchesVerb(_ verb: String) -> Bool { verbs.contains { $0 == "*" || $0 == verb } }

    private func matchesResource(_ resource: String, _ subresource: String) -> Bool {
        let combined = subresource.isEmpty ? resource : "\(resource)/\(subresource)"
        return resources.contains { $0 == "*" || $0 == combined || (!subresource.isEmpty && $0 == "*/\(subresource)") }
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
