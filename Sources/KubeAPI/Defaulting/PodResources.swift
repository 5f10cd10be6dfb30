import JSON

/// What a pod's containers ask for together (`k8s.io/component-helpers/resource`).
public enum PodResources {
    /// Amounts by resource name.
    public typealias List = [String: QuantityValue]

    /// Resources that may be asked for by the pod as a whole.
    static func isPodLevel(_ name: String) -> Bool { name == "cpu" || name == "memory" || name.hasPrefix("hugepages-") }

    /// The amounts of a resource list.
    public static func list(_ value: JSON?) -> List {
        var result: List = [:]
        for member in value?.object?.members ?? [] {
            if let amount = member.value.string.flatMap({ QuantityValue($0) }) { result[member.key] = amount }
        }
        return result
    }

    private static func add(_ list: inout List, _ other: List) {
        for (name, amount) in other { list[name] = (list[name] ?? .zero) + amount }
    }

    private static func raise(_ list: inout List, _ other: List) {
        for (name, amount) in other where amount > list[name] ?? .zero { list[name] = amount }
    }

    /// The sum over containers that run together, or the largest init container with the sidecars before it, whichever is more.
    public static func aggregate(_ spec: JSON, _ field: String) -> List {
        var sum: List = [:]
        for container in spec.items("containers") { add(&sum, list(container.at("resources", field))) }
        var sidecars: List = [:]
        var peak: List = [:]
        for container in spec.items("initContainers") {
            let own = list(container.at("resources", field))
            if container["restartPolicy"] == "Always" {
                add(&sum, own)
                add(&sidecars, own)
                raise(&peak, sidecars)
            } else {
                var together = sidecars
                add(&together, own)
                raise(&peak, together)
            }
        }
        raise(&sum, peak)
        return sum
    }

    /// What the scheduler and quotas count for a pod: its containers', its own where it has some, and the overhead.
    public static func total(_ spec: JSON, _ field: String) -> List {
        var result = aggregate(spec, field)
        for (name, amount) in list(spec.at("resources", field)) where isPodLevel(name) { result[name] = amount }
        for (name, amount) in list(spec["overhead"]) where field == "requests" || result[name] != nil {
            result[name] = (result[name] ?? .zero) + amount
        }
        return result
    }

    /// Fills in the pod's own requests and limits where it has some of the two (`defaultPodRequests`, `defaultPodLimits`).
    static func fillPodLevel(_ spec: inout JSON) {
        guard let resources = spec.present("resources") else { return }
        var limits = resources["limits"]?.object ?? [:]
        var requests = resources["requests"]?.object ?? [:]
        guard !(limits.isEmpty && requests.isEmpty) else { return }
        let containerLimits = aggregate(spec, "limits")
        for (name, amount) in containerLimits.sorted(by: { $0.key < $1.key })
        where name.hasPrefix("hugepages-") && !requests.contains(name) && !limits.contains(name) {
            limits[name] = .string(amount.text)
        }
        if !limits.isEmpty {
            for (name, amount) in aggregate(spec, "requests").sorted(by: { $0.key < $1.key })
            where (name == "cpu" || name == "memory") && !requests.contains(name) {
                requests[name] = .string(amount.text)
            }
            for member in limits where !requests.contains(member.key) && isPodLevel(member.key) { requests[member.key] = member.value }
        }
        limits.sortKeys()
        requests.sortKeys()
        if !limits.isEmpty { spec.set(.object(limits), at: ["resources", "limits"]) }
        if !requests.isEmpty { spec.set(.object(requests), at: ["resources", "requests"]) }
    }
}
