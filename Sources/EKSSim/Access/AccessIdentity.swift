import IAMAuthenticator
import RBAC
import World

/// Whom a principal becomes in a cluster, and by what.
struct AccessIdentity: Sendable, Hashable {
    /// What maps it: `access entry`, `aws-auth mapRoles[0]`, `cluster creator` …
    let source: String
    /// The Kubernetes user with all its groups.
    let user: UserInfo
    /// The principal's id, by which access policies are found.
    let principalID: String
}

extension ClusterAccess {
    /// The session that stands for all sessions of a role: the one that `aws eks get-token --role-arn` makes.
    static let usualSession = "EKSGetTokenAuth"
    private static let instanceSession = "i-0123456789abcdef0"

    /// Whom a principal becomes; `nil` when it cannot log in. A role's sessions differ in their names only, so one stands for all.
    func identity(of principal: Principal, session: String = usualSession) async -> AccessIdentity? {
        let caller = Self.caller(principal, session: session)
        var steps: [TraceStep] = []
        // Names of instances are EC2's; one stands for all of them.
        let dnsName: @Sendable (String) async -> String? = { "ip-of-\($0).compute.internal" }
        var mapped = try? await mapper.map(caller, privateDNSName: dnsName, steps: &steps)
        if mapped == nil, steps.contains(where: { $0.check == "template" }) {
            steps = []
            mapped = try? await mapper.map(Self.caller(principal, session: Self.instanceSession), privateDNSName: dnsName, steps: &steps)
        }
        guard let mapped else { return nil }
        let source = steps.last { $0.verdict == .pass && $0.check != "user" }
        let groups = mapped.groups.contains("system:authenticated") ? mapped.groups : mapped.groups + ["system:authenticated"]
        return AccessIdentity(
            source: Self.name(source), user: UserInfo(username: mapped.username, groups: groups), principalID: caller.userID)
    }

    private static func name(_ step: TraceStep?) -> String {
        switch (step?.check, step?.actual) {
        case ("access entry"?, _): "access entry"
        case ("aws-auth"?, let line?): "aws-auth \(line.prefix { $0 != " " })"
        case ("cluster creator"?, _): "cluster creator"
        default: step?.check ?? "mapping"
        }
    }

    static func caller(_ principal: Principal, session: String) -> CallerIdentity {
        let sections = principal.arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        let account = sections.count == 6 ? sections[4] : ""
        let canonical = ARN.strippingPath(principal.arn)
        guard principal.isRole else {
            return CallerIdentity(
                arn: principal.arn, canonicalARN: canonical, accountID: account, userID: principal.id, sessionName: "",
                accessKeyID: "AKIAIOSFODNN7EXAMPLE")
        }
        let name = canonical.split(separator: "/").last ?? ""
        return CallerIdentity(
            arn: "arn:\(sections.count == 6 ? sections[1] : "aws"):sts::\(account):assumed-role/\(name)/\(session)",
            canonicalARN: canonical,
            accountID: account, userID: principal.id, sessionName: session, accessKeyID: "ASIAIOSFODNN7EXAMPLE")
    }

    /// Everybody who could log in: principals of IAM, of the entries and of `aws-auth`, and the cluster's creator; by ARN.
    var everybody: [Principal] {
        var found = principals
        var known = Set(found.map { ARN.strippingPath($0.arn).lowercased() })
        func add(_ arn: String, id: String?) {
            guard arn.hasPrefix("arn:"), known.insert(ARN.strippingPath(arn).lowercased()).inserted else { return }
            found.append(Principal(arn: arn, id: id ?? arn))
        }
        let isForeign: (String) -> Bool = { !knowsPrincipals || !$0.contains("::\(accountID):") }
        // What IAM of the own account does not have cannot log in; other accounts cannot be looked into.
        for entry in entries where isForeign(entry.principalARN) { add(entry.principalARN, id: entryPrincipalIDs[entry.principalARN]) }
        for line in awsAuthMap.roles + awsAuthMap.users where isForeign(line.arn) && !line.arn.contains(":assumed-role/") {
            add(line.arn, id: nil)
        }
        if let creatorARN, isForeign(creatorARN) { add(creatorARN, id: nil) }
        return found.sorted { $0.arn.utf8.lexicographicallyPrecedes($1.arn.utf8) }
    }

    /// The access policies of the entry that a principal logs in by.
    func policies(of identity: AccessIdentity) -> [AccessPolicyAssociation] {
        guard identity.source == "access entry" || mode != .configMap else { return [] }
        return entries.filter { entryPrincipalIDs[$0.principalARN] == identity.principalID }.flatMap { entry in
            entry.associations.map {
                AccessPolicyAssociation(
                    policyARN: $0.policyARN, scope: $0.scope == "cluster" ? .cluster : .namespaces($0.namespaces),
                    principalARN: entry.principalARN)
            }
        }
    }
}
