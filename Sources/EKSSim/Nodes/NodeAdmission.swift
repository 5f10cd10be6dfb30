import AWSServices
import IAMAuthenticator
import RBAC

/// Whom a cluster's authenticator takes instances for. It is asked once for each role: the nodes of a role differ only in their names.
struct NodeAdmission {
    private let plane: ControlPlane
    /// The groups of a role's nodes; `nil` for roles that make no nodes.
    private var judged: [String: [String]?] = [:]

    init(_ plane: ControlPlane) { self.plane = plane }

    /// What an instance is mapped to; `nil` when it is not let in.
    func mapped(_ instance: NodeInstance) async -> MappedIdentity? {
        guard let role = instance.role else { return nil }
        let name = role.arn.split(separator: "/").last.map(String.init) ?? ""
        let account = plane.record.accountID
        let identity = CallerIdentity(
            arn: "arn:aws:sts::\(account):assumed-role/\(name)/\(instance.id)", canonicalARN: "arn:aws:iam::\(account):role/\(name)",
            accountID: account, userID: role.id, sessionName: instance.id, accessKeyID: "")
        return try? await plane.authenticator.user(of: identity)
    }

    /// The user as which an instance keeps up its own Node; `nil` when it cannot: it is not let in, or not as that node.
    mutating func user(of instance: NodeInstance) async -> UserInfo? {
        let name = "system:node:\(instance.privateDNSName)"
        // A role of the same name that was made anew is another one.
        let key = instance.role.map { "\($0.arn) \($0.id)" } ?? ""
        let groups: [String]?
        if let known = judged[key] {
            groups = known
        } else {
            let mapped = await mapped(instance)
            groups = mapped.flatMap { $0.username == name && $0.groups.contains("system:nodes") ? $0.groups : nil }
            judged[key] = .some(groups)
        }
        return groups.map { UserInfo(username: name, groups: $0 + ["system:authenticated"]) }
    }
}
