public import JSON

/// What an admission rule is compared with: where a write goes and what it does.
public struct AdmissionTarget: Sendable, Hashable {
    /// A resource in one version, with the kind of its objects.
    public struct Place: Sendable, Hashable {
        /// The API group.
        public let group: String
        /// The version.
        public let version: String
        /// The plural name.
        public let resource: String
        /// The kind of the object that is written there.
        public let kind: GroupVersionKind

        /// Names a place.
        public init(group: String, version: String, resource: String, kind: GroupVersionKind) {
            self.group = group
            self.version = version
            self.resource = resource
            self.kind = kind
        }
    }

    /// Where the request goes.
    public let place: Place
    /// The same objects in other versions.
    public let equivalents: [Place]
    /// `status`, `scale` …
    public let subresource: String
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    public let operation: String
    /// The namespace of the request; for a namespace its own name.
    public let namespace: String
    /// The object's name as far as it is known.
    public let name: String

    /// Names a target.
    public init(place: Place, equivalents: [Place], subresource: String, operation: String, namespace: String, name: String) {
        self.place = place
        self.equivalents = equivalents
        self.subresource = subresource
        self.operation = operation
        self.namespace = namespace
        self.name = name
    }

    fileprivate var isNamespace: Bool { place.group.isEmpty && place.resource == "namespaces" }
}

/// One of a webhook's or policy's rules (`k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules`).
struct AdmissionRule: Sendable {
    private let operations: [String]
    private let groups: [String]
    private let versions: [String]
    private let resources: [(resource: Substring, subresource: Substring)]
    private let names: [String]
    private let scope: String

    init(_ rule: JSON) {
        operations = rule.texts("operations")
        groups = rule.texts("apiGroups")
        versions = rule.texts("apiVersions")
        resources = rule.texts("resources").map { text in
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
        names = rule.texts("resourceNames")
        scope = rule["scope"]?.string ?? "*"
    }

    func matches(_ target: AdmissionTarget, at place: AdmissionTarget.Place) -> Bool {
        func has(_ list: [String], _ value: String) -> Bool { list.contains("*") || list.contains(value) }
        let isClusterScoped = target.isNamespace || target.namespace.isEmpty
        guard scope == "*" || (scope == "Cluster") == isClusterScoped, has(operations, target.operation), has(groups, place.group),
            has(versions, place.version), names.isEmpty || names.contains(target.name)
        else { return false }
        return resources.contains { resource, subresource in
            (resource == "*" || resource == place.resource) && (subresource == "*" || subresource == target.subresource)
        }
    }
}

/// Which requests a policy, binding or webhook is about (`policy/matching`, `webhook/generic`).
public struct AdmissionMatch: Sendable {
    private let rules: [AdmissionRule]
    private let excluded: [AdmissionRule]
    private let isExact: Bool
    private let namespaces: LabelSelector?
    private let objects: LabelSelector?
    private let needsRule: Bool

    /// Reads `matchConstraints` of a policy or `matchResources` of a binding; without rules everything is matched.
    public init(resources match: JSON?) {
        self.init(
            rules: match?.items("resourceRules") ?? [], excluded: match?.items("excludeResourceRules") ?? [], match ?? [:], needsRule: false
        )
    }

    /// Reads a webhook; without rules nothing is matched.
    public init(webhook: JSON) { self.init(rules: webhook.items("rules"), excluded: [], webhook, needsRule: true) }

    private init(rules: [JSON], excluded: [JSON], _ selectors: JSON, needsRule: Bool) {
        self.rules = rules.map(AdmissionRule.init)
        self.excluded = excluded.map(AdmissionRule.init)
        isExact = selectors["matchPolicy"]?.string ?? "Exact" == "Exact"
        namespaces = selectors.present("namespaceSelector").flatMap { try? LabelSelector(labelSelectorObject: $0) }
        objects = selectors.present("objectSelector").flatMap { try? LabelSelector(labelSelectorObject: $0) }
        self.needsRule = needsRule
    }

    /// The place by which a request is matched: its own, or that of an equivalent version; `nil` when it is not.
    ///
    /// - Parameters:
    ///   - namespace: the labels of the request's namespace; `nil` when it has none.
    ///   - object: the labels of the object as it will be; `nil` when there is none.
    ///   - old: the labels of the object as it is; `nil` when there is none.
    public func place(
        _ target: AdmissionTarget, namespace: JSONObject?, object: JSONObject?, old: JSONObject?
    ) -> AdmissionTarget.Place? {
        if let namespaces, !target.namespace.isEmpty || target.isNamespace, !namespaces.matches(namespace) { return nil }
        if let objects, !objects.isEmpty, !(object.map { objects.matches($0) } ?? false), !(old.map { objects.matches($0) } ?? false) {
            return nil
        }
        if place(of: excluded, target) != nil { return nil }
        if rules.isEmpty { return needsRule ? AdmissionTarget.Place?.none : target.place }
        return place(of: rules, target)
    }

    private func place(of rules: [AdmissionRule], _ target: AdmissionTarget) -> AdmissionTarget.Place? {
        if rules.contains(where: { $0.matches(target, at: target.place) }) { return target.place }
        guard !isExact else { return nil }
        for rule in rules {
            if let place = target.equivalents.first(where: { rule.matches(target, at: $0) }) { return place }
        }
        return nil
    }
}
