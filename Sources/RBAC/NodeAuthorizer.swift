import Encoding

/// The Node authorizer: what a kubelet may do, most of it only to objects of pods on its own node
/// (`plugin/pkg/auth/authorizer/node`).
public struct NodeAuthorizer: Sendable {
    /// An object that a node may be related to.
    public struct Object: Sendable, Hashable {
        /// The kinds that are looked up.
        public enum Kind: Sendable, Hashable {
            case pod, secret, configMap, persistentVolumeClaim, persistentVolume, resourceClaim, volumeAttachment, serviceAccount
            case resourceSlice
        }

        /// What it is.
        public var kind: Kind
        /// Its namespace; empty at cluster scope.
        public var namespace: String
        /// Its name.
        public var name: String

        /// Names an object.
        public init(kind: Kind, namespace: String, name: String) {
            self.kind = kind
            self.namespace = namespace
            self.name = name
        }
    }

    /// The rules of ClusterRole `system:node`, for what is not looked up.
    public let rules: [PolicyRule]
    private let isRelated: @Sendable (Object, _ node: String) -> Bool

    /// Makes the authorizer. `isRelated` answers whether an object belongs to a pod of a node.
    public init(rules: [PolicyRule], isRelated: @escaping @Sendable (Object, _ node: String) -> Bool) {
        self.rules = rules
        self.isRelated = isRelated
    }

    private static let prefix = "system:node:"

    /// The node that a user is: it takes the name **and** the group; `nil` for everybody else.
    public static func nodeName(of user: UserInfo) -> String? {
        guard user.username.hasPrefix(prefix), user.groups.contains("system:nodes") else { return nil }
        return String(user.username.dropFirst(prefix.count))
    }

    /// Decides; for users that are no nodes it has no opinion and no reason.
    public func authorize(_ attributes: Attributes) -> RBACDecision {
        guard let node = Self.nodeName(of: attributes.user) else { return .noOpinion }
        guard !node.isEmpty else { return .no("unknown node for user \(GoQuoting.quoted(attributes.user.username))") }
        guard attributes.isResourceRequest else { return byRules(attributes) }
        switch (attributes.apiGroup, attributes.resource) {
        case ("", "secrets"): return read(.secret, attributes, node)
        case ("", "configmaps"): return read(.configMap, attributes, node)
        case ("", "persistentvolumeclaims"):
            return attributes.subresource == "status"
                ? updateStatus(.persistentVolumeClaim, attributes, node) : get(.persistentVolumeClaim, attributes, node)
        case ("", "persistentvolumes"): return get(.persistentVolume, attributes, node)
        case ("resource.k8s.io", "resourceclaims"): return get(.resourceClaim, attributes, node)
        case ("storage.k8s.io", "volumeattachments"): return get(.volumeAttachment, attributes, node)
        case ("", "serviceaccounts"): return serviceAccount(attributes, node)
        case ("coordination.k8s.io", "leases"): return lease(attributes, node)
        case ("storage.k8s.io", "csinodes"): return csiNode(attributes, node)
        case ("resource.k8s.io", "resourceslices"): return resourceSlice(attributes, node)
        case ("", "nodes"): return ownNode(attributes, node)
        case ("", "pods"): return pod(attributes, node)
        default: return byRules(attributes)
        }
    }

    private func byRules(_ attributes: Attributes) -> RBACDecision {
        rules.contains { $0.allows(attributes) } ? .yes : .noOpinion
    }

    private func related(_ kind: Object.Kind, _ attributes: Attributes, _ node: String) -> RBACDecision {
        guard !attributes.name.isEmpty else { return .no("No Object name found") }
        let object = Object(kind: kind, namespace: attributes.namespace, name: attributes.name)
        return isRelated(object, node) ? .yes : .no("no relationship found between node '\(node)' and this object")
    }

    private func read(_ kind: Object.Kind, _ attributes: Attributes, _ node: String) -> RBACDecision {
        guard ["get", "list", "watch"].contains(attributes.verb) else { return .no("can only read resources of this type") }
        guard attributes.subresource.isEmpty else { return .no("cannot read subresource") }
        guard !attributes.namespace.isEmpty else { return .no("can only read namespaced object of this type") }
        return related(kind, attributes, node)
    }

    private func get(_ kind: Object.Kind, _ attributes: Attributes, _ node: String) -> RBACDecision {
        guard attributes.verb == "get" else { return .no("can only get individual resources of this type") }
        guard attributes.subresource.isEmpty else { return .no("cannot get subresource") }
        return related(kind, attributes, node)
    }

    private func updateStatus(_ kind: Object.Kind, _ attributes: Attributes, _ node: String) -> RBACDecision {
        guard ["update", "patch"].contains(attributes.verb) else { return .no("can only get/update/patch this type") }
        return related(kind, attributes, node)
    }

    private func serviceAccount(_ attributes: Attributes, _ node: String) -> RBACDecision {
        // A kubelet reads the accounts of its pods for credential providers, and makes tokens for them.
        if attributes.verb == "get", attributes.subresource.isEmpty { return related(.serviceAccount, attributes, node) }
        guard attributes.verb == "create", !attributes.name.isEmpty else {
            return .no("can only create tokens for individual service accounts")
        }
        guard attributes.subresource == "token" else { return .no("can only create token subresource of serviceaccount") }
        return related(.serviceAccount, attributes, node)
    }

    private static let ownVerbs = ["get", "create", "update", "patch", "delete"]

    private func lease(_ attributes: Attributes, _ node: String) -> RBACDecision {
        guard Self.ownVerbs.contains(attributes.verb) else {
            return .no("can only get, create, update, patch, or delete a node lease")
        }
        guard attributes.namespace == "kube-node-lease" else {
            return .no("can only access leases in the \"kube-node-lease\" system namespace")
        }
        guard attributes.verb == "create" || attributes.name == node else {
            return .no("can only access node lease with the same name as the requesting node")
        }
        return .yes
    }

    private func csiNode(_ attributes: Attributes, _ node: String) -> RBACDecision {
        guard Self.ownVerbs.contains(attributes.verb) else { return .no("can only get, create, update, patch, or delete a CSINode") }
        guard attributes.subresource.isEmpty else { return .no("cannot authorize CSINode subresources") }
        guard attributes.verb == "create" || attributes.name == node else {
            return .no("can only access CSINode with the same name as the requesting node")
        }
        return .yes
    }

    private func resourceSlice(_ attributes: Attributes, _ node: String) -> RBACDecision {
        guard attributes.subresource.isEmpty else { return .no("cannot authorize ResourceSlice subresources") }
        switch attributes.verb {
        case "create": return .yes
        case "get", "update", "patch", "delete": return related(.resourceSlice, attributes, node)
        case "watch", "list", "deletecollection":
            guard attributes.fieldSelector["nodeName"] == node else {
                return .no("can only list/watch/deletecollection resourceslices with nodeName field selector")
            }
            return .yes
        default:
            return .no(
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection"
            )
        }
    }

    private func ownNode(_ attributes: Attributes, _ node: String) -> RBACDecision {
        switch (attributes.subresource, attributes.verb) {
        // NodeRestriction keeps the node to its own object.
        case ("", "create"), ("", "update"), ("", "patch"), ("status", "update"), ("status", "patch"): return .yes
        case ("", "get"), ("", "list"), ("", "watch"):
            if attributes.name == node { return .yes }
            guard !attributes.name.isEmpty else { return .no("node '\(node)' cannot read all nodes, only its own Node object") }
            return .no("node '\(node)' cannot read '\(attributes.name)', only its own Node object")
        default: return .noOpinion
        }
    }

    private func pod(_ attributes: Attributes, _ node: String) -> RBACDecision {
        switch (attributes.subresource, attributes.verb) {
        case ("", "get"): return get(.pod, attributes, node)
        case ("", "list"), ("", "watch"):
            if attributes.fieldSelector["spec.nodeName"] == node { return .yes }
            guard attributes.name.isEmpty else { return related(.pod, attributes, node) }
            return .no("can only list/watch pods with spec.nodeName field selector")
        case ("", "create"), ("", "delete"), ("status", "update"), ("status", "patch"), ("eviction", "create"): return .yes
        default: return .noOpinion
        }
    }
}

extension RBACDecision {
    static let noOpinion = RBACDecision(isAllowed: false, reason: "")
    static let yes = RBACDecision(isAllowed: true, reason: "")
    static func no(_ reason: String) -> RBACDecision { RBACDecision(isAllowed: false, reason: reason) }
}
