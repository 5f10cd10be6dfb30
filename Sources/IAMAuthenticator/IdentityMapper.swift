public import World

/// The Kubernetes user of an AWS identity.
public struct MappedIdentity: Sendable, Hashable {
    /// The username.
    public var username: String
    /// The groups in order.
    public var groups: [String]
    /// The identity it came from.
    public var identity: CallerIdentity
}

/// The mapper chain of EKS: access entries, then `aws-auth`, as the authentication mode says (`pkg/mapper`).
public struct IdentityMapper: Sendable {
    /// Where identities are looked up.
    public var mode: AuthenticationMode
    /// The cluster's access entries.
    public var entries: [AccessEntry]
    /// The present `aws-auth`.
    public var awsAuth: AWSAuthConfigMap
    /// The cluster's name, for the fixes that are proposed.
    public var clusterName: String

    private static let reservedPrefixes = ["aws:", "iam:", "amazon:", "system:", "eks:"]

    /// Makes a mapper.
    public init(mode: AuthenticationMode, entries: [AccessEntry], awsAuth: AWSAuthConfigMap, clusterName: String) {
        self.mode = mode
        self.entries = entries
        self.awsAuth = awsAuth
        self.clusterName = clusterName
    }

    /// Finds the user of an identity; every mapper leaves a step.
    ///
    /// - Throws: `TokenError.notMapped` with the authenticator's words.
    public func map(
        _ identity: CallerIdentity, privateDNSName: @Sendable (String) async -> String?, steps: inout [TraceStep]
    ) async throws(TokenError) -> MappedIdentity {
        if mode == .configMap {
            steps.append(TraceStep("mapping", "access entries", actual: "not asked: authentication mode is \(mode.rawValue)", .info))
        } else if let entry = matchingEntry(identity, &steps) {
            let username = entry.username
            return try await render(identity, username, entry.groups, &steps, privateDNSName)
        }
        if mode == .api {
            steps.append(TraceStep("mapping", "aws-auth", actual: "not asked: authentication mode is API", .info, fix: fix(identity)))
            throw .notMapped("identity is not mapped")
        }
        if let mapping = matchingLine(identity) {
            steps.append(
                TraceStep("mapping", "aws-auth", actual: "\(mapping.section)[\(mapping.index)] \(mapping.arn)", .pass))
            return try await render(identity, mapping.username, mapping.groups, &steps, privateDNSName)
        }
        if awsAuth.accounts.contains(identity.accountID) {
            steps.append(TraceStep("mapping", "aws-auth", actual: "mapAccounts has \(identity.accountID)", .pass))
            return MappedIdentity(username: identity.canonicalARN, groups: [], identity: identity)
        }
        steps.append(
            TraceStep(
                "mapping", "aws-auth", expected: "rolearn or userarn \(identity.canonicalARN)",
                actual:
                    "not mapped: none of \(awsAuth.roles.count) roles, \(awsAuth.users.count) users, \(awsAuth.accounts.count) accounts",
                .fail,
                nearMisses: nearLines(identity) + awsAuth.problems, fix: fix(identity)))
        throw .notMapped("identity is not mapped")
    }

    private func matchingEntry(_ identity: CallerIdentity, _ steps: inout [TraceStep]) -> AccessEntry? {
        var misses: [String] = []
        for entry in entries {
            let sameARN = ARN.strippingPath(entry.principalARN).lowercased() == identity.canonicalARN.lowercased()
            guard entry.principalID == identity.userID else {
                if sameARN {
                    misses.append(
                        "entry for \(entry.principalARN) was made for \(entry.principalID), the caller is \(identity.userID): deleted and created again [principal id]"
                    )
                }
                continue
            }
            guard sameARN else {
                misses.append("entry \(entry.principalARN): ARN does not match User ID [principal ARN]")
                continue
            }
            steps.append(TraceStep("mapping", "access entry", actual: entry.principalARN, .pass))
            return entry
        }
        steps.append(
            TraceStep(
                "mapping", "access entries", expected: "principal \(identity.canonicalARN) (\(identity.userID))",
                actual: "none of \(entries.count) entries", mode == .api ? .fail : .noOpinion, nearMisses: misses))
        return nil
    }

    private func matchingLine(_ identity: CallerIdentity) -> AWSAuthConfigMap.Mapping? {
        let wanted = identity.canonicalARN.lowercased()
        // A later line of the same ARN replaces an earlier one, as in the authenticator's map.
        return awsAuth.roles.last { $0.arn.lowercased() == wanted } ?? awsAuth.users.last { $0.arn.lowercased() == wanted }
    }

    private func nearLines(_ identity: CallerIdentity) -> [String] {
        (awsAuth.roles + awsAuth.users).compactMap { line in
            let place = "\(line.section)[\(line.index)] \(line.arn)"
            if ARN.strippingPath(line.arn).lowercased() == identity.canonicalARN.lowercased() {
                return "\(place): a role ARN with a path never matches; write \(identity.canonicalARN) [path]"
            }
            if let canonical = try? ARN(canonicalizing: line.arn), canonical.isAssumedRole, canonical.text == identity.canonicalARN {
                return "\(place): an assumed-role ARN never matches; write \(identity.canonicalARN) [ARN]"
            }
            let name = line.arn.split(separator: ":").last, wanted = identity.canonicalARN.split(separator: ":").last
            return name == wanted ? "\(place): same name in another account or partition [account]" : nil
        }
    }

    private func fix(_ identity: CallerIdentity) -> String {
        if mode == .configMap {
            let isUser = identity.canonicalARN.contains(":user/")
            return
                "kubectl edit -n kube-system configmap/aws-auth   # \(isUser ? "mapUsers" : "mapRoles"): - \(isUser ? "userarn" : "rolearn"): \(identity.canonicalARN)"
        }
        return "aws eks create-access-entry --cluster-name \(clusterName) --principal-arn \(identity.canonicalARN)"
    }

    private func render(
        _ identity: CallerIdentity, _ username: String, _ groups: [String], _ steps: inout [TraceStep],
        _ privateDNSName: @Sendable (String) async -> String?
    ) async throws(TokenError) -> MappedIdentity {
        do {
            var rendered: [String] = []
            let name = try await IdentityTemplate.render(username, identity, privateDNSName: privateDNSName)
            for group in groups { rendered.append(try await IdentityTemplate.render(group, identity, privateDNSName: privateDNSName)) }
            steps.append(TraceStep("mapping", "user", actual: "\(name) in [\(rendered.joined(separator: ", "))]", .pass))
            return MappedIdentity(username: name, groups: rendered, identity: identity)
        } catch {
            steps.append(TraceStep("mapping", "template", expected: username, actual: "\(error)", .fail))
            throw .notMapped("\(error)")
        }
    }
}
