import JSON
import KubeAPI

/// A `topologySpreadConstraint` of a pod.
struct SpreadConstraint: Sendable, Hashable {
    /// `DoNotSchedule`; else `ScheduleAnyway`.
    let isRequired: Bool
    let maxSkew: Int64
    let topologyKey: String
    let selector: LabelSelector?
    let minDomains: Int64
    let honorsNodeAffinity: Bool
    let honorsTaints: Bool

    init(_ object: JSON, labels: JSONObject) {
        isRequired = object["whenUnsatisfiable"]?.string != "ScheduleAnyway"
        maxSkew = object["maxSkew"]?.integer ?? 1
        topologyKey = object["topologyKey"]?.string ?? ""
        minDomains = object["minDomains"]?.integer ?? 1
        honorsNodeAffinity = object["nodeAffinityPolicy"]?.string != "Ignore"
        honorsTaints = object["nodeTaintsPolicy"]?.string == "Honor"
        var wanted = object["labelSelector"]
        let keys = (object["matchLabelKeys"]?.strings ?? []).filter { labels[$0] != nil }
        if !keys.isEmpty {
            // What the API server may have merged already does no harm twice.
            var expressions = wanted?["matchExpressions"]?.array ?? []
            expressions += keys.map { ["key": .string($0), "operator": "In", "values": [labels[$0] ?? ""]] }
            wanted = wanted ?? [:]
            wanted?["matchExpressions"] = .array(expressions)
        }
        selector = LabelSelector(wanted)
    }

    /// One of the cluster's own constraints for pods without any.
    init(maxSkew: Int64, topologyKey: String, selector: LabelSelector) {
        isRequired = false
        self.maxSkew = maxSkew
        self.topologyKey = topologyKey
        self.selector = selector
        minDomains = 1
        honorsNodeAffinity = true
        honorsTaints = false
    }

    static let hostname = "kubernetes.io/hostname"

    /// The constraints of the default profile (`defaultingType: System`).
    static func system(_ selector: LabelSelector) -> [SpreadConstraint] {
        [
            SpreadConstraint(maxSkew: 3, topologyKey: hostname, selector: selector),
            SpreadConstraint(maxSkew: 5, topologyKey: "topology.kubernetes.io/zone", selector: selector),
        ]
    }
}
