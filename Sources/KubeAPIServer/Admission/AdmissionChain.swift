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
    private static let beforeNodes: [any AdmissionPlugin] = [NamespaceLifecycle(), LimitRanger(), ServiceAccountAdmission()]
    private static let afterNodes: [any AdmissionPlugin] = [
        TaintNodesByCondition(), PodSecurityAdmission(), PriorityAdmission(), DefaultTolerationSeconds(), DefaultStorageClass(),
        StorageObjectInUseProtection(), PersistentVolumeClaimResize(), RuntimeClassAdmission(), CertificateSubjectRestriction(),
        DefaultIngressClass(),
    ]

    let cluster: ClusterState
    /// Who answers the plugins' own questions; `nil` in a registry without users.
    var authorizer: (any RequestAuthorizer)?
    /// What EKS' own webhooks know; `nil` without them.
    var eks: (any EKSAdmissionSource)?

    private var view: AdmissionView { AdmissionView(cluster: cluster) }

    /// Completes what is about to be written, before it is validated; it comes defaulted.
    ///
    /// - Throws: 403 of the plugin that refuses.
    func mutate(_ attributes: AdmissionAttributes) async throws(KubeStatus) -> JSON {
        var attributes = attributes
        var round = Reinvocation()
        do throws(KubeStatus) {
            try await mutate(&attributes, &round)
            if attributes.operation == .create, attributes.concerns("", "pods"), let eks {
                PodIdentityAdmission(cluster: cluster, source: eks).admit(&attributes.object, attributes.request)
                BranchAdmission(source: eks).mutate(&attributes, view)
            }
            if round.isWanted {
                round.startAgain()
                try await mutate(&attributes, &round)
            }
        } catch {
            throw Self.warned(error, attributes)
        }
        return attributes.object
    }

    /// One round of all plugins.
    private func mutate(_ attributes: inout AdmissionAttributes, _ round: inout Reinvocation) async throws(KubeStatus) {
        if attributes.operation != .delete {
            for plugin in Self.beforeNodes { try mutate(&attributes, plugin) }
            // What a kubelet changes is looked at when it is complete.
            if attributes.operation == .create { try await restrictNode(.create(attributes.object), attributes.request) }
            for plugin in Self.afterNodes { try mutate(&attributes, plugin) }
        }
        try await mutateByPolicies(&attributes, &round)
    }

    private func mutateByPolicies(_ attributes: inout AdmissionAttributes, _ round: inout Reinvocation) async throws(KubeStatus) {
        do throws(KubeStatus) {
            try await MutatingPolicyAdmission(view: view, authorizer: authorizer).mutate(&attributes, &round)
        } catch {
            throw Self.traced(error, MutatingPolicyAdmission.name, attributes)
        }
        do throws(KubeStatus) { try await WebhookAdmission(view: view, authorizer: authorizer).mutate(&attributes, &round) } catch {
            throw Self.traced(error, WebhookAdmission.mutatingName, attributes)
        }
        try RequestDeadline.check()
    }

    private func mutate(_ attributes: inout AdmissionAttributes, _ plugin: any AdmissionPlugin) throws(KubeStatus) {
        do { try plugin.mutate(&attributes, view) } catch { throw Self.traced(error, type(of: plugin).name, attributes) }
    }

    /// Lets what is about to be written, or deleted, pass.
    ///
    /// - Throws: 403 of the plugin that refuses.
    func validate(_ attributes: AdmissionAttributes) async throws(KubeStatus) {
        switch attributes.operation {
        case .create, .connect: break
        case .update: try await restrictNode(.update(attributes.object, old: attributes.old ?? .null), attributes.request)
        case .delete: try await restrictNode(.delete(attributes.object, isDryRun: attributes.isDryRun), attributes.request)
        }
        do throws(KubeStatus) {
            for plugin in Self.beforeNodes + Self.afterNodes { try await validate(attributes, plugin) }
            if let authorizer { try await validate(attributes, SignerAdmission(authorizer: authorizer)) }
            try await validateByPolicies(attributes)
            if let eks {
                try await validate(attributes, AWSAuthAdmission(source: eks))
                try await validate(attributes, BranchAdmission(source: eks))
            }
            try await validate(attributes, ResourceQuotaAdmission())
        } catch {
            throw Self.warned(error, attributes)
        }
    }

    /// Lets the object of a subresource pass policies and webhooks: a Binding, an Eviction, a TokenRequest, or what a connection is made with.
    ///
    /// - Throws: what one of them refuses with.
    func admitPart(_ operation: AdmissionAttributes.Operation, _ object: JSON, _ request: APIRequest) async throws(KubeStatus) {
        if operation == .create { try await restrictNode(.create(object), request) }
        let isDryRun = request.query.all("dryRun").contains("All")
        var attributes = AdmissionAttributes(operation: operation, request: request, object: object, old: nil, isDryRun: isDryRun)
        var round = Reinvocation()
        do throws(KubeStatus) {
            try await mutateByPolicies(&attributes, &round)
            try await validateByPolicies(attributes)
        } catch {
            throw Self.warned(error, attributes)
        }
        request.warnings.note(attributes.noted.texts)
    }

    private func validate(_ attributes: AdmissionAttributes, _ plugin: any AdmissionPlugin) async throws(KubeStatus) {
        do { try await plugin.validate(attributes, view) } catch { throw Self.traced(error, type(of: plugin).name, attributes) }
    }

    private func validateByPolicies(_ attributes: AdmissionAttributes) async throws(KubeStatus) {
        do throws(KubeStatus) {
            try await ValidatingPolicyAdmission(view: view, authorizer: authorizer).validate(attributes)
        } catch {
            throw Self.traced(error, ValidatingPolicyAdmission.name, attributes)
        }
        do throws(KubeStatus) { try await WebhookAdmission(view: view, authorizer: authorizer).validate(attributes) } catch {
            throw Self.traced(error, WebhookAdmission.validatingName, attributes)
        }
        try RequestDeadline.check()
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

    /// A refusal with what was warned of before it.
    private static func warned(_ refusal: KubeStatus, _ attributes: AdmissionAttributes) -> KubeStatus {
        var refusal = refusal
        refusal.warnings = attributes.noted.texts + refusal.warnings
        return refusal
    }

    /// Leaves the refusal in the trace.
    private static func traced(_ refusal: KubeStatus, _ plugin: String, _ attributes: AdmissionAttributes) -> KubeStatus {
        attributes.request.http.trace.add(TraceStep("admission", plugin, actual: refusal.message, .fail))
        return refusal
    }
}
