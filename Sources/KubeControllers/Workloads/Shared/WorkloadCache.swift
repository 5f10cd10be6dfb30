import JSON
import KubeAPI

/// What the controllers of workloads know of the cluster: each object is read once for all of them, as upstream's shared informers do.
struct WorkloadCache: Sendable {
    var pods = OwnedIndex<WorkloadPod>()
    var replicaSets = OwnedIndex<WorkloadObject>()
    var deployments = OwnedIndex<WorkloadObject>()
    var daemonSets = OwnedIndex<WorkloadObject>()
    var revisions = OwnedIndex<WorkloadObject>()
    var services = OwnedIndex<WorkloadObject>()
    var slices = OwnedIndex<WorkloadObject>()
    var budgets = OwnedIndex<WorkloadObject>()
    var nodes: [String: WorkloadNode] = [:]
    /// What Services and budgets select.
    var behindServices = SelectorIndex()
    var underBudgets = SelectorIndex()

    /// An object of a kind of workload.
    func object(_ kind: WorkloadKind, _ key: String) -> WorkloadObject? {
        switch kind {
        case .replicaSet: replicaSets[key]
        case .deployment: deployments[key]
        case .daemonSet: daemonSets[key]
        case .job, .statefulSet: nil
        }
    }

    /// All objects of a kind of workload.
    func all(_ kind: WorkloadKind) -> [WorkloadObject] {
        switch kind {
        case .replicaSet: replicaSets.all
        case .deployment: deployments.all
        case .daemonSet: daemonSets.all
        case .job, .statefulSet: []
        }
    }

    /// The pods that a Service selects.
    func selected(by service: JSON) -> [WorkloadPod] {
        behindServices.pods(of: service.objectNamespace, service.objectName).compactMap { pods[$0] }
    }

    /// The pods that a PodDisruptionBudget selects.
    func selected(byBudget budget: JSON) -> [WorkloadPod] {
        underBudgets.pods(of: budget.objectNamespace, budget.objectName).compactMap { pods[$0] }
    }

    /// Takes over a Service.
    mutating func setService(_ key: String, _ service: WorkloadObject?) {
        let old = services.set(key, service)
        guard let any = service ?? old else { return }
        let labels = service?.json.at("spec", "selector")
        let isManaged = service.map { ServicePorts.isManaged($0.json) } ?? false
        let selector = isManaged ? labels.flatMap { LabelSelector(["matchLabels": $0]) } : nil
        behindServices.set(any.namespace, any.name, selector, pods)
    }

    /// Takes over a PodDisruptionBudget.
    mutating func setBudget(_ key: String, _ budget: WorkloadObject?) {
        let old = budgets.set(key, budget)
        guard let any = budget ?? old else { return }
        underBudgets.set(any.namespace, any.name, budget.flatMap { LabelSelector($0.json.at("spec", "selector")) }, pods)
    }
}
