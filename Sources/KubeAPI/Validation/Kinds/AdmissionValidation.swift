import JSON

/// Checks of webhook configurations (`pkg/apis/admissionregistration/validation/validation.go`).
extension FieldErrorList {
    private static let operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]

    /// `ValidateValidatingWebhookConfiguration` and its mutating twin. Conditions that an update keeps are not looked at.
    mutating func webhookConfiguration(_ configuration: JSON, old: JSON?, isMutating: Bool) {
        metadata(configuration, .subdomain, isNamespaced: false)
        var names: Set<String> = []
        func conditions(_ configuration: JSON) -> [JSON?] { configuration.items("webhooks").map { $0["matchConditions"] } }
        let keepsConditions = old.map { conditions($0) == conditions(configuration) } ?? false
        for (index, hook) in configuration.items("webhooks").enumerated() {
            let at = FieldPath("webhooks")[index]
            webhook(hook, at, isMutating: isMutating)
            if !keepsConditions {
                matchConditions(
                    hook.items("matchConditions"), PolicyCompiler(hasParams: false, hasVariables: false), at / "matchConditions")
            }
            reviewVersions(hook.texts("admissionReviewVersions"), at / "admissionReviewVersions")
            let name = hook.text("name")
            if !name.isEmpty, !names.insert(name).inserted { duplicate(at / "name", .string(name)) }
        }
    }

    private mutating func reviewVersions(_ versions: [String], _ at: FieldPath) {
        if versions.isEmpty { return required(at, "must specify one of v1, v1beta1") }
        var seen: Set<String> = []
        for (index, version) in versions.enumerated() {
            if !seen.insert(version).inserted {
                invalid(at[index], .string(version), "duplicate version")
                continue
            }
            invalid(at[index], .string(version), each: NameForm.label1035.problems(version))
        }
        if !versions.contains("v1"), !versions.contains("v1beta1") {
            invalid(at, JSON(strings: versions), "must include at least one of v1, v1beta1")
        }
    }

    private mutating func webhook(_ hook: JSON, _ at: FieldPath, isMutating: Bool) {
        let name = hook.text("name")
        if name.isEmpty { required(at / "name") } else { invalid(at / "name", .string(name), each: FormatChecks.fullyQualifiedName(name)) }
        for (index, rule) in hook.items("rules").enumerated() { ruleWithOperations(rule, (at / "rules")[index]) }
        if let policy = hook["failurePolicy"]?.string { oneOf(policy, ["Fail", "Ignore"], at / "failurePolicy") }
        if let policy = hook["matchPolicy"]?.string { oneOf(policy, ["Equivalent", "Exact"], at / "matchPolicy") }
        if let effects = hook["sideEffects"]?.string {
            oneOf(effects, ["None", "NoneOnDryRun"], at / "sideEffects")
        } else {
            required(at / "sideEffects", "must specify one of None, NoneOnDryRun")
        }
        if let seconds = hook.number("timeoutSeconds"), !(1...30 ~= seconds) {
            invalid(at / "timeoutSeconds", .integer(seconds), "the timeout value must be between 1 and 30 seconds")
        }
        labelSelector(hook["namespaceSelector"], at / "namespaceSelector")
        labelSelector(hook["objectSelector"], at / "objectSelector")
        if isMutating, let policy = hook["reinvocationPolicy"]?.string { oneOf(policy, ["IfNeeded", "Never"], at / "reinvocationPolicy") }
        let client = hook["clientConfig"] ?? [:]
        let path = at / "clientConfig"
        switch (client["url"]?.string, client.present("service")) {
        case (let url?, nil): webhookURL(url, path / "url")
        case (nil, let service?): webhookService(service, path / "service")
        default: required(path, "exactly one of url or service is required")
        }
    }

    private mutating func webhookURL(_ url: String, _ at: FieldPath) {
        let form = "; desired format: https://host[/path]"
        let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let scheme = parts.count == 2 ? parts[0] : ""
        if scheme != "https" { invalid(at, .string(scheme), "'https' is the only allowed URL scheme\(form)") }
        let rest = parts.count == 2 ? parts[1] : ""
        let authority = rest.prefix { !"/?#".contains($0) }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        if host.isEmpty { invalid(at, .string(String(host)), "host must be specified\(form)") }
        if authority.contains("@") {
            invalid(at, .string(String(authority.prefix { $0 != "@" })), "user information is not permitted in the URL")
        }
        if let mark = rest.firstIndex(of: "#") {
            invalid(at, .string(String(rest[rest.index(after: mark)...])), "fragments are not permitted in the URL")
        }
        if let mark = rest.firstIndex(of: "?") {
            invalid(
                at, .string(String(rest[rest.index(after: mark)...].prefix { $0 != "#" })), "query parameters are not permitted in the URL")
        }
    }

    private mutating func webhookService(_ service: JSON, _ at: FieldPath) {
        if service.text("name").isEmpty { required(at / "name", "service name is required") }
        if service.text("namespace").isEmpty { required(at / "namespace", "service namespace is required") }
        if let number = service.number("port"), !(1...65535 ~= number) {
            invalid(at / "port", .integer(number), "port is not valid: \(FormatChecks.range(1, 65535))")
        }
        guard let path = service["path"]?.string else { return }
        if !path.hasPrefix("/") { invalid(at / "path", .string(path), "must start with a '/'") }
    }

    /// `validateRuleWithOperations`.
    mutating func ruleWithOperations(_ rule: JSON, _ at: FieldPath) {
        let operations = rule.texts("operations")
        if operations.isEmpty { required(at / "operations") }
        if operations.count > 1, operations.contains("*") {
            invalid(at / "operations", JSON(strings: operations), "if '*' is present, must not specify other operations")
        }
        for (index, operation) in operations.enumerated() { oneOf(operation, Self.operations, (at / "operations")[index]) }
        for (field, word) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
            let texts = rule.texts(field)
            if texts.isEmpty { required(at / field) }
            if texts.count > 1, texts.contains("*") {
                invalid(at / field, JSON(strings: texts), "if '*' is present, must not specify other \(word)")
            }
            if field == "apiVersions" {
                for (index, version) in texts.enumerated() where version.isEmpty { required((at / field)[index]) }
            }
        }
        ruleResources(rule.texts("resources"), at / "resources")
        if let scope = rule["scope"]?.string { oneOf(scope, ["*", "Cluster", "Namespaced"], at / "scope") }
    }

    private mutating func ruleResources(_ resources: [String], _ at: FieldPath) {
        if resources.isEmpty { return required(at) }
        var plain = 0
        var subresourcesOf: Set<String> = []
        var wildcardSubresources: Set<String> = []
        for (index, text) in resources.enumerated() {
            if text.isEmpty {
                required(at[index])
                continue
            }
            if text == "*/*" { continue }
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                plain += 1
                continue
            }
            if wildcardSubresources.contains(parts[1]) {
                invalid(at[index], .string(text), "if '*/\(parts[1])' is present, must not specify \(text)")
            }
            if subresourcesOf.contains(parts[0]) {
                invalid(at[index], .string(text), "if '\(parts[0])/*' is present, must not specify \(text)")
            }
            if parts[1] == "*" { subresourcesOf.insert(parts[0]) }
            if parts[0] == "*" { wildcardSubresources.insert(parts[1]) }
        }
        if resources.count > 1, resources.contains("*/*") {
            invalid(at, JSON(strings: resources), "if '*/*' is present, must not specify other resources")
        }
        if plain > 1, resources.contains("*") {
            invalid(
                at, JSON(strings: resources), "if '*' is present, must not specify other resources without subresources")
        }
    }
}
