/// Questions to the authorizers (`k8s.io/apiserver/pkg/cel/library/authz.go`). What `check` answers comes from outside the engine.
enum CELAuthorization {
    static func add(to functions: inout CELFunctions) {
        functions.method("path", [CELOpaque.authorizerType, .string], CELOpaque.pathCheckType) { (values) throws(CELError) in
            guard case .opaque(.authorizer(let subject)) = values[0] else { throw CELFunctions.none }
            let path = try values[1].string()
            guard !GoText.trimmed(path).isEmpty else { throw .message("path must not be empty") }
            return .opaque(.pathCheck(AccessQuestion(subject: subject, path: path)))
        }
        functions.method("group", [CELOpaque.authorizerType, .string], CELOpaque.groupCheckType) { (values) throws(CELError) in
            guard case .opaque(.authorizer(let subject)) = values[0] else { throw CELFunctions.none }
            return .opaque(.group(subject, try values[1].string()))
        }
        functions.method("serviceAccount", [CELOpaque.authorizerType, .string, .string], CELOpaque.authorizerType) {
            (values) throws(CELError) in
            let (namespace, name) = (try values[1].string(), try values[2].string())
            guard NameForm.subdomain.problems(name).isEmpty else { throw .message("Invalid service account name") }
            guard NameForm.label.problems(namespace).isEmpty else { throw .message("Invalid service account namespace") }
            return .opaque(.authorizer(.serviceAccount(namespace: namespace, name: name)))
        }
        functions.method("resource", [CELOpaque.groupCheckType, .string], CELOpaque.resourceCheckType) { (values) throws(CELError) in
            guard case .opaque(.group(let subject, let group)) = values[0] else { throw CELFunctions.none }
            let resource = try values[1].string()
            guard !GoText.trimmed(resource).isEmpty else { throw .message("resource must not be empty") }
            return .opaque(.resourceCheck(AccessQuestion(subject: subject, group: group, resource: resource)))
        }
        part("subresource", &functions) { $0.subresource = $1 }
        part("namespace", &functions) { $0.namespace = $1 }
        part("name", &functions) { $0.name = $1 }
        // RBAC and access policies know no selectors: a narrower question has the same answer.
        part("fieldSelector", &functions) { _, _ in }
        part("labelSelector", &functions) { _, _ in }
        for type in [CELOpaque.pathCheckType, CELOpaque.resourceCheckType] {
            functions.method("check", [type, .string], CELOpaque.decisionType, cost: .fixed(350_000)) { (_) throws(CELError) in
                // The evaluator answers.
                throw CELFunctions.none
            }
        }
        result("allowed", .bool, &functions) { .bool($0.isAllowed) }
        result("reason", .string, &functions) { .string($0.reason) }
        result("errored", .bool, &functions) { .bool(!$0.error.isEmpty) }
        result("error", .string, &functions) { .string($0.error) }
    }

    private static func part(
        _ name: String, _ functions: inout CELFunctions, _ set: @escaping @Sendable (inout AccessQuestion, String) -> Void
    ) {
        functions.method(name, [CELOpaque.resourceCheckType, .string], CELOpaque.resourceCheckType) { (values) throws(CELError) in
            guard case .opaque(.resourceCheck(var question)) = values[0] else { throw CELFunctions.none }
            set(&question, try values[1].string())
            return .opaque(.resourceCheck(question))
        }
    }

    private static func result(
        _ name: String, _ type: CELType, _ functions: inout CELFunctions, _ get: @escaping @Sendable (AccessAnswer) -> CELValue
    ) {
        functions.method(name, [CELOpaque.decisionType], type) { (values) throws(CELError) in
            guard case .opaque(.decision(let answer)) = values[0] else { throw CELFunctions.none }
            return get(answer)
        }
    }

    /// The question of a `check`.
    static func question(_ check: CELValue, verb: String) -> AccessQuestion? {
        switch check {
        case .opaque(.pathCheck(var question)), .opaque(.resourceCheck(var question)):
            question.verb = verb
            return question
        default: return nil
        }
    }
}
