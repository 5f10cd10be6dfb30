import Encoding
import IAMAuthenticator
import RBAC

/// The rules of `access lint`.
struct Linter {
    let access: ClusterAccess
    let catalog: AccessPolicyCatalog
    private(set) var findings: [AccessLint.Finding] = []
    private let map: AWSAuthConfigMap
    private let boundGroups: Set<String>

    /// Groups that mean something without a binding.
    private static let builtInGroups: Set<String> = [
        "system:masters", "system:nodes", "system:authenticated", "system:bootstrappers", "system:node-proxier",
    ]

    init(access: ClusterAccess, catalog: AccessPolicyCatalog) {
        self.access = access
        self.catalog = catalog
        map = access.awsAuthMap
        var groups = Set<String>()
        for binding in access.rbac.everyBinding {
            for case .group(let name) in binding.subjects { groups.insert(name) }
        }
        boundGroups = groups
    }

    mutating func run() {
        for entry in access.entries { lint(entry) }
        lintDuplicateEntries()
        for problem in map.problems { add("aws-auth-unreadable", .error, "aws-auth", "\(problem): what it says does not count") }
        let lines = map.roles + map.users
        for line in lines { lint(line) }
        lintHiddenLines(lines)
        if access.mode == .api, access.awsAuth != nil {
            add(
                "aws-auth-ignored", .warning, "aws-auth", "the authentication mode is API: nothing in it counts",
                fix: "kubectl delete configmap aws-auth -n kube-system")
        }
        if access.mode == .configMap, !access.entries.isEmpty {
            add("entries-ignored", .warning, "access entries", "the authentication mode is CONFIG_MAP: none of them counts")
        }
    }

    private mutating func add(
        _ rule: String, _ severity: AccessLint.Severity, _ subject: String, _ message: String, fix: String? = nil
    ) {
        findings.append(AccessLint.Finding(rule: rule, severity: severity, subject: subject, message: message, fix: fix))
    }

    // MARK: Access entries

    private mutating func lint(_ entry: AccessEntryState.Entry) {
        let arn = entry.principalARN
        let place = "--cluster-name \(Shell.word(access.clusterName)) --principal-arn \(Shell.word(arn))"
        if access.knowsPrincipals, arn.contains("::\(access.accountID):"), !arn.hasSuffix(":root") {
            if let principal = access.principal(arn) {
                if let id = access.entryPrincipalIDs[arn], id != principal.id {
                    add(
                        "entry-principal-recreated", .error, arn,
                        "made for \(id), but the principal was deleted and created again as \(principal.id): it never matches",
                        fix: "aws eks delete-access-entry \(place)\naws eks create-access-entry \(place)")
                }
            } else {
                add(
                    "entry-principal-deleted", .error, arn, "its principal no longer exists: it never matches",
                    fix: "aws eks delete-access-entry \(place)")
            }
        }
        if entry.type == "STANDARD", entry.groups.isEmpty, entry.associations.isEmpty, !namesUser(entry.username) {
            add(
                "entry-grants-nothing", .warning, arn,
                "no group, no access policy, and no binding names its user: it may log in and do nothing")
        }
        for group in entry.groups { lintGroup(group, arn) }
        for association in entry.associations { lint(association, arn) }
    }

    private mutating func lint(_ association: AccessEntryState.Association, _ arn: String) {
        let name = association.policyARN.split(separator: "/").last.map(String.init) ?? association.policyARN
        if catalog[association.policyARN]?.rules == nil {
            add("policy-unpublished", .warning, arn, "the rules of \(name) are published nowhere, so it grants nothing here")
        }
        for pattern in association.namespaces where !access.namespaces.contains(where: { AccessPolicyCatalog.matches($0, pattern) }) {
            add("scope-matches-nothing", .warning, arn, "\(name) is scoped to namespace \"\(pattern)\", and no namespace matches it")
        }
    }

    private mutating func lintDuplicateEntries() {
        var seen: [String: String] = [:]
        for entry in access.entries where access.entryPrincipalIDs[entry.principalARN] != nil {
            let id = access.entryPrincipalIDs[entry.principalARN] ?? ""
            if let earlier = seen[id] {
                add("entry-hidden", .error, entry.principalARN, "hidden by the entry of \(earlier), which is for the same principal \(id)")
            } else {
                seen[id] = entry.principalARN
            }
        }
    }

    /// Whether a binding names the user that a template makes.
    private func namesUser(_ template: String) -> Bool {
        let start = String(template.prefix { $0 != "{" })
        return access.rbac.everyBinding.contains { binding in
            binding.subjects.contains { subject in
                guard case .user(let name) = subject else { return false }
                return template.contains("{{") ? name.hasPrefix(start) && !start.isEmpty : name == template
            }
        }
    }

    private mutating func lintGroup(_ group: String, _ subject: String) {
        guard !group.contains("{{") else { return }
        if group == "system:masters" {
            add("group-system-masters", .warning, subject, "maps to system:masters: everything is allowed, and no RBAC rule can limit it")
        } else if !Self.builtInGroups.contains(group), !boundGroups.contains(group) {
            add("group-unbound", .warning, subject, "no binding names its group \"\(group)\"")
        }
    }

    // MARK: aws-auth

    private mutating func lint(_ line: AWSAuthConfigMap.Mapping) {
        let subject = "aws-auth \(line.section)[\(line.index)] \(line.arn)"
        if let reason = whyNever(line) { add("line-never-matches", .error, subject, reason) }
        if line.username.isEmpty { add("line-without-username", .warning, subject, "no username: the user's name is empty") }
        let isNode = line.username.hasPrefix("system:node:") && line.groups.contains("system:nodes")
        if let prefix = AccessEntryRules.reservedPrefixes.first(where: line.username.hasPrefix), !isNode {
            add(
                "reserved-username", .warning, subject,
                "maps to the reserved name \"\(line.username)\": names that begin with \(prefix) belong to the system")
        }
        for group in line.groups {
            if let prefix = AccessEntryRules.reservedPrefixes.first(where: group.hasPrefix), !Self.builtInGroups.contains(group) {
                add(
                    "reserved-group", .warning, subject,
                    "maps to the reserved group \"\(group)\": groups that begin with \(prefix) belong to the system")
            } else {
                lintGroup(group, subject)
            }
        }
    }

    /// Why a line can match nobody; `nil` when it can.
    private func whyNever(_ line: AWSAuthConfigMap.Mapping) -> String? {
        if line.sso != nil { return "sso needs the feature gate SSORoleMatch, which EKS leaves off" }
        if line.arn.contains("*") { return "\"*\" is no wildcard here: ARNs are compared as text" }
        let kind: ARN
        do { kind = try ARN(canonicalizing: line.arn) } catch { return "\(error)" }
        if kind.isAssumedRole { return "callers are compared by their role: write \(kind.text)" }
        let stripped = ARN.strippingPath(line.arn)
        if stripped != line.arn { return "callers' roles come without their path: write \(stripped)" }
        guard access.knowsPrincipals, line.arn.contains("::\(access.accountID):"), kind.kind == .role || kind.kind == .user else {
            return nil
        }
        let exists = access.principals.contains { ARN.strippingPath($0.arn).lowercased() == line.arn.lowercased() }
        return exists ? nil : "IAM has no such \(kind.kind == .role ? "role" : "user")"
    }

    private mutating func lintHiddenLines(_ lines: [AWSAuthConfigMap.Mapping]) {
        for (index, line) in lines.enumerated() where line.sso == nil {
            let subject = "aws-auth \(line.section)[\(line.index)] \(line.arn)"
            let arn = line.arn.lowercased()
            // Within a section the last line of an ARN counts; between sections mapRoles is asked first.
            if let winner = lines[(index + 1)...].last(where: { $0.section == line.section && $0.arn.lowercased() == arn }) {
                add("line-hidden", .error, subject, "hidden by \(winner.section)[\(winner.index)], a later line of the same ARN")
            } else if line.section == "mapUsers", let winner = map.roles.first(where: { $0.arn.lowercased() == arn }) {
                add("line-hidden", .error, subject, "hidden by \(winner.section)[\(winner.index)], which is asked first")
            } else if access.mode == .apiAndConfigMap,
                let entry = access.entries.first(where: { ARN.strippingPath($0.principalARN).lowercased() == arn })
            {
                // An entry of an earlier principal does not match, and then aws-auth is asked.
                let id = access.principal(entry.principalARN)?.id ?? entry.principalARN
                guard !access.knowsPrincipals || access.entryPrincipalIDs[entry.principalARN] == id else { continue }
                add(
                    "line-hidden", .warning, subject, "hidden by the access entry of \(entry.principalARN): entries are asked first",
                    fix: nil)
            }
        }
    }
}
