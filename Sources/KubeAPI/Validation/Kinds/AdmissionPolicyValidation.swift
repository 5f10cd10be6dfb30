import JSON

/// Checks of admission policies and their bindings (`pkg/apis/admissionregistration/validation/validation.go`).
extension FieldErrorList {
    private static let conditionLimit = 64
    private static let annotationLimit = 20
    private static let annotationBytes = 5 << 10

    /// The parts that both kinds of policies have; the compiler with their variables.
    private mutating func policyBase(_ policy: JSON, old: JSON?, isMutating: Bool) -> PolicyCompiler {
        metadata(policy, .subdomain, isNamespaced: false)
        let spec = policy["spec"] ?? [:]
        let at = FieldPath("spec")
        if let failure = spec["failurePolicy"]?.string {
            oneOf(failure, ["Fail", "Ignore"], at / "failurePolicy")
        } else {
            required(at / "failurePolicy")
        }
        if let kind = spec.present("paramKind") { paramKind(kind, at / "paramKind") }
        if let match = spec.present("matchConstraints") {
            matchResources(match, at / "matchConstraints", needsRules: true)
        } else {
            required(at / "matchConstraints")
        }
        let hasParams = spec.present("paramKind") != nil
        let kept = ["paramKind", "matchConditions"].allSatisfy { old?.at("spec", $0) == spec[$0] }
        if old == nil || !kept {
            matchConditions(
                spec.items("matchConditions"), PolicyCompiler(hasParams: hasParams, hasVariables: false), at / "matchConditions")
        }
        let variables = spec.items("variables")
        var compiler = PolicyCompiler(hasParams: hasParams, hasVariables: isMutating || !variables.isEmpty)
        for (index, variable) in variables.enumerated() { self.variable(variable, &compiler, (at / "variables")[index]) }
        return compiler
    }

    /// `ValidateValidatingAdmissionPolicy`.
    mutating func validatingPolicy(_ policy: JSON, old: JSON?) {
        let compiler = policyBase(policy, old: old, isMutating: false)
        let spec = policy["spec"] ?? [:]
        let at = FieldPath("spec")
        let checks = spec.items("validations")
        let annotations = spec.items("auditAnnotations")
        if checks.isEmpty, annotations.isEmpty {
            let text = "validations or auditAnnotations must contain at least one item"
            required(at / "validations", text)
            required(at / "auditAnnotations", text)
            return
        }
        for (index, check) in checks.enumerated() { validation(check, compiler, (at / "validations")[index]) }
        if annotations.count > Self.annotationLimit {
            invalid(
                at / "auditAnnotations",
                GoForm.list(spec["auditAnnotations"], "admissionregistration.v1.AuditAnnotation"),
                "must not have more than \(Self.annotationLimit) auditAnnotations")
        }
        var keys: Set<String> = []
        for (index, annotation) in annotations.enumerated() {
            let path = (at / "auditAnnotations")[index]
            auditAnnotation(annotation, policy.objectName, compiler, path)
            let key = annotation.text("key")
            if !keys.insert(key).inserted { duplicate(path / "key", .string(key)) }
        }
    }

    /// `ValidateMutatingAdmissionPolicy`.
    mutating func mutatingPolicy(_ policy: JSON, old: JSON?) {
        let compiler = policyBase(policy, old: old, isMutating: true)
        let spec = policy["spec"] ?? [:]
        let at = FieldPath("spec")
        let mutations = spec.items("mutations")
        if mutations.isEmpty { required(at / "mutations", "mutations must contain at least one item") }
        for (index, mutation) in mutations.enumerated() { self.mutation(mutation, compiler, (at / "mutations")[index]) }
        oneOf(spec.text("reinvocationPolicy"), ["IfNeeded", "Never"], at / "reinvocationPolicy", requiredWhenEmpty: true)
    }

    private mutating func paramKind(_ kind: JSON, _ at: FieldPath) {
        let text = kind.text("apiVersion")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if text.isEmpty {
            required(at / "apiVersion")
        } else if parts.count > 2 {
            invalid(at / "apiVersion", .string(text), "unexpected GroupVersion string: \(text)")
        } else {
            let (group, version) = text == "/" ? ("", "") : (parts.count == 2 ? parts[0] : "", parts[parts.count - 1])
            let problems = group.isEmpty ? [] : NameForm.subdomain.problems(group)
            if !problems.isEmpty { invalid(at / "apiVersion", .string(group), problems.joined(separator: ",")) }
            let others = NameForm.label1035.problems(version)
            if version.isEmpty {
                invalid(at / "apiVersion", .string(text), "version must be specified")
            } else if !others.isEmpty {
                invalid(at / "apiVersion", .string(version), others.joined(separator: ","))
            }
        }
        let name = kind.text("kind")
        let problems = NameForm.label1035.problems(name.lowercased())
        if name.isEmpty {
            required(at / "kind")
        } else if !problems.isEmpty {
            invalid(at / "kind", .string(name), "may have mixed case, but should otherwise match: \(problems.joined(separator: ","))")
        }
    }

    private mutating func matchResources(_ match: JSON, _ at: FieldPath, needsRules: Bool) {
        if let policy = match["matchPolicy"]?.string { oneOf(policy, ["Equivalent", "Exact"], at / "matchPolicy") }
        labelSelector(match["namespaceSelector"], at / "namespaceSelector")
        labelSelector(match["objectSelector"], at / "objectSelector")
        for field in ["resourceRules", "excludeResourceRules"] {
            for (index, rule) in match.items(field).enumerated() {
                let path = (at / field)[index]
                var names: Set<String> = []
                for (place, name) in rule.texts("resourceNames").enumerated() {
                    invalid((path / "resourceNames")[place], .string(name), each: NameForm.pathSegment.problems(name))
                    if !names.insert(name).inserted { duplicate((path / "resourceNames")[place], .string(name)) }
                }
                ruleWithOperations(rule, path)
            }
        }
        if needsRules, match.items("resourceRules").isEmpty { required(at / "resourceRules") }
    }

    /// `validateMatchConditions`.
    mutating func matchConditions(_ conditions: [JSON], _ compiler: PolicyCompiler, _ at: FieldPath) {
        if conditions.count > Self.conditionLimit { tooMany(at, conditions.count, limit: Self.conditionLimit) }
        var names: Set<String> = []
        for (index, condition) in conditions.enumerated() {
            let path = at[index]
            let text = GoText.trimmed(condition.text("expression"))
            if text.isEmpty {
                required(path / "expression")
            } else {
                compiles(text, shown: text, .matchCondition, compiler, path / "expression")
            }
            let name = condition.text("name")
            if name.isEmpty {
                required(path / "name")
                continue
            }
            invalid(path / "name", .string(name), each: QualifiedName.problems(name))
            if !names.insert(name).inserted { duplicate(path / "name", .string(name)) }
        }
    }

    private mutating func variable(_ variable: JSON, _ compiler: inout PolicyCompiler, _ at: FieldPath) {
        let name = variable.text("name")
        if GoText.trimmed(name).isEmpty {
            required(at / "name", "name is not specified")
        } else if !FormatChecks.isIdentifier(name) {
            invalid(at / "name", .string(name), "must be a valid CEL identifier")
        }
        let text = variable.text("expression")
        if GoText.trimmed(text).isEmpty { return required(at / "expression", "expression is not specified") }
        if case .failure(let failure) = compiler.addVariable(name, text).result { invalid(at / "expression", .string(text), failure.text) }
    }

    private mutating func validation(_ check: JSON, _ compiler: PolicyCompiler, _ at: FieldPath) {
        let text = check.text("expression")
        if GoText.trimmed(text).isEmpty {
            required(at / "expression", "expression is not specified")
        } else {
            compiles(text, shown: text, .validation, compiler, at / "expression")
        }
        let messageExpression = check.text("messageExpression")
        if !messageExpression.isEmpty {
            if GoText.trimmed(messageExpression).isEmpty {
                invalid(at / "messageExpression", .string(messageExpression), "must be non-empty if specified")
            } else {
                compiles(messageExpression, shown: messageExpression, .message, compiler, at / "messageExpression")
            }
        }
        let message = check.text("message")
        let trimmed = GoText.trimmed(message)
        if !message.isEmpty, trimmed.isEmpty {
            invalid(at / "message", .string(message), "must be non-empty if specified")
        } else if trimmed.utf8.contains(where: { $0 == 10 || $0 == 13 }) {
            invalid(at / "message", .string(message), "must not contain line breaks")
        }
        if let reason = check["reason"]?.string { oneOf(reason, ["Forbidden", "Invalid", "RequestEntityTooLarge"], at / "reason") }
    }

    private mutating func auditAnnotation(_ annotation: JSON, _ policy: String, _ compiler: PolicyCompiler, _ at: FieldPath) {
        let key = annotation.text("key")
        if policy.isEmpty {
            invalid(at / "key", .string(key), "requires metadata.name be non-empty")
        } else {
            invalid(at / "key", .string("\(policy)/\(key)"), each: QualifiedName.problems("\(policy)/\(key)"))
        }
        let text = annotation.text("valueExpression")
        let trimmed = GoText.trimmed(text)
        if trimmed.isEmpty {
            required(at / "valueExpression", "valueExpression is not specified")
        } else if trimmed.utf8.count > Self.annotationBytes {
            required(at / "valueExpression", "must not exceed \(Self.annotationBytes) bytes in length")
        } else {
            compiles(trimmed, shown: text, .auditAnnotation, compiler, at / "valueExpression")
        }
    }

    private mutating func mutation(_ mutation: JSON, _ compiler: PolicyCompiler, _ at: FieldPath) {
        let type = mutation.text("patchType")
        let forms: [(type: String, field: String, use: PolicyExpressionUse)] = [
            ("ApplyConfiguration", "applyConfiguration", .applyConfiguration), ("JSONPatch", "jsonPatch", .jsonPatch),
        ]
        guard forms.contains(where: { $0.type == type }) else {
            return oneOf(type, forms.map(\.type), at / "patchType", requiredWhenEmpty: true)
        }
        for form in forms where form.type == type {
            guard let value = mutation.present(form.field) else {
                required(at / form.field, "must be specified when patchType is \(type)")
                continue
            }
            let text = GoText.trimmed(value.text("expression"))
            let path = at / form.field / "expression"
            if text.isEmpty { required(path) } else { compiles(text, shown: text, form.use, compiler, path) }
        }
        for form in forms where form.type != type && mutation.present(form.field) != nil {
            invalid(at / form.field, .string("{\(form.field)}"), "must not be specified when patchType is \(type)")
        }
    }

    private mutating func compiles(
        _ text: String, shown: String, _ use: PolicyExpressionUse, _ compiler: PolicyCompiler, _ at: FieldPath
    ) {
        guard case .failure(let failure) = compiler.compile(text, use).result else { return }
        invalid(at, .string(shown), failure.text)
    }

    /// Bindings of admission policies.
    mutating func admissionPolicyBinding(_ binding: JSON, isMutating: Bool) {
        metadata(binding, .subdomain, isNamespaced: false)
        let spec = binding["spec"] ?? [:]
        let at = FieldPath("spec")
        let policy = spec.text("policyName")
        if policy.isEmpty { required(at / "policyName") } else { dns1123Subdomain(policy, at / "policyName") }
        if let reference = spec.present("paramRef") { paramRef(reference, at / "paramRef") }
        // The server's own spelling.
        if let match = spec.present("matchResources") { matchResources(match, at / "matchResouces", needsRules: false) }
        if !isMutating { validationActions(spec.texts("validationActions"), at / "validationActions") }
    }

    private mutating func paramRef(_ reference: JSON, _ at: FieldPath) {
        let name = reference.text("name")
        let selector = reference.present("selector")
        let exclusive = "name and selector are mutually exclusive"
        if !name.isEmpty {
            invalid(at / "name", .string(name), each: NameForm.pathSegment.problems(name))
            if selector != nil { forbidden(at / "name", exclusive) }
        }
        if let selector {
            labelSelector(selector, at / "selector")
            if !name.isEmpty { forbidden(at / "selector", exclusive) }
        } else if name.isEmpty {
            required(at, "one of name or selector must be specified")
        }
        let action = reference.text("parameterNotFoundAction")
        if action.isEmpty {
            required(at / "parameterNotFoundAction")
        } else if action != "Deny", action != "Allow" {
            notSupported(at / "parameterNotFoundAction", .string(action), ["Deny", "Allow"])
        }
    }

    private mutating func validationActions(_ actions: [String], _ at: FieldPath) {
        var seen: Set<String> = []
        for (index, action) in actions.enumerated() {
            oneOf(action, ["Audit", "Deny", "Warn"], at[index])
            if !seen.insert(action).inserted { duplicate(at[index], .string(action)) }
        }
        if seen.contains("Deny"), seen.contains("Warn") {
            invalid(
                at, JSON(strings: actions),
                "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"
            )
        }
        if actions.isEmpty { required(at, "at least one validation action is required") }
    }
}
