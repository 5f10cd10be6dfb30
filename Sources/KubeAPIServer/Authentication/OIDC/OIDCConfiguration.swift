/// What kube-apiserver is told of an OpenID Connect provider (`--oidc-*`, or a `JWTAuthenticator` of structured authentication
/// configuration).
public struct OIDCConfiguration: Sendable, Hashable {
    /// The provider's URL, which tokens name as `iss`.
    public let issuer: String
    /// The audience that tokens have to be for.
    public let clientID: String
    /// The claim that holds the username.
    public let usernameClaim: String
    /// What goes in front of usernames; empty for nothing.
    public let usernamePrefix: String
    /// The claim that holds the groups; `nil` for no groups.
    public let groupsClaim: String?
    /// What goes in front of groups; empty for nothing.
    public let groupsPrefix: String
    /// Claims that have to be there with these values.
    public let requiredClaims: [String: String]

    /// Makes a configuration. Without a wish for a prefix, usernames get `<issuer>#`, except of the claim `email`; `-` is a wish for none.
    public init(
        issuer: String, clientID: String, usernameClaim: String? = nil, usernamePrefix: String? = nil, groupsClaim: String? = nil,
        groupsPrefix: String? = nil, requiredClaims: [String: String] = [:]
    ) {
        self.issuer = issuer
        self.clientID = clientID
        let claim = usernameClaim.flatMap { $0.isEmpty ? nil : $0 } ?? "sub"
        self.usernameClaim = claim
        switch usernamePrefix ?? "" {
        case "-": self.usernamePrefix = ""
        case "": self.usernamePrefix = claim == "email" ? "" : "\(issuer)#"
        case let prefix: self.usernamePrefix = prefix
        }
        self.groupsClaim = groupsClaim.flatMap { $0.isEmpty ? nil : $0 }
        self.groupsPrefix = groupsPrefix ?? ""
        self.requiredClaims = requiredClaims
    }
}

/// Which OpenID Connect provider a cluster's API servers trust at present.
public protocol OIDCSource: Sendable {
    /// The provider; `nil` when none is associated.
    var oidc: OIDCConfiguration? { get }
}
