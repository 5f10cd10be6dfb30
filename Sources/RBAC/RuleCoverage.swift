import Encoding

/// Whether rules grant what other rules grant (`k8s.io/component-helpers/auth/rbac/validation`).
extension PolicyRule {
    /// The rule as rules of one verb, group, resource and name, or one verb and path, each (`BreakdownRule`).
    var pieces: [PolicyRule] {
        var pieces: [PolicyRule] = []
        for group in apiGroups {
            for resource in resources {
                for verb in verbs {
                    let whole = PolicyRule(verbs: [verb], apiGroups: [group], resources: [resource])
                    guard !resourceNames.isEmpty else {
                        pieces.append(whole)
                        continue
                    }
                    for name in resourceNames {
                        var piece = whole
                        piece.resourceNames = [name]
                        pieces.append(piece)
                    }
                }
            }
        }
        for path in nonResourceURLs {
            for verb in verbs { pieces.append(PolicyRule(verbs: [verb], nonResourceURLs: [path])) }
        }
        return pieces
    }

    /// Whether this rule grants all that a piece grants (`ruleCovers`).
    func covers(_ piece: PolicyRule) -> Bool {
        func all(_ own: [String], _ wanted: [String]) -> Bool { wanted.allSatisfy(own.contains) }
        let coversNames = resourceNames.isEmpty || (!piece.resourceNames.isEmpty && all(resourceNames, piece.resourceNames))
        return (verbs.contains("*") || all(verbs, piece.verbs)) && (apiGroups.contains("*") || all(apiGroups, piece.apiGroups))
            && piece.resources.allSatisfy(coversResource) && coversNames && piece.nonResourceURLs.allSatisfy(coversPath)
    }

    private func coversResource(_ resource: String) -> Bool {
        if resources.contains("*") || resources.contains(resource) { return true }
        guard let slash = resource.firstIndex(of: "/") else { return false }
        return resources.contains("*\(resource[slash...])")
    }

    private func coversPath(_ path: String) -> Bool {
        nonResourceURLs.contains { own in
            if own == path { return true }
            guard own.hasSuffix("*") else { return false }
            var prefix = own[...]
            while prefix.hasSuffix("*") { prefix = prefix.dropLast() }
            return path.hasPrefix(prefix)
        }
    }

    /// The pieces of `wanted` that none of `held` grants (`Covers`); empty when all are held.
    public static func missing(_ wanted: [PolicyRule], held: [PolicyRule]) -> [PolicyRule] {
        wanted.flatMap(\.pieces).filter { piece in !held.contains { $0.covers(piece) } }
    }

    /// Pieces of one group, resource and name joined by their verbs (`CompactRules`).
    static func compacted(_ pieces: [PolicyRule]) -> [PolicyRule] {
        var result: [PolicyRule] = []
        var places: [PolicyRule: Int] = [:]
        for piece in pieces {
            guard piece.nonResourceURLs.isEmpty else {
                result.append(piece)
                continue
            }
            var key = piece
            key.verbs = []
            if let place = places[key] {
                for verb in piece.verbs where !result[place].verbs.contains(verb) { result[place].verbs.append(verb) }
            } else {
                places[key] = result.count
                result.append(piece)
            }
        }
        return result
    }

    /// `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` (`CompactString`).
    public var description: String {
        let parts = [
            ("APIGroups", apiGroups), ("Resources", resources), ("NonResourceURLs", nonResourceURLs), ("ResourceNames", resourceNames),
            ("Verbs", verbs),
        ]
        let texts = parts.filter { !$0.1.isEmpty }.map { "\($0.0):\(GoQuoting.quoted($0.1))" }
        return "{\(texts.joined(separator: ", "))}"
    }
}
