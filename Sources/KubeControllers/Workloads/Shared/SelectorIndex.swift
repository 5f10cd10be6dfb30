import JSON
import KubeAPI

/// Which pods each selector selects, kept up to date pod by pod: for Services and PodDisruptionBudgets.
struct SelectorIndex: Sendable {
    private struct Selecting: Sendable {
        let selector: LabelSelector
        var pods: Set<String> = []
    }

    /// By namespace and name of what selects.
    private var selecting: [String: [String: Selecting]] = [:]

    /// Takes over a selector, `nil` for what selects nothing or is gone.
    mutating func set(_ namespace: String, _ name: String, _ selector: LabelSelector?, _ pods: OwnedIndex<WorkloadPod>) {
        guard let selector else {
            selecting[namespace]?[name] = nil
            return
        }
        guard selecting[namespace]?[name]?.selector != selector else { return }
        let prefix = "\(namespace)/"
        var entry = Selecting(selector: selector)
        for key in pods.keys where key.hasPrefix(prefix) && selector.matches(pods[key]?.labels) { entry.pods.insert(key) }
        selecting[namespace, default: [:]][name] = entry
    }

    /// Notes a pod as it is now; answers the names of those that select it or did.
    mutating func note(_ key: String, _ namespace: String, _ pod: WorkloadPod?) -> [String] {
        var names: [String] = []
        for name in selecting[namespace]?.keys.sorted() ?? [] {
            guard var entry = selecting[namespace]?.removeValue(forKey: name) else { continue }
            let isSelected = pod.map { entry.selector.matches($0.labels) } ?? false
            let was = isSelected ? !entry.pods.insert(key).inserted : entry.pods.remove(key) != nil
            selecting[namespace]?[name] = entry
            if isSelected || was { names.append(name) }
        }
        return names
    }

    /// The keys of the pods that are selected, sorted.
    func pods(of namespace: String, _ name: String) -> [String] { (selecting[namespace]?[name]?.pods ?? []).sorted() }
}
