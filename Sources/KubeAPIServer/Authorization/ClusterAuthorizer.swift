import JSON
import KubeAPI
public import RBAC
import Store
import World
public import World

/// The authorizers of an EKS API server in order: `system:masters`, Node, RBAC, EKS access policies.
public final class ClusterAuthorizer: RequestAuthorizer {
    private struct Compiled: Sendable {
        /// The store's revision when the collections were last looked at.
        var seen: Revision
        let revisions: [Revision]
        let snapshot: RBACSnapshot
    }

    private static let group = "rbac.authorization.k8s.io"

    private let cluster: ClusterState
    private let policies: (any AccessPolicySource)?
    private let catalog: AccessPolicyCatalog
    private let nodes: NodeAuthorizer
    private let collections: [String]
    private let compiled = Lock<Compiled?>(nil)

    /// Makes the authorizer of a cluster.
    public init(cluster: ClusterState, policies: (any AccessPolicySource)?, catalog: AccessPolicyCatalog = .published) {
        self.cluster = cluster
        self.policies = policies
        self.catalog = catalog
        let relations = NodeRelations(cluster: cluster)
        nodes = NodeAuthorizer(rules: BootstrapPolicy.published.rules(ofClusterRole: "system:node"), isRelated: relations.isRelated)
        collections = ["clusterroles", "roles", "clusterrolebindings", "rolebindings"].map { cluster.collection(group: Self.group, $0) }
    }

    /// Whether there is EKS' webhook authorizer, for access policies.
    var hasWebhook: Bool { policies != nil }

    /// All roles and bindings, compiled anew when one of their collections has changed.
    public var snapshot: RBACSnapshot {
        let seen = cluster.store.revision
        if let known = compiled.withLock({ $0?.seen == seen ? $0?.snapshot : nil }) { return known }
        let revisions = collections.map { cluster.store.revision(of: $0) }
        let unchanged = compiled.withLock { compiled -> RBACSnapshot? in
            guard compiled?.revisions == revisions else { return nil }
            compiled?.seen = seen
            return compiled?.snapshot
        }
        if let unchanged { return unchanged }
        func objects(_ collection: String) -> [JSON] {
            let range = try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
            return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
        }
        let snapshot = RBACSnapshot(
            clusterRoles: objects(collections[0]), roles: objects(collections[1]), clusterRoleBindings: objects(collections[2]),
            roleBindings: objects(collections[3]))
        compiled.withLock { $0 = Compiled(seen: seen, revisions: revisions, snapshot: snapshot) }
        return snapshot
    }

    /// Decides about a request.
    public func authorize(_ attributes: Attributes, trace: RequestTrace?) async -> AuthorizationDecision {
        if attributes.user.groups.contains("system:masters") {
            trace?.add(TraceStep("authz", "system:masters", actual: "member: everything is allowed", .pass))
            return AuthorizationDecision(isAllowed: true)
        }
        let node = nodes.authorize(attributes)
        if node.isAllowed {
            trace?.add(TraceStep("authz.node", "own objects", actual: "allowed to \(attributes.user.username)", .pass))
            return AuthorizationDecision(isAllowed: true)
        }
        if !node.reason.isEmpty { trace?.add(TraceStep("authz.node", "own objects", actual: node.reason, .noOpinion)) }
        let snapshot = snapshot
        let rbac = snapshot.authorize(attributes)
        if rbac.isAllowed {
            trace?.add(TraceStep("authz.rbac", "bindings", actual: rbac.reason, .pass))
            return AuthorizationDecision(isAllowed: true, reason: rbac.reason)
        }
        var misses: [String] = []
        if let (principalID, associations) = policies?.associations(for: attributes.user) {
            let eks = catalog.authorize(attributes, associations: associations, principalID: principalID)
            if eks.isAllowed {
                trace?.add([
                    TraceStep("authz.rbac", "bindings", actual: "none grants it", .noOpinion),
                    TraceStep("authz.eks", "access policies", actual: eks.reason, .pass),
                ])
                return AuthorizationDecision(isAllowed: true, reason: eks.reason)
            }
            misses = eks.nearMisses
        }
        if let trace { explain(attributes, snapshot, rbac, misses, trace) }
        let reasons = [node.reason, rbac.reason].filter { !$0.isEmpty }
        return AuthorizationDecision(isAllowed: false, reason: reasons.joined(separator: "\n"))
    }

    /// Writes why nobody allowed a request.
    private func explain(
        _ attributes: Attributes, _ snapshot: RBACSnapshot, _ rbac: RBACDecision, _ policyMisses: [String], _ trace: RequestTrace
    ) {
        trace.add([
            TraceStep(
                "authz.rbac", "bindings", expected: Self.wish(attributes),
                actual: rbac.reason.isEmpty ? "no binding grants it" : rbac.reason, .noOpinion,
                nearMisses: snapshot.nearMisses(attributes).map(\.text)),
            TraceStep(
                "authz.eks", "access policies", actual: policyMisses.isEmpty ? "no access policy is associated" : "none grants it",
                .noOpinion,
                nearMisses: policyMisses),
            TraceStep(
                "authz", "verdict", expected: Self.wish(attributes), actual: "nobody allowed it", .fail,
                fix: snapshot.smallestFix(attributes) ?? "aws eks update-kubeconfig --name \(cluster.name)"),
        ])
    }

    /// `list pods in namespace "team-a"`
    private static func wish(_ attributes: Attributes) -> String {
        guard attributes.isResourceRequest else { return "\(attributes.verb) \(attributes.path)" }
        let resource = attributes.subresource.isEmpty ? attributes.resource : "\(attributes.resource)/\(attributes.subresource)"
        let qualified = attributes.apiGroup.isEmpty ? resource : "\(resource).\(attributes.apiGroup)"
        let name = attributes.name.isEmpty ? "" : " \"\(attributes.name)\""
        let place = attributes.namespace.isEmpty ? "at the cluster scope" : "in namespace \"\(attributes.namespace)\""
        return "\(attributes.verb) \(qualified)\(name) \(place)"
    }
}
