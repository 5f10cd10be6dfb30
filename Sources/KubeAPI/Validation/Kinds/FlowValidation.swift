import JSON

/// Checks of the `flowcontrol.apiserver.k8s.io` group (`pkg/apis/flowcontrol/validation/validation.go`).
extension FieldErrorList {
    /// `ValidateFlowSchema`.
    mutating func flowSchema(_ schema: JSON) {
        metadata(schema, .subdomain, isNamespaced: false)
        let spec = schema["spec"] ?? [:]
        let at = FieldPath("spec")
        let precedence = spec.number("matchingPrecedence") ?? 0
        if precedence <= 0 { invalid(at / "matchingPrecedence", .integer(precedence), "must be a positive value") }
        if precedence > 10000 { invalid(at / "matchingPrecedence", .integer(precedence), "must not be greater than 10000") }
        if precedence == 1, schema.objectName != "exempt" {
            invalid(at / "matchingPrecedence", .integer(precedence), "only the schema named 'exempt' may have matchingPrecedence 1")
        }
        if let method = spec.present("distinguisherMethod") {
            oneOf(method.text("type"), ["ByNamespace", "ByUser"], at / "distinguisherMethod" / "type")
        }
        let level = spec["priorityLevelConfiguration"]?.text("name") ?? ""
        if level.isEmpty {
            required(at / "priorityLevelConfiguration" / "name", "must reference a priority level")
        } else {
            dns1123Subdomain(level, at / "priorityLevelConfiguration" / "name")
        }
        for (index, rule) in spec.items("rules").enumerated() { flowRule(rule, (at / "rules")[index]) }
    }

    private mutating func flowRule(_ rule: JSON, _ at: FieldPath) {
        let subjects = rule.items("subjects")
        if subjects.isEmpty { required(at / "subjects", "subjects must contain at least one value") }
        for (index, subject) in subjects.enumerated() { flowSubject(subject, (at / "subjects")[index]) }
        let resources = rule.items("resourceRules")
        let urls = rule.items("nonResourceRules")
        if resources.isEmpty, urls.isEmpty { required(at, "at least one of resourceRules and nonResourceRules has to be non-empty") }
        let lists: [(String, String)] = [
            ("verbs", "verbs must contain at least one value"), ("apiGroups", "resource rules must supply at least one api group"),
            ("resources", "resource rules must supply at least one resource"),
        ]
        for (index, resource) in resources.enumerated() {
            let path = (at / "resourceRules")[index]
            for (field, text) in lists where resource.items(field).isEmpty { required(path / field, text) }
            for (field, _) in lists {
                let texts = resource.texts(field)
                if texts.count > 1, texts.contains("*") {
                    invalid(path / field, JSON(strings: texts), "if '*' is present, must not specify other \(field)")
                }
            }
            if resource.items("namespaces").isEmpty, !resource.flag("clusterScope") {
                required(path / "namespaces", "resource rules that are not cluster scoped must supply at least one namespace")
            }
        }
        for (index, url) in urls.enumerated() {
            let path = (at / "nonResourceRules")[index]
            if url.items("verbs").isEmpty { required(path / "verbs", "verbs must contain at least one value") }
            if url.items("nonResourceURLs").isEmpty {
                required(path / "nonResourceURLs", "nonResourceURLs must contain at least one value")
            }
        }
    }

    private mutating func flowSubject(_ subject: JSON, _ at: FieldPath) {
        let fields = ["User": "user", "Group": "group", "ServiceAccount": "serviceAccount"]
        let kind = subject.text("kind")
        guard let field = fields[kind] else {
            return notSupported(at / "kind", .string(kind), ["Group", "ServiceAccount", "User"])
        }
        for other in fields.values.sorted() where other != field && subject.present(other) != nil {
            forbidden(at / other, "\(other) is forbidden when subject kind is not '\(fields.first { $0.value == other }?.key ?? "")'")
        }
        guard let value = subject.present(field) else { return required(at / field, "\(field) is required when subject kind is '\(kind)'") }
        if value.text("name").isEmpty { required(at / field / "name") }
        if kind == "ServiceAccount", value.text("namespace").isEmpty {
            required(at / field / "namespace", "must specify namespace for service account")
        }
    }

    /// `ValidatePriorityLevelConfiguration`.
    mutating func priorityLevel(_ level: JSON) {
        metadata(level, .subdomain, isNamespaced: false)
        let spec = level["spec"] ?? [:]
        let at = FieldPath("spec")
        let limited = spec.present("limited")
        if (level.objectName == "exempt") != (spec["type"] == "Exempt") {
            invalid(at / "type", spec["type"] ?? "", "must be 'Exempt' if and only if `name` is 'exempt'")
        }
        switch spec.text("type") {
        case "Exempt":
            if limited != nil { forbidden(at / "limited", "must be nil if the type is not Limited") }
            if let exempt = spec.present("exempt") {
                nonnegative(exempt.number("nominalConcurrencyShares"), at / "exempt" / "nominalConcurrencyShares")
            }
        case "Limited":
            if spec.present("exempt") != nil { forbidden(at / "exempt", "must be nil if the type is Limited") }
            guard let limited else { return required(at / "limited", "must not be empty when type is Limited") }
            limitedLevel(limited, at / "limited")
        case let type: notSupported(at / "type", .string(type), ["Exempt", "Limited"])
        }
    }

    private mutating func limitedLevel(_ limited: JSON, _ at: FieldPath) {
        if let shares = limited.number("nominalConcurrencyShares"), shares < 0 {
            invalid(at / "nominalConcurrencyShares", .integer(shares), "must be a non-negative integer")
        }
        let response = limited["limitResponse"] ?? [:]
        let path = at / "limitResponse"
        let queuing = response.present("queuing")
        switch response.text("type") {
        case "Reject": if queuing != nil { forbidden(path / "queuing", "must be nil if limited.limitResponse.type is not Limited") }
        case "Queue":
            guard let queuing else { return required(path / "queuing", "must not be empty if limited.limitResponse.type is Limited") }
            let queues = queuing.number("queues") ?? 0
            let hand = queuing.number("handSize") ?? 0
            if queuing.number("queueLengthLimit") ?? 0 <= 0 {
                invalid(path / "queuing" / "queueLengthLimit", queuing["queueLengthLimit"] ?? 0, "must be positive")
            }
            if queues <= 0 { invalid(path / "queuing" / "queues", .integer(queues), "must be positive") }
            if hand <= 0 {
                invalid(path / "queuing" / "handSize", .integer(hand), "must be positive")
            } else if hand > queues {
                invalid(path / "queuing" / "handSize", .integer(hand), "should not be greater than queues (\(queues))")
            }
        case let type: notSupported(path / "type", .string(type), ["Queue", "Reject"])
        }
        for field in ["lendablePercent", "borrowingLimitPercent"] {
            guard let percent = limited.number(field) else { continue }
            if percent < 0 || (field == "lendablePercent" && percent > 100) {
                invalid(
                    at / field, .integer(percent),
                    field == "lendablePercent" ? "must be between 0 and 100, inclusive" : "if specified, must be a non-negative integer")
            }
        }
    }
}
