import AWSServices
public import IAMAuthenticator
public import JSON
public import RBAC

/// Everything that decides who may do what in one cluster, as a value: what `who-can`, `access rehearse` and `access lint` reason about.
///
/// Made of a running simulator or imported from a real cluster; changed without touching either.
public struct ClusterAccess: Sendable {
    /// An IAM user or role.
    public struct Principal: Sendable, Hashable {
        /// The ARN with its path.
        public var arn: String
        /// `AIDA…`, `AROA…`; the ARN itself when the principal is only known by name.
        public var id: String

        /// Makes a principal.
        public init(arn: String, id: String) {
            self.arn = arn
            self.id = id
        }

        /// Whether it is a role, whose sessions have names.
        public var isRole: Bool { arn.contains(":role/") }
    }

    /// The cluster's name.
    public var clusterName: String
    /// The cluster's account.
    public var accountID: String
    /// Where identities are looked up.
    public var mode: AuthenticationMode
    /// Who created the cluster: an administrator in mode CONFIG_MAP that nothing lists. `nil` when that is not known.
    public var creatorARN: String?
    /// The access entries in order.
    public var entries: [AccessEntryState.Entry]
    /// The principal ids that the entries were made for, by principal ARN.
    public var entryPrincipalIDs: [String: String]
    /// The data of `kube-system/aws-auth`; `nil` when there is no such ConfigMap.
    public var awsAuth: [String: String]?
    /// IAM users and roles that exist.
    public var principals: [Principal]
    /// Whether `principals` is all there are of the cluster's account; a real cluster does not tell.
    public var knowsPrincipals: Bool
    /// Who may assume which roles, by ARN; empty when IAM's policies are not known.
    public var assumers: [String: [String]]
    /// The namespaces.
    public var namespaces: [String]
    /// ClusterRoles, Roles, ClusterRoleBindings, RoleBindings.
    public private(set) var rbacObjects: [String: [JSON]]
    /// The same, compiled.
    public private(set) var rbac: RBACSnapshot

    /// The resources of RBAC, as they are listed.
    public static let rbacResources = ["clusterroles", "roles", "clusterrolebindings", "rolebindings"]

    /// Makes the state of a cluster. `rbacObjects` has the objects of each of `rbacResources`.
    public init(
        clusterName: String, accountID: String, mode: AuthenticationMode, creatorARN: String? = nil,
        entries: [AccessEntryState.Entry] = [], entryPrincipalIDs: [String: String] = [:], awsAuth: [String: String]? = nil,
        principals: [Principal] = [], knowsPrincipals: Bool = true, assumers: [String: [String]] = [:], namespaces: [String] = [],
        rbacObjects: [String: [JSON]] = [:]
    ) {
        self.clusterName = clusterName
        self.accountID = accountID
        self.mode = mode
        self.creatorARN = creatorARN
        self.entries = entries
        self.entryPrincipalIDs = entryPrincipalIDs
        self.awsAuth = awsAuth
        self.principals = principals
        self.knowsPrincipals = knowsPrincipals
        self.assumers = assumers
        self.namespaces = namespaces
        self.rbacObjects = rbacObjects
        rbac = Self.compile(rbacObjects)
    }

    private static func compile(_ objects: [String: [JSON]]) -> RBACSnapshot {
        RBACSnapshot(
            clusterRoles: objects["clusterroles"] ?? [], roles: objects["roles"] ?? [],
            clusterRoleBindings: objects["clusterrolebindings"] ?? [], roleBindings: objects["rolebindings"] ?? [])
    }

    /// The present `aws-auth`, read as the authenticator reads it.
    public var awsAuthMap: AWSAuthConfigMap { awsAuth.map { AWSAuthConfigMap(data: $0) } ?? AWSAuthConfigMap() }

    /// The mode of a name, as `describe-cluster` tells it.
    public static func mode(named name: String) -> AuthenticationMode? { AuthenticationMode(rawValue: name) }

    /// The principal of an ARN; `nil` when IAM has none of it.
    public func principal(_ arn: String) -> Principal? { principals.first { $0.arn == arn } }

    /// The mapper that the cluster's authenticator has now.
    var mapper: IdentityMapper {
        IdentityMapper(
            mode: mode,
            entries: entries.map { entry in
                AccessEntry(
                    principalARN: entry.principalARN, principalID: entryPrincipalIDs[entry.principalARN] ?? entry.principalARN,
                    username: entry.username, groups: entry.groups, associations: entry.associations)
            }, awsAuth: awsAuthMap, clusterName: clusterName, creatorARN: creatorARN)
    }
}

// MARK: On the wire between a simulator and its command line

extension ClusterAccess {
    /// The state as JSON.
    public var json: JSON {
        var json: JSON = [
            "cluster": .string(clusterName), "account": .string(accountID), "authenticationMode": .string(mode.rawValue),
            "accessEntries": .array(entries.map(entryJSON)),
            "principals": .array(principals.map { ["arn": .string($0.arn), "id": .string($0.id)] }),
            "knowsPrincipals": .bool(knowsPrincipals),
            "assumers": .object(JSONObject(assumers.sorted { $0.key < $1.key }.map { ($0.key, JSON(strings: $0.value)) })),
            "namespaces": JSON(strings: namespaces),
        ]
        json["creator"] = creatorARN.map(JSON.string)
        json["awsAuth"] = awsAuth.map { data in
            .object(JSONObject(data.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        }
        for resource in Self.rbacResources { json[resource] = .array(rbacObjects[resource] ?? []) }
        return json
    }

    private func entryJSON(_ entry: AccessEntryState.Entry) -> JSON {
        [
            "principalArn": .string(entry.principalARN), "type": .string(entry.type), "username": .string(entry.username),
            "kubernetesGroups": JSON(strings: entry.groups), "principalId": .string(entryPrincipalIDs[entry.principalARN] ?? ""),
            "accessPolicies": .array(
                entry.associations.map { association in
                    [
                        "policyArn": .string(association.policyARN),
                        "accessScope": ["type": .string(association.scope), "namespaces": JSON(strings: association.namespaces)],
                    ]
                }),
        ]
    }

    /// Reads the form that `json` writes; `nil` when it is not that.
    public init?(json: JSON) {
        guard let name = json["cluster"]?.string, let account = json["account"]?.string,
            let mode = json["authenticationMode"]?.string.flatMap(AuthenticationMode.init(rawValue:))
        else { return nil }
        let entries = json["accessEntries"]?.array ?? []
        self.init(
            clusterName: name, accountID: account, mode: mode, creatorARN: json["creator"]?.string,
            entries: entries.map { entry in
                AccessEntryState.Entry(
                    principalARN: entry["principalArn"]?.string ?? "", type: entry["type"]?.string ?? "STANDARD",
                    username: entry["username"]?.string ?? "", groups: entry["kubernetesGroups"]?.strings ?? [],
                    associations: (entry["accessPolicies"]?.array ?? []).compactMap(AccessPlan.association))
            },
            entryPrincipalIDs: Dictionary(
                entries.map { ($0["principalArn"]?.string ?? "", $0["principalId"]?.string ?? "") }
            ) { first, _ in first },
            awsAuth: json["awsAuth"]?.object.map { data in
                Dictionary(data.members.map { ($0.key, $0.value.string ?? "") }) { first, _ in first }
            },
            principals: (json["principals"]?.array ?? []).map {
                Principal(arn: $0["arn"]?.string ?? "", id: $0["id"]?.string ?? "")
            }, knowsPrincipals: json["knowsPrincipals"]?.bool ?? true,
            assumers: Dictionary((json["assumers"]?.object?.members ?? []).map { ($0.key, $0.value.strings ?? []) }) { first, _ in first },
            namespaces: json["namespaces"]?.strings ?? [],
            rbacObjects: Dictionary(uniqueKeysWithValues: Self.rbacResources.map { ($0, json[$0]?.array ?? []) }))
    }

    /// The state of a real cluster, as far as `kubectl get -o json` tells it: `aws-auth`, namespaces and RBAC. Access entries and IAM are
    /// behind other APIs: the roles and users that `aws-auth` names stand for IAM, and `importEntries` adds the entries.
    ///
    /// - Parameters:
    ///   - lists: the lists of `namespaces` and of each of `rbacResources`.
    ///   - awsAuth: the ConfigMap, `nil` when there is none.
    public init(importing lists: [String: JSON], awsAuth: JSON?, clusterName: String, mode: AuthenticationMode) {
        let data = (awsAuth?["data"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }
        let map = AWSAuthConfigMap(data: Dictionary(data) { first, _ in first })
        var arns: [String] = []
        for line in map.roles + map.users where !line.arn.isEmpty && !arns.contains(line.arn) { arns.append(line.arn) }
        self.init(
            clusterName: clusterName,
            accountID: arns.first.map { String($0.split(separator: ":", omittingEmptySubsequences: false).dropFirst(4).first ?? "") } ?? "",
            mode: mode, awsAuth: awsAuth == nil ? nil : map.data, principals: arns.map { Principal(arn: $0, id: $0) },
            knowsPrincipals: false,
            namespaces: (lists["namespaces"]?["items"]?.array ?? []).compactMap { $0.at("metadata", "name")?.string },
            rbacObjects: Dictionary(uniqueKeysWithValues: Self.rbacResources.map { ($0, lists[$0]?["items"]?.array ?? []) }))
    }
}
