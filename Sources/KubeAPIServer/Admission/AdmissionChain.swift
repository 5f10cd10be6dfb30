import JSON
import KubeAPI

/// What a request is about to do to an object.
enum AdmissionOperation: Sendable {
    case create(JSON)
    case update(JSON, old: JSON)
    case delete(JSON, isDryRun: Bool)
}

/// The admission plugins that every write passes after authorization (`k8s.io/kubernetes/plugin/pkg/admission`).
struct AdmissionChain: Sendable {
    /// Namespaces that NamespaceLifecycle protects.
    private static let protectedNamespaces: Set<String> = ["default", "kube-system", "kube-public"]

    /// Lets an operation pass.
    ///
    /// - Throws: 403 of the plugin that refuses.
    func admit(_ operation: AdmissionOperation, _ request: APIRequest) async throws(KubeStatus) {
        if case .create(let object) = operation, request.resource.custom?.isTerminating == true {
            throw .forbidden(
                group: request.resource.group, resource: request.resource.resource, name: object.objectName,
                message:
                    "\(request.resource.qualifiedName) \(GoText.quoted(object.objectName)) is forbidden: create not allowed while custom "
                    + "resource definition is terminating")
        }
        if case .delete(let object, _) = operation, request.resource.group.isEmpty, request.resource.resource == "namespaces",
            Self.protectedNamespaces.contains(object.objectName)
        {
            throw .forbidden(
                group: "", resource: "namespaces", name: object.objectName,
                message: "namespaces \(GoText.quoted(object.objectName)) is forbidden: this namespace may not be deleted")
        }
    }
}
