public import JSON

/// The `matchConditions` of a webhook or policy, compiled (`k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions`).
public struct MatchConditions: Sendable {
    /// Whether a request is one that is wanted.
    public enum Outcome: Sendable, Hashable {
        case matches
        /// By this condition it is not.
        case differs(String)
        /// Nobody can say; with the failure policy `Ignore` this is as good as not wanted.
        case failed(String)
    }

    private let conditions: [(name: String, expression: PolicyExpression)]

    /// Whether there are none.
    public var isEmpty: Bool { conditions.isEmpty }

    /// Compiles the conditions of a webhook.
    public init(_ conditions: JSON?) { self.init(conditions, PolicyCompiler(hasParams: false, hasVariables: false)) }

    init(_ conditions: JSON?, _ compiler: PolicyCompiler) {
        self.conditions = (conditions?.array ?? []).map { condition in
            (condition.text("name"), compiler.compile(condition.text("expression"), .matchCondition))
        }
    }

    /// Evaluates all conditions; one that does not hold decides, whatever fails besides.
    ///
    /// - Throws: `PolicyStop.question`.
    public func evaluate(_ input: PolicyInput, answers: [AccessQuestion: AccessAnswer]) throws(PolicyStop) -> Outcome {
        try evaluate(input, params: nil, composition: nil, answers: answers)
    }

    func evaluate(
        _ input: PolicyInput, params: JSON?, composition: CELComposition?, answers: [AccessQuestion: AccessAnswer]
    ) throws(PolicyStop) -> Outcome {
        guard !conditions.isEmpty else { return .matches }
        var seen = input
        seen.namespace = nil
        var evaluation = PolicyEvaluation(
            seen.roots(params: params, hasAuthorizer: true), composition: composition, answers: answers,
            budget: PolicyEvaluation.matchBudget)
        var failures: [String] = []
        for (name, expression) in conditions {
            do throws(PolicyStop) {
                switch try evaluation.value(expression) {
                case .success(.bool(true)): continue
                case .success: return .differs(name)
                case .failure(let failure): failures.append(failure.text)
                }
            } catch {
                if error == .budget { return .failed(PolicyStop.budgetText) }
                throw error
            }
        }
        switch failures.count {
        case 0: return .matches
        case 1: return .failed(failures[0])
        default: return .failed("[\(failures.joined(separator: ", "))]")
        }
    }
}
