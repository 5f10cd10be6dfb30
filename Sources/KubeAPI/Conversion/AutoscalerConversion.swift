import JSON

/// HorizontalPodAutoscalers between `autoscaling/v1`, which knows one CPU target, and `autoscaling/v2`; what v1 has no fields for travels in
/// annotations (`pkg/apis/autoscaling/v1/conversion.go`).
enum AutoscalerConversion {
    private static let metrics = "autoscaling.alpha.kubernetes.io/metrics"
    private static let behavior = "autoscaling.alpha.kubernetes.io/behavior"
    private static let conditions = "autoscaling.alpha.kubernetes.io/conditions"

    private static func isCPU(_ metric: JSON, _ field: String) -> Bool {
        metric["type"] == "Resource" && metric.at("resource", "name") == "cpu" && metric.at("resource", field, "averageUtilization") != nil
    }

    /// Makes a v2 object one of v1, in place.
    static func toV1(_ object: inout JSON) {
        let wanted = object.at("spec", "metrics")?.array ?? []
        if let cpu = wanted.first(where: { isCPU($0, "target") }) {
            object.set(cpu.at("resource", "target", "averageUtilization"), at: ["spec", "targetCPUUtilizationPercentage"])
        }
        let others = wanted.filter { !isCPU($0, "target") }
        if !others.isEmpty { object.set(.string(JSON.array(others.map(oldForm)).text), at: ["metadata", "annotations", metrics]) }
        if let value = object.at("spec", "behavior") {
            let text = GoForm.json(value, "autoscaling.v2.HorizontalPodAutoscalerBehavior").text
            object.set(.string(text), at: ["metadata", "annotations", behavior])
        }
        if let value = object.at("status", "conditions"), value.array?.isEmpty == false {
            object.set(.string(value.text), at: ["metadata", "annotations", conditions])
        }
        object.remove(at: ["spec", "metrics"])
        object.remove(at: ["spec", "behavior"])
        guard let status = object["status"] else { return }
        var old: JSON = [:]
        for field in ["observedGeneration", "lastScaleTime"] { old[field] = status[field] }
        old["currentReplicas"] = status["currentReplicas"] ?? 0
        old["desiredReplicas"] = status["desiredReplicas"] ?? 0
        if let cpu = status["currentMetrics"]?.array?.first(where: { isCPU($0, "current") }) {
            old["currentCPUUtilizationPercentage"] = cpu.at("resource", "current", "averageUtilization")
        }
        object["status"] = old
    }

    /// Makes a v1 object one of v2, in place.
    static func toV2(_ object: inout JSON) {
        var wanted: [JSON] = []
        if let list = annotation(metrics, of: &object)?.array { wanted += list.map(newForm) }
        if let cpu = object.at("spec", "targetCPUUtilizationPercentage") {
            wanted.append(["type": "Resource", "resource": ["name": "cpu", "target": ["type": "Utilization", "averageUtilization": cpu]]])
        }
        object.remove(at: ["spec", "targetCPUUtilizationPercentage"])
        if !wanted.isEmpty { object.set(.array(wanted), at: ["spec", "metrics"]) }
        if let value = annotation(behavior, of: &object) { object.set(lowered(value), at: ["spec", "behavior"]) }
        let found = annotation(conditions, of: &object)
        guard let status = object["status"] else { return }
        var new: JSON = [:]
        for field in ["observedGeneration", "lastScaleTime"] { new[field] = status[field] }
        if let replicas = status["currentReplicas"], replicas != 0 { new["currentReplicas"] = replicas }
        new["desiredReplicas"] = status["desiredReplicas"] ?? 0
        new["currentMetrics"] =
            status["currentCPUUtilizationPercentage"].map { cpu in
                [["type": "Resource", "resource": ["name": "cpu", "current": ["averageUtilization": cpu]]]]
            } ?? .null
        if let found { new["conditions"] = found }
        object["status"] = new
    }

    /// The value of an annotation, which goes.
    private static func annotation(_ name: String, of object: inout JSON) -> JSON? {
        guard let text = object.at("metadata", "annotations", name)?.string, let value = try? JSON(parsing: text) else { return nil }
        object.remove(at: ["metadata", "annotations", name])
        if object.at("metadata", "annotations")?.object?.isEmpty == true { object.remove(at: ["metadata", "annotations"]) }
        return value
    }

    // MARK: Metrics

    /// The names that `autoscaling/v1` has for parts of a metric, by its source.
    private static func oldForm(_ metric: JSON) -> JSON {
        var result: JSON = ["type": metric["type"] ?? ""]
        for source in ["object", "pods", "resource", "containerResource", "external"] {
            guard let new = metric[source] else { continue }
            let target = new["target"] ?? [:]
            var old: JSON = [:]
            switch source {
            case "object":
                old["target"] = new["describedObject"]
                old["metricName"] = new.at("metric", "name")
                old["targetValue"] = target["value"] ?? "0"
                old["selector"] = new.at("metric", "selector")
                old["averageValue"] = target["averageValue"]
            case "pods":
                old["metricName"] = new.at("metric", "name")
                old["targetAverageValue"] = target["averageValue"]
                old["selector"] = new.at("metric", "selector")
            case "external":
                old["metricName"] = new.at("metric", "name")
                old["metricSelector"] = new.at("metric", "selector")
                old["targetValue"] = target["value"]
                old["targetAverageValue"] = target["averageValue"]
            default:
                old["name"] = new["name"]
                old["targetAverageUtilization"] = target["averageUtilization"]
                old["targetAverageValue"] = target["averageValue"]
                old["container"] = new["container"]
            }
            result[source] = old
        }
        return result
    }

    private static func newForm(_ metric: JSON) -> JSON {
        var result: JSON = ["type": metric["type"] ?? ""]
        for source in ["object", "pods", "resource", "containerResource", "external"] {
            guard let old = metric[source] else { continue }
            var new: JSON = [:]
            var target: JSON = [:]
            let average = old["targetAverageValue"] ?? (source == "object" ? old["averageValue"] : nil)
            if let utilization = old["targetAverageUtilization"] {
                target = ["type": "Utilization", "averageUtilization": utilization]
            } else if let average {
                target = ["type": "AverageValue", "averageValue": average]
            } else if let value = old["targetValue"] {
                target = ["type": "Value", "value": value]
            }
            if source == "object" { new["describedObject"] = old["target"] }
            if let name = old["metricName"] {
                new["metric"] = ["name": name]
                if let selector = old["selector"] ?? old["metricSelector"] { new.set(selector, at: ["metric", "selector"]) }
            }
            for field in ["name", "container"] { new[field] = old[field] }
            new["target"] = target
            result[source] = new
        }
        return result
    }

    /// Members under the names of JSON instead of Go's, without those that are not there.
    private static func lowered(_ value: JSON) -> JSON {
        switch value {
        case .array(let elements): return .array(elements.map(lowered))
        case .object(let object):
            var result: JSON = [:]
            for member in object.members where !member.value.isNull {
                result[member.key.prefix(1).lowercased() + member.key.dropFirst()] = lowered(member.value)
            }
            return result
        default: return value
        }
    }
}
