import JSON
import KubeAPI
import World

/// MutatingAdmissionPolicies (`k8s.io/apiserver/pkg/admission/plugin/policy/mutating/dispatcher.go`).
struct MutatingPolicyAdmission: Sendable {
    static let name = "MutatingAdmissionPolicy"

    let view: AdmissionView
    let authorizer: (any RequestAuthorizer)?

    private struct Invocation {
        let hook: PolicyHook<MutatingPolicy>
        let binding: PolicyBinding
        let place: AdmissionTarget.Place
        let resource: ResourceType
        let params: JSON?

        /// What tells it from others when it is called again.
        var key: String {
            "\(hook.name)/\(binding.name)/\(params?.at("metadata", "namespace")?.string ?? "")/\(params?.objectName ?? "")"
        }
    }

    /// Lets every policy that is about the request change the object.
    ///
    /// - Throws: 403 of the first that fails, or 500 for an object that is none any more.
    func mutate(_ attributes: inout AdmissionAttributes, _ round: inout Reinvocation) async throws(KubeStatus) {
        guard !PolicyHooks.isExempt(attributes.resource) else { return }
        let hooks = view.cluster.policies.mutating(view.cluster)
        guard !hooks.isEmpty else { return }
        var failures: [(text: String, isInvalid: Bool)] = []
        let invocations = invocations(hooks, attributes, &failures)
        round.begin(Self.name, attributes.object)
        var questions = PolicyQuestions(authorizer, attributes.request.user)
        for invocation in invocations {
            let hook = invocation.hook
            func fail(_ text: String) {
                guard !hook.failsOpen else { return }
                failures.append(("policy '\(hook.name)' with binding '\(invocation.binding.name)' denied request: \(text)", true))
            }
            let input = try await attributes.policyInput(at: invocation.place, view)
            let outcome = try await questions.answered { (answers) throws(PolicyStop) in
                try hook.policy.matches(input, params: invocation.params, answers: answers)
            }
            switch outcome {
            case .matches: break
            case .differs: continue
            case .failed(let text):
                fail(text)
                continue
            }
            guard round.mayCall(Self.name, invocation.key) else { continue }
            let before = attributes.object
            for index in 0..<hook.policy.count where attributes.operation != .delete {
                if let text = try await mutate(&attributes, invocation, index, &questions) { fail(text) }
            }
            if attributes.object != before { round.changed(Self.name) }
            if hook.policy.canReinvoke { round.called(Self.name, invocation.key) }
        }
        round.end(Self.name, attributes.object)
        if let refusal = Self.refusal(failures, attributes) { throw refusal }
    }

    /// The policies, bindings and parameters that are about a request.
    private func invocations(
        _ hooks: [PolicyHook<MutatingPolicy>], _ attributes: AdmissionAttributes, _ failures: inout [(text: String, isInvalid: Bool)]
    ) -> [Invocation] {
        let target = attributes.target(view.cluster)
        let parameters = PolicyParameters(view: view)
        var found: [Invocation] = []
        for hook in hooks {
            guard let place = attributes.place(hook.match, target, view) else { continue }
            let resource = view.cluster.resources.lookup(group: place.group, version: place.version, resource: place.resource)
            func fail(_ who: String, _ what: String, _ error: PolicyMisconfiguration) {
                guard !hook.failsOpen else { return }
                failures.append(("\(who) denied request: failed to configure \(what): \(error.text)", false))
            }
            let paramResource: ResourceType?
            do throws(PolicyMisconfiguration) { paramResource = try parameters.resource(hook.paramKind) } catch {
                fail("policy \(GoText.quoted(hook.name))", "policy", error)
                continue
            }
            for binding in hook.bindings where attributes.place(binding.match, target, view) != nil {
                do throws(PolicyMisconfiguration) {
                    let params = try parameters.objects(paramResource, binding.paramRef, namespace: attributes.request.namespace)
                    found += params.map {
                        Invocation(hook: hook, binding: binding, place: place, resource: resource ?? attributes.resource, params: $0)
                    }
                } catch {
                    fail("policy '\(hook.name)' with binding '\(binding.name)'", "binding", error)
                }
            }
        }
        return found
    }

    /// One mutation; why it failed.
    private func mutate(
        _ attributes: inout AdmissionAttributes, _ invocation: Invocation, _ index: Int, _ questions: inout PolicyQuestions
    ) async throws(KubeStatus) -> String? {
        while true {
            let input = try await attributes.policyInput(at: invocation.place, view)
            let mutated: JSON
            do throws(MutatingPolicy.Failure) {
                mutated = try invocation.hook.policy.mutated(
                    index, input, params: invocation.params, answers: questions.answers, invocation.resource)
            } catch {
                switch error {
                case .invalid(let text): return text
                case .internal(let text): throw .internalError(text)
                case .stop(.question(let question)) where questions.answers[question] == nil:
                    await questions.answer(question)
                    continue
                case .stop: throw .internalError("an expression asks too much")
                }
            }
            guard mutated != input.object else { return nil }
            try await attributes.take(mutated, at: invocation.place, view, validation: .strict)
            return nil
        }
    }

    private static func refusal(_ failures: [(text: String, isInvalid: Bool)], _ attributes: AdmissionAttributes) -> KubeStatus? {
        guard let first = failures.first else { return nil }
        var status = attributes.forbidden("")
        status.message = first.text
        if first.isInvalid { status.reason = "Invalid" }
        status.details?["causes"] = .array(failures.map { ["message": .string($0.text)] })
        return status
    }
}

extension AdmissionView {
    /// An object that a policy or webhook made, in the form that is stored: of its type, and with defaults.
    ///
    /// - Throws: 500 for what is no object of the resource.
    func admitted(_ object: JSON, _ resource: ResourceType, validation: FieldValidation) async throws(KubeStatus) -> JSON {
        let decoded: DecodedObject
        do throws(KubeStatus) { decoded = try cluster.decoder.canonical(object, of: resource, validation: validation) } catch {
            throw .internalError(error.message)
        }
        var stored = try await ObjectConversion(cluster: cluster).stored(decoded.object, resource)
        ObjectDefaults.apply(to: &stored, resource)
        return stored
    }
}

/// Who is called again because the object changed behind them (`k8s.io/apiserver/pkg/admission/reinvocation.go`).
struct Reinvocation: Sendable {
    private struct Plugin: Sendable {
        var output: JSON?
        /// Who may be called again.
        var called: [String] = []
        /// Who has to be.
        var required: Set<String> = []
    }

    /// Whether this is the second round.
    private(set) var isAgain = false
    private(set) var isWanted = false
    private var plugins: [String: Plugin] = [:]

    /// A plugin begins with an object.
    mutating func begin(_ plugin: String, _ object: JSON) {
        if isAgain, plugins[plugin]?.output != object { require(plugin) }
    }

    mutating func end(_ plugin: String, _ object: JSON) { plugins[plugin, default: Plugin()].output = object }

    /// Whether one of a plugin's policies or webhooks is called in this round.
    func mayCall(_ plugin: String, _ key: String) -> Bool { !isAgain || plugins[plugin]?.required.contains(key) ?? false }

    /// One of a plugin's policies or webhooks may be called again.
    mutating func called(_ plugin: String, _ key: String) { plugins[plugin, default: Plugin()].called.append(key) }

    /// One of a plugin's policies or webhooks changed the object.
    mutating func changed(_ plugin: String) {
        require(plugin)
        isWanted = true
    }

    private mutating func require(_ plugin: String) {
        plugins[plugin, default: Plugin()].required.formUnion(plugins[plugin]?.called ?? [])
        plugins[plugin]?.called = []
    }

    mutating func startAgain() { isAgain = true }
}
