import JSON

/// Checks of LimitRanges and ResourceQuotas.
extension FieldErrorList {
    /// `ValidateLimitRange`.
    mutating func limitRange(_ range: JSON) {
        metadata(range, .subdomain, isNamespaced: true)
        var types: Set<String> = []
        for (index, limit) in (range["spec"]?.items("limits") ?? []).enumerated() {
            let at = (FieldPath("spec") / "limits")[index]
            let type = limit.text("type")
            limitType(type, at / "type")
            if !types.insert(type).inserted { duplicate(at / "type", .string(type)) }
            limitNames(limit, type, at)
            if type == "PersistentVolumeClaim", limit.at("min", "storage") == nil, limit.at("max", "storage") == nil {
                required(at / "limits", "either minimum or maximum storage value is required, but neither was provided")
            }
            for member in limit.entries("maxLimitRequestRatio") {
                limitResourceName(type, member.key, (at / "maxLimitRequestRatio").key(member.key))
            }
            let fields = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"]
            let names = Set(fields.flatMap { limit.entries($0).map(\.key) })
            for name in names.sorted() { limitAmounts(limit, name, type, at) }
        }
    }

    private mutating func limitType(_ type: String, _ at: FieldPath) {
        let problems = QualifiedName.problems(type)
        if !problems.isEmpty { return invalid(at, .string(type), each: problems) }
        if !type.contains("/"), !["Pod", "Container", "PersistentVolumeClaim"].contains(type) {
            invalid(at, .string(type), "must be a standard limit type or fully qualified")
        }
    }

    private mutating func limitResourceName(_ type: String, _ name: String, _ at: FieldPath) {
        if type == "Pod" || type == "Container" { containerResourceName(name, at) } else { resourceName(name, at) }
    }

    private mutating func limitNames(_ limit: JSON, _ type: String, _ at: FieldPath) {
        for field in ["max", "min"] {
            for member in limit.entries(field) { limitResourceName(type, member.key, (at / field).key(member.key)) }
        }
        for field in ["default", "defaultRequest"] {
            if type == "Pod" {
                if !limit.entries(field).isEmpty { forbidden(at / field, "may not be specified when `type` is 'Pod'") }
            } else {
                for member in limit.entries(field) { limitResourceName(type, member.key, (at / field).key(member.key)) }
            }
        }
    }

    private mutating func limitAmounts(_ limit: JSON, _ name: String, _ type: String, _ at: FieldPath) {
        func amount(_ field: String) -> QuantityValue? { limit[field]?[name]?.string.flatMap { QuantityValue($0) } }
        let least = amount("min")
        let most = amount("max")
        let standard = type == "Pod" ? nil : amount("default")
        let request = type == "Pod" ? nil : amount("defaultRequest")
        func text(_ value: QuantityValue) -> JSON { .string(value.text) }
        if let least, let most, least > most {
            invalid((at / "min").key(name), text(least), "min value \(least.text) is greater than max value \(most.text)")
        }
        let requestPath = (at / "defaultRequest").key(name)
        if let request, let least, least > request {
            invalid(requestPath, text(request), "min value \(least.text) is greater than default request value \(request.text)")
        }
        if let request, let most, request > most {
            invalid(requestPath, text(request), "default request value \(request.text) is greater than max value \(most.text)")
        }
        if let request, let standard, request > standard {
            invalid(
                requestPath, text(request), "default request value \(request.text) is greater than default limit value \(standard.text)")
        }
        let standardPath = (at / "default").key(name)
        if let standard, let least, least > standard {
            invalid(standardPath, text(least), "min value \(least.text) is greater than default value \(standard.text)")
        }
        if let standard, let most, standard > most {
            invalid(standardPath, text(most), "default value \(standard.text) is greater than max value \(most.text)")
        }
        limitRatio(amount("maxLimitRequestRatio"), least, most, (at / "maxLimitRequestRatio").key(name))
        if !ResourceNames.isOvercommitAllowed(name), let standard, let request, standard != request {
            invalid(
                requestPath, text(request), "default value \(standard.text) must equal to defaultRequest value \(request.text) in \(name)")
        }
    }

    private mutating func limitRatio(_ ratio: QuantityValue?, _ least: QuantityValue?, _ most: QuantityValue?, _ at: FieldPath) {
        guard let ratio else { return }
        if ratio < QuantityValue(1) { invalid(at, .string(ratio.text), "ratio \(ratio.text) is less than 1") }
        guard let least, let most, least > .zero else { return }
        let limit = Double(most.milliValue) / Double(least.milliValue)
        if Double(ratio.milliValue) / 1000 > limit {
            invalid(at, .string(ratio.text), "ratio \(ratio.text) is greater than max/min = \(GoText.fixed(limit, decimals: 6))")
        }
    }

    // MARK: Quotas

    private static let scopes: Set<String> = [
        "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity",
        "VolumeAttributesClass",
    ]
    private static let podCompute: Set<String> = [
        "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory", "pods",
    ]

    private static func isScope(_ scope: String, validFor resource: String) -> Bool {
        switch scope {
        case "Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity": podCompute.contains(resource)
        case "BestEffort": resource == "pods"
        case "VolumeAttributesClass": resource == "persistentvolumeclaims" || resource == "requests.storage"
        default: true
        }
    }

    /// `ValidateResourceQuota`.
    mutating func resourceQuota(_ quota: JSON) {
        metadata(quota, .subdomain, isNamespaced: true)
        quotaSpec(quota["spec"] ?? [:])
    }

    private mutating func quotaList(_ list: [JSONObject.Member], _ at: FieldPath) {
        for member in list {
            let path = at.key(member.key)
            resourceName(member.key, path)
            if !member.key.contains("/"), !ResourceNames.isStandardQuota(member.key) {
                invalid(path, .string(member.key), "must be a standard resource for quota")
            }
            resourceAmount(member.key, member.value.string ?? "", path)
        }
    }

    private mutating func quotaSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        quotaList(spec.entries("hard"), at / "hard")
        let hard = spec.entries("hard").map(\.key).sorted()
        let scopes = spec.texts("scopes")
        if !scopes.isEmpty {
            let path = at / "scopes"
            for scope in scopes {
                if !Self.scopes.contains(scope) { invalid(path, JSON(strings: scopes), "unsupported scope") }
                for name in hard where ResourceNames.isStandardQuota(name) && !Self.isScope(scope, validFor: name) {
                    invalid(path, JSON(strings: scopes), "unsupported scope applied to resource")
                }
            }
            conflictingScopes(Set(scopes), scopes, path)
        }
        scopeSelector(spec, hard, at)
    }

    private mutating func conflictingScopes(_ used: Set<String>, _ scopes: [String], _ at: FieldPath) {
        for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] where used.isSuperset(of: pair) {
            invalid(at, scopes.isEmpty ? .null : JSON(strings: scopes), "conflicting scopes")
        }
    }

    private mutating func scopeSelector(_ spec: JSON, _ hard: [String], _ at: FieldPath) {
        guard let selector = spec.present("scopeSelector") else { return }
        let path = at / "scopeSelector" / "matchExpressions"
        var used: Set<String> = []
        for requirement in selector.items("matchExpressions") {
            let scope = requirement.text("scopeName")
            let operation = requirement.text("operator")
            let values = requirement.texts("values")
            if !Self.scopes.contains(scope) { invalid(path / "scopeName", .string(scope), "unsupported scope") }
            for name in hard where ResourceNames.isStandardQuota(name) && !Self.isScope(scope, validFor: name) {
                invalid(path, GoForm.json(selector, "core.v1.ScopeSelector"), "unsupported scope applied to resource")
            }
            if scope != "PriorityClass", scope != "VolumeAttributesClass", Self.scopes.contains(scope), operation != "Exists" {
                invalid(
                    path / "operator", .string(operation),
                    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
                        + "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity")
            }
            switch operation {
            case "In", "NotIn":
                if values.isEmpty {
                    required(path / "values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")
                }
            case "Exists", "DoesNotExist":
                if !values.isEmpty {
                    invalid(
                        path / "values", JSON(strings: values),
                        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")
                }
            default: invalid(path / "operator", .string(operation), "not a valid selector operator")
            }
            used.insert(scope)
        }
        conflictingScopes(used, spec.texts("scopes"), path)
    }

    /// `ValidateResourceQuotaUpdate`.
    mutating func resourceQuotaUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        quotaSpec(new["spec"] ?? [:])
        let scopes = new["spec"]?.texts("scopes") ?? []
        if Set(scopes) != Set(old["spec"]?.texts("scopes") ?? []) {
            invalid(FieldPath("spec") / "scopes", scopes.isEmpty ? .null : JSON(strings: scopes), Self.immutable)
        }
    }

    /// `ValidateResourceQuotaStatusUpdate`.
    mutating func resourceQuotaStatusUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        for field in ["hard", "used"] { quotaList(new["status"]?.entries(field) ?? [], FieldPath("status") / field) }
    }
}
