import AWSServices
import Encoding
import JSON
import KubeAPI
import KubeAPIServer
import KubeControllers
import Store
import VPCCNI
import VPCModel
import World

/// The VPC resource controller of EKS' control plane: trunk interfaces for nodes whose agents ask for them by their CNINode, and branch
/// interfaces for the pods that want one (amazon-vpc-resource-controller-k8s).
///
/// What it knows is in the cluster and in EC2, so that it goes on after a restart. A cluster in which no agent asks for anything costs
/// nothing: pods are looked at only while a node has a trunk, and CNINodes that nobody looks at and nobody wrote to are not written.
actor VPCResourceController: CompanionController {
    /// A node whose agent asked for branch interfaces.
    struct Node: Sendable {
        let name: String
        let instance: String
        let type: InstanceLimits
        /// The trunk, once it is attached.
        var trunk: String?
        var branches: BranchInterfaces
        /// The pods of interfaces, by these' ids.
        var owners: [String: String] = [:]
    }

    /// A pod on a node with a request for a branch interface.
    struct Pod: Sendable {
        let uid: String
        let node: String
        /// How often the interface was tried for in vain.
        var failures = 0
        /// Whether its interface was taken from it.
        var isReleased = false
    }

    /// What is due at a time.
    enum Duty: Hashable {
        case start(String)
        case delete(String)
        case allocate(String)

        var key: String {
            switch self {
            case .start(let node): "s\(node)"
            case .delete(let node): "d\(node)"
            case .allocate(let pod): "a\(pod)"
            }
        }

        init(key: String) {
            let rest = String(key.dropFirst())
            self = key.hasPrefix("s") ? .start(rest) : key.hasPrefix("d") ? .delete(rest) : .allocate(rest)
        }
    }

    static let group = "vpcresources.k8s.aws"
    static let settings = "kube-system/amazon-vpc-cni"
    private static let nodesResource = ChangeSignals.Resource("", "nodes")
    private static let podsResource = ChangeSignals.Resource("", "pods")
    private static let configMaps = ChangeSignals.Resource("", "configmaps")
    private static let cniNodes = ChangeSignals.Resource(group, "cninodes")

    nonisolated let name: String
    nonisolated let signals = [VPCResourceController.cniNodes]
    let cluster: ClusterState
    let ec2: BranchNetwork
    private let access: ComponentAccess
    private let network: ClusterPodNetwork

    var session: ComponentSession?
    private var setAlarm: @Sendable (Instant?) -> Void = { _ in }
    private var feed: CollectionFeed
    private var pods: CollectionFeed
    private var followed: [ChangeSignals.Resource: UInt64] = [:]
    private var wake: @Sendable () -> Void = {}
    private var isWatched = false
    /// The revisions of Nodes and CNINodes at which every Node had its CNINode.
    var completed: (nodes: Revision, own: Revision)?
    var settingsRevision: Revision?
    var cooldown = BranchInterfaces.cooldown(nil)
    var deadlines = DeadlineQueue()
    var nodes: [String: Node] = [:]
    var wanting: [String: Pod] = [:]
    var wantingByNode: [String: Set<String>] = [:]
    var world: World { cluster.world }

    init(record: ClusterRecord, access: ComponentAccess, aws: AWSReference, network: ClusterPodNetwork) {
        name = "VPC resource controller of \(record.name)"
        cluster = access.cluster
        self.access = access
        self.network = network
        ec2 = BranchNetwork(record: record, aws: aws, world: access.cluster.world)
        feed = CollectionFeed(access.cluster, group: Self.group, "cninodes")
        pods = CollectionFeed(access.cluster, group: "", "pods")
    }

    // MARK: Running

    nonisolated var keeper: LazyWrites.Keeper? {
        LazyWrites.Keeper(of: [Self.cniNodes]) { [weak self] _ in
            await self?.completeCNINodes()
        } setWatched: { [weak self] _, isWatched in
            await self?.setWatched(isWatched)
        }
    }

    func start(setAlarm: @escaping @Sendable (Instant?) -> Void, wake: @escaping @Sendable () -> Void) {
        self.setAlarm = setAlarm
        self.wake = wake
        session?.close()
        session = ComponentSession(
            access, user: "eks:vpc-resource-controller", groups: ["system:authenticated"], component: "vpc-resource-controller")
    }

    func close() {
        feed.close()
        pods.close()
        for id in followed.values { cluster.signals.cancel(id) }
        followed = [:]
        session?.close()
        session = nil
    }

    func work() async {
        if isWatched { await completeCNINodes() }
        await followNodes()
        await followPods()
        await followSettings()
        while let key = deadlines.take(by: world.now) {
            switch Duty(key: key) {
            case .start(let node): await startTrunk(node)
            case .delete(let node): await deleteDue(node)
            case .allocate(let pod): await allocate(pod)
            }
            await followNodes()
            await followPods()
        }
        setAlarm(deadlines.next)
    }

    /// Sets when something is to be done.
    func due(_ duty: Duty, _ time: Instant?) { deadlines.set(duty.key, time) }

    /// Follows what has to be known: pods and the settings while there is a node to give interfaces to, Nodes while somebody watches CNINodes.
    private func follow() {
        let followedPods = followed[Self.podsResource] != nil
        setFollowed([Self.podsResource, Self.configMaps], !nodes.isEmpty)
        if nodes.isEmpty, followedPods {
            pods.close()
            wanting = [:]
            wantingByNode = [:]
        }
        setFollowed([Self.nodesResource], isWatched)
    }

    private func setFollowed(_ resources: [ChangeSignals.Resource], _ isWanted: Bool) {
        for resource in resources {
            if isWanted, followed[resource] == nil {
                followed[resource] = cluster.signals.follow([resource], wake)
            } else if !isWanted, let id = followed.removeValue(forKey: resource) {
                cluster.signals.cancel(id)
            }
        }
    }

    private func setWatched(_ isWatched: Bool) async {
        self.isWatched = isWatched
        follow()
        if isWatched { await completeCNINodes() }
    }

    // MARK: Objects

    /// An object as it is stored.
    func object(_ group: String, _ resource: String, _ key: String) -> JSON? {
        let key = Key(cluster.collection(group: group, resource), key)
        return cluster.store.get(key).flatMap { try? cluster.trees.tree(key, at: $0.modified, $0.value) }
    }

    private func followNodes() async {
        var feed = feed
        let changes = await feed.drain()
        self.feed = feed
        for change in changes { await take(change.key, change.object) }
        follow()
    }

    private func followPods() async {
        guard !nodes.isEmpty else { return }
        var pods = pods
        let changes = await pods.drain()
        self.pods = pods
        let mark = Array("\"\(PodWebhooks.branchResource)\"".utf8)
        for change in changes {
            // Most pods want none, and need not be parsed to see that.
            let isMarked = change.bytes.map { $0.firstRange(ofBytes: mark) != nil } ?? false
            guard isMarked || wanting[change.key] != nil else { continue }
            take(pod: change.key, isMarked ? change.object : nil)
        }
    }

    /// The agent of a node is told that its instance has other interfaces.
    func interfacesChanged(_ node: String) async { await network.nodeChanged(node) }
}
