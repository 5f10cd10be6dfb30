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

/// The mapper chain of EKS: access entries, then `aws-auth`, as the authentication mode says (`pkg/server doMapping`, `pkg/mapper`).
public struct IdentityMapper: Sendable {
    /// Where identities are looked up.
    public var mode: AuthenticationMode
    /// The cluster's access entries.
    public var entries: [AccessEntry]
    /// The present `aws-auth`.
    public var awsAuth: AWSAuthConfigMap
    /// The cluster's name, for the fixes that are proposed.
    public var clusterName: String
    /// Who created the cluster, while that makes an administrator: in mode CONFIG_MAP, by a mapping that nothing shows.
    public var creatorARN: String?
    /// Whether `sso` items of `aws-auth` count (feature gate `SSORoleMatch`, off on EKS).
    public var matchesSSORoles: Bool
    /// Beginnings that `aws-auth` may not give usernames; none on EKS.
    public var reservedUsernamePrefixes: [String]
    /// The full ARN of a caller's role or user, with the path that STS leaves out; for the fixes that are proposed.
    public var principalARN: (@Sendable (CallerIdentity) -> String?)?

    /// Makes a mapper.
    public init(
        mode: AuthenticationMode, entries: [AccessEntry], awsAuth: AWSAuthConfigMap, clusterName: String, creatorARN: String? = nil,
        matchesSSORoles: Bool = false, reservedUsernamePrefixes: [String] = [],
        principalARN: (@Sendable (CallerIdentity) -> String?)? = nil
    ) {
        self.principalARN = principalARN
        self.mode = mode
        self.entries = entries
        self.awsAuth = awsAuth
        self.clusterName = clusterName
        self.creatorARN = creatorARN
        self.matchesSSORoles = matchesSSORoles
        self.reservedUsernamePrefixes = reservedUsernamePrefixes
    }

    /// Finds the user of an identity; every mapper leaves a step.
    ///
    /// - Throws: `TokenError.notMapped`, or `TokenError.mapper` with the authenticator's words.
    public func map(
        _ identity: CallerIdentity, privateDNSName: @Sendable (String) async -> String?, steps: inout [TraceStep]
    ) async throws(TokenError) -> MappedIdentity {
        var problem: TokenError?
        if mode == .configMap {
            steps.append(TraceStep("mapping", "access entries", actual: "not asked: authentication mode is \(mode.rawValue)", .info))
            if let creator = mapCreator(identity, &steps) { return creator }
        } else {
            do {
                if let entry = try matchingEntry(identity, &steps) {
                    return try await render(identity, entry.username, entry.groups, "DynamicFile", [], &steps, privateDNSName)
                }
            } catch .mapper(let text) where text.hasSuffix(Self.otherPrincipal) {
                // A mapper's refusal is kept, and the next mapper is still asked.
                problem = .mapper(text)
            }
        }
        if mode == .api {
            steps.append(TraceStep("mapping", "aws-auth", actual: "not asked: authentication mode is API", .info, fix: fix(identity)))
            throw problem ?? .notMapped
        }
        if let mapping = matchingLine(identity) {
            steps.append(
                TraceStep("mapping", "aws-auth", actual: "\(mapping.section)[\(mapping.index)] \(mapping.arn)", .pass))
            return try await render(
                identity, mapping.username, mapping.groups, "EKSConfigMap", reservedUsernamePrefixes, &steps, privateDNSName)
        }
        if awsAuth.accounts.contains(identity.accountID) {
            steps.append(TraceStep("mapping", "aws-auth", actual: "mapAccounts has \(identity.accountID)", .pass))
            return MappedIdentity(username: identity.canonicalARN, groups: [], identity: identity)
        }
        let counts = "\(awsAuth.roles.count) roles, \(awsAuth.users.count) users, \(awsAuth.accounts.count) accounts"
        steps.append(
            TraceStep(
                "mapping", "aws-auth", expected: "rolearn or userarn \(identity.canonicalARN)", actual: "not mapped: none of \(counts)",
                .fail, nearMisses: nearLines(identity) + awsAuth.problems, fix: fix(identity)))
        throw problem ?? .notMapped
    }

    private func mapCreator(_ identity: CallerIdentity, _ steps: inout [TraceStep]) -> MappedIdentity? {
        guard let creatorARN, ARN.strippingPath(creatorARN).lowercased() == identity.canonicalARN.lowercased() else { return nil }
        steps.append(TraceStep("mapping", "cluster creator", actual: "\(creatorARN): administrator by a mapping that EKS hides", .pass))
        return MappedIdentity(username: "kubernetes-admin", groups: ["system:masters"], identity: identity)
    }

    private static let otherPrincipal = "ARN does not match User ID"

    private func matchingEntry(_ identity: CallerIdentity, _ steps: inout [TraceStep]) throws(TokenError) -> AccessEntry? {
        var misses: [String] = []
        var problem: TokenError?
        let canonicalARN = identity.canonicalARN.lowercased()
        for entry in entries {
            let sameARN = ARN.strippingPath(entry.principalARN).lowercased() == canonicalARN
            switch (entry.principalID == identity.userID, sameARN) {
            case (true, true):
                steps.append(TraceStep("mapping", "access entry", actual: entry.principalARN, .pass))
                return entry
            case (true, false):
                misses.append("entry \(entry.principalARN): \(Self.otherPrincipal) [principal ARN]")
                problem = .mapper("mapper DynamicFile Map error: \(Self.otherPrincipal)")
            case (false, true):
                misses.append(
                    "entry for \(entry.principalARN) was made for \(entry.principalID), the caller is \(identity.userID): deleted and created again [principal id]"
                )
            case (false, false): continue
            }
        }
        steps.append(
            TraceStep(
                "mapping", "access entries", expected: "principal \(identity.canonicalARN) (\(identity.userID))",
                actual: "none of \(entries.count) entries", mode == .api ? .fail : .noOpinion, nearMisses: misses))
        if let problem { throw problem }
        return nil
    }

    private func matchingLine(_ identity: CallerIdentity) -> AWSAuthConfigMap.Mapping? {
        func matches(_ line: AWSAuthConfigMap.Mapping) -> Bool {
            line.matches(canonicalARN: identity.canonicalARN, matchesSSORoles: matchesSSORoles)
        }
        // A later line of the same ARN replaces an earlier one, as in the authenticator's map.
        return awsAuth.roles.last(where: matches) ?? awsAuth.users.last(where: matches)
    }

    private func nearLines(_ identity: CallerIdentity) -> [String] {
        (awsAuth.roles + awsAuth.users).compactMap { line in
            let place = "\(line.section)[\(line.index)] \(line.arn)"
            if line.sso != nil { return "\(place): sso needs the feature gate SSORoleMatch, which EKS leaves off [sso]" }
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

    private func render(
        _ identity: CallerIdentity, _ username: String, _ groups: [String], _ mapper: String, _ reserved: [String],
        _ steps: inout [TraceStep], _ privateDNSName: @Sendable (String) async -> String?
    ) async throws(TokenError) -> MappedIdentity {
        var template = "username template \"\(username)\""
        var rendered: [String] = []
        let name: String
        do {
            name = try await IdentityTemplate.render(username, identity, privateDNSName: privateDNSName)
            for group in groups {
                template = "group template \"\(group)\""
                rendered.append(try await IdentityTemplate.render(group, identity, privateDNSName: privateDNSName))
            }
        } catch {
            steps.append(TraceStep("mapping", "template", expected: template, actual: "\(error)", .fail))
            throw .mapper("mapper \(mapper) renderTemplates error: error rendering \(template): \(error)")
        }
        guard !reserved.contains(where: name.hasPrefix) else {
            let list = "[\(reserved.joined(separator: " "))]"
            steps.append(TraceStep("mapping", "reserved usernames", expected: "none of \(list) in front", actual: name, .fail))
            throw .mapper(
                "invalid username '\(name)' for mapper \(mapper): username must not begin with with the following prefixes: \(list)")
        }
        steps.append(TraceStep("mapping", "user", actual: "\(name) in [\(rendered.joined(separator: ", "))]", .pass))
        return MappedIdentity(username: name, groups: rendered, identity: identity)
    }
}
