import Encoding
import JSON
import KubeAPI
import World

/// What an admission webhook answered (`k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go`).
struct WebhookVerdict: Sendable {
    let isAllowed: Bool
    /// `metav1.Status` of a refusal.
    let result: JSON?
    /// A JSON patch, as text.
    let patch: [UInt8]
    let warnings: [String]
    let annotations: [(key: String, value: String)]
}

/// Why a webhook's answer is none, or why it could not be asked.
struct WebhookProblem: Error {
    let text: String
    /// Whether the request is a dry run, about which the webhook cannot be asked.
    var isDryRun = false
}

/// Asks an admission webhook about a request.
struct WebhookReview: Sendable {
    let hook: WebhookHook
    let cluster: ClusterState
    let isMutating: Bool

    /// Sends the review and checks the answer.
    ///
    /// - Throws: `WebhookProblem`.
    func ask(_ request: JSON) async throws(WebhookProblem) -> WebhookVerdict {
        let uid = cluster.world.random.uuid()
        var own: JSON = ["uid": .string(uid)]
        for member in request.object?.members ?? [] { own[member.key] = member.value }
        let apiVersion = "admission.k8s.io/\(hook.version)"
        let review: JSON = ["kind": "AdmissionReview", "apiVersion": .string(apiVersion), "request": own]
        let answer: JSON
        do throws(WebhookAddress.Problem) {
            answer = try await WebhookAddress(hook.client, cluster).post(review, timeout: hook.timeout)
        } catch {
            throw WebhookProblem(text: "failed to call webhook: \(error.text)")
        }
        do throws(WebhookProblem) { return try verdict(answer, uid, apiVersion) } catch {
            throw WebhookProblem(text: "received invalid webhook response: \(error.text)")
        }
    }

    private func verdict(_ answer: JSON, _ uid: String, _ apiVersion: String) throws(WebhookProblem) -> WebhookVerdict {
        guard let response = answer["response"], !response.isNull else { throw WebhookProblem(text: "webhook response was absent") }
        let patch = response["patch"]?.string.map(Self.bytes) ?? []
        let patchType = response["patchType"]?.string
        if hook.version == "v1" {
            let kind = answer["kind"]?.string ?? ""
            let given = answer["apiVersion"]?.string ?? ""
            guard kind == "AdmissionReview", given == apiVersion else {
                throw WebhookProblem(text: "expected webhook response of \(apiVersion), Kind=AdmissionReview, got \(given), Kind=\(kind)")
            }
            let answered = response["uid"]?.string ?? ""
            guard answered == uid else {
                throw WebhookProblem(text: "expected response.uid=\(GoText.quoted(uid)), got \(GoText.quoted(answered))")
            }
            try checkPatch(patch, patchType)
        }
        let annotations = (response["auditAnnotations"]?.object?.members ?? []).compactMap { member in
            member.value.string.map { (key: member.key, value: $0) }
        }
        return WebhookVerdict(
            isAllowed: response["allowed"] == true, result: response["status"], patch: patch,
            warnings: (response["warnings"]?.array ?? []).compactMap(\.string), annotations: annotations)
    }

    private func checkPatch(_ patch: [UInt8], _ type: String?) throws(WebhookProblem) {
        guard isMutating else {
            if !patch.isEmpty { throw WebhookProblem(text: "validating webhook may not return response.patch") }
            if type != nil { throw WebhookProblem(text: "validating webhook may not return response.patchType") }
            return
        }
        if !patch.isEmpty, type == nil { throw WebhookProblem(text: "webhook returned response.patch but not response.patchType") }
        if patch.isEmpty, type != nil { throw WebhookProblem(text: "webhook returned response.patchType but not response.patch") }
        guard let type, type != "JSONPatch" else { return }
        throw WebhookProblem(text: "webhook returned invalid response.patchType of \(GoText.quoted(type))")
    }

    private static func bytes(_ text: String) -> [UInt8] { Base64.decodeURL(text) ?? [] }
}
