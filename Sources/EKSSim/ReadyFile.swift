public import JSON

/// What a running simulator says of itself: the ready file, and the answer of `GET /_eks-sim/v1/status`.
public struct ReadyFile: Sendable {
    /// One cluster that serves.
    public struct Cluster: Sendable, Hashable {
        /// The cluster's name.
        public var name: String
        /// The cluster's ARN.
        public var arn: String
        /// `https://127.0.0.1:6443`
        public var endpoint: String
        /// Path of a kubeconfig with a `system:masters` client certificate. EKS has no such door.
        public var adminKubeconfig: String?
        /// The authenticator's TokenReview webhook, for a foreign API server.
        public var authenticator: String
    }

    /// An account and its bootstrap principal's key.
    public struct Account: Sendable, Hashable {
        /// Twelve digits.
        public var id: String
        /// The access key.
        public var accessKeyID: String
        /// Its secret.
        public var secretAccessKey: String
    }

    /// The version of eks-sim.
    public var version: String
    /// The process.
    public var pid: Int
    /// Where every AWS API is served.
    public var awsEndpoint: String
    /// The region that clients should name.
    public var region: String
    /// The bootstrap principal's account.
    public var accountID: String
    /// The bootstrap principal's access key.
    public var accessKeyID: String
    /// Its secret.
    public var secretAccessKey: String
    /// Every account with a bootstrap principal, that of `accountID` first.
    public var accounts: [Account]
    /// The clusters that serve.
    public var clusters: [Cluster]

    /// The JSON form.
    public var json: JSON {
        [
            "version": .string(version), "pid": .integer(Int64(pid)), "awsEndpoint": .string(awsEndpoint), "region": .string(region),
            "accountId": .string(accountID),
            "credentials": Self.credentials(accessKeyID, secretAccessKey),
            "accounts": .array(
                accounts.map { ["accountId": .string($0.id), "credentials": Self.credentials($0.accessKeyID, $0.secretAccessKey)] }),
            "clusters": .array(
                clusters.map { cluster in
                    var json: JSON = [
                        "name": .string(cluster.name), "arn": .string(cluster.arn), "endpoint": .string(cluster.endpoint),
                        "authenticator": .string(cluster.authenticator),
                    ]
                    json["adminKubeconfig"] = cluster.adminKubeconfig.map(JSON.string)
                    return json
                }),
        ]
    }

    private static func credentials(_ id: String, _ secret: String) -> JSON {
        ["accessKeyId": .string(id), "secretAccessKey": .string(secret)]
    }

    /// Reads the JSON form; `nil` when it is not that.
    public init?(json: JSON) {
        guard let version = json["version"]?.string, let pid = json["pid"]?.integer, let awsEndpoint = json["awsEndpoint"]?.string,
            let region = json["region"]?.string, let accountID = json["accountId"]?.string,
            let accessKeyID = json.at("credentials", "accessKeyId")?.string,
            let secretAccessKey = json.at("credentials", "secretAccessKey")?.string, let clusters = json["clusters"]?.array
        else { return nil }
        self.init(
            version: version, pid: Int(pid), awsEndpoint: awsEndpoint, region: region, accountID: accountID, accessKeyID: accessKeyID,
            secretAccessKey: secretAccessKey,
            accounts: (json["accounts"]?.array ?? []).compactMap { account in
                guard let id = account["accountId"]?.string, let key = account.at("credentials", "accessKeyId")?.string,
                    let secret = account.at("credentials", "secretAccessKey")?.string
                else { return nil }
                return Account(id: id, accessKeyID: key, secretAccessKey: secret)
            },
            clusters: clusters.compactMap { cluster in
                guard let name = cluster["name"]?.string, let arn = cluster["arn"]?.string, let endpoint = cluster["endpoint"]?.string
                else { return nil }
                return Cluster(
                    name: name, arn: arn, endpoint: endpoint, adminKubeconfig: cluster["adminKubeconfig"]?.string,
                    authenticator: cluster["authenticator"]?.string ?? "")
            })
    }

    init(
        version: String, pid: Int, awsEndpoint: String, region: String, accountID: String, accessKeyID: String, secretAccessKey: String,
        accounts: [Account], clusters: [Cluster]
    ) {
        self.version = version
        self.pid = pid
        self.awsEndpoint = awsEndpoint
        self.region = region
        self.accountID = accountID
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.accounts = accounts
        self.clusters = clusters
    }
}
