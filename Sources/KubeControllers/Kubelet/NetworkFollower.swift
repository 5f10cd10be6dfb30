import JSON
import KubeAPIServer
import Store

/// Tells the pods' network what changed of the objects that its agents read: the ENIConfigs, and of nodes the labels, annotations and
/// taints.
actor NetworkFollower {
    private static let places = ChangeSignals.Resource("crd.k8s.amazonaws.com", "eniconfigs")
    static let signals = [places, ChangeSignals.Resource("", "nodes")]

    private let store: any Store
    private let network: any PodNetwork
    private let places: String
    private var seenPlaces: Revision?
    private var nodes: CollectionFeed
    /// What of each node the network was told of last.
    private var told: [String: [JSON?]] = [:]

    init(_ cluster: ClusterState, network: any PodNetwork) {
        store = cluster.store
        self.network = network
        places = cluster.collection(group: "crd.k8s.amazonaws.com", "eniconfigs")
        nodes = CollectionFeed(cluster, group: "", "nodes")
    }

    /// Looks at what changed.
    func work() async {
        let present = store.revision(of: places)
        let isNew = present != seenPlaces
        seenPlaces = present
        if isNew { await network.placesChanged() }
        var feed = nodes
        let changes = await feed.drain()
        nodes = feed
        for change in changes {
            guard let node = change.object else {
                told[change.key] = nil
                continue
            }
            let parts = [node.at("metadata", "labels"), node.at("metadata", "annotations"), node.at("spec", "taints")]
            guard told.updateValue(parts, forKey: change.key) != parts else { continue }
            await network.nodeChanged(change.key)
        }
    }

    /// Ends following.
    func close() { nodes.close() }
}
