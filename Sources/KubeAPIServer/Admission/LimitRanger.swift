import JSON
import KubeAPI

/// LimitRanges give containers what they did not ask for and refuse what is too little or too much (`plugin/pkg/admission/limitranger`).
struct LimitRanger: AdmissionPlugin {
    static let name = "LimitRanger"

    private static let annotation = "kubernetes.io/limit-ranger"

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("", "pods") else { return }
        for range in view.objects("", "limitranges", namespace: attributes.request.namespace) {
            Self.fill(&attributes.object, range)
        }
    }

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation != .delete, !(attributes.operation == .update && attributes.object.isBeingDeleted) else { return }
        let isPod = attributes.concerns("", "pods") && attributes.operation == .create
        guard isPod || attributes.concerns("", "persistentvolumeclaims") else { return }
        for range in view.objects("", "limitranges", namespace: attributes.request.namespace) {
            let problems = isPod ? Self.podProblems(attributes.object, range) : Self.claimProblems(attributes.object, range)
            if !problems.isEmpty { throw attributes.forbidden(AggregateText.of(problems)) }
        }
    }

    private static func limits(_ range: JSON, _ type: String) -> [JSON] {
        (range.at("spec", "limits")?.array ?? []).filter { $0["type"]?.string == type }
    }

    // MARK: Defaults

    private static func fill(_ pod: inout JSON, _ range: JSON) {
        var requests: JSON = [:]
        var maxima: JSON = [:]
        for limit in limits(range, "Container") {
            for (name, amount) in limit["defaultRequest"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] { requests[name] = amount }
            for (name, amount) in limit["default"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] { maxima[name] = amount }
        }
        var notes: [String] = []
        for (field, title) in [("containers", "container"), ("initContainers", "init container")] {
            guard var containers = pod.at("spec", field)?.array else { continue }
            for index in containers.indices {
                let name = containers[index]["name"]?.string ?? ""
                for (list, defaults, kind) in [("requests", requests, "request"), ("limits", maxima, "limit")] {
                    let set = merge(&containers[index], list, defaults)
                    if !set.isEmpty { notes.append("\(set.joined(separator: ", ")) \(kind) for \(title) \(name)") }
                }
            }
            pod.set(.array(containers), at: ["spec", field])
        }
        if !notes.isEmpty {
            pod.set(.string("LimitRanger plugin set: " + notes.joined(separator: "; ")), at: ["metadata", "annotations", annotation])
        }
    }

    /// Adds what a list lacks; the names of what was added.
    private static func merge(_ container: inout JSON, _ list: String, _ defaults: JSON) -> [String] {
        var present = container.at("resources", list) ?? [:]
        if present.isNull { present = [:] }
        var added: [String] = []
        for member in defaults.object?.members ?? [] where present[member.key] == nil {
            present[member.key] = member.value
            added.append(member.key)
        }
        if !added.isEmpty { container.set(present, at: ["resources", list]) }
        return added.sorted()
    }

    // MARK: Bounds

    private static func podProblems(_ pod: JSON, _ range: JSON) -> [String] {
        let spec = pod["spec"] ?? [:]
        var problems: [String] = []
        for limit in range.at("spec", "limits")?.array ?? [] {
            switch limit["type"]?.string {
            case "Container":
                for container in (spec["containers"]?.array ?? []) + (spec["initContainers"]?.array ?? []) {
                    let requests = PodResources.list(container.at("resources", "requests"))
                    problems += boundProblems("Container", limit, requests, PodResources.list(container.at("resources", "limits")))
                }
            case "Pod":
                problems += boundProblems("Pod", limit, PodResources.total(spec, "requests"), PodResources.total(spec, "limits"))
            default: break
            }
        }
        return problems
    }

    private static func claimProblems(_ claim: JSON, _ range: JSON) -> [String] {
        let type = "PersistentVolumeClaim"
        let requests = PodResources.list(claim.at("spec", "resources", "requests"))
        var problems: [String] = []
        for limit in limits(range, type) {
            for (name, bound) in sorted(limit["min"]) { problems += least(type, name, bound, requests[name], nil) }
            for (name, bound) in sorted(limit["max"]) {
                guard let request = requests[name] else {
                    problems.append("maximum \(name) usage per \(type) is \(bound.text).  No request is specified")
                    continue
                }
                if request > bound { problems.append("maximum \(name) usage per \(type) is \(bound.text), but request is \(request.text)") }
            }
        }
        return problems
    }

    /// Bounds by name: Go's maps have no order, here everything has one.
    private static func sorted(_ bounds: JSON?) -> [(String, QuantityValue)] {
        PodResources.list(bounds).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private static func boundProblems(
        _ type: String, _ limit: JSON, _ requests: PodResources.List, _ maxima: PodResources.List
    ) -> [String] {
        var problems: [String] = []
        for (name, bound) in sorted(limit["min"]) { problems += least(type, name, bound, requests[name], maxima[name]) }
        for (name, bound) in sorted(limit["max"]) { problems += most(type, name, bound, requests[name], maxima[name]) }
        for (name, bound) in sorted(limit["maxLimitRequestRatio"]) { problems += ratio(type, name, bound, requests[name], maxima[name]) }
        return problems
    }

    private static func least(
        _ type: String, _ name: String, _ bound: QuantityValue, _ request: QuantityValue?, _ limit: QuantityValue?
    ) -> [String] {
        let text = "minimum \(name) usage per \(type) is \(bound.text)"
        guard let request else { return ["\(text).  No request is specified"] }
        if request < bound { return ["\(text), but request is \(request.text)"] }
        if let limit, limit < bound { return ["\(text), but limit is \(limit.text)"] }
        return []
    }

    private static func most(
        _ type: String, _ name: String, _ bound: QuantityValue, _ request: QuantityValue?, _ limit: QuantityValue?
    ) -> [String] {
        let text = "maximum \(name) usage per \(type) is \(bound.text)"
        guard let limit else { return ["\(text).  No limit is specified"] }
        if limit > bound { return ["\(text), but limit is \(limit.text)"] }
        if let request, request > bound { return ["\(text), but request is \(request.text)"] }
        return []
    }

    private static func ratio(
        _ type: String, _ name: String, _ bound: QuantityValue, _ request: QuantityValue?, _ limit: QuantityValue?
    ) -> [String] {
        let text = "\(name) max limit to request ratio per \(type) is \(bound.text)"
        guard let request, request > .zero else { return ["\(text), but no request is specified or request is 0"] }
        guard let limit, limit > .zero else { return ["\(text), but no limit is specified or limit is 0"] }
        let observed = Double(limit.nanos) / Double(request.nanos)
        guard observed > Double(bound.milliValue) / 1000 else { return [] }
        return ["\(text), but provided ratio is \(GoText.fixed(observed, decimals: 6))"]
    }
}

/// Several errors as one text (`k8s.io/apimachinery/pkg/util/errors.Aggregate`): each once, in brackets when they are more than one.
enum AggregateText {
    static func of(_ texts: [String]) -> String {
        var seen: Set<String> = []
        let distinct = texts.filter { seen.insert($0).inserted }
        return distinct.count == 1 ? distinct[0] : "[" + distinct.joined(separator: ", ") + "]"
    }
}
