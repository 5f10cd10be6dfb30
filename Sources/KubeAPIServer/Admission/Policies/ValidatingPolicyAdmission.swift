import HTTP
import JSON
import KubeAPI
import World

/// ValidatingAdmissionPolicies (`k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go`).
struct ValidatingPolicyAdmission: Sendable {
    static let name = "ValidatingAdmissionPolicy"
    private static let failureAnnotation = "validation.policy.admission.k8s.io/validation_failure"

    let view: AdmissionView
    let authorizer: (any RequestAuthorizer)?

    private struct Denial {
        let policy: String
        let binding: String?
        let message: String
        let reason: String
    }

    /// Asks every policy that is about the request.
    ///
    /// - Throws: what the first denial says.
    func validate(_ attributes: AdmissionAttributes) async throws(KubeStatus) {
        guard !PolicyHooks.isExempt(attributes.resource) else { return }
        let hooks = view.cluster.policies.validating(view.cluster)
        guard !hooks.isEmpty else { return }
        let target = attributes.target(view.cluster)
        var questions = PolicyQuestions(authorizer, attributes.request.user)
        var denials: [Denial] = []
        for hook in hooks {
            guard let place = attributes.place(hook.match, target, view) else { continue }
            let parameters = PolicyParameters(view: view)
            let paramResource: ResourceType?
            do throws(PolicyMisconfiguration) { paramResource = try parameters.resource(hook.paramKind) } catch {
                if !hook.failsOpen { denials.append(Self.misconfigured(error, hook.name, nil)) }
                continue
            }
            let input = try await attributes.policyInput(at: place, view)
            var annotations: [(key: String, values: [String])] = []
            for binding in hook.bindings where attributes.place(binding.match, target, view) != nil {
                let params: [JSON?]
                do throws(PolicyMisconfiguration) {
                    params = try parameters.objects(paramResource, binding.paramRef, namespace: attributes.request.namespace)
                } catch {
                    if !hook.failsOpen { denials.append(Self.misconfigured(error, hook.name, binding.name)) }
                    continue
                }
                for param in params {
                    let verdict = try await questions.answered { (answers) throws(PolicyStop) in
                        try hook.policy.evaluate(input, params: param, answers: answers)
                    }
                    enforce(verdict, hook.name, binding, attributes, &denials)
                    for (key, value) in verdict.annotations { Self.note(key, value, &annotations) }
                }
            }
            for (key, values) in annotations {
                attributes.request.http.trace.annotate("\(hook.name)/\(key)", values.joined(separator: ", "))
            }
        }
        guard let denial = denials.first else { return }
        throw Self.refusal(denial, attributes)
    }

    private static func misconfigured(_ error: PolicyMisconfiguration, _ policy: String, _ binding: String?) -> Denial {
        Denial(
            policy: policy, binding: binding,
            message: "failed to configure \(binding == nil ? "policy" : "binding"): \(error.text)", reason: "")
    }

    private func enforce(
        _ verdict: ValidatingPolicy.Verdict, _ policy: String, _ binding: PolicyBinding, _ attributes: AdmissionAttributes,
        _ denials: inout [Denial]
    ) {
        for denial in verdict.denials {
            for action in binding.actions {
                switch action {
                case "Deny":
                    denials.append(Denial(policy: policy, binding: binding.name, message: denial.message, reason: denial.reason))
                case "Warn":
                    attributes.warn(
                        "Validation failed for ValidatingAdmissionPolicy '\(policy)' with binding '\(binding.name)': \(denial.message)")
                case "Audit":
                    let failure: JSON = [
                        "message": .string(denial.message), "policy": .string(policy), "binding": .string(binding.name),
                        "expressionIndex": .integer(Int64(denial.index)), "validationActions": binding.actionList,
                    ]
                    attributes.request.http.trace.annotate(Self.failureAnnotation, JSON.array([failure]).text)
                default: break
                }
            }
        }
        for text in verdict.annotationErrors {
            denials.append(Denial(policy: policy, binding: binding.name, message: text, reason: ""))
        }
    }

    /// Bindings that say the same say it once.
    private static func note(_ key: String, _ value: String, _ annotations: inout [(key: String, values: [String])]) {
        guard let place = annotations.firstIndex(where: { $0.key == key }) else {
            annotations.append((key, [value]))
            return
        }
        if !annotations[place].values.contains(value) { annotations[place].values.append(value) }
    }

    private static let codes = ["Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413]

    private static func refusal(_ denial: Denial, _ attributes: AdmissionAttributes) -> KubeStatus {
        let place = denial.binding.map { " with binding '\($0)'" } ?? ""
        let message = "ValidatingAdmissionPolicy '\(denial.policy)'\(place) denied request: \(denial.message)"
        var status = attributes.forbidden(message)
        status.reason = denial.reason.isEmpty ? "Invalid" : denial.reason
        status.code = codes[status.reason] ?? 422
        status.details?["causes"] = [["message": .string(message)]]
        return status
    }
}
