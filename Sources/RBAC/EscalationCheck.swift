import Encoding
public import JSON

/// Whether a user may write a role or binding: nobody grants what they do not hold through RBAC (`pkg/registry/rbac`).
///
/// Rights from access policies do not count as held, but may bypass the check through the verbs `escalate` and `bind`.
public struct EscalationCheck: Sendable {
    /// Why a write is refused.
    public enum Refusal: Error, Sendable, Hashable {
        /// 403 with this message behind `… is forbidden: `.
        case forbidden(String)
        /// 404: the role that a binding names; the server names the binding's resource with the role's name.
        case roleNotFound(String)
    }

    /// The cluster's roles and bindings.
    public let snapshot: RBACSnapshot
    /// The write: who, verb, resource, namespace and name as they were authorized.
    public let request: Attributes

    private static let everything = [
        PolicyRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"]), PolicyRule(verbs: ["*"], nonResourceURLs: ["*"]),
    ]

    /// Makes the check of one write.
    public init(snapshot: RBACSnapshot, request: Attributes) {
        self.snapshot = snapshot
        self.request = request
    }

    /// Checks the object of a write: `roles`, `clusterroles`, `rolebindings` or `clusterrolebindings`; other resources pass.
    ///
    /// - Parameters:
    ///   - object: The object as it would be stored.
    ///   - old: The stored object of an update.
    ///   - isAllowed: Asks the cluster's authorizers.
    /// - Throws: `Refusal`.
    public func confirm(_ object: JSON, old: JSON? = nil, isAllowed: (Attributes) async -> Bool) async throws(Refusal) {
        guard request.apiGroup == "rbac.authorization.k8s.io", request.subresource.isEmpty, !request.user.isPrivileged else { return }
        switch request.resource {
        case "roles", "clusterroles": try await confirmRole(object, old, isAllowed)
        case "rolebindings", "clusterrolebindings": try await confirmBinding(object, isAllowed)
        default: return
        }
    }

    private func confirmRole(_ role: JSON, _ old: JSON?, _ isAllowed: (Attributes) async -> Bool) async throws(Refusal) {
        if await isAllowed(bypass("escalate", request.resource, request.name)) { return }
        try confirmHeld((role["rules"]?.array ?? []).map(PolicyRule.init(json:)))
        guard request.resource == "clusterroles", [role, old].contains(where: { Self.aggregates($0) }) else { return }
        guard missing(Self.everything).isEmpty else { throw .forbidden("must have cluster-admin privileges to use the aggregationRule") }
    }

    private static func aggregates(_ role: JSON?) -> Bool {
        role?.at("aggregationRule", "clusterRoleSelectors")?.array?.isEmpty == false
    }

    private func confirmBinding(_ binding: JSON, _ isAllowed: (Attributes) async -> Bool) async throws(Refusal) {
        let isClusterWide = request.resource == "clusterrolebindings"
        let kind = binding.at("roleRef", "kind")?.string ?? ""
        let name = binding.at("roleRef", "name")?.string ?? ""
        if await isAllowed(bypass("bind", kind == "ClusterRole" ? "clusterroles" : "roles", name)) { return }
        var reference: JSON = ["metadata": ["namespace": .string(request.namespace)]]
        reference["roleRef"] = binding["roleRef"]
        guard let rules = snapshot.rules(of: RoleBinding(json: reference, isClusterWide: isClusterWide)) else { throw .roleNotFound(name) }
        try confirmHeld(rules)
    }

    /// The request that, when allowed, makes the check unnecessary.
    private func bypass(_ verb: String, _ resource: String, _ name: String) -> Attributes {
        Attributes(
            user: request.user, verb: verb, namespace: request.namespace, apiGroup: "rbac.authorization.k8s.io", apiVersion: "*",
            resource: resource, name: name)
    }

    private func missing(_ rules: [PolicyRule]) -> [PolicyRule] {
        PolicyRule.missing(rules, held: snapshot.rules(for: request.user, namespace: request.namespace).rules)
    }

    private func confirmHeld(_ rules: [PolicyRule]) throws(Refusal) {
        let held = snapshot.rules(for: request.user, namespace: request.namespace)
        let missing = PolicyRule.missing(rules, held: held.rules)
        guard !missing.isEmpty else { return }
        let lines = Set(PolicyRule.compacted(missing).map(\.description)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let who = "user \(GoQuoting.quoted(request.user.username)) (groups=\(GoQuoting.quoted(request.user.groups)))"
        let errors = held.errors.isEmpty ? "" : "; resolution errors: [\(AggregateError.text(held.errors))]"
        throw .forbidden(
            "\(who) is attempting to grant RBAC permissions not currently held:\n\(lines.joined(separator: "\n"))\(errors)")
    }
}
