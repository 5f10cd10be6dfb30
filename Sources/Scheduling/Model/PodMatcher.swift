import JSON
import KubeAPI

/// Which namespaces a pod affinity term looks at.
struct NamespaceChoice: Sendable, Hashable {
    let names: Set<String>
    /// `nil` without `namespaceSelector`; an empty one takes all namespaces.
    let selector: LabelSelector?

    init(only name: String) {
        names = [name]
        selector = nil
    }

    /// `namespaces` and `namespaceSelector` of a term; the pod's own namespace without both.
    init(_ term: JSON, own: String) {
        let listed = Set(term["namespaces"]?.strings ?? [])
        selector = LabelSelector(term["namespaceSelector"])
        names = listed.isEmpty && term.present("namespaceSelector") == nil ? [own] : listed
    }

    func contains(_ namespace: String, labels: JSONObject?) -> Bool {
        names.contains(namespace) || (selector?.matches(labels) ?? false)
    }
}

/// Pods by namespace and labels.
struct PodMatcher: Sendable, Hashable {
    let namespaces: NamespaceChoice
    /// `nil` selects nothing.
    let selector: LabelSelector?

    func matches(_ pod: PodRequirements, namespaceLabels: JSONObject?) -> Bool {
        namespaces.contains(pod.namespace, labels: namespaceLabels) && (selector?.matches(pod.labels) ?? false)
    }
}

/// A term of `podAffinity` or `podAntiAffinity`.
struct PodAffinityTerm: Sendable, Hashable {
    let pods: PodMatcher
    let topologyKey: String

    init(_ term: JSON, namespace: String) {
        pods = PodMatcher(namespaces: NamespaceChoice(term, own: namespace), selector: LabelSelector(term["labelSelector"]))
        topologyKey = term["topologyKey"]?.string ?? ""
    }
}

/// `podAffinity` or `podAntiAffinity`.
struct PodAffinity: Sendable, Hashable {
    let required: [PodAffinityTerm]
    let preferred: [Preference]

    struct Preference: Sendable, Hashable {
        let weight: Int64
        let term: PodAffinityTerm
    }

    init(_ affinity: JSON?, namespace: String) {
        required = (affinity?["requiredDuringSchedulingIgnoredDuringExecution"]?.array ?? []).map {
            PodAffinityTerm($0, namespace: namespace)
        }
        preferred = (affinity?["preferredDuringSchedulingIgnoredDuringExecution"]?.array ?? []).map {
            Preference(
                weight: $0["weight"]?.integer ?? 0, term: PodAffinityTerm($0["podAffinityTerm"] ?? [:], namespace: namespace))
        }
    }

    var isEmpty: Bool { required.isEmpty && preferred.isEmpty }
}
