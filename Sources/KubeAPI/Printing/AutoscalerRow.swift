import JSON

/// The row of a HorizontalPodAutoscaler (`printHorizontalPodAutoscaler`).
enum AutoscalerRow {
    private static let limit = 2

    /// The row of an `autoscaling/v2` autoscaler.
    static func cells(_ shown: PrintedObject) -> [JSON] {
        let minimum = shown.value("spec", "minReplicas")?.integer.map { String($0) } ?? PrintedObject.unset
        return [
            .string(shown.name), "\(shown.text("spec", "scaleTargetRef", "kind"))/\(shown.text("spec", "scaleTargetRef", "name"))",
            .string(targets(shown.list("spec", "metrics"), shown.list("status", "currentMetrics"))), .string(minimum),
            .integer(shown.integer("spec", "maxReplicas")), .integer(shown.integer("status", "currentReplicas")), shown.age,
        ]
    }

    /// The row of an `autoscaling/v1` autoscaler.
    static func oldCells(_ shown: PrintedObject) -> [JSON] {
        let target = GroupVersionKind(group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler")
        return cells(PrintedObject(object: VersionConversion.convert(shown.object, to: target), now: shown.now))
    }

    private static func targets(_ specs: [JSON], _ statuses: [JSON]) -> String {
        guard !specs.isEmpty else { return PrintedObject.none }
        let texts = specs.enumerated().map { index, spec in target(spec, index < statuses.count ? statuses[index] : nil) }
        return PrintedObject.shortened(texts, of: texts.count, limit: limit, separator: ", ")
    }

    private static func target(_ spec: JSON, _ status: JSON?) -> String {
        let type = spec["type"]?.string ?? ""
        switch type {
        case "External", "Object":
            let key = type.lowercased()
            let current = status?[key]?["current"]
            if let average = quantity(spec.at(key, "target", "averageValue")) {
                return "\(quantity(current?["averageValue"]) ?? PrintedObject.unknown)/\(average) (avg)"
            }
            return
                "\(current == nil ? PrintedObject.unknown : quantity(current?["value"]) ?? "0")/\(quantity(spec.at(key, "target", "value")) ?? "0")"
        case "Pods":
            let current = status?["pods"].map { quantity($0.at("current", "averageValue")) ?? "0" } ?? PrintedObject.unknown
            return "\(current)/\(quantity(spec.at("pods", "target", "averageValue")) ?? "0")"
        case "Resource": return resource("resource", spec, status)
        case "ContainerResource": return resource("containerResource", spec, status)
        default: return "<unknown type>"
        }
    }

    private static func resource(_ key: String, _ spec: JSON, _ status: JSON?) -> String {
        let name = spec.at(key, "name")?.string ?? ""
        if let average = quantity(spec.at(key, "target", "averageValue")) {
            let current = status?[key].map { quantity($0.at("current", "averageValue")) ?? "0" } ?? PrintedObject.unknown
            return "\(name): \(current)/\(average)"
        }
        let current = status?.at(key, "current", "averageUtilization")?.integer.map { "\($0)%" } ?? PrintedObject.unknown
        let target = spec.at(key, "target", "averageUtilization")?.integer.map { "\($0)%" } ?? "<auto>"
        return "\(name): \(current)/\(target)"
    }

    private static func quantity(_ value: JSON?) -> String? { value?.string }
}
