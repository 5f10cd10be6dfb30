import JSON

/// What an expression of an admission policy is for, which decides what it has to give.
enum PolicyExpressionUse: Sendable, Hashable {
    case matchCondition, validation, message, auditAnnotation, variable, applyConfiguration, jsonPatch

    /// Whether it can ask the authorizers.
    var hasAuthorizer: Bool { self != .message }

    /// The types it may have; `nil` for any.
    fileprivate var types: [CELType]? {
        switch self {
        case .matchCondition, .validation: [.bool]
        case .message: [.string]
        case .auditAnnotation: [.string, .null]
        case .variable: nil
        case .applyConfiguration: [.record(PolicyTypes.object("Object"))]
        case .jsonPatch: [.list(.record(PolicyTypes.jsonPatch))]
        }
    }
}

/// An expression of a policy, compiled or not.
struct PolicyExpression: Sendable {
    let text: String
    let result: Result<CELExpression, CELFailure>
}

/// Compiles the expressions of one policy (`k8s.io/apiserver/pkg/admission/plugin/cel/compile.go`, `composition.go`).
struct PolicyCompiler: Sendable {
    /// Whether `params` is there.
    let hasParams: Bool
    /// The variables so far; `nil` where there is no such thing.
    private(set) var variables: [String: CELType]?

    init(hasParams: Bool, hasVariables: Bool) {
        self.hasParams = hasParams
        variables = hasVariables ? [:] : nil
    }

    /// Compiles an expression.
    func compile(_ text: String, _ use: PolicyExpressionUse) -> PolicyExpression {
        PolicyExpression(text: text, result: check(text, use).map(\.expression))
    }

    /// Compiles a variable; those behind it can use it, whatever becomes of it.
    mutating func addVariable(_ name: String, _ text: String) -> PolicyExpression {
        let result = check(text, .variable)
        variables?[name] = Self.declared((try? result.get())?.type)
        return PolicyExpression(text: text, result: result.map(\.expression))
    }

    /// Compiles the variables of a policy's `spec`, by name.
    mutating func addVariables(of spec: JSON) -> [String: Result<CELExpression, CELFailure>] {
        var variables: [String: Result<CELExpression, CELFailure>] = [:]
        for variable in spec.items("variables") {
            variables[variable.text("name")] = addVariable(variable.text("name"), variable.text("expression")).result
        }
        return variables
    }

    private func check(_ text: String, _ use: PolicyExpressionUse) -> Result<(expression: CELExpression, type: CELType), CELFailure> {
        let isPatch = use == .applyConfiguration || use == .jsonPatch
        do throws(CELIssues) {
            let expression = try CELParser.parse(text)
            var checker = CELChecker(declarations(use)) { isPatch ? PolicyTypes.message($0) : nil }
            let type = checker.check(expression).type.resolved([:])
            guard checker.issues.isEmpty else { throw checker.issues }
            if let wanted = use.types, !wanted.contains(type) {
                let names = wanted.map(\.resultName)
                let expected = names.count == 1 ? names[0] : "one of [\(names.joined(separator: " "))]"
                return .failure(CELFailure(text: "must evaluate to \(expected) but got \(type.resultName)", isOfMessage: false))
            }
            return .success((expression, type))
        } catch {
            return .failure(CELFailure(text: "compilation failed: \(error.text(in: text))", isOfMessage: false))
        }
    }

    private func declarations(_ use: PolicyExpressionUse) -> [(name: String, variable: CELChecker.Variable)] {
        var names: [(String, CELType)] = [
            ("object", .dyn), ("oldObject", .dyn), ("namespaceObject", .record(PolicyTypes.namespace)),
            ("request", .record(PolicyTypes.request)),
        ]
        if hasParams { names.append(("params", .dyn)) }
        if use.hasAuthorizer {
            names.append(("authorizer", CELOpaque.authorizerType))
            names.append(("authorizer.requestResource", CELOpaque.resourceCheckType))
        }
        if let variables, use != .matchCondition || !variables.isEmpty {
            names.append((CELComposition.name, .record(CELRecordType(name: "kubernetes.variables", fields: variables))))
        }
        return names.map { ($0.0, CELChecker.Variable(type: $0.1, schema: nil, size: CELSize.unknown)) }
    }

    /// The type that a variable is declared with: what is no plain value is not known.
    private static func declared(_ type: CELType?) -> CELType {
        switch type {
        case .list(let element)?: .list(declared(element))
        case .map(let key, let value)?: .map(declared(key), declared(value))
        case .bool?, .bytes?, .double?, .duration?, .int?, .null?, .string?, .timestamp?, .uint?: type ?? .dyn
        default: .dyn
        }
    }
}

extension CELType {
    /// The type as `cel.Type.String()` names it, which is not always as errors of the checker do.
    fileprivate var resultName: String {
        switch self {
        case .null: "null_type"
        case .duration: "google.protobuf.Duration"
        case .timestamp: "google.protobuf.Timestamp"
        case .list(let element): "list(\(element.resultName))"
        case .map(let key, let value): "map(\(key.resultName), \(value.resultName))"
        case .optional(let wrapped): "optional_type(\(wrapped.resultName))"
        default: name
        }
    }
}

/// The types of what policies see (`BuildRequestType`, `BuildNamespaceType`, `mutation.DynamicTypeResolver`).
enum PolicyTypes {
    static let request: CELRecordType = {
        let kind = CELType.record(
            CELRecordType(name: "kubernetes.GroupVersionKind", fields: ["group": .string, "version": .string, "kind": .string]))
        let resource = CELType.record(
            CELRecordType(name: "kubernetes.GroupVersionResource", fields: ["group": .string, "version": .string, "resource": .string]))
        let user = CELRecordType(
            name: "kubernetes.UserInfo",
            fields: ["username": .string, "uid": .string, "groups": .list(.string), "extra": .map(.string, .list(.string))])
        return CELRecordType(
            name: "kubernetes.AdmissionRequest",
            fields: [
                "kind": kind, "resource": resource, "subResource": .string, "requestKind": kind, "requestResource": resource,
                "requestSubResource": .string, "name": .string, "namespace": .string, "operation": .string, "userInfo": .record(user),
                "dryRun": .bool, "options": .dyn,
            ])
    }()

    static let namespace: CELRecordType = {
        let condition = CELRecordType(
            name: "kubernetes.NamespaceCondition",
            fields: ["status": .string, "type": .string, "lastTransitionTime": .timestamp, "message": .string, "reason": .string])
        let metadata = CELRecordType(
            name: "kubernetes.NamespaceMetadata",
            fields: [
                "name": .string, "generateName": .string, "namespace": .string, "labels": .map(.string, .string),
                "annotations": .map(.string, .string), "UID": .string, "creationTimestamp": .timestamp,
                "deletionGracePeriodSeconds": .int, "deletionTimestamp": .timestamp, "generation": .int, "resourceVersion": .string,
                "finalizers": .list(.string),
            ])
        return CELRecordType(
            name: "kubernetes.Namespace",
            fields: [
                "metadata": .record(metadata),
                "spec": .record(CELRecordType(name: "kubernetes.NamespaceSpec", fields: ["finalizers": .list(.string)])),
                "status": .record(
                    CELRecordType(
                        name: "kubernetes.NamespaceStatus", fields: ["conditions": .list(.record(condition)), "phase": .string])),
            ])
    }()

    static let jsonPatch = CELRecordType(name: "JSONPatch", fields: ["op": .string, "path": .string, "from": .string, "value": .dyn])

    /// `Object`, `Object.spec`: any field may be there.
    static func object(_ name: String) -> CELRecordType { CELRecordType(name: name, fields: [:], others: .dyn) }

    /// The type of a message literal.
    @Sendable static func message(_ name: String) -> CELRecordType? {
        if name == jsonPatch.name { return jsonPatch }
        return name == "Object" || name.hasPrefix("Object.") ? object(name) : nil
    }
}
