import IAMAuthenticator
import RBAC

/// All that one mapped principal may do, as rules: at the cluster scope and in each namespace.
struct AccessGrants: Sendable, Hashable {
    /// A place: `nil` for the whole cluster, else a namespace or a pattern of namespaces.
    var rules: [String?: [PolicyRule]] = [:]

    private static let everything = [
        PolicyRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"]), PolicyRule(verbs: ["*"], nonResourceURLs: ["*"]),
    ]

    init() {}

    /// Gathers the rules of bindings and access policies.
    init(_ identity: AccessIdentity, in access: ClusterAccess, catalog: AccessPolicyCatalog) {
        if identity.user.groups.contains("system:masters") {
            rules[nil] = Self.everything
            return
        }
        let ofNode = Self.ofNode(identity.user)
        if !ofNode.isEmpty { rules[nil] = ofNode }
        for binding in access.rbac.everyBinding where binding.subjects.contains(where: { $0.matches(identity.user) }) {
            // What everybody who is logged in may do tells nothing of anybody.
            guard binding.subjects.contains(where: { $0.matches(identity.user) && $0 != .group("system:authenticated") }) else { continue }
            rules[binding.namespace, default: []] += access.rbac.rules(of: binding) ?? []
        }
        for association in access.policies(of: identity) {
            let granted = catalog[association.policyARN]?.rules ?? []
            switch association.scope {
            case .cluster: rules[nil, default: []] += granted
            case .namespaces(let patterns):
                for namespace in Self.namespaces(patterns, access.namespaces) {
                    rules[namespace, default: []] += granted.filter { !$0.resources.isEmpty }
                }
            }
        }
    }

    /// The namespaces that patterns match now; a pattern that matches none stands for itself.
    private static func namespaces(_ patterns: [String], _ known: [String]) -> [String] {
        var found: [String] = []
        for pattern in patterns {
            let matches = known.filter { AccessPolicyCatalog.matches($0, pattern) }
            for namespace in matches.isEmpty ? [pattern] : matches where !found.contains(namespace) { found.append(namespace) }
        }
        return found
    }

    /// Whether nothing is granted.
    var isEmpty: Bool { rules.values.allSatisfy(\.isEmpty) }

    /// What this grants and `other` does not, told place by place: `get, list pods in namespace "team-a"`.
    func missing(from other: AccessGrants) -> [String] {
        var lines: [String] = []
        let places = rules.keys.sorted { ($0 ?? "") < ($1 ?? "") }
        for place in places {
            var held = other.rules[nil] ?? []
            if let place { held += other.rules[place] ?? [] }
            let missing = PolicyRule.missing(rules[place] ?? [], held: held)
            let suffix = place.map { " in namespace \"\($0)\"" } ?? ""
            lines += Self.lines(missing).map { $0 + suffix }
        }
        var seen = Set<String>()
        return lines.filter { seen.insert($0).inserted }
    }

    /// Pieces joined by what they have in common: the verbs of one resource, then the resources of the same verbs.
    private static func lines(_ pieces: [PolicyRule]) -> [String] {
        var order: [String] = []
        var verbs: [String: [String]] = [:]
        for piece in pieces {
            let what = resource(piece)
            if verbs[what] == nil { order.append(what) }
            for verb in piece.verbs where verbs[what]?.contains(verb) != true { verbs[what, default: []].append(verb) }
        }
        var byVerbs: [String: [String]] = [:]
        var verbOrder: [String] = []
        for what in order {
            let key = (verbs[what] ?? []).sorted().joined(separator: ", ")
            if byVerbs[key] == nil { verbOrder.append(key) }
            byVerbs[key, default: []].append(what)
        }
        return verbOrder.map { "\($0 == "*" ? "everything on" : $0) \((byVerbs[$0] ?? []).joined(separator: ", "))" }
    }

    private static func resource(_ piece: PolicyRule) -> String {
        if let path = piece.nonResourceURLs.first { return path == "*" ? "all paths" : path }
        let group = piece.apiGroups.first ?? ""
        let resource = piece.resources.first ?? ""
        let whole =
            switch (resource, group) {
            case ("*", "*"): "all resources"
            case ("*", ""): "all core resources"
            case ("*", let group): "all resources of \(group)"
            case (let resource, ""): resource
            case (let resource, let group): "\(resource).\(group)"
            }
        return piece.resourceNames.first.map { "\(whole) \"\($0)\"" } ?? whole
    }
}
