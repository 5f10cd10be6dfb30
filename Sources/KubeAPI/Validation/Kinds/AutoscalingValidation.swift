import JSON

/// Checks of autoscalers, on the v2 form (`pkg/apis/autoscaling/validation/validation.go`), and of PodDisruptionBudgets.
extension FieldErrorList {
    /// `ValidateHorizontalPodAutoscaler`.
    mutating func autoscaler(_ autoscaler: JSON) {
        metadata(autoscaler, .subdomain, isNamespaced: true)
        autoscalerSpec(autoscaler["spec"] ?? [:])
    }

    /// `validateHorizontalPodAutoscalerSpec`.
    mutating func autoscalerSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        let least = spec.number("minReplicas")
        let most = spec.number("maxReplicas") ?? 0
        if let least, least < 1 { invalid(at / "minReplicas", .integer(least), "must be greater than or equal to 1") }
        if most < 1 { required(at / "maxReplicas", "must be set and greater than 0") }
        if let least, most < least { invalid(at / "maxReplicas", .integer(most), "must be greater than or equal to `minReplicas`") }
        scaleReference(spec["scaleTargetRef"] ?? [:], at / "scaleTargetRef")
        let metrics = spec.items("metrics")
        for (index, metric) in metrics.enumerated() { self.metric(metric, (at / "metrics")[index]) }
        if least == 0, !metrics.contains(where: { $0["type"] == "Object" || $0["type"] == "External" }) {
            forbidden(
                at / "metrics", "must specify at least one Object or External metric to support scaling to zero replicas")
        }
        if let behavior = spec.present("behavior") {
            for direction in ["scaleUp", "scaleDown"] {
                if let rules = behavior.present(direction) { scalingRules(rules, at / "behavior" / direction) }
            }
        }
    }

    private mutating func pathSegment(_ text: String, _ at: FieldPath, _ detail: String = "") {
        if text.isEmpty { required(at, detail) } else { name(text, .pathSegment, at) }
    }

    /// `ValidateCrossVersionObjectReference`.
    private mutating func scaleReference(_ reference: JSON, _ at: FieldPath) {
        pathSegment(reference.text("kind"), at / "kind")
        pathSegment(reference.text("name"), at / "name")
        let version = reference.text("apiVersion")
        let parts = version.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count > 2 {
            invalid(at / "apiVersion", .string(version), "unexpected GroupVersion string: \(version)")
        } else if parts.count < 2, reference["kind"] != "ReplicationController" {
            invalid(at / "apiVersion", .string(version), "apiVersion must specify API group")
        }
    }

    private mutating func metric(_ metric: JSON, _ at: FieldPath) {
        let sources = [
            ("Object", "object"), ("External", "external"), ("Pods", "pods"), ("Resource", "resource"),
            ("ContainerResource", "containerResource"),
        ]
        let type = metric.text("type")
        if type.isEmpty { required(at / "type", "must specify a metric source type") }
        guard let expected = sources.first(where: { $0.0 == type })?.1 else {
            // Said by the check of the type and again by that of its source.
            for _ in 0..<2 {
                notSupported(at / "type", .string(type), ["ContainerResource", "External", "Object", "Pods", "Resource"])
            }
            return
        }
        let present = sources.map(\.1).filter { metric.present($0) != nil }
        if let first = present.first { source(first, metric[first] ?? [:], at / first) }
        if !present.contains(expected) { required(at / expected, "must populate information for the given metric source") }
        if present.count > 1 {
            for other in present where other != expected { forbidden(at / other, "must populate the given metric source only") }
        }
    }

    private mutating func source(_ kind: String, _ source: JSON, _ at: FieldPath) {
        let target = source["target"] ?? [:]
        let path = at / "target"
        let average = target["averageValue"]?.string
        let utilization = target.number("averageUtilization")
        switch kind {
        case "object":
            scaleReference(source["describedObject"] ?? [:], at / "describedObject")
            metricName(source, at)
            metricTarget(target, path)
            if target.present("value") == nil, average == nil {
                required(path / "averageValue", "must set either a target value or averageValue")
            }
        case "external":
            metricName(source, at)
            metricTarget(target, path)
            if target.present("value") == nil, average == nil {
                required(path / "averageValue", "must set either a target value for metric or a per-pod target")
            }
            if target.present("value") != nil, average != nil {
                forbidden(path / "value", "may not set both a target value for metric and a per-pod target")
            }
        case "pods":
            metricName(source, at)
            metricTarget(target, path)
            if average.flatMap({ QuantityValue($0) }) ?? .zero <= .zero {
                required(path / "averageValue", "must specify a positive target averageValue")
            }
        default:
            if source.text("name").isEmpty { required(at / "name", "must specify a resource name") }
            if kind == "containerResource", source.text("container").isEmpty { required(at / "container", "must specify a container") }
            metricTarget(target, path)
            if utilization == nil, average == nil {
                required(path / "averageUtilization", "must set either a target raw value or a target utilization")
            }
            if utilization != nil, average != nil {
                forbidden(path / "averageValue", "may not set both a target raw value and a target utilization")
            }
        }
    }

    private mutating func metricName(_ source: JSON, _ at: FieldPath) {
        pathSegment(source["metric"]?.text("name") ?? "", at / "metric" / "name", "must specify a metric name")
    }

    private mutating func metricTarget(_ target: JSON, _ at: FieldPath) {
        let type = target.text("type")
        if type.isEmpty { required(at / "type", "must specify a metric target type") }
        if !["Utilization", "Value", "AverageValue"].contains(type) {
            invalid(at / "type", .string(type), "must be either Utilization, Value, or AverageValue")
        }
        for field in ["value", "averageValue"] {
            if let text = target[field]?.string, let amount = QuantityValue(text), amount <= .zero {
                invalid(at / field, .string(text), "must be positive")
            }
        }
        if let utilization = target.number("averageUtilization"), utilization < 1 {
            invalid(at / "averageUtilization", .integer(utilization), "must be greater than 0")
        }
    }

    private mutating func scalingRules(_ rules: JSON, _ at: FieldPath) {
        if let window = rules.number("stabilizationWindowSeconds") {
            if window < 0 { invalid(at / "stabilizationWindowSeconds", .integer(window), "must be greater than or equal to zero") }
            if window > 3600 { invalid(at / "stabilizationWindowSeconds", .integer(window), "must be less than or equal to 3600") }
        }
        if let policy = rules["selectPolicy"]?.string { oneOf(policy, ["Disabled", "Max", "Min"], at / "selectPolicy") }
        let policies = rules.items("policies")
        if policies.isEmpty { required(at / "policies", "must specify at least one Policy") }
        for (index, policy) in policies.enumerated() {
            let path = (at / "policies")[index]
            oneOf(policy.text("type"), ["Percent", "Pods"], path / "type")
            let value = policy.number("value") ?? 0
            if value <= 0 { invalid(path / "value", .integer(value), "must be greater than zero") }
            let period = policy.number("periodSeconds") ?? 0
            if period <= 0 { invalid(path / "periodSeconds", .integer(period), "must be greater than zero") }
            if period > 1800 { invalid(path / "periodSeconds", .integer(period), "must be less than or equal to 1800") }
        }
        if let text = rules["tolerance"]?.string, let tolerance = QuantityValue(text), tolerance < .zero {
            invalid(at / "tolerance", .string(text), "must be greater or equal to zero")
        }
    }

    /// `ValidatePodDisruptionBudget`.
    mutating func disruptionBudget(_ budget: JSON) {
        let spec = budget["spec"] ?? [:]
        let at = FieldPath("spec")
        let least = spec.present("minAvailable")
        let most = spec.present("maxUnavailable")
        if least != nil, most != nil {
            invalid(
                at, GoForm.json(spec, "policy.v1.PodDisruptionBudgetSpec"),
                "minAvailable and maxUnavailable cannot be both set")
        }
        for (field, value) in [("minAvailable", least), ("maxUnavailable", most)] where value != nil {
            countOrPercent(value, at / field)
            notMoreThanAll(value, at / field)
        }
        labelSelector(spec["selector"], at / "selector")
        if let policy = spec["unhealthyPodEvictionPolicy"]?.string {
            oneOf(policy, ["AlwaysAllow", "IfHealthyBudget"], at / "unhealthyPodEvictionPolicy")
        }
    }
}
