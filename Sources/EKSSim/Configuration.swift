public import KubeAPIServer
public import World

/// How a simulator is started. Every setting has a default; `Configuration()` is a simulator in memory on free ports.
public struct Configuration: Sendable {
    /// Where the state lives.
    public enum State: Sendable, Hashable {
        /// Nowhere: it ends with the simulator.
        case memory
        /// In a SQLite file, made when it does not exist.
        case file(String)
    }

    /// What an acknowledged write survives.
    public enum Durability: String, Sendable, Hashable, CaseIterable {
        /// A power loss: `fsync` for each commit.
        case full
        /// A crash of the process, `kill -9` included.
        case normal
        /// Nothing; there is no file.
        case memory
    }

    /// Where sockets are opened.
    public enum Sockets: Sendable, Hashable {
        /// None: requests are handed in through `Simulator.handle`.
        case none
        /// On an address; port 0 means any free port.
        case listen(host: String, awsPort: Int, apiPort: Int)
    }

    /// Where the state lives.
    public var state: State = .memory
    /// What an acknowledged write survives.
    public var durability: Durability = .normal
    /// Where sockets are opened.
    public var sockets: Sockets = .listen(host: "127.0.0.1", awsPort: 0, apiPort: 0)
    /// How the clock moves.
    public var clock: WorldClock.Mode = .running(offset: .zero)
    /// The seed of all identifiers and choices. An existing state file keeps its own.
    public var seed: UInt64 = 1
    /// Whether a fresh state gets no cluster; otherwise it gets one named `demo`.
    public var isEmpty = true
    /// The account that the bootstrap principal belongs to: twelve digits.
    public var accountID = "111122223333"
    /// Accounts besides, each with a bootstrap principal of its own: twelve digits.
    public var furtherAccounts: [String] = []
    /// The region that `eks-sim env` names. Every other region is served as well.
    public var region = "ap-northeast-1"
    /// Whose API servers clusters have: EKS', or those that Kubernetes ships.
    public var profile: ClusterProfile = .eks
    /// How much each API server does at once, and for how long.
    public var requestLimits = RequestLimits()
    /// Most open connections of a cluster's endpoint; further ones are closed at once.
    public var maximumConnections = 4096
    /// How many requests `eks-sim why` can look back on.
    public var traceCapacity = 4096
    /// How long an API server trusts the authenticator's answer for the same token. Kubernetes' default is two minutes; a revoked
    /// mapping keeps working that long.
    public var webhookCacheTTL: Duration = .seconds(120)
    /// STS base URLs that tokens may name besides the regional AWS hosts; the simulator's own endpoint is always among them.
    public var extraSTSEndpoints: [String] = []

    /// Certificate authorities, in PEM, that OpenID Connect providers' certificates may be of, besides the system's.
    public var oidcTrustRoots: [String] = []
    /// A file that the audit logs of all clusters are appended to, a line of JSON for each event; `nil` for none.
    public var auditLog: String?
    /// What is audited; `nil` for EKS' policy, and with profile `upstream` for nothing.
    public var auditPolicy: AuditPolicy?
    /// Where `NAME.admin.kubeconfig` of each cluster is written; `nil` for nowhere.
    public var kubeconfigDirectory: String?

    /// The defaults.
    public init() {}

    /// The path of a cluster's admin kubeconfig; `nil` when none is written.
    func adminKubeconfig(of cluster: String) -> String? { kubeconfigDirectory.map { "\($0)/\(cluster).admin.kubeconfig" } }

    /// Whether a cluster may take another port when this one is in use: not when the user asked for it.
    func allowsOtherPorts(_ port: Int) -> Bool {
        if case .listen(_, _, let apiPort) = sockets { return port != apiPort || port == 0 }
        return true
    }
}
