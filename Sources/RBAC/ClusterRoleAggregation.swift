public import JSON

/// The rules of ClusterRoles with an `aggregationRule` (`pkg/controller/clusterroleaggregation`).
public enum ClusterRoleAggregation {
    /// The rules that a role gathers from the roles its selectors choose; `nil` when it gathers none.
    ///
    /// Selectors in order, roles by name, every rule once, never its own.
    public static func rules(of role: JSON, among roles: [JSON]) -> [JSON]? {
        guard let selectors = role.at("aggregationRule", "clusterRoleSelectors")?.array, !selectors.isEmpty else { return nil }
        let own = name(role)
        let sorted = roles.sorted { name($0).utf8.lexicographicallyPrecedes(name($1).utf8) }
        var found: [JSON] = []
        var seen: Set<JSON> = []
        for selector in selectors {
            for other in sorted where name(other) != own && matches(selector, other.at("metadata", "labels")) {
                for rule in other["rules"]?.array ?? [] where seen.insert(rule).inserted { found.append(rule) }
            }
        }
        return found
    }

    /// The roles after the controller has come to rest: aggregated roles may gather from aggregated ones.
    public static func settled(_ roles: [JSON]) -> [JSON] {
        var roles = roles
        // Each pass settles at least one more level, and there are no more levels than roles.
        for _ in roles.indices {
            var hasChanged = false
            for index in roles.indices {
                guard let rules = rules(of: roles[index], among: roles), JSON.array(rules) != roles[index]["rules"] else { continue }
                roles[index]["rules"] = .array(rules)
                hasChanged = true
            }
            if !hasChanged { break }
        }
        return roles
    }

    private static func name(_ role: JSON) -> String { role.at("metadata", "name")?.string ?? "" }

    /// A `metav1.LabelSelector`: everything must hold, and an empty one selects all.
    private static func matches(_ selector: JSON, _ labels: JSON?) -> Bool {
        for wanted in selector["matchLabels"]?.object?.members ?? [] {
            guard let label = labels?[wanted.key]?.string, label == wanted.value.string else { return false }
        }
        for expression in selector["matchExpressions"]?.array ?? [] {
            let label = labels?[expression["key"]?.string ?? ""]?.string
            let values = expression["values"]?.array?.compactMap(\.string) ?? []
            let holds =
                switch expression["operator"]?.string {
                case "In": label.map(values.contains) ?? false
                case "NotIn": !(label.map(values.contains) ?? false)
                case "Exists": label != nil
                case "DoesNotExist": label == nil
                default: false
                }
            guard holds else { return false }
        }
        return true
    }
}
