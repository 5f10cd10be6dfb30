import Facts
public import JSON

/// EKS access policies: what each grants, as published (`access-policies.json`).
public struct AccessPolicyCatalog: Sendable {
    /// One policy.
    public struct Policy: Sendable {
        /// `AmazonEKSViewPolicy`
        public let name: String
        /// The partition-less ARN of the commercial partition.
        public let arn: String
        /// The rules; `nil` when no source publishes them, and then the policy grants nothing here.
        public let rules: [PolicyRule]?
    }

    /// Policies in the order of the table.
    public let policies: [Policy]
    private let byARN: [String: Policy]

    /// The table that is compiled into the binary.
    public static let published = AccessPolicyCatalog((try? JSON(parsing: Facts.accessPolicies)) ?? .null)

    /// Reads a table.
    public init(_ table: JSON) {
        policies = (table.object?.members ?? []).compactMap { member in
            guard member.key.hasPrefix("arn:"), let name = member.value["name"]?.string else { return nil }
            return Policy(name: name, arn: member.key, rules: member.value["rules"]?.array.map { $0.map(PolicyRule.init(json:)) })
        }
        byARN = Dictionary(policies.map { ($0.arn, $0) }) { first, _ in first }
    }

    /// The policy of an ARN.
    public subscript(arn: String) -> Policy? { byARN[arn] }
}

/// A policy that is associated with an access entry.
public struct AccessPolicyAssociation: Sendable, Hashable {
    /// Where it counts.
    public enum Scope: Sendable, Hashable {
        case cluster
        /// In namespaces whose names match one of these; `*` stands for any text.
        case namespaces([String])
    }

    /// The policy's ARN.
    public var policyARN: String
    /// Where it counts.
    public var scope: Scope
    /// The principal of the access entry.
    public var principalARN: String

    /// Makes an association.
    public init(policyARN: String, scope: Scope, principalARN: String) {
        self.policyARN = policyARN
        self.scope = scope
        self.principalARN = principalARN
    }
}

/// What the EKS authorizer decides of a request.
public struct AccessPolicyDecision: Sendable, Hashable {
    /// Whether a policy grants it.
    public var isAllowed: Bool
    /// EKS' audit annotation when allowed, else empty.
    public var reason: String
    /// Why each associated policy did not grant it.
    public var nearMisses: [String]
}

extension AccessPolicyCatalog {
    /// Decides by the policies associated with the principal whose id is `principalID` (facts: EKS authorizer, after RBAC).
    public func authorize(_ attributes: Attributes, associations: [AccessPolicyAssociation], principalID: String) -> AccessPolicyDecision {
        var misses: [String] = []
        for association in associations {
            let name = association.policyARN.split(separator: "/").last.map(String.init) ?? association.policyARN
            guard let policy = self[association.policyARN], let rules = policy.rules else {
                misses.append("\(name): its rules are not published, so it grants nothing here")
                continue
            }
            if case .namespaces(let patterns) = association.scope {
                guard attributes.isResourceRequest, !attributes.namespace.isEmpty else {
                    misses.append("\(name): scope is namespaces \(patterns), the request is at cluster scope [scope]")
                    continue
                }
                guard patterns.contains(where: { Self.matches(attributes.namespace, $0) }) else {
                    misses.append("\(name): scope is namespaces \(patterns), not \"\(attributes.namespace)\" [namespace]")
                    continue
                }
            }
            if rules.contains(where: { $0.allows(attributes) }) {
                let role = "\(association.principalARN)+\(association.policyARN)"
                let kind = association.scope == .cluster ? "ClusterRoleBinding" : "RoleBinding"
                return AccessPolicyDecision(
                    isAllowed: true,
                    reason:
                        "EKS Access Policy: allowed by \(kind) \"\(role)\" of ClusterRole \"\(association.policyARN)\" to User \"\(principalID)\"",
                    nearMisses: [])
            }
            let fields = rules.map { $0.mismatches(attributes) }.min { $0.count < $1.count } ?? []
            misses.append(
                "\(name): no rule grants \(attributes.verb) on \(attributes.resource) [\(fields.map(\.rawValue).joined(separator: ", "))]")
        }
        return AccessPolicyDecision(isAllowed: false, reason: "", nearMisses: misses)
    }

    /// Whether a name matches a pattern in which `*` stands for any text.
    public static func matches(_ name: String, _ pattern: String) -> Bool {
        let pieces = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard pieces.count > 1 else { return name == pattern }
        guard name.hasPrefix(pieces[0]), name.utf8.count >= pieces[0].utf8.count + pieces[pieces.count - 1].utf8.count else { return false }
        var rest = name.dropFirst(pieces[0].count)
        for piece in pieces[1..<(pieces.count - 1)] where !piece.isEmpty {
            guard let found = rest.firstRange(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(pieces[pieces.count - 1])
    }
}
