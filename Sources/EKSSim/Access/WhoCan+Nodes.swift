import RBAC

/// What the Node authorizer lets kubelets do. Which objects a node's pods use changes by the minute: whatever they could use counts.
extension ClusterAccess {
    static let nodeAuthorizer = "Node authorizer: its own objects, and what its pods use"
    private static let authorizer = NodeAuthorizer(rules: BootstrapPolicy.published.rules(ofClusterRole: "system:node")) { _, _ in true }
    /// Objects that are named as their node is.
    private static let ofTheName = ["nodes", "leases", "csinodes"]

    /// Whether a user who is a node may; one of its sessions is of the node that is asked about.
    func mayAsNode(_ attributes: Attributes) -> Bool {
        guard NodeAuthorizer.nodeName(of: attributes.user) != nil else { return false }
        var asked = attributes
        if Self.ofTheName.contains(attributes.resource), !attributes.name.isEmpty {
            asked.user.username = "system:node:\(attributes.name)"
        }
        return Self.authorizer.authorize(asked).isAllowed
    }

    /// The group of the nodes, when a node may.
    func nodes(_ attributes: Attributes) -> [WhoCan.Grant] {
        var asked = attributes
        asked.user = UserInfo(username: "system:node:NODE", groups: ["system:nodes", "system:authenticated"])
        guard mayAsNode(asked) else { return [] }
        return [
            WhoCan.Grant(
                principal: nil, subject: "Group \"system:nodes\", as User \"system:node:NODE\"", path: [Self.nodeAuthorizer])
        ]
    }
}

extension AccessGrants {
    /// The rules that a node has beside its bindings.
    static func ofNode(_ user: UserInfo) -> [PolicyRule] {
        NodeAuthorizer.nodeName(of: user) == nil ? [] : BootstrapPolicy.published.rules(ofClusterRole: "system:node")
    }
}
