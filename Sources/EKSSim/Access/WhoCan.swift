import IAMAuthenticator
public import JSON
public import RBAC

/// `who-can`: everybody who may do something in a cluster, each with the path that grants it.
public struct WhoCan: Sendable {
    /// One who may.
    public struct Grant: Sendable, Hashable {
        /// The IAM principal; `nil` for a Kubernetes subject that no principal stands behind.
        public let principal: String?
        /// The Kubernetes subject or user: `User "u"`, `Group "g"`, `ServiceAccount "n/ns"`.
        public let subject: String
        /// What leads to the grant, step by step.
        public let path: [String]
    }

    /// What was asked.
    public let question: String
    /// IAM principals that may, by ARN.
    public let principals: [Grant]
    /// Subjects of bindings that grant it.
    public let subjects: [Grant]

    /// Asks a cluster. `attributes.user` does not count.
    public init(_ attributes: Attributes, in access: ClusterAccess, catalog: AccessPolicyCatalog = .published) async {
        question = Self.question(attributes)
        var principals: [Grant] = []
        for principal in access.everybody {
            for session in access.sessions(of: principal) {
                guard let identity = await access.identity(of: principal, session: session) else { continue }
                var asked = attributes
                asked.user = identity.user
                guard let path = access.path(asked, identity, catalog) else { continue }
                principals.append(
                    Grant(principal: principal.arn, subject: "User \"\(identity.user.username)\"", path: [identity.source] + path))
                break
            }
        }
        self.principals = principals + Self.assuming(principals, access.assumers)
        subjects = access.subjects(attributes) + access.nodes(attributes)
    }

    /// Those who may only by becoming one of the roles that may, over one or more steps; the shortest way of each.
    private static func assuming(_ granted: [Grant], _ assumers: [String: [String]]) -> [Grant] {
        var known = Set(granted.compactMap(\.principal))
        var found: [Grant] = []
        var last = granted
        while !last.isEmpty {
            var next: [Grant] = []
            for grant in last {
                guard let role = grant.principal else { continue }
                for arn in (assumers[role] ?? []).sorted() where known.insert(arn).inserted {
                    next.append(Grant(principal: arn, subject: grant.subject, path: ["sts:AssumeRole \(role)"] + grant.path))
                }
            }
            found += next
            last = next
        }
        return found
    }

    private static func question(_ attributes: Attributes) -> String {
        guard attributes.isResourceRequest else { return "\(attributes.verb) \(attributes.path)" }
        let name = attributes.name.isEmpty ? "" : " \"\(attributes.name)\""
        let place = attributes.namespace.isEmpty ? "at the cluster scope" : "in namespace \"\(attributes.namespace)\""
        return "\(attributes.verb) \(attributes.qualifiedResource)\(name) \(place)"
    }

    /// The answer for tools.
    public var json: JSON {
        func list(_ grants: [Grant]) -> JSON {
            .array(
                grants.map { grant in
                    var json: JSON = ["subject": .string(grant.subject), "path": JSON(strings: grant.path)]
                    json["principal"] = grant.principal.map(JSON.string)
                    return json
                })
        }
        return ["question": .string(question), "principals": list(principals), "subjects": list(subjects)]
    }

    /// The answer for people.
    public func text(_ style: TraceReport.Style = TraceReport.Style()) -> String {
        var lines = [style.bold("who can \(question)")]
        for (title, grants) in [("IAM principals", principals), ("Kubernetes subjects", subjects)] {
            lines += ["", "  \(title)"]
            if grants.isEmpty { lines.append("    nobody") }
            for grant in grants {
                lines.append("    \(grant.principal ?? grant.subject)")
                let path = (grant.principal == nil ? [] : [grant.subject]) + grant.path
                lines += style.wrap("      ↳ \(path.joined(separator: " → "))", indent: "        ")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension ClusterAccess {
    /// The sessions of a role that may matter: the usual one, and those that bindings name as users.
    func sessions(of principal: Principal) -> [String] {
        guard principal.isRole else { return [Self.usualSession] }
        var sessions = [Self.usualSession]
        let prefix = Self.caller(principal, session: "").arn
        for binding in rbac.everyBinding {
            for case .user(let name) in binding.subjects where name.hasPrefix(prefix) && name.count > prefix.count {
                let session = String(name.dropFirst(prefix.count))
                if !sessions.contains(session) { sessions.append(session) }
            }
        }
        return sessions
    }

    /// What grants a request to a mapped principal, step by step; `nil` when nothing does.
    func path(_ attributes: Attributes, _ identity: AccessIdentity, _ catalog: AccessPolicyCatalog) -> [String]? {
        if attributes.user.groups.contains("system:masters") { return ["Group \"system:masters\"", "everything"] }
        if mayAsNode(attributes) { return [Self.nodeAuthorizer] }
        for binding in rbac.everyBinding where binding.namespace == nil || binding.namespace == attributes.namespace {
            guard let subject = binding.subjects.first(where: { $0.matches(attributes.user) }),
                rbac.rules(of: binding)?.contains(where: { $0.allows(attributes) }) == true
            else { continue }
            return [subject.description, binding.description, "\(binding.roleKind) \"\(binding.roleName)\""]
        }
        for association in policies(of: identity) {
            let decision = catalog.authorize(attributes, associations: [association], principalID: identity.principalID)
            guard decision.isAllowed else { continue }
            let name = association.policyARN.split(separator: "/").last.map(String.init) ?? association.policyARN
            switch association.scope {
            case .cluster: return ["access policy \(name) (cluster)"]
            case .namespaces(let namespaces): return ["access policy \(name) (namespaces \(namespaces.joined(separator: ", ")))"]
            }
        }
        return nil
    }

    /// The subjects of bindings that grant a request.
    func subjects(_ attributes: Attributes) -> [WhoCan.Grant] {
        var found: [WhoCan.Grant] = []
        for binding in rbac.everyBinding where binding.namespace == nil || binding.namespace == attributes.namespace {
            guard rbac.rules(of: binding)?.contains(where: { $0.allows(attributes) }) == true else { continue }
            for subject in binding.subjects {
                found.append(
                    WhoCan.Grant(
                        principal: nil, subject: subject.description,
                        path: [binding.description, "\(binding.roleKind) \"\(binding.roleName)\""]))
            }
        }
        return found
    }
}
