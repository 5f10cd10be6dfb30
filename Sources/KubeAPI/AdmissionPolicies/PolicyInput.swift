public import JSON

/// What the expressions of policies and match conditions see of a request.
public struct PolicyInput: Sendable {
    /// The object as it will be; `nil` for deletions.
    public var object: JSON?
    /// The object as it is; `nil` for new ones.
    public var oldObject: JSON?
    /// `admission.k8s.io/v1 AdmissionRequest` without the objects.
    public var request: JSON
    /// The namespace of the object; `nil` for cluster scope.
    public var namespace: JSON?
    /// What the request is about, for `authorizer.requestResource`.
    public var requestResource: AccessQuestion

    /// Puts an input together.
    public init(object: JSON?, oldObject: JSON?, request: JSON, namespace: JSON?, requestResource: AccessQuestion) {
        self.object = object
        self.oldObject = oldObject
        self.request = request
        self.namespace = namespace
        self.requestResource = requestResource
    }

    /// The variables of an expression.
    func roots(params: JSON?, hasAuthorizer: Bool) -> [(name: String, value: CELValue)] {
        var roots: [(name: String, value: CELValue)] = [
            ("object", Self.value(object)), ("oldObject", Self.value(oldObject)), ("request", CELValue(request, nil)),
            ("namespaceObject", Self.namespace(namespace)), ("params", Self.value(params)),
        ]
        if hasAuthorizer {
            roots.append(("authorizer", .opaque(.authorizer(.requester))))
            roots.append(("authorizer.requestResource", .opaque(.resourceCheck(requestResource))))
        }
        return roots
    }

    private static func value(_ json: JSON?) -> CELValue { json.map { CELValue($0, nil) } ?? .null }

    /// What of a namespace expressions see (`CreateNamespaceObject`).
    private static func namespace(_ namespace: JSON?) -> CELValue {
        guard let namespace else { return .null }
        var shown: JSON = ["spec": namespace["spec"] ?? [:], "status": namespace["status"] ?? [:]]
        var metadata: JSON = [:]
        for field in [
            "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
            "deletionGracePeriodSeconds", "labels", "annotations", "finalizers",
        ] {
            metadata[field] = namespace.at("metadata", field)
        }
        shown["metadata"] = metadata
        return CELValue(shown, nil)
    }
}

/// Why an evaluation stops before its end.
public enum PolicyStop: Error, Sendable, Hashable {
    /// The authorizers have to be asked; then everything begins again.
    case question(AccessQuestion)
    /// More was computed than all expressions together may.
    case budget

    static let budgetText = "validation failed due to running out of cost budget, no further validation rules will be run"
}

/// Evaluates expressions over one input with one budget (`k8s.io/apiserver/pkg/admission/plugin/cel/activation.go`).
struct PolicyEvaluation {
    /// What all expressions of a policy may cost (`celconfig.RuntimeCELCostBudget`).
    static let budget = 10_000_000
    /// What all match conditions may cost (`celconfig.RuntimeCELCostBudgetMatchConditions`).
    static let matchBudget = 2_500_000

    private let roots: [(name: String, value: CELValue)]
    private let composition: CELComposition?
    private let answers: [AccessQuestion: AccessAnswer]
    var remaining: Int

    init(
        _ roots: [(name: String, value: CELValue)], composition: CELComposition?, answers: [AccessQuestion: AccessAnswer], budget: Int
    ) {
        self.roots = roots
        self.composition = composition
        self.answers = answers
        remaining = budget
    }

    /// The value of an expression, or what went wrong with it alone.
    mutating func value(_ expression: PolicyExpression) throws(PolicyStop) -> Result<CELValue, CELFailure> {
        let compiled: CELExpression
        switch expression.result {
        case .failure(let failure):
            return .failure(CELFailure(text: "compilation error: \(failure.text)", isOfMessage: false))
        case .success(let expression): compiled = expression
        }
        var evaluator = CELEvaluator(roots, limit: CELEvaluator.limit, answers: answers, composition: composition)
        let result = Result { () throws(CELError) in try evaluator.evaluate(compiled) }
        if case .failure(.unanswered(let question)) = result { throw .question(question) }
        for cost in [composition?.takeCost() ?? 0, CELEvaluator.limit - evaluator.rest] {
            guard cost <= remaining else { throw .budget }
            remaining -= cost
        }
        return result.mapError { error in
            CELFailure(text: "expression '\(expression.text)' resulted in error: \(error.text)", isOfMessage: false)
        }
    }
}
