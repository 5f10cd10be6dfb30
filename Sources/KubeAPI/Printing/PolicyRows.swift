import JSON

/// Rows of kinds that say who may do what and how much.
enum PolicyRows {
    /// RoleBindings and ClusterRoleBindings.
    static func binding(_ shown: PrintedObject) -> [JSON] {
        let subjects = shown.list("subjects")
        func names(_ kind: String) -> JSON {
            .string(
                subjects.filter { $0["kind"]?.string == kind }.map { subject in
                    let name = subject["name"]?.string ?? ""
                    guard kind == "ServiceAccount", let namespace = subject["namespace"]?.string, !namespace.isEmpty else { return name }
                    return "\(namespace)/\(name)"
                }.joined(separator: ", "))
        }
        return [
            .string(shown.name), "\(shown.text("roleRef", "kind"))/\(shown.text("roleRef", "name"))", shown.age, names("User"),
            names("Group"), names("ServiceAccount"),
        ]
    }

    static func signingRequest(_ shown: PrintedObject) -> [JSON] {
        let types = Set(shown.list("status", "conditions").compactMap { $0["type"]?.string })
        var status = types.contains("Denied") ? "Denied" : types.contains("Approved") ? "Approved" : "Pending"
        if types.contains("Failed") { status += ",Failed" }
        if !shown.text("status", "certificate").isEmpty { status += ",Issued" }
        let duration = shown.value("spec", "expirationSeconds")?.integer.map { HumanDuration.text(seconds: $0) }
        let signer = shown.text("spec", "signerName")
        return [
            .string(shown.name), shown.age, .string(signer.isEmpty ? PrintedObject.none : signer), .string(shown.text("spec", "username")),
            .string(duration ?? PrintedObject.none), .string(status),
        ]
    }

    /// `pods: 2/10, …`: requests and limits apart.
    static func quota(_ shown: PrintedObject) -> [JSON] {
        let hard = (shown.object.at("status", "hard")?.object?.members ?? []).sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let used = shown.object.at("status", "used")
        func texts(_ areLimits: Bool) -> JSON {
            let rows = hard.filter { $0.key.hasPrefix("limits.") == areLimits }
            return .string(rows.map { "\($0.key): \(used?[$0.key]?.string ?? "0")/\($0.value.string ?? "0")" }.joined(separator: ", "))
        }
        return [.string(shown.name), texts(false), texts(true), shown.age]
    }

    /// Admission policies: how many rules, and the kind of their parameters.
    static func admissionPolicy(rules: String) -> @Sendable (PrintedObject) -> [JSON] {
        { shown in
            let kind = shown.value("spec", "paramKind").map { "\($0["apiVersion"]?.string ?? "")/\($0["kind"]?.string ?? "")" }
            return [.string(shown.name), .integer(Int64(shown.list("spec", rules).count)), .string(kind ?? PrintedObject.unset), shown.age]
        }
    }

    static func admissionPolicyBinding(_ shown: PrintedObject) -> [JSON] {
        var parameter = PrintedObject.unset
        if let reference = shown.value("spec", "paramRef") {
            let pieces = [reference["namespace"]?.string ?? "", reference["name"]?.string ?? ""]
            if !pieces[1].isEmpty {
                parameter = pieces.filter { !$0.isEmpty }.joined(separator: "/")
            } else if let selector = reference["selector"] {
                parameter = goText(selector)
            }
        }
        return [.string(shown.name), .string(shown.text("spec", "policyName")), .string(parameter), shown.age]
    }

    /// A LabelSelector as its generated Go `String` method writes it.
    private static func goText(_ selector: JSON) -> String {
        let labels = (selector["matchLabels"]?.object?.members ?? []).sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let pairs = labels.map { "\($0.key): \($0.value.string ?? "")," }.joined()
        let expressions = (selector["matchExpressions"]?.array ?? []).map { item in
            let values = (item["values"]?.array ?? []).compactMap(\.string).joined(separator: " ")
            return
                "LabelSelectorRequirement{Key:\(item["key"]?.string ?? ""),Operator:\(item["operator"]?.string ?? ""),Values:[\(values)],},"
        }.joined()
        return "&LabelSelector{MatchLabels:map[string]string{\(pairs)},MatchExpressions:[]LabelSelectorRequirement{\(expressions)},}"
    }

    static func flowSchema(_ shown: PrintedObject) -> [JSON] {
        let dangling = shown.list("status", "conditions").first { $0["type"]?.string == "Dangling" }?["status"]?.string
        return [
            .string(shown.name), .string(shown.text("spec", "priorityLevelConfiguration", "name")),
            .integer(shown.integer("spec", "matchingPrecedence")),
            .string(shown.value("spec", "distinguisherMethod").map { $0["type"]?.string ?? "" } ?? PrintedObject.none), shown.age,
            .string(dangling ?? "?"),
        ]
    }

    /// Flow schemas are listed in the order in which they are tried.
    static func flowSchemaOrder(_ left: JSON, _ right: JSON) -> Bool {
        let (first, second) = (left.at("spec", "matchingPrecedence")?.integer ?? 0, right.at("spec", "matchingPrecedence")?.integer ?? 0)
        return first != second ? first < second : left.objectName.utf8.lexicographicallyPrecedes(right.objectName.utf8)
    }

    static func apiService(_ shown: PrintedObject) -> [JSON] {
        let service = shown.value("spec", "service").map { "\($0["namespace"]?.string ?? "")/\($0["name"]?.string ?? "")" }
        var status = "Unknown"
        if let condition = shown.list("status", "conditions").first(where: { $0["type"]?.string == "Available" }) {
            status = condition["status"]?.string ?? ""
            if status != "True", let reason = condition["reason"]?.string, !reason.isEmpty { status += " (\(reason))" }
        }
        return [.string(shown.name), .string(service ?? "Local"), .string(status), shown.age]
    }

    static func resourceClaim(_ shown: PrintedObject) -> [JSON] {
        var states = shown.isBeingDeleted ? ["deleted"] : []
        if shown.value("status", "allocation") != nil {
            states.append("allocated")
            if !shown.list("status", "reservedFor").isEmpty { states.append("reserved") }
        } else if !shown.isBeingDeleted {
            states.append("pending")
        }
        return [.string(shown.name), .string(states.joined(separator: ",")), shown.age]
    }

    static func componentStatus(_ shown: PrintedObject) -> [JSON] {
        let healthy = shown.list("conditions").first { $0["type"]?.string == "Healthy" }
        let status = healthy.map { $0["status"]?.string == "True" ? "Healthy" : "Unhealthy" } ?? "Unknown"
        return [.string(shown.name), .string(status), healthy?["message"] ?? "", healthy?["error"] ?? ""]
    }
}
