/// Who makes a request, as Kubernetes knows it (`k8s.io/apiserver/pkg/authentication/user`).
public struct UserInfo: Sendable, Hashable {
    /// One extra attribute and its values.
    public struct Extra: Sendable, Hashable {
        /// The attribute's key, with case as given.
        public var key: String
        /// Its values in order.
        public var values: [String]

        /// Makes an attribute.
        public init(key: String, values: [String]) {
            self.key = key
            self.values = values
        }
    }

    /// The name that RBAC subjects of kind `User` are compared with.
    public var username: String
    /// An identifier that outlives renames; often empty.
    public var uid: String
    /// Group memberships in order; duplicates are kept.
    public var groups: [String]
    /// Further attributes, such as the authenticator's `principalId`.
    public var extra: [Extra]

    /// Makes a user.
    public init(username: String, uid: String = "", groups: [String] = [], extra: [Extra] = []) {
        self.username = username
        self.uid = uid
        self.groups = groups
        self.extra = extra
    }

    /// The values of an extra attribute; empty when there is none.
    public func extra(_ key: String) -> [String] { extra.first { $0.key == key }?.values ?? [] }
}
