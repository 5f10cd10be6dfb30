import HTTP
import JSON
import KubeAPI
import RBAC
import World

extension APIServer {
    /// The user to act as: the impersonated one when the headers ask for it and the caller may, else the caller
    /// (`k8s.io/apiserver/pkg/endpoints/filters/impersonation`).
    ///
    /// - Throws: 400 for headers without a user, 403 when the caller may not.
    static func effectiveUser(
        of request: HTTPRequest, as caller: UserInfo, _ authorizer: any RequestAuthorizer
    ) async throws(KubeStatus) -> UserInfo {
        guard request.headers.containsName(withPrefix: "impersonate-") else { return caller }
        let wish: Impersonation?
        do throws(Impersonation.Problem) {
            wish = try Impersonation(headers: request.headers.map { ($0.name, $0.value) }, by: caller)
        } catch {
            request.trace.add(TraceStep("authn", "impersonation", expected: "Impersonate-User", actual: error.description, .fail))
            throw .badRequest(error.description)
        }
        guard let wish else { return caller }
        for check in wish.checks {
            let decision = await authorizer.authorize(check, trace: nil)
            guard decision.isAllowed else {
                // Asked again with the trace, so that the reasons of the one refusal are written down.
                _ = await authorizer.authorize(check, trace: request.trace)
                throw Forbidden.status(check, decision.reason)
            }
        }
        request.trace.add(TraceStep("authn", "impersonation", actual: "\(caller.username) acts as \(wish.user.username)", .pass))
        return wish.user
    }
}

/// The 403 of the authorizer (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters.Forbidden`).
enum Forbidden {
    static func status(_ attributes: Attributes, _ reason: String) -> KubeStatus {
        let user = GoText.quoted(attributes.user.username)
        var text: String
        if attributes.isResourceRequest {
            let resource = attributes.subresource.isEmpty ? attributes.resource : "\(attributes.resource)/\(attributes.subresource)"
            text =
                "User \(user) cannot \(attributes.verb) resource \(GoText.quoted(resource)) in API group \(GoText.quoted(attributes.apiGroup)) "
            text += attributes.namespace.isEmpty ? "at the cluster scope" : "in the namespace \(GoText.quoted(attributes.namespace))"
        } else {
            text = "User \(user) cannot \(attributes.verb) path \(GoText.quoted(attributes.path))"
        }
        text = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        if !reason.isEmpty { text += ": \(reason)" }
        guard attributes.isResourceRequest else {
            return KubeStatus(code: 403, reason: "Forbidden", message: "forbidden: \(text)", details: [:])
        }
        let qualified = attributes.apiGroup.isEmpty ? attributes.resource : "\(attributes.resource).\(attributes.apiGroup)"
        let subject = attributes.name.isEmpty ? qualified : "\(qualified) \(GoText.quoted(attributes.name))"
        return .forbidden(
            group: attributes.apiGroup, resource: attributes.resource, name: attributes.name, message: "\(subject) is forbidden: \(text)")
    }
}
