/// An access entry as the authenticator matches it.
public struct AccessEntry: Sendable, Hashable {
    /// The principal as the entry names it.
    public var principalARN: String
    /// The principal's unique id when the entry was made: `AROA…`, `AIDA…`.
    public var principalID: String
    /// The username template.
    public var username: String
    /// Groups.
    public var groups: [String]
    /// Its access policies, for the fix that makes it again.
    public var associations: [AccessEntryState.Association]

    /// Makes an entry.
    public init(
        principalARN: String, principalID: String, username: String, groups: [String], associations: [AccessEntryState.Association] = []
    ) {
        self.principalARN = principalARN
        self.principalID = principalID
        self.username = username
        self.groups = groups
        self.associations = associations
    }
}

/// Where a cluster looks identities up (`accessConfig.authenticationMode`).
public enum AuthenticationMode: String, Sendable, Hashable, CaseIterable {
    case configMap = "CONFIG_MAP"
    case apiAndConfigMap = "API_AND_CONFIG_MAP"
    case api = "API"
}
