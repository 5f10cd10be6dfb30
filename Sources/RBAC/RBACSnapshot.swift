public import JSON

/// What RBAC decides of a request.
public struct RBACDecision: Sendable, Hashable {
    /// Whether a binding grants it.
    public var isAllowed: Bool
    /// `RBAC: allowed by …`, or `RBAC: …` with what went wrong, or empty.
    public var reason: String
}

/// All roles and bindings of a cluster at one revision, indexed by subject: a decision looks only at the bindings that name the user.
public struct RBACSnapshot: Sendable {
    private struct RoleKey: Hashable, Sendable {
        let namespace: String
        let name: String
    }

    private let clusterRoles: [String: [PolicyRule]]
    private let roles: [RoleKey: [PolicyRule]]
    private let clusterGrants: SubjectIndex
    private let grants: [String: SubjectIndex]
    /// Every binding, for near misses.
    private let allBindings: [RoleBinding]

    /// Compiles the objects of the four resources.
    public init(clusterRoles: [JSON], roles: [JSON], clusterRoleBindings: [JSON], roleBindings: [JSON]) {
        func rules(_ role: JSON) -> [PolicyRule] { (role["rules"]?.array ?? []).map(PolicyRule.init(json:)) }
        var compiledClusterRoles: [String: [PolicyRule]] = [:]
        for role in clusterRoles { compiledClusterRoles[role.at("metadata", "name")?.string ?? ""] = rules(role) }
        var compiledRoles: [RoleKey: [PolicyRule]] = [:]
        for role in roles {
            let key = RoleKey(namespace: role.at("metadata", "namespace")?.string ?? "", name: role.at("metadata", "name")?.string ?? "")
            compiledRoles[key] = rules(role)
        }
        let wide = clusterRoleBindings.map { RoleBinding(json: $0, isClusterWide: true) }
        let narrow = roleBindings.map { RoleBinding(json: $0, isClusterWide: false) }
        self.clusterRoles = compiledClusterRoles
        self.roles = compiledRoles
        func grant(_ binding: RoleBinding) -> Grant {
            let rules =
                binding.roleKind == "ClusterRole"
                ? compiledClusterRoles[binding.roleName]
                : compiledRoles[RoleKey(namespace: binding.namespace ?? "", name: binding.roleName)]
            return Grant(binding: binding, rules: rules)
        }
        clusterGrants = SubjectIndex(wide.map(grant))
        grants = Dictionary(grouping: narrow) { $0.namespace ?? "" }.mapValues { SubjectIndex($0.map(grant)) }
        allBindings = wide + narrow
    }

    /// Decides (`RBACAuthorizer.Authorize`).
    public func authorize(_ attributes: Attributes) -> RBACDecision {
        var errors: [String] = []
        var granted: String?
        visit(attributes.user, namespace: attributes.namespace) { grant in
            guard let rules = grant.rules else {
                errors.append(missingRole(grant.binding))
                return true
            }
            guard rules.indices.contains(where: { rules[$0].allows(attributes) }),
                let subject = grant.binding.subjects.first(where: { $0.matches(attributes.user) })
            else { return true }
            granted = "RBAC: allowed by \(grant.role) to \(subject.description)"
            return false
        }
        if let granted { return RBACDecision(isAllowed: true, reason: granted) }
        return RBACDecision(isAllowed: false, reason: errors.isEmpty ? "" : "RBAC: \(AggregateError.text(errors))")
    }

    /// The rules that hold for a user in a namespace, and what went wrong collecting them (`RulesFor`).
    public func rules(for user: UserInfo, namespace: String) -> (rules: [PolicyRule], errors: [String]) {
        var found: [PolicyRule] = []
        var errors: [String] = []
        visit(user, namespace: namespace) { grant in
            if let rules = grant.rules { found += rules } else { errors.append(missingRole(grant.binding)) }
            return true
        }
        return (found, errors)
    }

    /// The rules of the role that a binding names; `nil` when there is no such role.
    public func rules(of binding: RoleBinding) -> [PolicyRule]? {
        binding.roleKind == "ClusterRole"
            ? clusterRoles[binding.roleName] : roles[RoleKey(namespace: binding.namespace ?? "", name: binding.roleName)]
    }

    /// The names of the roles of a namespace, or of the cluster roles.
    func roleNames(in namespace: String?) -> Set<String> {
        guard let namespace else { return Set(clusterRoles.keys) }
        return Set(roles.keys.filter { $0.namespace == namespace }.map(\.name))
    }

    /// Every binding of the cluster.
    public var everyBinding: [RoleBinding] { allBindings }

    private func missingRole(_ binding: RoleBinding) -> String {
        let resource = binding.roleKind == "ClusterRole" ? "clusterrole" : "role"
        return "\(resource).rbac.authorization.k8s.io \"\(binding.roleName)\" not found"
    }

    /// Calls `body` for every binding that names the user, cluster-wide ones first, until it answers `false`.
    private func visit(_ user: UserInfo, namespace: String, _ body: (Grant) -> Bool) {
        guard clusterGrants.visit(user, body), !namespace.isEmpty else { return }
        _ = grants[namespace]?.visit(user, body)
    }
}

/// A binding with the rules of its role, found once.
private final class Grant: Sendable {
    let binding: RoleBinding
    /// `nil` when there is no such role.
    let rules: [PolicyRule]?
    /// How reasons name binding and role.
    let role: String

    init(binding: RoleBinding, rules: [PolicyRule]?) {
        self.binding = binding
        self.rules = rules
        role = "\(binding.description) of \(binding.roleKind) \"\(binding.roleName)\""
    }
}

/// Bindings by whom they name, in their own order.
private struct SubjectIndex: Sendable {
    private let grants: [Grant]
    /// Users and service accounts: both are known by their username.
    private let byUsername: [String: [Int]]
    private let byGroup: [String: [Int]]

    init(_ grants: [Grant]) {
        self.grants = grants
        var byUsername: [String: [Int]] = [:]
        var byGroup: [String: [Int]] = [:]
        for (index, grant) in grants.enumerated() {
            for subject in Set(grant.binding.subjects) {
                switch subject {
                case .user(let name): byUsername[name, default: []].append(index)
                case .group(let name): byGroup[name, default: []].append(index)
                case .serviceAccount(let namespace, let name):
                    byUsername["system:serviceaccount:\(namespace):\(name)", default: []].append(index)
                }
            }
        }
        self.byUsername = byUsername
        self.byGroup = byGroup
    }

    /// `false` when `body` ended the visit.
    func visit(_ user: UserInfo, _ body: (Grant) -> Bool) -> Bool {
        var found = byUsername[user.username] ?? []
        for group in user.groups {
            guard let more = byGroup[group] else { continue }
            if found.isEmpty { found = more } else { found += more }
        }
        if found.count > 1 { found.sort() }
        var last = -1
        for index in found where index != last {
            last = index
            guard body(grants[index]) else { return false }
        }
        return true
    }
}
