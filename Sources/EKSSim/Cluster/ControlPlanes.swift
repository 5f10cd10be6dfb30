import AWSServices
import Frontend
import KubeAPI
import KubeAPIServer
import KubeControllers
import PKI
import Store
import World

/// The control planes that run, by cluster id: what EKS' CreateCluster starts and DeleteCluster ends.
actor ControlPlanes: ClusterProvisioner {
    private static let deleteChunk = 1000

    private let factory: ControlPlaneFactory
    private var running: [String: ControlPlane] = [:]
    private var firstPort: Int
    /// Why the last control plane could not be started.
    private(set) var lastFailure: (any Error)?

    private let issuers: ClusterIssuers
    /// Makes instances nodes of the clusters.
    private nonisolated let joiner: NodeJoiner

    init(factory: ControlPlaneFactory, firstPort: Int, issuers: ClusterIssuers) {
        self.issuers = issuers
        self.factory = factory
        self.firstPort = firstPort
        joiner = NodeJoiner(world: factory.world, aws: factory.aws, tokenLife: factory.configuration.webhookCacheTTL)
    }

    /// The running control planes, by name.
    var all: [ControlPlane] { running.values.sorted { ($0.record.name, $0.record.arn) < ($1.record.name, $1.record.arn) } }

    /// A running control plane by its cluster's name or ARN.
    func named(_ name: String) -> ControlPlane? { all.first { $0.record.name == name || $0.record.arn == name } }

    func provision(_ record: ClusterRecord) async throws -> (endpoint: String, certificateAuthority: String) {
        do {
            let port = firstPort
            // The configured port is the first cluster's; every other one gets a free one.
            firstPort = 0
            let plane = try await factory.start(record, preferredPort: port)
            running[record.clusterID] = plane
            issuers.add(plane.serviceAccounts)
            for index in plane.replicas.indices { plane.logs.started(replica: index, version: record.version, at: plane.endpoint) }
            await plane.logs.update(record)
            try writeAdminKubeconfig(plane)
            joiner.look(record.accountID, record.region, self)
            followNodeMappings(plane)
            return (plane.endpoint, plane.authority.identity.certificatePEM)
        } catch {
            lastFailure = error
            throw error
        }
    }

    /// Looks at the nodes again whenever `aws-auth` is another one.
    private nonisolated func followNodeMappings(_ plane: ControlPlane) {
        guard runsNodes else { return }
        let store = plane.cluster.store
        let key = Key(plane.cluster.collection(group: "", "configmaps"), "kube-system/aws-auth")
        let (account, region) = (plane.record.accountID, plane.record.region)
        let seen = Lock(store.get(key)?.modified)
        _ = plane.cluster.signals.follow([ChangeSignals.Resource("", "configmaps")]) { [weak self] in
            let present = store.get(key)?.modified
            let isNew = seen.withLock { seen in
                defer { seen = present }
                return seen != present
            }
            if isNew, let self { joiner.look(account, region, self) }
        }
    }

    nonisolated var runsNodes: Bool { factory.configuration.profile == .eks }

    func podSettings(_ cluster: ClusterRecord) async -> NodePodSettings {
        running[cluster.clusterID]?.network.podSettings ?? NodePodSettings()
    }

    func instancesChanged(account: String, region: String) async { joiner.look(account, region, self) }

    /// The running control planes of an account in a region.
    func planes(of account: String, in region: String) -> [ControlPlane] {
        all.filter { $0.record.accountID == account && $0.record.region == region }
    }

    /// Writes the emergency door that harnesses need; it does not exist on EKS.
    private func writeAdminKubeconfig(_ plane: ControlPlane) throws {
        guard let path = factory.configuration.adminKubeconfig(of: plane.record.name) else { return }
        try PrivateFile.write(plane.adminKubeconfig(factory.world), to: path)
    }

    func update(_ record: ClusterRecord) async {
        guard let plane = running[record.clusterID] else { return }
        plane.loadBalancer.setAccess(ControlPlaneFactory.access(record))
        if plane.record.version != record.version {
            for (index, replica) in plane.replicas.enumerated() {
                replica.replace(kubernetesVersion: record.version)
                plane.closeConnections(of: replica.name)
                plane.logs.started(replica: index, version: record.version, at: plane.endpoint)
            }
            await plane.controllers?.start(minorVersion: record.minorVersion)
        }
        await plane.logs.update(record)
        running[record.clusterID]?.record = record
    }

    func deprovision(_ record: ClusterRecord) async {
        guard let plane = running.removeValue(forKey: record.clusterID) else { return }
        issuers.remove(plane.serviceAccounts)
        if let path = factory.configuration.adminKubeconfig(of: record.name) { PrivateFile.remove(path) }
        await plane.stop()
        try? await plane.controllers?.forgetMachines()
        await removeObjects(of: plane.cluster)
        try? await ClusterSecrets.remove(record.clusterID, from: plane.cluster.store)
    }

    /// Forgets everything that a cluster stored.
    private func removeObjects(of cluster: ClusterState) async {
        var visited = Set<String>()
        for resource in cluster.resources.resources where resource.isStored {
            let collection = cluster.collection(resource)
            guard visited.insert(collection).inserted else { continue }
            while let range = try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: Self.deleteChunk),
                !range.entries.isEmpty
            {
                let writes = range.entries.map { Transaction.Write.delete(Key(collection, $0.name), last: nil) }
                guard (try? await cluster.store.commit(Transaction(writes: writes))) != nil else { return }
            }
        }
    }

    /// Kills or revives a replica; its connections drop when it dies. Answers its name, `nil` when there is none.
    func setReplica(_ plane: ControlPlane, _ index: Int, isAlive: Bool) -> String? {
        guard let target = plane.loadBalancer.setHealth(target: index, isAlive: isAlive) else { return nil }
        if isAlive {
            plane.logs.started(replica: index, version: plane.record.version, at: plane.endpoint)
        } else {
            plane.closeConnections(of: target)
        }
        return target
    }

    /// What decides about connections from a vantage point.
    nonisolated func admission(_ point: VantagePoint, to plane: ControlPlane, _ aws: AWSFrontDoor) -> VantageAdmission {
        VantageAdmission(
            vantage: point, account: plane.record.accountID, region: plane.record.region, cluster: plane.record.name, aws: aws,
            loadBalancer: plane.loadBalancer)
    }

    /// Opens the port through which a vantage point reaches a cluster; `nil` without sockets. The record that decides is the one of each
    /// moment.
    ///
    /// - Throws: `FrontendError`.
    func openVantage(_ point: VantagePoint, to plane: ControlPlane, _ aws: AWSFrontDoor) async throws(FrontendError) -> Int? {
        let port = point.ports[plane.record.clusterID] ?? 0
        guard let opened = try await factory.open(plane, plane.record.name, port: port, admission(point, to: plane, aws)) else {
            return nil
        }
        guard let first = plane.vantages.add(opened, point.name) else { return opened.address.port }
        await opened.drain()
        return first.address.port
    }

    /// Ends all listeners, letting answers under way finish.
    func stop() async {
        await withTaskGroup(of: Void.self) { group in
            for plane in running.values { group.addTask { await plane.stop() } }
        }
        running.removeAll()
    }
}
