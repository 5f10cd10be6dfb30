import Facts
public import JSON

/// The roles and bindings of a fresh cluster, after the aggregation controller has come to rest (`bootstrap-rbac.json`).
public struct BootstrapPolicy: Sendable {
    /// ClusterRoles.
    public let clusterRoles: [JSON]
    /// Roles, with their namespaces.
    public let roles: [JSON]
    /// ClusterRoleBindings.
    public let clusterRoleBindings: [JSON]
    /// RoleBindings, with their namespaces.
    public let roleBindings: [JSON]

    /// The table that is compiled into the binary.
    public static let published = BootstrapPolicy((try? JSON(parsing: Facts.kubernetesBootstrap)) ?? .null)

    /// Reads a table.
    public init(_ table: JSON) {
        func list(_ key: String) -> [JSON] { table[key]?.array ?? [] }
        clusterRoles = list("clusterRoles")
        roles = list("roles")
        clusterRoleBindings = list("clusterRoleBindings")
        roleBindings = list("roleBindings")
    }

    /// The rules of a ClusterRole; empty when there is none of that name.
    public func rules(ofClusterRole name: String) -> [PolicyRule] {
        let role = clusterRoles.first { $0.at("metadata", "name")?.string == name }
        return (role?["rules"]?.array ?? []).map(PolicyRule.init(json:))
    }
}
