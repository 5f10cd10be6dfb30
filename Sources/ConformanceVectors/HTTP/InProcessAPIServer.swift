public import HTTP
import KubeAPI
public import KubeAPIServer
import PKI
import RBAC
public import ServiceNetwork
import Store
public import World

/// One cluster's API server in this process: the handler chain, registry and store of `serve`, without sockets and without AWS.
public struct InProcessAPIServer: Sendable {
    /// Who sends a request.
    public enum Client: Sendable, Hashable {
        /// The holder of the `system:masters` client certificate.
        case admin
        /// Nobody in particular: what the request's headers say.
        case anonymous
    }

    /// Time, randomness, traces and faults of this cluster.
    public let world: World
    /// The cluster's objects.
    public let cluster: ClusterState
    /// Connections of components that a test starts beside the server.
    public let loopback: LoopbackConnections
    /// Where their requests go.
    public var handler: any HTTPHandler { server }
    private let server: APIServer

    /// Starts a fresh cluster: by default as Kubernetes ships the API server, which is what the recorded answers are of.
    ///
    /// - Throws: `StoreError`, `ClusterBootstrap.Failure`.
    public init(
        world: World, kubernetesVersion: String = "1.36", serviceRange: String = "10.100.0.0/16",
        nodePorts: NodePortBands = .standard, profile: ClusterProfile = .upstream, webhooks: any WebhookCaller = NoWebhooks()
    ) async throws {
        self.init(world, kubernetesVersion, profile, nodePorts, nil, webhooks, RequestLimits())
        try await ClusterBootstrap(cluster: cluster, serviceRange: serviceRange, endpoint: ("127.0.0.1", 443)).run()
    }

    /// Starts a cluster with the objects of one that was just started, which is cheaper than making them: the same objects at the same
    /// resourceVersion. The world needs another seed, so that no uid comes twice.
    ///
    /// - Throws: `StoreError`.
    public init(
        copying other: InProcessAPIServer, world: World, kubernetesVersion: String = "1.36", audit: AuditLog? = nil,
        webhooks: any WebhookCaller = NoWebhooks(), limits: RequestLimits = RequestLimits()
    ) async throws {
        self.init(world, kubernetesVersion, other.cluster.profile, other.cluster.nodePorts, audit, webhooks, limits)
        let collections = Set(other.cluster.resources.resources.filter(\.isStored).map { other.cluster.collection($0) })
        var writes: [Transaction.Write] = []
        for collection in collections.sorted() {
            let range = try other.cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
            writes += range.entries.map { .put(Key(collection, $0.name), .bytes($0.value)) }
        }
        try await cluster.store.commit(Transaction(writes: writes))
    }

    private init(
        _ world: World, _ kubernetesVersion: String, _ profile: ClusterProfile, _ nodePorts: NodePortBands, _ audit: AuditLog?,
        _ webhooks: any WebhookCaller, _ limits: RequestLimits
    ) {
        self.world = world
        let loopback = LoopbackConnections()
        self.loopback = loopback
        cluster = ClusterState(
            id: "in-process", name: "in-process", store: MemoryStore(world: world), world: world,
            certificateAuthority: "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
            profile: profile, nodePorts: nodePorts, webhooks: webhooks)
        let accounts = ServiceAccountTokens(cluster: cluster, issuer: "https://oidc.invalid/id/IN-PROCESS") {
            try await SharedSigningKey.value
        }
        server = APIServer(
            APIServer.Parts(
                cluster: cluster, authenticators: [AdminConnection()],
                tokens: TokenAuthenticator(serviceAccounts: accounts, webhook: nil, cacheTTL: .zero, world: world),
                serviceAccounts: accounts, authorizer: ClusterAuthorizer(cluster: cluster, policies: nil),
                loopback: loopback, audit: audit, limits: limits, kubernetesVersion: kubernetesVersion, address: "127.0.0.1:443"))
    }

    /// Answers a request. `target` is the path with its query, as on a request line.
    public func send(
        _ method: String, _ target: String, headers: HTTPHeaders = [:], body: [UInt8] = [], as client: Client = .admin
    ) async -> HTTPResponse {
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        let path = mark.map { String(target[..<$0]) } ?? target
        let query = mark.map { String(target[target.index(after: $0)...]) }
        let connection = ConnectionRecord.inProcess(listener: client == .admin ? AdminConnection.listener : "in-process")
        let trace = RequestTrace(id: world.random.uuid(), received: world.now, summary: "\(method) \(path)", target: cluster.name)
        return await server.handle(
            HTTPRequest(method: method, path: path, query: query, headers: headers, body: body, connection: connection, trace: trace))
    }
}

/// Knows the administrator by the connection, where `serve` looks at a client certificate.
private struct AdminConnection: RequestAuthenticator {
    static let listener = "in-process/admin"

    func authenticate(_ request: HTTPRequest) async -> AuthenticationOutcome {
        guard request.connection.listener == Self.listener else { return .notMine }
        return .user(UserInfo(username: "eks-sim:admin", groups: ["system:masters"]))
    }
}

/// One signing key for all clusters in process: making one takes longer than everything else a cluster needs.
private enum SharedSigningKey {
    private static let task = Task { try ServiceAccountKey(secret: Array("vectors".utf8)) }
    static var value: ServiceAccountKey { get async throws { try await task.value } }
}
