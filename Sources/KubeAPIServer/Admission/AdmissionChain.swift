import HTTP
import JSON
import KubeAPI
import RBAC
import World

/// What a request is about to do to an object.
enum AdmissionOperation: Sendable {
    case create(JSON)
    case update(JSON, old: JSON)
    case delete(JSON, isDryRun: Bool)
}

/// The admission plugins that every write passes after authorization, in kube-apiserver's order (`pkg/kubeapiserver/options/plugins.go`).
struct AdmissionChain: Sendable {
    /// Namespaces that NamespaceLifecycle protects.
    private static let protectedNamespaces: Set<String> = ["default", "kube-system", "kube-public"]

    let cluster: ClusterState
    /// Who answers the plugins' own questions; `nil` in a registry without users.
    var authorizer: (any RequestAuthorizer)?
    /// What EKS knows of the cluster's pods; `nil` without EKS.
    var podIdentity: (any PodIdentitySource)?

    /// Lets the plugins that change objects change a new one, before it is validated; it comes defaulted.
    ///
    /// - Throws: 403 of the plugin that refuses.
    func mutate(_ object: inout JSON, _ request: APIRequest) async throws(KubeStatus) {
        let path = request.resource.qualifiedName
        if path == "pods" { try ServiceAccountAdmission(cluster: cluster).admit(&object, request) }
        try await restrictNode(.create(object), request)
        if path == "nodes" { NodeTaints.admit(&object) }
        if path == "pods", let podIdentity { PodIdentityAdmission(cluster: cluster, source: podIdentity).admit(&object, request) }
    }

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
        // A create passed the plugin before it was validated.
        if case .create = operation { return }
        try await restrictNode(operation, request)
    }

    /// NodeRestriction: what a kubelet may change of what the authorizers let it change.
    ///
    /// - Throws: 403 or 404.
    func restrictNode(_ operation: AdmissionOperation, _ request: APIRequest) async throws(KubeStatus) {
        guard let node = NodeAuthorizer.nodeName(of: request.user) else { return }
        do throws(KubeStatus) {
            try await NodeRestriction(cluster: cluster, authorizer: authorizer, node: node).admit(operation, request)
        } catch {
            request.http.trace.add(
                TraceStep("admission", "NodeRestriction", expected: "the node's own objects", actual: error.message, .fail))
            throw error
        }
    }
}

/// TaintNodesByCondition: a new node is not ready until the node lifecycle controller says so (`plugin/pkg/admission/nodetaint`).
enum NodeTaints {
    static func admit(_ node: inout JSON) {
        let taint: JSON = ["key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"]
        var taints = node.at("spec", "taints")?.array ?? []
        guard !taints.contains(where: { $0["key"] == taint["key"] && $0["effect"] == taint["effect"] }) else { return }
        taints.append(taint)
        node.set(.array(taints), at: ["spec", "taints"])
    }
}
