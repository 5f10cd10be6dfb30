import HTTP
import JSON
import KubeAPI
import RBAC
import World

extension AdmissionChain {
    private static let group = "rbac.authorization.k8s.io"
    private static let bindings: Set<String> = ["rolebindings", "clusterrolebindings"]

    /// Nobody writes a role or binding that grants what they do not hold (`pkg/registry/rbac/*/policybased`); asked before the object is
    /// validated.
    ///
    /// - Throws: 403 in RBAC's words, 404 when a binding's role does not exist.
    func confirmNoEscalation(_ object: JSON, old: JSON?, _ request: APIRequest) async throws(KubeStatus) {
        guard request.resource.group == Self.group, request.info.subresource.isEmpty, let authorizer else { return }
        // The garbage collector may do its work on any object.
        if let old, Self.withoutCollectorsFields(object) == Self.withoutCollectorsFields(old) { return }
        let attributes = Attributes(
            user: request.user, verb: old == nil ? "create" : "update", namespace: request.namespace, apiGroup: Self.group,
            apiVersion: request.resource.version, resource: request.resource.resource, name: request.name)
        let snapshot = authorizer.snapshot
        do throws(EscalationCheck.Refusal) {
            try await EscalationCheck(snapshot: snapshot, request: attributes).confirm(object, old: old) { wish in
                await authorizer.authorize(wish, trace: nil).isAllowed
            }
        } catch {
            throw explained(error, object, attributes, snapshot, request)
        }
    }

    private static func withoutCollectorsFields(_ object: JSON) -> JSON {
        var object = object
        for field in ["ownerReferences", "finalizers", "managedFields", "resourceVersion"] { object["metadata"]?[field] = nil }
        return object
    }

    private func explained(
        _ refusal: EscalationCheck.Refusal, _ object: JSON, _ attributes: Attributes, _ snapshot: RBACSnapshot, _ request: APIRequest
    ) -> KubeStatus {
        switch refusal {
        case .roleNotFound(let role):
            request.http.trace.add(TraceStep("registry", "roleRef", expected: "a role that exists", actual: role, .fail))
            return .notFound(group: Self.group, resource: attributes.resource, name: role)
        case .forbidden(let text):
            var wish = attributes
            if Self.bindings.contains(attributes.resource) {
                wish.verb = "bind"
                wish.resource = object.at("roleRef", "kind")?.string == "Role" ? "roles" : "clusterroles"
            } else {
                wish.verb = "escalate"
            }
            request.http.trace.add(
                TraceStep(
                    "registry", "escalation", expected: "rules that the user holds by RBAC, or the verb \(wish.verb) on \(wish.resource)",
                    actual: text.replacing("\n", with: " "), .fail, fix: snapshot.smallestFix(wish)))
            return .forbidden(
                group: Self.group, resource: attributes.resource, name: object.objectName,
                message: Attributes.forbiddenMessage(group: Self.group, resource: attributes.resource, name: object.objectName, text))
        }
    }
}
