import JSON
import KubeAPI

/// Selectors by which pods are spread that say nothing themselves: of the Services that select them and of their controllers.
struct DefaultSelectors: Sendable {
    private var services: [String: [String: JSON]] = [:]
    private var workloads: [String: JSON] = [:]

    /// Answers whether anything changed.
    mutating func set(kind: String, namespace: String, name: String, object: JSON?) -> Bool {
        let selector = object?.at("spec", "selector")
        if kind == "Service" {
            guard services[namespace]?[name] != selector else { return false }
            services[namespace, default: [:]][name] = selector
        } else {
            guard workloads["\(kind)/\(namespace)/\(name)"] != selector else { return false }
            workloads["\(kind)/\(namespace)/\(name)"] = selector
        }
        return true
    }

    /// The selector for a pod (`helper.DefaultSelector`); `nil` when nothing selects it.
    func selector(of pod: PodRequirements) -> LabelSelector? {
        var labels = JSONObject()
        var expressions: [JSON] = []
        for (_, selector) in (services[pod.namespace] ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let wanted = selector.object, !wanted.isEmpty,
                wanted.members.allSatisfy({ pod.labels[$0.key] == $0.value })
            else { continue }
            for member in wanted { labels[member.key] = member.value }
        }
        if let owner = pod.owner, let selector = workloads["\(owner.kind)/\(pod.namespace)/\(owner.name)"] {
            if owner.kind == "ReplicationController" {
                for member in selector.object ?? [:] { labels[member.key] = member.value }
            } else {
                for member in selector["matchLabels"]?.object ?? [:] { labels[member.key] = member.value }
                expressions = selector["matchExpressions"]?.array ?? []
            }
        }
        guard !labels.isEmpty || !expressions.isEmpty else { return nil }
        return LabelSelector(["matchLabels": .object(labels), "matchExpressions": .array(expressions)])
    }
}

/// A PodDisruptionBudget as preemption looks at it.
struct Budget: Sendable {
    let namespace: String
    let selector: LabelSelector?
    let allowed: Int64
    let disrupted: Set<String>

    init(_ budget: JSON) {
        namespace = budget.objectNamespace
        selector = LabelSelector(budget.at("spec", "selector"))
        allowed = budget.at("status", "disruptionsAllowed")?.integer ?? 0
        disrupted = Set(budget.at("status", "disruptedPods")?.object?.keys ?? [])
    }

    /// Whether it protects a pod; an empty selector protects none here.
    func covers(_ pod: SchedulablePod) -> Bool {
        guard pod.requirements.namespace == namespace, !pod.requirements.labels.isEmpty, let selector, !selector.isEmpty else {
            return false
        }
        return selector.matches(pod.requirements.labels)
    }
}
