import EKSSim
import IAMAuthenticator
import JSON

/// A cluster whose roles `admin`, `dev` and `ops` come in by an entry, an entry and a line of `aws-auth`.
enum AccessFixture {
    static let account = "111122223333"

    static func role(_ name: String) -> String { "arn:aws:iam::\(account):role/\(name)" }

    static let awsAuth = [
        "mapRoles": """
        - rolearn: \(role("ops"))
          username: ops:{{SessionName}}
          groups: [ops]

        """
    ]

    static func binding(_ name: String, _ role: String, group: String, namespace: String? = nil) -> JSON {
        var binding: JSON = [
            "metadata": ["name": .string(name)],
            "roleRef": ["kind": .string(namespace == nil ? "ClusterRole" : "Role"), "name": .string(role)],
            "subjects": [["kind": "Group", "name": .string(group)]],
        ]
        if let namespace { binding.set(.string(namespace), at: ["metadata", "namespace"]) }
        return binding
    }

    static func access(
        mode: AuthenticationMode = .apiAndConfigMap, entries: [AccessEntryState.Entry]? = nil, ids: [String: String] = [:],
        awsAuth: [String: String]? = awsAuth
    ) -> ClusterAccess {
        let view = AccessEntryState.Association(
            policyARN: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", scope: "namespace", namespaces: ["team-*"])
        let admin = AccessEntryState.Association(
            policyARN: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy", scope: "cluster", namespaces: [])
        let known = ["admin", "dev", "ops", "nobody"].map { ClusterAccess.Principal(arn: role($0), id: "AROA\($0.uppercased())") }
        let entries =
            entries ?? [
                entry("admin", associations: [admin]), entry("dev", groups: ["dev"], associations: [view]),
            ]
        return ClusterAccess(
            clusterName: "demo", accountID: account, mode: mode, creatorARN: role("admin"), entries: entries,
            entryPrincipalIDs: Dictionary(
                entries.map { ($0.principalARN, "AROA" + ($0.principalARN.split(separator: "/").last ?? "").uppercased()) }
            ) { $1 }.merging(ids) { $1 }, awsAuth: awsAuth, principals: known, namespaces: ["default", "team-a", "team-b"],
            rbacObjects: [
                "clusterroles": [
                    ["metadata": ["name": "nodes"], "rules": [["apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]]]]
                ],
                "roles": [
                    [
                        "metadata": ["name": "pods", "namespace": "team-a"],
                        "rules": [["apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]]],
                    ]
                ], "clusterrolebindings": [binding("ops-nodes", "nodes", group: "ops")],
                "rolebindings": [binding("dev-pods", "pods", group: "dev", namespace: "team-a")],
            ])
    }

    static func entry(
        _ name: String, type: String = "STANDARD", username: String? = nil, groups: [String] = [],
        associations: [AccessEntryState.Association] = []
    ) -> AccessEntryState.Entry {
        AccessEntryState.Entry(
            principalARN: role(name), type: type,
            username: username ?? AccessEntryRules.defaultUsername(principalARN: role(name), type: type), groups: groups,
            associations: associations)
    }
}
