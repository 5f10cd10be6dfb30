public import JSON

/// A ValidatingAdmissionPolicy, compiled (`k8s.io/apiserver/pkg/admission/plugin/policy/validating/validator.go`).
public struct ValidatingPolicy: Sendable {
    /// What a policy says of one request and one parameter.
    public struct Verdict: Sendable {
        /// One that does not hold, or could not be evaluated.
        public struct Denial: Sendable, Hashable {
            /// Which of the policy's validations.
            public let index: Int
            /// Why.
            public let message: String
            /// `Invalid`, `Forbidden` …
            public let reason: String
        }

        /// In order of the validations.
        public var denials: [Denial] = []
        /// Annotations for the audit log, by key.
        public var annotations: [(key: String, value: String)] = []
        /// Annotations that could not be made, which denies as well.
        public var annotationErrors: [String] = []
    }

    private struct Validation: Sendable {
        let expression: PolicyExpression
        let message: String
        let messageExpression: PolicyExpression?
        let reason: String
    }

    private let validations: [Validation]
    private let annotations: [(key: String, expression: PolicyExpression)]
    private let conditions: MatchConditions
    private let variables: [String: Result<CELExpression, CELFailure>]
    private let failsOpen: Bool
    private static let messageLimit = 5 << 10
    private static let annotationLimit = 10 << 10

    /// Compiles a policy; expressions that do not compile fail when they are evaluated.
    public init(_ policy: JSON) {
        let spec = policy["spec"] ?? [:]
        var compiler = PolicyCompiler(hasParams: spec.present("paramKind") != nil, hasVariables: true)
        variables = compiler.addVariables(of: spec)
        conditions = MatchConditions(spec["matchConditions"], compiler)
        validations = spec.items("validations").map { [compiler] validation in
            let message = validation.text("messageExpression")
            return Validation(
                expression: compiler.compile(validation.text("expression"), .validation), message: validation.text("message"),
                messageExpression: message.isEmpty ? Optional.none : compiler.compile(message, .message),
                reason: validation["reason"]?.string ?? "Invalid")
        }
        annotations = spec.items("auditAnnotations").map { [compiler] annotation in
            (annotation.text("key"), compiler.compile(GoText.trimmed(annotation.text("valueExpression")), .auditAnnotation))
        }
        failsOpen = spec["failurePolicy"] == "Ignore"
    }

    /// Evaluates the policy with one parameter.
    ///
    /// - Throws: `PolicyStop.question`.
    public func evaluate(
        _ input: PolicyInput, params: JSON?, answers: [AccessQuestion: AccessAnswer]
    ) throws(PolicyStop) -> Verdict {
        let roots = input.roots(params: params, hasAuthorizer: true)
        let composition = CELComposition(variables, roots: roots)
        switch try conditions.evaluate(input, params: params, composition: composition, answers: answers) {
        case .matches: break
        case .differs: return Verdict()
        case .failed(let text): return failed(text)
        }
        var verdict = Verdict()
        var evaluation = PolicyEvaluation(roots, composition: composition, answers: answers, budget: PolicyEvaluation.budget)
        do throws(PolicyStop) {
            var results: [Result<CELValue, CELFailure>] = []
            for validation in validations { results.append(try evaluation.value(validation.expression)) }
            try judge(results, &evaluation, &verdict)
            evaluation.remaining = PolicyEvaluation.budget
            for annotation in annotations { annotate(annotation.key, try evaluation.value(annotation.expression), &verdict) }
        } catch {
            if error == .budget { return failed(PolicyStop.budgetText) }
            throw error
        }
        return verdict
    }

    private func failed(_ text: String) -> Verdict {
        failsOpen ? Verdict() : Verdict(denials: [.init(index: 0, message: text, reason: "")])
    }

    private func judge(
        _ results: [Result<CELValue, CELFailure>], _ evaluation: inout PolicyEvaluation, _ verdict: inout Verdict
    ) throws(PolicyStop) {
        for (index, result) in results.enumerated() {
            switch result {
            case .success(.bool(true)): continue
            case .success:
                let validation = validations[index]
                do throws(PolicyStop) {
                    let message = try message(validation, &evaluation)
                    verdict.denials.append(.init(index: index, message: message, reason: validation.reason))
                } catch {
                    guard error == .budget else { throw error }
                    if failsOpen { continue }
                    verdict.denials.append(.init(index: index, message: "failed messageExpression: \(PolicyStop.budgetText)", reason: ""))
                }
            case .failure(let failure):
                if !failsOpen { verdict.denials.append(.init(index: index, message: failure.text, reason: "")) }
            }
        }
    }

    /// Why a validation does not hold: by its expression, its text, or itself.
    private func message(_ validation: Validation, _ evaluation: inout PolicyEvaluation) throws(PolicyStop) -> String {
        if let expression = validation.messageExpression, case .success(.string(let text)) = try evaluation.value(expression) {
            let trimmed = GoText.trimmed(text)
            if !trimmed.isEmpty, trimmed.utf8.count <= Self.messageLimit, !trimmed.utf8.contains(UInt8(ascii: "\n")) { return trimmed }
        }
        let fixed = GoText.trimmed(validation.message)
        return fixed.isEmpty ? "failed expression: \(GoText.trimmed(validation.expression.text))" : fixed
    }

    private func annotate(_ key: String, _ result: Result<CELValue, CELFailure>, _ verdict: inout Verdict) {
        switch result {
        case .success(.string(let text)):
            let value = GoText.trimmed(text)
            guard !value.isEmpty else { return }
            verdict.annotations.append((key, String(decoding: value.utf8.prefix(Self.annotationLimit), as: UTF8.self)))
        case .success: return
        case .failure(let failure):
            if !failsOpen { verdict.annotationErrors.append(failure.text) }
        }
    }
}
