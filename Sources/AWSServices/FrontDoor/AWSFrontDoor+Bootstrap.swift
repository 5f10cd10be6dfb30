import JSON
import World

extension AWSFrontDoor {
    /// The bootstrap principal's access key.
    public struct Credentials: Sendable {
        /// `AKIA…`
        public let accessKeyID: String
        /// The secret.
        public let secretAccessKey: String

        /// Makes credentials.
        public init(accessKeyID: String, secretAccessKey: String) {
            self.accessKeyID = accessKeyID
            self.secretAccessKey = secretAccessKey
        }
    }

    private static let bootstrapUser = "eks-sim"
    /// The bootstrap principals' keys, by account.
    private static let bootstrapKeys = "aws/bootstrap"

    /// Makes what every account starts with, and starts the clusters of an earlier run; answers the first account's credentials.
    ///
    /// - Throws: `AWSError` when the state cannot be written.
    public func start() async throws(AWSError) -> Credentials {
        let credentials = try await bootstrap(configuration.accountID)
        for account in configuration.furtherAccounts { _ = try await bootstrap(account) }
        authentication.resume()
        await regions.resume()
        await eksServices.resume()
        return credentials
    }

    /// The accounts that have a bootstrap principal, the configured one first: those of earlier runs of a state file too.
    public var accounts: [(id: String, credentials: Credentials)] {
        let known = records.list(Self.bootstrapKeys).compactMap { document in Credentials(document.json).map { (document.name, $0) } }
        return known.filter { $0.0 == configuration.accountID } + known.filter { $0.0 != configuration.accountID }
    }

    /// An administrator with a key, and the default network.
    private func bootstrap(_ account: String) async throws(AWSError) -> Credentials {
        try await DefaultNetwork.make(in: regions.resources(account, configuration.region))
        let users = Records.collection(account, "global", "iam", "users")
        let exists = AWSError(409, "EntityAlreadyExists", "bootstrap")
        if records.get(users, Self.bootstrapUser) == nil {
            try await records.create(
                users, Self.bootstrapUser,
                [
                    "UserName": .string(Self.bootstrapUser), "Path": "/", "UserId": .string(world.random.principalID(prefix: "AIDA")),
                    "Arn": .string("arn:aws:iam::\(account):user/\(Self.bootstrapUser)"), "CreateDate": .string(world.now.rfc3339),
                    "attachedPolicies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
                ], exists: exists)
        }
        return try await bootstrapKey(account, users, exists)
    }

    private func bootstrapKey(_ account: String, _ users: String, _ exists: AWSError) async throws(AWSError) -> Credentials {
        if let known = records.get(Self.bootstrapKeys, account).flatMap({ Credentials($0.json) }) { return known }
        let id = world.random.awsUniqueID(prefix: "AKIA")
        let secret = world.random.awsSecretAccessKey()
        let user = records.get(users, Self.bootstrapUser)?.json ?? [:]
        try await records.create(
            CallerAuthentication.keys, id, IAMService.accessKey(secret: secret, user: user, account: account, created: world.now),
            exists: exists)
        try await records.create(
            Self.bootstrapKeys, account, ["accessKeyId": .string(id), "secretAccessKey": .string(secret)], exists: exists)
        return Credentials(accessKeyID: id, secretAccessKey: secret)
    }

    /// Makes a user of the first account with an id and a key that were chosen elsewhere, for callers whose requests are signed already.
    ///
    /// - Throws: `EntityAlreadyExists`, or the store's failure.
    public func addUser(named name: String, id: String, key: Credentials) async throws(AWSError) {
        let account = configuration.accountID
        let user: JSON = [
            "UserName": .string(name), "Path": "/", "UserId": .string(id), "Arn": .string("arn:aws:iam::\(account):user/\(name)"),
            "CreateDate": .string(world.now.rfc3339),
        ]
        let exists = AWSError(409, "EntityAlreadyExists", "User with name \(name) already exists.")
        try await records.create(Records.collection(account, "global", "iam", "users"), name, user, exists: exists)
        try await records.create(
            CallerAuthentication.keys, key.accessKeyID,
            IAMService.accessKey(secret: key.secretAccessKey, user: user, account: account, created: world.now), exists: exists)
    }

    /// Makes an ACTIVE cluster for the bootstrap principal at once, with its role, in the default network: what `serve` does for a fresh state.
    ///
    /// - Throws: `AWSError`.
    public func createDemoCluster(named name: String) async throws(AWSError) {
        let account = configuration.accountID
        let role = "eks-sim-cluster"
        let trust =
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"eks.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"
        let roles = Records.collection(account, "global", "iam", "roles")
        // A start that was cut short may have left the role.
        if records.get(roles, role) == nil {
            try await records.create(
                roles, role,
                [
                    "RoleName": .string(role), "Path": "/", "RoleId": .string(world.random.principalID(prefix: "AROA")),
                    "Arn": .string("arn:aws:iam::\(account):role/\(role)"), "CreateDate": .string(world.now.rfc3339),
                    "AssumeRolePolicyDocument": .string(trust), "MaxSessionDuration": 3600,
                    "attachedPolicies": ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"],
                ], exists: AWSError(409, "EntityAlreadyExists", "Role with name \(role) already exists."))
        }
        let network = regions.resources(account, configuration.region).present
        let subnets = network.list(.subnet).filter { $0["defaultForAz"]?.bool == true }.compactMap { $0["subnetId"]?.string }
        let user = records.get(Records.collection(account, "global", "iam", "users"), Self.bootstrapUser)?.json ?? [:]
        let caller = Caller(
            arn: user["Arn"]?.string ?? "", accountID: account, userID: user["UserId"]?.string ?? "", roleARN: nil, roleName: nil,
            userName: Self.bootstrapUser)
        try await eksServices.createActiveCluster(
            [
                "name": .string(name), "roleArn": .string("arn:aws:iam::\(account):role/\(role)"),
                "resourcesVpcConfig": ["subnetIds": JSON(strings: subnets)],
                "accessConfig": ["authenticationMode": "API_AND_CONFIG_MAP"],
            ], caller: caller, region: configuration.region)
    }

    /// The clusters of the bootstrap account and region, by name.
    public var clusters: [ClusterRecord] {
        clusters(in: Records.collection(configuration.accountID, configuration.region, "eks", "clusters")).values
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// The present record of a cluster. Cheap while no cluster of the account and region changes.
    public func cluster(account: String, region: String, name: String) -> ClusterRecord? {
        clusters(in: Records.collection(account, region, "eks", "clusters"))[name]
    }

    private func clusters(in collection: String) -> [String: ClusterRecord] {
        clusterCache.value(of: collection, in: records.store) {
            let pairs = records.list(collection).map { ($0.name, ClusterRecord(json: $0.json)) }
            return Dictionary(pairs) { first, _ in first }
        }
    }

    /// The log events that are in memory, as a text; `nil` for none. Setting takes those of an earlier run besides.
    public var savedLogEvents: String? {
        get { logs.events.saved }
        set { if let newValue { logs.events.restore(newValue) } }
    }

    /// Where EKS writes the control plane's logs of a cluster (EKS User Guide, control-plane-logs).
    public func controlPlaneLogs(of cluster: ClusterRecord) -> LogDelivery {
        LogDelivery(
            records: records, world: world, events: logs.events, account: cluster.accountID, region: cluster.region,
            group: "/aws/eks/\(cluster.name)/cluster")
    }

    /// The access entries of a cluster, by principal. Cheap while no entry of the account and region changes.
    public func accessEntries(of cluster: ClusterRecord) -> [AccessEntryRecord] {
        let collection = Records.collection(cluster.accountID, cluster.region, "eks", "access-entries")
        let entries = entryCache.value(of: collection, in: records.store) {
            Dictionary(grouping: records.list(collection)) { String($0.name.prefix { $0 != "/" }) }
                .mapValues { $0.map { AccessEntryRecord($0.json) } }
        }
        return entries[cluster.name] ?? []
    }

    /// The identity provider config that a cluster's API servers run with: from its being ACTIVE to its end. Cheap while none of the
    /// account and region changes.
    public func identityProvider(of cluster: ClusterRecord) -> IdentityProviderRecord? {
        let collection = Records.collection(cluster.accountID, cluster.region, "eks", "identity-provider-configs")
        let configs = identityProviderCache.value(of: collection, in: records.store) {
            let running = records.list(collection).filter { $0.json["status"]?.string != "CREATING" }
            return Dictionary(running.map { ($0.json["clusterName"]?.string ?? "", IdentityProviderRecord($0.json)) }) { first, _ in first }
        }
        return configs[cluster.name]
    }

    /// The users and roles of an account: ARN with path, and unique id.
    public func principals(account: String) -> [(arn: String, id: String)] {
        [("users", "UserId"), ("roles", "RoleId")].flatMap { kind, field in
            records.list(Records.collection(account, "global", "iam", kind)).map {
                ($0.json["Arn"]?.string ?? "", $0.json[field]?.string ?? "")
            }
        }
    }
}

extension AWSFrontDoor.Credentials {
    /// The stored form.
    fileprivate init?(_ json: JSON) {
        guard let id = json["accessKeyId"]?.string, let secret = json["secretAccessKey"]?.string else { return nil }
        self.init(accessKeyID: id, secretAccessKey: secret)
    }
}
