public import JSON

/// A RoleBinding or ClusterRoleBinding, reduced to what authorization needs.
public struct RoleBinding: Sendable, Hashable {
    /// Whom a binding names.
    public enum Subject: Sendable, Hashable {
        case user(String)
        case group(String)
        case serviceAccount(namespace: String, name: String)

        /// As reasons name it: `User "u"`, `Group "g"`, `ServiceAccount "name/namespace"`.
        public var description: String {
            switch self {
            case .user(let name): "User \"\(name)\""
            case .group(let name): "Group \"\(name)\""
            case .serviceAccount(let namespace, let name): "ServiceAccount \"\(name)/\(namespace)\""
            }
        }

        /// Whether it names this user.
        public func matches(_ user: UserInfo) -> Bool {
            switch self {
            case .user(let name): user.username == name
            case .group(let name): user.groups.contains(name)
            case .serviceAccount(let namespace, let name): user.username == "system:serviceaccount:\(namespace):\(name)"
            }
        }
    }

    /// The binding's name.
    public let name: String
    /// The binding's namespace; `nil` for a ClusterRoleBinding.
    public let namespace: String?
    /// The kind of the role: `Role` or `ClusterRole`.
    public let roleKind: String
    /// The role's name.
    public let roleName: String
    /// Whom it binds, in order.
    public let subjects: [Subject]

    /// Reads a binding.
    public init(json: JSON, isClusterWide: Bool) {
        let namespace = isClusterWide ? nil : json.at("metadata", "namespace")?.string ?? ""
        self.namespace = namespace
        name = json.at("metadata", "name")?.string ?? ""
        roleKind = json.at("roleRef", "kind")?.string ?? ""
        roleName = json.at("roleRef", "name")?.string ?? ""
        subjects = (json["subjects"]?.array ?? []).compactMap { subject in
            let name = subject["name"]?.string ?? ""
            switch subject["kind"]?.string {
            case "User": return .user(name)
            case "Group": return .group(name)
            case "ServiceAccount":
                // An empty namespace means the binding's own; at cluster scope it matches nobody.
                let own = subject["namespace"]?.string ?? ""
                guard let place = own.isEmpty ? namespace : own else { return nil }
                return .serviceAccount(namespace: place, name: name)
            default: return nil
            }
        }
    }

    /// As reasons name it: `ClusterRoleBinding "b"`, `RoleBinding "b/namespace"`.
    public var description: String {
        namespace.map { "RoleBinding \"\(name)/\($0)\"" } ?? "ClusterRoleBinding \"\(name)\""
    }
}
