import HTTP
import JSON
import KubeAPI
import World

/// Admission webhooks (`k8s.io/apiserver/pkg/admission/plugin/webhook`: generic, mutating and validating dispatchers).
struct WebhookAdmission: Sendable {
    static let mutatingName = "MutatingAdmissionWebhook"
    static let validatingName = "ValidatingAdmissionWebhook"

    let view: AdmissionView
    let authorizer: (any RequestAuthorizer)?
    private var cluster: ClusterState { view.cluster }

    init(view: AdmissionView, authorizer: (any RequestAuthorizer)?) {
        self.view = view
        self.authorizer = authorizer
    }

    // MARK: Mutating

    /// Lets every webhook that is about the request change the object, one after the other.
    ///
    /// - Throws: the status of the one that refuses, or 500 of one that cannot be asked.
    func mutate(_ attributes: inout AdmissionAttributes, _ round: inout Reinvocation) async throws(KubeStatus) {
        guard !WebhookHooks.isExempt(attributes.resource) else { return }
        let hooks = cluster.webhookHooks.mutating(cluster)
        guard !hooks.isEmpty else { return }
        let target = attributes.target(cluster)
        round.begin(Self.mutatingName, attributes.object)
        for (index, hook) in hooks.enumerated() {
            guard let place = try await place(hook, attributes, target), round.mayCall(Self.mutatingName, hook.key) else { continue }
            let annotation = "webhook.admission.k8s.io/round_\(round.isAgain ? 1 : 0)_index_\(index)"
            let verdict: WebhookVerdict
            do throws(WebhookProblem) { verdict = try await ask(hook, attributes, place, isMutating: true) } catch {
                try overlook(error, hook, "failed-open.mutating.\(annotation)", attributes)
                continue
            }
            let isChanged = try await apply(verdict, hook, place, &attributes)
            note(hook, "mutation.\(annotation)", ["mutated": .bool(isChanged)], attributes)
            if isChanged {
                if attributes.request.audit?.wantsRequestObject == true {
                    let patch = (try? JSON(parsing: verdict.patch)) ?? .null
                    note(hook, "patch.\(annotation)", ["patch": patch, "patchType": "JSONPatch"], attributes)
                }
                round.changed(Self.mutatingName)
            }
            if hook.canReinvoke { round.called(Self.mutatingName, hook.key) }
        }
        round.end(Self.mutatingName, attributes.object)
    }

    /// Puts a webhook's patch on the object; whether it changed.
    private func apply(
        _ verdict: WebhookVerdict, _ hook: WebhookHook, _ place: AdmissionTarget.Place, _ attributes: inout AdmissionAttributes
    ) async throws(KubeStatus) -> Bool {
        tell(verdict, hook, attributes)
        guard verdict.isAllowed else { throw Self.denial(verdict, hook) }
        guard !verdict.patch.isEmpty else { return false }
        let operations: [JSON]
        do {
            guard let list = try JSON(parsing: verdict.patch, limits: JSON.Limits(depth: 256, bytes: 3 << 20)).array else {
                throw KubeStatus.internalError("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
            }
            operations = list
        } catch let status as KubeStatus {
            throw status
        } catch let error as JSONError {
            throw .internalError(error.goMessage)
        } catch {
            throw .internalError("\(error)")
        }
        guard !operations.isEmpty else { return false }
        guard attributes.operation != .delete else {
            throw .internalError(
                "admission webhook \(GoText.quoted(hook.name)) attempted to modify the object, which is not supported for this operation")
        }
        guard let before = try await attributes.objects(at: place, cluster).new else { return false }
        let patched: JSON
        do throws(JSONPatch.Failure) { patched = try JSONPatch.apply(operations, to: before) } catch { throw .internalError(error.text) }
        guard patched != before else { return false }
        try await attributes.take(patched, at: place, view, validation: .ignore)
        return true
    }

    // MARK: Validating

    /// Asks every webhook that is about the request, all at once.
    ///
    /// - Throws: the status of the first that refuses, or 500 of one that cannot be asked.
    func validate(_ attributes: AdmissionAttributes) async throws(KubeStatus) {
        guard !WebhookHooks.isExempt(attributes.resource) else { return }
        let hooks = cluster.webhookHooks.validating(cluster)
        guard !hooks.isEmpty else { return }
        let target = attributes.target(cluster)
        var wanted: [(hook: WebhookHook, place: AdmissionTarget.Place)] = []
        for hook in hooks {
            if let place = try await place(hook, attributes, target) { wanted.append((hook, place)) }
        }
        let answers = await withTaskGroup(of: (Int, Result<WebhookVerdict, WebhookProblem>).self) { group in
            for (index, item) in wanted.enumerated() {
                group.addTask {
                    let answer = await Result { () async throws(WebhookProblem) in
                        try await ask(item.hook, attributes, item.place, isMutating: false)
                    }
                    return (index, answer)
                }
            }
            var answers = [Result<WebhookVerdict, WebhookProblem>?](repeating: nil, count: wanted.count)
            for await (index, answer) in group { answers[index] = answer }
            return answers
        }
        var refusal: KubeStatus?
        for (index, (answer, item)) in zip(answers, wanted).enumerated() {
            do throws(KubeStatus) {
                switch answer {
                case .success(let verdict)?:
                    tell(verdict, item.hook, attributes)
                    if !verdict.isAllowed { throw Self.denial(verdict, item.hook) }
                case .failure(let problem)?:
                    try overlook(
                        problem, item.hook, "failed-open.validating.webhook.admission.k8s.io/round_0_index_\(index)", attributes)
                case nil: break
                }
            } catch {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
    }

    // MARK: Both

    /// The place by which a webhook is about a request; `nil` when it is not.
    private func place(
        _ hook: WebhookHook, _ attributes: AdmissionAttributes, _ target: AdmissionTarget
    ) async throws(KubeStatus) -> AdmissionTarget.Place? {
        guard let place = attributes.place(hook.match, target, view) else { return nil }
        guard !hook.conditions.isEmpty else { return place }
        let input = try await attributes.policyInput(at: place, view)
        var questions = PolicyQuestions(authorizer, attributes.request.user)
        let outcome = try await questions.answered { (answers) throws(PolicyStop) in
            try hook.conditions.evaluate(input, answers: answers)
        }
        switch outcome {
        case .matches: return place
        case .differs: return nil
        case .failed(let text):
            if hook.failsOpen { return nil }
            throw attributes.forbidden(text)
        }
    }

    private func ask(
        _ hook: WebhookHook, _ attributes: AdmissionAttributes, _ place: AdmissionTarget.Place, isMutating: Bool
    ) async throws(WebhookProblem) -> WebhookVerdict {
        if attributes.isDryRun, !hook.isDryRunSafe { throw WebhookProblem(text: "", isDryRun: true) }
        var request = attributes.reviewRequest(at: place)
        let objects: (new: JSON?, old: JSON?)
        do throws(KubeStatus) { objects = try await attributes.objects(at: place, cluster) } catch {
            throw WebhookProblem(text: error.message)
        }
        let options = request["options"]
        request["options"] = nil
        let dryRun = request["dryRun"]
        request["dryRun"] = nil
        request["object"] = objects.new ?? .null
        request["oldObject"] = objects.old ?? .null
        request["dryRun"] = dryRun
        request["options"] = options
        let verdict = try await WebhookReview(hook: hook, cluster: cluster, isMutating: isMutating).ask(request)
        attributes.request.http.trace.add(
            TraceStep(
                "admission", "webhook \(hook.name)", actual: verdict.isAllowed ? "allowed" : "denied", verdict.isAllowed ? .pass : .fail))
        return verdict
    }

    /// What cannot be asked refuses, unless its failure policy overlooks that.
    private func overlook(
        _ problem: WebhookProblem, _ hook: WebhookHook, _ annotation: String, _ attributes: AdmissionAttributes
    ) throws(KubeStatus) {
        if problem.isDryRun { throw .badRequest("admission webhook \(GoText.quoted(hook.name)) does not support dry run") }
        guard hook.failsOpen else { throw .internalError("failed calling webhook \(GoText.quoted(hook.name)): \(problem.text)") }
        attributes.request.http.trace.annotate(annotation, hook.name)
    }

    private func tell(_ verdict: WebhookVerdict, _ hook: WebhookHook, _ attributes: AdmissionAttributes) {
        for (key, value) in verdict.annotations { attributes.request.http.trace.annotate("\(hook.name)/\(key)", value) }
        for warning in verdict.warnings { attributes.warn(warning) }
    }

    private func note(_ hook: WebhookHook, _ key: String, _ more: JSON, _ attributes: AdmissionAttributes) {
        var value: JSON = ["configuration": .string(hook.configuration), "webhook": .string(hook.name)]
        for member in more.object?.members ?? [] { value[member.key] = member.value }
        attributes.request.http.trace.annotate(key, value.text)
    }

    /// A refusal as the webhook wishes it (`ToStatusErr`).
    private static func denial(_ verdict: WebhookVerdict, _ hook: WebhookHook) -> KubeStatus {
        let by = "admission webhook \(GoText.quoted(hook.name)) denied the request"
        let result = verdict.result ?? [:]
        let message = result["message"]?.string ?? ""
        let reason = result["reason"]?.string ?? ""
        let code = Int(clamping: result["code"]?.integer ?? 0)
        var status = KubeStatus(code: max(400, min(code, 599)), reason: reason, message: by, details: result["details"])
        if !message.isEmpty {
            status.message += ": \(message)"
        } else {
            status.message += reason.isEmpty ? " without explanation" : ": \(reason)"
        }
        return status
    }
}

extension Result {
    /// What an asynchronous function gives or throws.
    fileprivate init(_ body: () async throws(Failure) -> Success) async {
        do throws(Failure) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
