import JSON
import KubeAPI
import RBAC

/// The part of a cluster that decides who may do what: bootstrap objects, a case's own, and access policies.
struct VectorCluster {
    /// Who allowed a request, or nobody and why.
    struct Decision {
        let by: String?
        let reason: String
    }

    private var objects: [String: [JSON]]
    /// The policies of the user with `principalID`.
    var associations: [AccessPolicyAssociation] = []

    static let principalID = "AROAEXAMPLEDEV"
    private static let catalog = AccessPolicyCatalog.published
    private static let node = NodeAuthorizer(rules: BootstrapPolicy.published.rules(ofClusterRole: "system:node")) { _, _ in false }

    /// A cluster as its bootstrap leaves it.
    static let fresh = VectorCluster()

    private init() {
        let bootstrap = BootstrapPolicy.published
        objects = [
            "clusterroles": bootstrap.clusterRoles, "roles": bootstrap.roles, "clusterrolebindings": bootstrap.clusterRoleBindings,
            "rolebindings": bootstrap.roleBindings,
        ]
        snapshot = RBACSnapshot(clusterRoles: [], roles: [], clusterRoleBindings: [], roleBindings: [])
        compile()
    }

    private(set) var snapshot: RBACSnapshot

    private mutating func compile() {
        // The controller's work is part of the state, as after a moment's wait.
        let clusterRoles = ClusterRoleAggregation.settled(objects["clusterroles"] ?? [])
        objects["clusterroles"] = clusterRoles
        snapshot = RBACSnapshot(
            clusterRoles: clusterRoles, roles: objects["roles"] ?? [], clusterRoleBindings: objects["clusterrolebindings"] ?? [],
            roleBindings: objects["rolebindings"] ?? [])
    }

    /// Creates or replaces objects of RBAC.
    mutating func store(_ added: [JSON]) {
        for object in added {
            let resource = (object["kind"]?.string ?? "").lowercased() + "s"
            remove(resource, object.at("metadata", "namespace")?.string ?? "", object.at("metadata", "name")?.string ?? "")
            objects[resource, default: []].append(object)
        }
        compile()
    }

    /// Deletes an object.
    mutating func delete(_ resource: String, _ namespace: String, _ name: String) {
        remove(resource, namespace, name)
        compile()
    }

    private mutating func remove(_ resource: String, _ namespace: String, _ name: String) {
        objects[resource]?.removeAll { Self.isNamed($0, namespace, name) }
    }

    /// A stored object.
    func find(_ resource: String, _ namespace: String, _ name: String) -> JSON? {
        objects[resource]?.first { Self.isNamed($0, namespace, name) }
    }

    private static func isNamed(_ object: JSON, _ namespace: String, _ name: String) -> Bool {
        (object.at("metadata", "namespace")?.string ?? "") == namespace && object.at("metadata", "name")?.string == name
    }

    /// Asks the authorizers in EKS' order.
    func authorize(_ attributes: Attributes) -> Decision {
        if attributes.user.isPrivileged { return Decision(by: UserInfo.mastersGroup, reason: "") }
        let node = Self.node.authorize(attributes)
        if node.isAllowed { return Decision(by: "node", reason: node.reason) }
        let rbac = snapshot.authorize(attributes)
        if rbac.isAllowed { return Decision(by: "rbac", reason: rbac.reason) }
        // Who impersonates loses what the policies look at.
        if attributes.user.extra("principalId") == [Self.principalID] {
            let policy = Self.catalog.authorize(attributes, associations: associations, principalID: Self.principalID)
            if policy.isAllowed { return Decision(by: "access-policy", reason: policy.reason) }
        }
        return Decision(by: nil, reason: [node.reason, rbac.reason].filter { !$0.isEmpty }.joined(separator: "\n"))
    }

    /// The 403 of a refused request.
    static func forbidden(_ attributes: Attributes, _ reason: String) -> KubeStatus {
        .forbidden(
            group: attributes.apiGroup, resource: attributes.resource, name: attributes.name,
            message: attributes.forbiddenMessage(reason: reason))
    }

    /// Authorizes and performs a write of an RBAC object, or a read: the answer's code, and the Status of a refusal.
    mutating func perform(_ attributes: Attributes, body: JSON?) async -> (code: Int, status: KubeStatus?) {
        let decision = authorize(attributes)
        guard decision.by != nil else {
            let status = Self.forbidden(attributes, decision.reason)
            return (status.code, status)
        }
        let (resource, namespace, name) = (attributes.resource, attributes.namespace, attributes.name)
        let old = name.isEmpty ? nil : find(resource, namespace, name)
        let missing = KubeStatus.notFound(group: attributes.apiGroup, resource: resource, name: name)
        var object = body ?? [:]
        switch attributes.verb {
        case "create": break
        case "update", "patch":
            guard let old else { return (404, missing) }
            if attributes.verb == "patch" { object = Self.merged(old, object) }
        case "delete":
            guard old != nil else { return (404, missing) }
            delete(resource, namespace, name)
            return (200, nil)
        default: return old == nil && !name.isEmpty ? (404, missing) : (200, nil)
        }
        let check = EscalationCheck(snapshot: snapshot, request: attributes)
        do throws(EscalationCheck.Refusal) {
            let cluster = self
            try await check.confirm(object, old: old) { cluster.authorize($0).by != nil }
        } catch {
            let status = Self.status(error, attributes, object)
            return (status.code, status)
        }
        store([object])
        return (attributes.verb == "create" ? 201 : 200, nil)
    }

    private static func status(_ refusal: EscalationCheck.Refusal, _ attributes: Attributes, _ object: JSON) -> KubeStatus {
        let (group, resource) = (attributes.apiGroup, attributes.resource)
        switch refusal {
        case .roleNotFound(let role): return .notFound(group: group, resource: resource, name: role)
        case .forbidden(let text):
            let name = object.at("metadata", "name")?.string ?? ""
            return .forbidden(
                group: group, resource: resource, name: name,
                message: Attributes.forbiddenMessage(group: group, resource: resource, name: name, text))
        }
    }

    /// RFC 7386.
    private static func merged(_ target: JSON, _ patch: JSON) -> JSON {
        guard let members = patch.object else { return patch }
        var result: JSON = target.object == nil ? [:] : target
        for member in members {
            result[member.key] = member.value.isNull ? nil : merged(result[member.key] ?? .null, member.value)
        }
        return result
    }
}
