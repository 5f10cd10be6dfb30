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
    private let clusterBindings: SubjectIndex
    private let bindings: [String: SubjectIndex]
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
        clusterBindings = SubjectIndex(wide)
        bindings = Dictionary(grouping: narrow) { $0.namespace ?? "" }.mapValues(SubjectIndex.init)
        allBindings = wide + narrow
    }

    /// Decides (`RBACAuthorizer.Authorize`).
    public func authorize(_ attributes: Attributes) -> RBACDecision {
        var errors: [String] = []
        var granted: String?
        visit(attributes.user, namespace: attributes.namespace) { binding, subject in
            guard let rules = rules(of: binding) else {
                errors.append(missingRole(binding))
                return true
            }
            guard rules.contains(where: { $0.allows(attributes) }) else { return true }
            granted = "RBAC: allowed by \(binding.description) of \(binding.roleKind) \"\(binding.roleName)\" to \(subject.description)"
            return false
        }
        if let granted { return RBACDecision(isAllowed: true, reason: granted) }
        return RBACDecision(isAllowed: false, reason: errors.isEmpty ? "" : "RBAC: \(AggregateError.text(errors))")
    }

    /// The rules that hold for a user in a namespace, and what went wrong collecting them (`RulesFor`).
    public func rules(for user: UserInfo, namespace: String) -> (rules: [PolicyRule], errors: [String]) {
        var found: [PolicyRule] = []
        var errors: [String] = []
        visit(user, namespace: namespace) { binding, _ in
            if let rules = rules(of: binding) { found += rules } else { errors.append(missingRole(binding)) }
            return true
        }
        return (found, errors)
    }

    /// The rules of the role that a binding names; `nil` when there is no such role.
    public func rules(of binding: RoleBinding) -> [PolicyRule]? {
        binding.roleKind == "ClusterRole"
            ? clusterRoles[binding.roleName] : roles[RoleKey(namespace: binding.namespace ?? "", name: binding.roleName)]
    }

    /// Every binding of the cluster.
    public var everyBinding: [RoleBinding] { allBindings }

    private func missingRole(_ binding: RoleBinding) -> String {
        let resource = binding.roleKind == "ClusterRole" ? "clusterrole" : "role"
        return "\(resource).rbac.authorization.k8s.io \"\(binding.roleName)\" not found"
    }

    /// Calls `body` for every binding that names the user, cluster-wide ones first, until it answers `false`.
    private func visit(_ user: UserInfo, namespace: String, _ body: (RoleBinding, RoleBinding.Subject) -> Bool) {
        guard clusterBindings.visit(user, body), !namespace.isEmpty else { return }
        _ = bindings[namespace]?.visit(user, body)
    }
}

/// Bindings by whom they name, in their own order.
private struct SubjectIndex: Sendable {
    private let bindings: [RoleBinding]
    private let bySubject: [RoleBinding.Subject: [Int]]

    init(_ bindings: [RoleBinding]) {
        self.bindings = bindings
        var bySubject: [RoleBinding.Subject: [Int]] = [:]
        for (index, binding) in bindings.enumerated() {
            for subject in Set(binding.subjects) { bySubject[subject, default: []].append(index) }
        }
        self.bySubject = bySubject
    }

    /// `false` when `body` ended the visit.
    func visit(_ user: UserInfo, _ body: (RoleBinding, RoleBinding.Subject) -> Bool) -> Bool {
        var found = Set<Int>()
        for subject in Self.subjects(of: user) { found.formUnion(bySubject[subject] ?? []) }
        for index in found.sorted() {
            guard let subject = bindings[index].subjects.first(where: { $0.matches(user) }) else { continue }
            guard body(bindings[index], subject) else { return false }
        }
        return true
    }

    private static func subjects(of user: UserInfo) -> [RoleBinding.Subject] {
        var subjects: [RoleBinding.Subject] = [.user(user.username)]
        subjects += user.groups.map { .group($0) }
        let parts = user.username.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 4, parts[0] == "system", parts[1] == "serviceaccount" {
            subjects.append(.serviceAccount(namespace: String(parts[2]), name: String(parts[3])))
        }
        return subjects
    }
}
