import JSON

/// A requirement on a node's labels or fields (`v1.NodeSelectorRequirement`).
struct NodeRequirement: Sendable, Hashable {
    let key: String
    let `operator`: String
    let values: [String]

    init(_ object: JSON) {
        key = object["key"]?.string ?? ""
        self.operator = object["operator"]?.string ?? ""
        values = object["values"]?.strings ?? []
    }

    func matches(_ value: String?) -> Bool {
        switch self.operator {
        case "In": return value.map(values.contains) ?? false
        case "NotIn": return value.map { !values.contains($0) } ?? true
        case "Exists": return value != nil
        case "DoesNotExist": return value == nil
        case "Gt", "Lt":
            guard let number = value.flatMap({ Int64($0) }), let bound = values.first.flatMap({ Int64($0) }) else { return false }
            return self.operator == "Gt" ? number > bound : number < bound
        default: return false
        }
    }
}

/// Requirements that all have to hold (`v1.NodeSelectorTerm`). A term without any matches no node.
struct NodeTerm: Sendable, Hashable {
    let labels: [NodeRequirement]
    let fields: [NodeRequirement]

    init(_ object: JSON) {
        labels = (object["matchExpressions"]?.array ?? []).map(NodeRequirement.init)
        fields = (object["matchFields"]?.array ?? []).map(NodeRequirement.init)
    }

    func matches(_ node: SchedulingNode) -> Bool { matches(name: node.name, labels: node.labels) }

    func matches(name: String, labels known: [String: String]) -> Bool {
        guard !(labels.isEmpty && fields.isEmpty) else { return false }
        return labels.allSatisfy { $0.matches(known[$0.key]) } && fields.allSatisfy { $0.key == "metadata.name" && $0.matches(name) }
    }

    /// The nodes that the fields name; `nil` when they name none in particular.
    var names: Set<String>? {
        var names: Set<String>?
        for field in fields where field.key == "metadata.name" && field.operator == "In" {
            names = names.map { $0.intersection(field.values) } ?? Set(field.values)
        }
        return names
    }
}

/// Which nodes a pod may and would rather be on: `nodeSelector` and `affinity.nodeAffinity`.
struct NodeSelection: Sendable, Hashable {
    let selector: [String: String]
    /// One of them has to match; `nil` without required affinity.
    let required: [NodeTerm]?
    let preferred: [Preference]

    struct Preference: Sendable, Hashable {
        let weight: Int64
        let term: NodeTerm
    }

    init(_ spec: JSON) {
        var selector: [String: String] = [:]
        for member in spec["nodeSelector"]?.object ?? [:] { selector[member.key] = member.value.string ?? "" }
        self.selector = selector
        let affinity = spec.at("affinity", "nodeAffinity")
        required = affinity?.at("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")?.array?.map(NodeTerm.init)
        preferred = (affinity?["preferredDuringSchedulingIgnoredDuringExecution"]?.array ?? []).map {
            Preference(weight: $0["weight"]?.integer ?? 0, term: NodeTerm($0["preference"] ?? [:]))
        }
    }

    /// Whether every node will do.
    var isOpen: Bool { selector.isEmpty && required == nil }

    func allows(_ node: SchedulingNode) -> Bool { allows(name: node.name, labels: node.labels) }

    func allows(name: String, labels: [String: String]) -> Bool {
        guard selector.allSatisfy({ labels[$0.key] == $0.value }) else { return false }
        return required?.contains { $0.matches(name: name, labels: labels) } ?? true
    }

    /// The only nodes that come into question by name; `nil` for all. Empty when the terms contradict themselves.
    var names: Set<String>? {
        guard let required, !required.isEmpty else { return nil }
        var union: Set<String> = []
        for term in required {
            guard let names = term.names else { return nil }
            union.formUnion(names)
        }
        return union
    }

    /// The sum of the weights of the preferences that a node meets.
    func preference(for node: SchedulingNode) -> Int64 {
        preferred.reduce(0) { $1.term.matches(node) ? $0.clampedAdding($1.weight) : $0 }
    }
}
