import AWSServices
import Frontend
public import HTTP
import JSON
import KubeAPIServer
import NIOCore
import NIOPosix
import PKI
import RBAC
import Store
import StoreSQLite
public import World

/// A small AWS with EKS clusters, in this process. Many may run at once.
///
/// ```swift
/// let simulator = try await Simulator.start(Configuration())
/// defer { await simulator.stop() }
/// ```
public final class Simulator: Sendable {
    /// Why a simulator could not be started, or asked for something that is not there.
    public enum Failure: Error, Sendable, CustomStringConvertible {
        /// The state cannot be opened.
        case state(String)
        /// A port cannot be listened on, or another part of the start failed.
        case start(String)
        /// There is no such cluster, or it is not ACTIVE.
        case noCluster(String)
        /// There is no such replica.
        case noReplica(Int)
        /// There is no such vantage point, or it cannot be used.
        case vantage(VantageFailure)

        /// The text for messages.
        public var description: String {
            switch self {
            case .state(let text), .start(let text): text
            case .noCluster(let name): "no cluster \"\(name)\" serves; list them with: aws eks list-clusters"
            case .noReplica(let index): "no replica \(index); there are 0 and 1"
            case .vantage(let failure): "\(failure)"
            }
        }
    }

    /// The version of eks-sim.
    public static let version = "0.1.0"

    /// Time, randomness, traces and faults of this simulator.
    public let world: World
    private let configuration: Configuration
    private let store: any Store & WorldMetadata
    let aws: AWSFrontDoor
    let planes: ControlPlanes
    let vantages: VantagePoints
    private let credentials: AWSFrontDoor.Credentials
    private let group: MultiThreadedEventLoopGroup?
    private let listener: ListenerReference

    private init(
        world: World, configuration: Configuration, store: any Store & WorldMetadata, aws: AWSFrontDoor, planes: ControlPlanes,
        credentials: AWSFrontDoor.Credentials, group: MultiThreadedEventLoopGroup?, listener: ListenerReference
    ) {
        self.world = world
        self.configuration = configuration
        self.store = store
        self.aws = aws
        self.planes = planes
        vantages = VantagePoints(store: store)
        self.credentials = credentials
        self.group = group
        self.listener = listener
    }

    /// Where log events are kept over a restart.
    private static let logEvents = "log-events"

    // MARK: Starting and stopping

    /// Starts a simulator; returns once every listener accepts.
    ///
    /// - Throws: `Failure`.
    public static func start(_ configuration: Configuration = Configuration()) async throws(Failure) -> Simulator {
        let world = World(clock: configuration.clock, seed: configuration.seed, traceCapacity: configuration.traceCapacity)
        let store = try open(configuration, world)
        let isFresh = store.revision <= 1
        await restore(world, store)
        var group: MultiThreadedEventLoopGroup?
        var awsPort = 0
        var apiPort = 0
        var host = ""
        if case .listen(let wanted, let aws, let api) = configuration.sockets {
            group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
            (host, awsPort, apiPort) = (wanted, aws, api)
        }
        let listener = ListenerReference()
        do {
            let auditFile = try configuration.auditLog.map { try LogFile(path: $0) }
            // The AWS port is opened first: tokens name it, so the authenticators have to know it.
            if let group {
                listener.set(
                    try await Listener.open(
                        name: "aws", at: .init(host: host, port: awsPort), admission: OpenAdmission(listener), world: world, group: group))
            }
            let reference = AWSReference()
            let issuers = ClusterIssuers()
            let client = try group.map { group throws(FrontendError) in
                try DocumentClient(group: group, trustRoots: configuration.oidcTrustRoots)
            }
            let factory = ControlPlaneFactory(
                world: world, store: store, aws: reference, configuration: configuration, auditFile: auditFile, group: group,
                stsEndpoints: configuration.extraSTSEndpoints + listener.endpoints,
                documents: IssuerFetcher(issuers: issuers, world: world, next: client ?? NoDocuments()))
            let planes = ControlPlanes(factory: factory, firstPort: apiPort, issuers: issuers)
            let aws = AWSFrontDoor(
                configuration: AWSConfiguration(
                    accountID: configuration.accountID, furtherAccounts: configuration.furtherAccounts, region: configuration.region,
                    kubernetesVersion: configuration.profile.kubernetesVersion),
                world: world, store: store, provisioner: planes, issuers: issuers)
            reference.set(aws)
            aws.savedLogEvents = store.metadata(Self.logEvents)
            let credentials = try await aws.start()
            if isFresh, !configuration.isEmpty { try await aws.createDemoCluster(named: "demo") }
            if let failure = await planes.lastFailure { throw failure }
            let simulator = Simulator(
                world: world, configuration: configuration, store: store, aws: aws, planes: planes, credentials: credentials, group: group,
                listener: listener)
            listener.open(AdminAPI(simulator: simulator, next: IssuerDocuments(issuers: issuers, next: aws)))
            return simulator
        } catch {
            await listener.listener?.drain()
            await store.close()
            try? await group?.shutdownGracefully()
            throw .start("\(error)")
        }
    }

    private static func open(_ configuration: Configuration, _ world: World) throws(Failure) -> any Store & WorldMetadata {
        guard case .file(let path) = configuration.state, configuration.durability != .memory else { return MemoryStore(world: world) }
        do {
            return try SQLiteStore.open(path: path, durability: configuration.durability == .full ? .full : .normal, world: world)
        } catch {
            if case .unusable(let path, let reason) = error { throw .state("state file \(path): \(reason)") }
            throw .state("state file \(path): \(error)")
        }
    }

    /// Goes on where the state file's last run stopped: no identifier is given twice, and a standing clock does not run backwards.
    private static func restore(_ world: World, _ store: any Store & WorldMetadata) async {
        if store.revision > 1 { world.random.reseed(position: UInt64(store.revision)) }
        if world.clock.isFrozen, let text = store.metadata("clock"), let stored = Int64(text), stored > world.now.nanoseconds {
            await world.advance(by: Instant(nanoseconds: stored) - world.now)
        }
    }

    /// Ends the simulator: stops accepting, lets answers under way finish, ends watches, writes the state.
    public func stop() async {
        await withTaskGroup(of: Void.self) { [planes, listener] group in
            group.addTask { await listener.listener?.drain() }
            group.addTask { await planes.stop() }
        }
        try? await store.setMetadata(Self.logEvents, aws.savedLogEvents)
        try? await store.setMetadata("clock", String(world.now.nanoseconds))
        world.close()
        await store.close()
        try? await group?.shutdownGracefully()
    }

    // MARK: What runs

    /// Where every AWS API is served; empty without sockets.
    public var awsEndpoint: String { listener.endpoints.first ?? "" }

    /// What runs: endpoints, credentials, clusters.
    public var status: ReadyFile {
        get async {
            ReadyFile(
                version: Self.version, pid: Process.id, awsEndpoint: awsEndpoint, region: configuration.region,
                accountID: configuration.accountID,
                accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey,
                accounts: aws.accounts.map { id, credentials in
                    ReadyFile.Account(
                        id: id, accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey)
                },
                clusters: await planes.all.map { plane in
                    ReadyFile.Cluster(
                        name: plane.record.name, arn: plane.record.arn, endpoint: plane.endpoint,
                        adminKubeconfig: configuration.adminKubeconfig(of: plane.record.name),
                        authenticator: plane.authenticatorEndpoint)
                })
        }
    }

    /// A kubeconfig for a cluster: through IAM as `aws eks update-kubeconfig` writes it, or with a `system:masters` client certificate.
    ///
    /// With a vantage point it leads to the endpoint from there.
    ///
    /// - Throws: `Failure.noCluster`, `Failure.vantage`.
    public func kubeconfig(cluster name: String, isAdmin: Bool, vantage: String? = nil) async throws(Failure) -> String {
        guard let plane = await planes.named(name) else { throw .noCluster(name) }
        var server: String?
        if let vantage {
            do throws(VantageFailure) { server = try await endpoint(of: plane, from: vantage) } catch { throw .vantage(error) }
        }
        guard isAdmin else {
            let status = await status
            return plane.kubeconfig(server: server).iam(
                clusterName: plane.record.name, region: plane.record.region,
                environment: status.environment(of: plane.record.accountID) ?? status.environment)
        }
        do { return try plane.adminKubeconfig(world, server: server) } catch {
            throw .start("the admin certificate cannot be made: \(error)")
        }
    }

    /// Kills or revives a kube-apiserver replica behind a cluster's NLB; answers its name.
    ///
    /// - Throws: `Failure.noCluster`, `Failure.noReplica`.
    public func setReplica(cluster name: String, index: Int, isAlive: Bool) async throws(Failure) -> String {
        guard let plane = await planes.named(name) else { throw .noCluster(name) }
        guard let target = await planes.setReplica(plane, index, isAlive: isAlive) else { throw .noReplica(index) }
        return target
    }

    /// Takes a token apart and asks a cluster's authenticator about it; without a name the first cluster's.
    ///
    /// - Throws: `Failure.noCluster`.
    public func inspect(token: String, cluster name: String?) async throws(Failure) -> TraceReport {
        let plane = try await plane(name)
        let trace = RequestTrace(id: world.random.uuid(), received: world.now, summary: "token inspect", target: plane.record.name)
        let user = await WebhookTokenReviewer(plane.authenticator).user(of: token, trace: trace)
        if let user {
            trace.add(TraceStep("authn", "user", actual: "\(user.username), groups \(user.groups)", .pass))
        }
        return TokenInspection.report(
            TokenInspection.parts(of: token) + trace.snapshot.steps, status: user == nil ? 401 : 200, at: world.now,
            target: plane.record.name)
    }

    /// The running control plane of a cluster; the first without a name.
    func plane(_ name: String?) async throws(Failure) -> ControlPlane {
        let plane: ControlPlane?
        if let name { plane = await planes.named(name) } else { plane = await planes.all.first }
        guard let plane else { throw .noCluster(name ?? "") }
        return plane
    }

    // MARK: In process

    /// Where a request goes that is handed in without a socket.
    public enum Target: Sendable, Hashable {
        /// The AWS APIs.
        case aws
        /// The Kubernetes API of a cluster, through its NLB.
        case cluster(String)
        /// The same as a vantage point reaches it.
        case clusterFrom(vantage: String, String)
        /// The authenticator's webhook of a cluster.
        case authenticator(String)
    }

    /// Answers a request as it would be answered over a socket, from `address`.
    ///
    /// - Throws: `Failure.noCluster`; a connection that the NLB refuses is `Failure.start` with the reason.
    public func handle(
        _ target: Target, method: String, path: String, query: String? = nil, headers: HTTPHeaders = [:], body: [UInt8] = [],
        from address: String = "127.0.0.1"
    ) async throws(Failure) -> HTTPResponse {
        var handler: any HTTPHandler = aws
        var address = address
        var listenerName = "aws"
        var steps: [TraceStep] = []
        var chosen = ""
        switch target {
        case .aws: handler = listener
        case .authenticator(let name):
            guard let plane = await planes.named(name) else { throw .noCluster(name) }
            handler = RecordingHandler(plane.authenticator, world)
            listenerName = "\(name)/authenticator"
        case .cluster(let name), .clusterFrom(_, let name):
            guard let plane = await planes.named(name) else { throw .noCluster(name) }
            listenerName = name
            var admission: any ConnectionAdmission = plane.loadBalancer
            if case .clusterFrom(let vantage, _) = target {
                guard let point = vantages.named(vantage) else { throw .vantage(.noVantage(vantage)) }
                admission = planes.admission(point, to: plane, aws)
            }
            switch admission.admit(remoteAddress: address, remotePort: 0) {
            case .serve(let replica, let target, let accepted, let source):
                (handler, chosen, steps) = (replica, target, accepted)
                address = source ?? address
            case .drop: throw .start("the NLB dropped the connection from \(address): eks-sim why --last")
            case .reset: throw .start("the NLB reset the connection: no healthy target")
            }
        }
        let trace = RequestTrace(
            id: headers["Audit-Id"].flatMap { $0.isEmpty ? nil : $0 } ?? world.random.uuid(), received: world.now,
            summary: "\(method) \(path)", target: listenerName)
        trace.add(steps)
        let connection = ConnectionRecord(
            id: 0, remoteAddress: address, remotePort: 0, listener: listenerName, target: chosen, acceptSteps: steps)
        return await handler.handle(
            HTTPRequest(method: method, path: path, query: query, headers: headers, body: body, connection: connection, trace: trace))
    }
}
