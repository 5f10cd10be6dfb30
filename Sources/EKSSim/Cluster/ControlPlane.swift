import AWSServices
import Frontend
import HTTP
import IAMAuthenticator
import IPAddress
import KubeAPIServer
import KubeControllers
import NIOPosix
import PKI
import Store
import World

/// One cluster's running control plane: two API servers behind an NLB, and the authenticator.
struct ControlPlane: Sendable {
    var record: ClusterRecord
    let cluster: ClusterState
    let authority: CertificateAuthority
    let loadBalancer: NetworkLoadBalancer
    let replicas: [Replica]
    /// Answers for those who are not the API servers: its requests are not logged.
    let authenticator: AuthenticatorWebhook
    let logs: ControlPlaneLogs
    let serviceAccounts: ServiceAccountTokens
    /// Scheduler, nodes and what signs certificates.
    let controllers: ClusterControllers?
    /// Where pods get their addresses.
    let network: ClusterPodNetwork
    /// Makes trunk and branch interfaces; `nil` in profile `upstream`.
    let resources: VPCResourceController?
    /// The endpoint's listener; `nil` without sockets.
    let listener: Listener?
    /// The endpoint of a cluster of IPv6 at `::1`, the address of its API servers in the cluster; `nil` where this machine has no IPv6.
    let ipv6Listener: Listener?
    /// The authenticator's own HTTPS listener; `nil` without sockets.
    let authenticatorListener: Listener?
    /// Those of vantage points.
    let vantages = VantageListeners()
    /// How the endpoint shows itself; `nil` without sockets.
    let tls: ServerTLS?

    /// `https://127.0.0.1:6443`
    var endpoint: String {
        listener.map { "https://\(Self.authority($0.address))" } ?? "https://\(record.clusterID.lowercased()).eks-sim.invalid"
    }
    /// The TokenReview webhook's address; empty without sockets.
    var authenticatorEndpoint: String { authenticatorListener.map { "https://\(Self.authority($0.address))/authenticate" } ?? "" }

    /// `host:port` as URLs write it.
    static func authority(_ address: Listener.Address) -> String {
        let host = ["0.0.0.0", "::"].contains(address.host) ? "127.0.0.1" : address.host
        return host.contains(":") ? "[\(host)]:\(address.port)" : "\(host):\(address.port)"
    }

    /// A kubeconfig with a new `system:masters` client certificate.
    ///
    /// - Throws: what making a certificate throws.
    func adminKubeconfig(_ world: World, server: String? = nil) throws -> String {
        let identity = try authority.issueClient(commonName: "eks-sim:admin", organizations: ["system:masters"], world: world)
        return kubeconfig(server: server).certificate(user: "eks-sim:admin", certificate: identity.certificatePEM, key: identity.keyPEM)
    }

    /// What kubeconfigs of the cluster have in common; they lead to the endpoint or to `server`.
    func kubeconfig(server: String? = nil) -> Kubeconfig {
        Kubeconfig(clusterARN: record.arn, server: server ?? endpoint, certificateAuthority: authority.identity.certificatePEM)
    }

    /// Closes what leads to a target at once, as its death would.
    func closeConnections(of target: String) {
        for listener in [listener, ipv6Listener] { listener?.closeConnections(of: target) }
        vantages.closeConnections(of: target)
    }

    /// Ends the listeners, letting answers under way finish.
    func stop() async {
        await controllers?.stop()
        network.disconnect()
        await withTaskGroup(of: Void.self) { group in
            for listener in [listener, ipv6Listener, authenticatorListener].compactMap({ $0 }) { group.addTask { await listener.drain() } }
            group.addTask { await vantages.drain() }
        }
    }
}

/// What control planes are made with.
struct ControlPlaneFactory: Sendable {
    let world: World
    let store: any Store
    let aws: AWSReference
    let configuration: Configuration
    /// Where the audit logs of all clusters go besides CloudWatch Logs; `nil` for nowhere.
    let auditFile: LogFile?
    let group: MultiThreadedEventLoopGroup?
    /// STS base URLs besides the regional AWS hosts.
    let stsEndpoints: [String]
    /// Where the API servers read the documents of OpenID Connect providers.
    let documents: any DocumentFetcher

    /// Names that the API server's certificate carries besides the addresses.
    private static let serverNames = [
        "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
    ]

    /// Starts the control plane of a cluster, making its secrets and first objects when it has none.
    ///
    /// - Throws: `FrontendError`, `StoreError`, `ClusterBootstrap.Failure`, or what making a key throws.
    func start(_ record: ClusterRecord, preferredPort: Int) async throws -> ControlPlane {
        var secrets = ClusterSecrets.load(record.clusterID, from: store)
        let authority: CertificateAuthority
        if let known = secrets?.certificateAuthority {
            authority = try CertificateAuthority(certificatePEM: known.certificate, keyPEM: known.key)
        } else {
            authority = try CertificateAuthority(world: world)
        }
        let cluster = ClusterState(
            id: record.clusterID, name: record.name, store: store, world: world, certificateAuthority: authority.identity.certificatePEM,
            profile: configuration.profile, webhooks: group.map { WebhookClient(group: $0) } ?? NoWebhooks())
        let identities = ClusterIdentities(record: record, aws: aws, cluster: cluster)
        let logs = ControlPlaneLogs(record: record, replicas: zones(record).count, aws: aws, world: world)
        func authenticator(_ log: (any LogSink)?) -> AuthenticatorWebhook {
            AuthenticatorWebhook(
                clusterName: record.name,
                verifier: TokenVerifier(partition: .ofAccount(record), region: record.region, extraEndpoints: stsEndpoints),
                sources: identities, sts: STSInProcess(aws: aws), log: log, world: world)
        }
        let clusterID = record.clusterID
        let accounts = ServiceAccountTokens(cluster: cluster, issuer: record.oidcIssuer) { [store] in
            try Self.serviceAccountKey(clusterID, store)
        }
        let isEKS = configuration.profile == .eks
        let authorizer = ClusterAuthorizer(cluster: cluster, policies: isEKS ? identities : nil)
        let oidc = OIDCTokens(cluster: record.name, source: identities, documents: documents, world: world)
        let loopback = LoopbackConnections()
        let replicas = zones(record).indices.map { index in
            let tokens = TokenAuthenticator(
                serviceAccounts: accounts, oidc: oidc,
                webhook: WebhookTokenReviewer(authenticator(logs.sink(.authenticator, replica: index))),
                cacheTTL: configuration.webhookCacheTTL, world: world)
            let audit = auditLog(logs.sink(.audit, replica: index))
            return Replica(name: "\(record.name)/apiserver-\(index)", kubernetesVersion: record.version) { [world] version in
                APIServer(
                    APIServer.Parts(
                        cluster: cluster, authenticators: [CertificateAuthenticator(ClientCertificateVerifier(authority), world: world)],
                        tokens: tokens, serviceAccounts: accounts, authorizer: authorizer,
                        eks: isEKS ? identities : nil, loopback: loopback, audit: audit, limits: configuration.requestLimits,
                        kubernetesVersion: version,
                        address: "127.0.0.1:443"))
            }
        }
        let targets = zip(replicas, zones(record)).map { NetworkLoadBalancer.Target(name: $0.name, zone: $1, handler: $0) }
        let loadBalancer = NetworkLoadBalancer(name: record.name, targets: targets, access: Self.access(record)) { [world] address, steps in
            let trace = RequestTrace(
                id: world.random.uuid(), received: world.now, summary: "connection from \(address)", target: record.name)
            trace.add(steps)
            trace.finish(status: 0)
            world.traces.record(trace)
        }
        let (listener, own, tls) = try await listen(
            record, authority, loadBalancer, authenticator(logs.sink(.authenticator, replica: 0)), secrets?.port ?? preferredPort)
        let port = listener?.address.port
        if secrets == nil || secrets?.port != port {
            secrets = ClusterSecrets(
                certificateAuthority: (authority.identity.certificatePEM, authority.identity.keyPEM),
                serviceAccountKey: secrets?.serviceAccountKey, port: port)
            try await secrets?.save(record.clusterID, to: store)
        }
        let workloads = SystemWorkloads.note(for: cluster, hasAddons: record.bootstrapsSelfManagedAddons)
        // Endpoints are of the first family of Services (`--advertise-address`).
        let endpoint = (address: record.isIPv6 ? "::1" : "127.0.0.1", port: port ?? 443)
        try await ClusterBootstrap(cluster: cluster, serviceRange: record.serviceCIDR, endpoint: endpoint)
            .run(with: isEKS ? [workloads] : [])
        await ClusterResumption(cluster: cluster).run()
        let network = ClusterPodNetwork(record: record, cluster: cluster, aws: aws)
        let (controllers, resources) = await startControllers(cluster, record, authority, replicas, loopback, network)
        let plane = ControlPlane(
            record: record, cluster: cluster, authority: authority, loadBalancer: loadBalancer, replicas: replicas,
            authenticator: authenticator(nil), logs: logs,
            serviceAccounts: accounts, controllers: controllers, network: network,
            resources: resources, listener: listener, ipv6Listener: await openIPv6(record, listener, tls, loadBalancer),
            authenticatorListener: own, tls: tls)
        await controllers?.makeSystemWorkloads(
            SystemWorkloads(
                clusterName: record.name, version: record.version, region: record.region, partition: Partition.ofAccount(record).domain,
                endpoint: plane.endpoint, vpc: record.vpcID, serviceRange: record.serviceCIDR))
        return plane
    }

    /// The audit log of an API server: EKS' policy, unless there is another; upstream has none of its own.
    private func auditLog(_ sink: any LogSink) -> AuditLog? {
        guard let policy = configuration.auditPolicy ?? (configuration.profile == .eks ? .eks : nil) else { return nil }
        return AuditLog(policy: policy, sinks: [sink] + (auditFile.map { [$0] } ?? []))
    }

    private func startControllers(
        _ cluster: ClusterState, _ record: ClusterRecord, _ authority: CertificateAuthority, _ replicas: [Replica],
        _ loopback: LoopbackConnections, _ network: ClusterPodNetwork
    ) async -> (ClusterControllers?, VPCResourceController?) {
        guard let server = replicas.first else { return (nil, nil) }
        let access = ComponentAccess(cluster: cluster, server: server, connections: loopback)
        var resources: VPCResourceController?
        if cluster.profile == .eks {
            let controller = VPCResourceController(record: record, access: access, aws: aws, network: network)
            network.connect(controller, access)
            resources = controller
        }
        let controllers = ClusterControllers(access, authority: authority, network: network, companion: resources)
        await controllers.start(minorVersion: record.minorVersion)
        return (controllers, resources)
    }

    private func listen(
        _ record: ClusterRecord, _ authority: CertificateAuthority, _ loadBalancer: NetworkLoadBalancer,
        _ authenticator: AuthenticatorWebhook,
        _ port: Int
    ) async throws -> (Listener?, Listener?, ServerTLS?) {
        guard case .listen(let host, _, _) = configuration.sockets, let group else { return (nil, nil, nil) }
        var addresses = [IPAddress(127, 0, 0, 1), IPAddress(ipv6: 1)]
        if let own = IPAddress(host), !addresses.contains(own) { addresses.append(own) }
        if let service = CIDRBlock(record.serviceCIDR)?.network.next { addresses.append(service) }
        let identity = try authority.issueServer(dnsNames: Self.serverNames, addresses: addresses.map(\.bytes), world: world)
        let tls = try ServerTLS(identity, requestsClientCertificate: true)
        let listener = try await open(record.name, host, port, tls, loadBalancer, group)
        let own = try await Listener.open(
            name: "\(record.name)/authenticator", at: .init(host: host, port: 0),
            tls: ServerTLS(identity, requestsClientCertificate: false),
            admission: OpenAdmission(RecordingHandler(authenticator, world)), world: world, group: group)
        return (listener, own, tls)
    }

    private func openIPv6(
        _ record: ClusterRecord, _ listener: Listener?, _ tls: ServerTLS?, _ admission: any ConnectionAdmission
    ) async -> Listener? {
        guard record.isIPv6, let group, let tls, let address = listener?.address, address.host == "127.0.0.1" else { return nil }
        return try? await Listener.open(
            name: record.name, at: .init(host: "::1", port: address.port), tls: tls, admission: admission, world: world, group: group)
    }

    /// Opens a listener through which `admission` leads to a cluster; `nil` without sockets.
    ///
    /// - Throws: `FrontendError`.
    func open(
        _ plane: ControlPlane, _ name: String, port: Int, _ admission: any ConnectionAdmission
    ) async throws(FrontendError) -> Listener? {
        guard case .listen(let host, _, _) = configuration.sockets, let group, let tls = plane.tls else { return nil }
        do {
            return try await open(name, host, port, tls, admission, group)
        } catch {
            guard case .addressInUse = error, port != 0 else { throw error }
        }
        return try await open(name, host, 0, tls, admission, group)
    }

    /// Opens the endpoint's listener; on another port when a remembered one is taken meanwhile.
    private func open(
        _ name: String, _ host: String, _ port: Int, _ tls: ServerTLS, _ admission: any ConnectionAdmission,
        _ group: MultiThreadedEventLoopGroup
    ) async throws(FrontendError) -> Listener {
        var limits = FrontendConfiguration()
        limits.maximumConnections = configuration.maximumConnections
        do {
            return try await Listener.open(
                name: name, at: .init(host: host, port: port), tls: tls, admission: admission, world: world, group: group,
                configuration: limits)
        } catch {
            guard case .addressInUse = error, configuration.allowsOtherPorts(port) else { throw error }
        }
        return try await Listener.open(
            name: name, at: .init(host: host, port: 0), tls: tls, admission: admission, world: world, group: group, configuration: limits)
    }

    /// The key that follows from the cluster CA's: the same for the same seed, and nothing that has to be stored.
    private static func serviceAccountKey(_ clusterID: String, _ store: any Store) throws -> ServiceAccountKey {
        let secrets = ClusterSecrets.load(clusterID, from: store)
        // A state file of an older version holds a key of its own.
        if let pem = secrets?.serviceAccountKey { return try ServiceAccountKey(pem: pem) }
        return try ServiceAccountKey(
            secret: Array("service account tokens of \(clusterID)\n\(secrets?.certificateAuthority.key ?? "")".utf8))
    }

    /// The replicas stand in different zones of the cluster's region.
    private func zones(_ record: ClusterRecord) -> [String] { ["a", "c"].map { record.region + $0 } }

    /// The endpoint access that a record asks for.
    static func access(_ record: ClusterRecord) -> NetworkLoadBalancer.EndpointAccess {
        NetworkLoadBalancer.EndpointAccess(
            isPublic: record.hasPublicAccess, isPrivate: record.hasPrivateAccess,
            publicCIDRs: record.publicAccessCIDRs.compactMap { CIDRBlock($0) })
    }
}

extension ClusterRecord {
    /// 34 of `1.34`.
    var minorVersion: Int { version.split(separator: ".").dropFirst().first.flatMap { Int($0) } ?? 0 }
}

extension Partition {
    /// The partition of a cluster, by its ARN.
    fileprivate static func ofAccount(_ record: ClusterRecord) -> Partition {
        let name = record.arn.split(separator: ":").dropFirst().first.map(String.init) ?? "aws"
        return all.first { $0.name == name } ?? all[0]
    }
}

/// STS as the authenticator reaches it: in process.
private struct STSInProcess: HTTPHandler {
    let aws: AWSReference

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        guard let frontDoor = aws.frontDoor else { return HTTPResponse(status: 503) }
        return await frontDoor.handle(request)
    }
}

/// Keeps the trace of every request to a handler that does not do so itself.
struct RecordingHandler: HTTPHandler {
    private let handler: any HTTPHandler
    private let world: World

    init(_ handler: any HTTPHandler, _ world: World) {
        self.handler = handler
        self.world = world
    }

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        let response = await handler.handle(request)
        request.trace.finish(status: response.status)
        world.traces.record(request.trace)
        return response
    }
}
