/// The access entries of one cluster and the calls on them, as a value: what EKS keeps, without clock, ids or storage.
public struct AccessEntryState: Sendable, Hashable {
    /// An access policy on an entry.
    public struct Association: Sendable, Hashable {
        /// The policy.
        public var policyARN: String
        /// `cluster` or `namespace`.
        public var scope: String
        /// Names or patterns of scope `namespace`.
        public var namespaces: [String]

        /// Makes an association.
        public init(policyARN: String, scope: String, namespaces: [String]) {
            self.policyARN = policyARN
            self.scope = scope
            self.namespaces = namespaces
        }
    }

    /// An entry.
    public struct Entry: Sendable, Hashable {
        /// Whose it is.
        public var principalARN: String
        /// `STANDARD`, `EC2_LINUX` …
        public var type: String
        /// The username template.
        public var username: String
        /// Groups.
        public var groups: [String]
        /// Access policies in the order of their association.
        public var associations: [Association]

        /// Makes an entry as it is stored.
        public init(principalARN: String, type: String, username: String, groups: [String], associations: [Association] = []) {
            self.principalARN = principalARN
            self.type = type
            self.username = username
            self.groups = groups
            self.associations = associations
        }
    }

    /// The cluster's authentication mode.
    public private(set) var mode: AuthenticationMode
    /// The cluster's account.
    public let accountID: String
    /// The entries in order of creation.
    public internal(set) var entries: [Entry]

    /// Makes the state of a cluster.
    public init(mode: AuthenticationMode, accountID: String, entries: [Entry] = []) {
        self.mode = mode
        self.accountID = accountID
        self.entries = entries
    }

    /// The entries of a new cluster: its creator's with the administrator policy, if wanted and if the mode looks at entries.
    ///
    /// - Throws: `InvalidParameterException` for a CONFIG_MAP cluster without administrator.
    public init(
        creatingClusterBy creatorARN: String, accountID: String, mode: AuthenticationMode = .configMap, bootstrapsCreator: Bool = true
    ) throws(AccessEntryError) {
        guard bootstrapsCreator || mode != .configMap else {
            throw .parameter(
                "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP")
        }
        self.init(mode: mode, accountID: accountID)
        if bootstrapsCreator, mode != .configMap { addAdministrator(creatorARN) }
    }

    /// `CreateAccessEntry`. `exists` tells whether IAM has the principal.
    ///
    /// - Throws: `AccessEntryError`.
    @discardableResult public mutating func create(
        principalARN: String, type: String = "STANDARD", username: String? = nil, groups: [String] = [], exists: (String) -> Bool
    ) throws(AccessEntryError) -> Entry {
        try AccessEntryRules.requireEntries(in: mode)
        try AccessEntryRules.checkPrincipal(principalARN, type: type, account: accountID)
        try AccessEntryRules.checkNames(username: username, groups: groups, type: type)
        guard exists(principalARN) else { throw .invalidPrincipal }
        guard !entries.contains(where: { $0.principalARN == principalARN }) else { throw .inUse }
        let entry = Entry(
            principalARN: principalARN, type: type,
            username: username ?? AccessEntryRules.defaultUsername(principalARN: principalARN, type: type),
            groups: type == "STANDARD" ? groups : AccessEntryRules.defaultGroups(type: type))
        entries.append(entry)
        return entry
    }

    /// `DescribeAccessEntry`.
    ///
    /// - Throws: `AccessEntryError`.
    public func describe(_ principalARN: String) throws(AccessEntryError) -> Entry { entries[try position(principalARN)] }

    /// `ListAccessEntries`: the principals.
    ///
    /// - Throws: `AccessEntryError`.
    public func list() throws(AccessEntryError) -> [String] {
        try AccessEntryRules.requireEntries(in: mode)
        return entries.map(\.principalARN)
    }

    /// `DeleteAccessEntry`: the entry and its associations.
    ///
    /// - Throws: `AccessEntryError`.
    public mutating func delete(_ principalARN: String) throws(AccessEntryError) { entries.remove(at: try position(principalARN)) }

    /// `AssociateAccessPolicy`: another scope of the same policy replaces the earlier one.
    ///
    /// - Throws: `AccessEntryError`.
    @discardableResult public mutating func associate(
        _ association: Association, with principalARN: String, isPublished: (String) -> Bool
    ) throws(AccessEntryError) -> Association {
        let index = try position(principalARN)
        try AccessEntryRules.checkAssociation(
            policyARN: association.policyARN, scope: association.scope, namespaces: association.namespaces, entryType: entries[index].type)
        guard isPublished(association.policyARN) else { throw .noPolicy }
        if let earlier = entries[index].associations.firstIndex(where: { $0.policyARN == association.policyARN }) {
            entries[index].associations[earlier] = association
        } else {
            entries[index].associations.append(association)
        }
        return association
    }

    /// `UpdateClusterConfig` with another mode: one step at a time and never back. Leaving CONFIG_MAP makes an entry for the creator.
    ///
    /// - Throws: `InvalidParameterException`.
    @discardableResult public mutating func changeMode(
        to wanted: AuthenticationMode, creatorARN: String
    ) throws(AccessEntryError) -> ModeUpdate {
        switch (mode, wanted) {
        case (.configMap, .apiAndConfigMap): addAdministrator(creatorARN)
        case (.apiAndConfigMap, .api): break
        default: throw .parameter("Unsupported authentication mode update from \(mode.rawValue) to \(wanted.rawValue)")
        }
        mode = wanted
        return ModeUpdate(mode: wanted)
    }

    func position(_ principalARN: String) throws(AccessEntryError) -> Int {
        try AccessEntryRules.requireEntries(in: mode)
        guard let index = entries.firstIndex(where: { $0.principalARN == principalARN }) else { throw .noEntry }
        return index
    }

    private mutating func addAdministrator(_ principalARN: String) {
        guard !entries.contains(where: { $0.principalARN == principalARN }) else { return }
        let partition = ARN.sections(of: principalARN).dropFirst().first ?? "aws"
        entries.append(
            Entry(
                principalARN: principalARN, type: "STANDARD",
                username: AccessEntryRules.defaultUsername(principalARN: principalARN, type: "STANDARD"), groups: [],
                associations: [
                    Association(
                        policyARN: "arn:\(partition):eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy", scope: "cluster",
                        namespaces: [])
                ]))
    }
}

/// How `DescribeUpdate` shows a change of the authentication mode.
public struct ModeUpdate: Sendable, Hashable {
    /// The new mode.
    public let mode: AuthenticationMode
    /// The update's type.
    public var type: String { "AccessConfigUpdate" }
    /// The type of its one parameter, whose value is the mode.
    public var parameter: String { "AuthenticationMode" }
}

/// What a cluster's `accessConfig` says when a call of the API leaves it out; the console and eksctl choose otherwise.
public struct AccessConfiguration: Sendable, Hashable {
    /// `authenticationMode`
    public var mode: AuthenticationMode = .configMap
    /// `bootstrapClusterCreatorAdminPermissions`
    public var bootstrapsCreator = true

    /// Makes the defaults.
    public init() {}
}
