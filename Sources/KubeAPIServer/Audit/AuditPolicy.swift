public import RBAC

/// What is logged of which requests: `audit.k8s.io` `Policy` (`k8s.io/apiserver/pkg/audit/policy`).
public struct AuditPolicy: Sendable, Hashable {
    /// How much of a request is logged.
    public enum Level: Int, Sendable, Hashable, CaseIterable, Comparable {
        /// Nothing.
        case none
        /// Who asked for what, and how it ended.
        case metadata
        /// The object that was sent as well.
        case request
        /// The object that was answered as well.
        case requestResponse

        /// `RequestResponse`
        public var name: String { ["None", "Metadata", "Request", "RequestResponse"][rawValue] }

        /// Whether the left logs less.
        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// When in a request's handling an event is logged.
    public enum Stage: String, Sendable, Hashable, CaseIterable {
        /// Before anything is done.
        case requestReceived = "RequestReceived"
        /// When the answer begins: of requests that last, and of those whose user is not known.
        case responseStarted = "ResponseStarted"
        /// When the answer is complete.
        case responseComplete = "ResponseComplete"
        /// When the handling broke down.
        case panic = "Panic"
    }

    /// Resources of an API group.
    public struct GroupResources: Sendable, Hashable {
        /// The group; empty for the core group.
        public var group = ""
        /// `pods`, `pods/log`, `pods/*`, `*/scale` or `*`; empty for all.
        public var resources: [String] = []
        /// Names of objects; empty for all.
        public var resourceNames: [String] = []
    }

    /// What the requests that it matches are logged with.
    public struct Rule: Sendable, Hashable {
        /// How much is logged.
        public var level: Level
        /// Usernames; empty for every user.
        public var users: [String] = []
        /// Groups, of which one is enough; empty for every user.
        public var userGroups: [String] = []
        /// Verbs; empty for every verb.
        public var verbs: [String] = []
        /// Resources; empty for all.
        public var resources: [GroupResources] = []
        /// Namespaces, `""` for what has none; empty for all.
        public var namespaces: [String] = []
        /// Paths that are no resources, with `*` at the end or alone.
        public var nonResourceURLs: [String] = []
        /// Stages that are not logged.
        public var omitStages: Set<Stage> = []
        /// Whether managed fields are left out of the objects; the policy's own word when `nil`.
        public var omitManagedFields: Bool?
    }

    /// What is logged of one request.
    public struct Verdict: Sendable, Hashable {
        /// How much.
        public var level: Level
        /// Stages that are not logged.
        public var omittedStages: Set<Stage>
        /// Whether managed fields are left out of the objects.
        public var omitsManagedFields: Bool
    }

    /// The rules, of which the first that matches counts. What none matches is not logged.
    public let rules: [Rule]
    /// Stages that no rule logs.
    public let omitStages: Set<Stage>
    /// Whether managed fields are left out where the rule does not say.
    public let omitManagedFields: Bool

    /// Makes a policy.
    public init(rules: [Rule], omitStages: Set<Stage> = [], omitManagedFields: Bool = false) {
        self.rules = rules
        self.omitStages = omitStages
        self.omitManagedFields = omitManagedFields
    }

    /// What is logged of a request. A request whose user is not known has a user without name and groups.
    public func verdict(_ attributes: Attributes) -> Verdict {
        guard let rule = rules.first(where: { $0.matches(attributes) }) else {
            return Verdict(level: .none, omittedStages: omitStages, omitsManagedFields: omitManagedFields)
        }
        return Verdict(
            level: rule.level, omittedStages: omitStages.union(rule.omitStages),
            omitsManagedFields: rule.omitManagedFields ?? omitManagedFields)
    }
}

extension AuditPolicy.Rule {
    fileprivate func matches(_ attributes: Attributes) -> Bool {
        guard users.isEmpty || users.contains(attributes.user.username), verbs.isEmpty || verbs.contains(attributes.verb),
            userGroups.isEmpty || attributes.user.groups.contains(where: userGroups.contains)
        else { return false }
        if !namespaces.isEmpty || !resources.isEmpty { return matchesResource(attributes) }
        guard !nonResourceURLs.isEmpty else { return true }
        return !attributes.isResourceRequest && nonResourceURLs.contains { Self.matches(attributes.path, $0) }
    }

    private func matchesResource(_ attributes: Attributes) -> Bool {
        guard attributes.isResourceRequest, namespaces.isEmpty || namespaces.contains(attributes.namespace) else { return false }
        return resources.isEmpty || resources.contains { $0.matches(attributes) }
    }

    /// All stars at a pattern's end are one.
    private static func matches(_ path: String, _ pattern: String) -> Bool {
        guard pattern != "*", pattern != path else { return true }
        guard pattern.utf8.last == UInt8(ascii: "*") else { return false }
        let kept = pattern.utf8.reversed().drop { $0 == UInt8(ascii: "*") }.count
        return path.utf8.starts(with: pattern.utf8.prefix(kept))
    }
}

extension AuditPolicy.GroupResources {
    fileprivate func matches(_ attributes: Attributes) -> Bool {
        guard group == attributes.apiGroup else { return false }
        guard !resources.isEmpty else { return true }
        guard resourceNames.isEmpty || resourceNames.contains(attributes.name) else { return false }
        let subresource = attributes.subresource
        let combined = subresource.isEmpty ? attributes.resource : "\(attributes.resource)/\(subresource)"
        return resources.contains { pattern in
            if pattern == combined || pattern == "*" { return true }
            if !subresource.isEmpty, pattern.hasPrefix("*/"), pattern.dropFirst(2) == subresource { return true }
            return pattern.hasSuffix("/*") && pattern.dropLast(2) == attributes.resource
        }
    }
}
