import JSON
import KubeAPIServer
import Store

/// What changed in a collection since one last looked (what an informer is to a controller).
struct CollectionFeed {
    /// An object as it is now.
    struct Change: Sendable {
        /// `namespace/name`, or the name of a cluster-wide object.
        let key: String
        /// `nil` when it is gone.
        let object: JSON?
        let revision: Revision
    }

    private let store: any Store
    private let trees: ObjectTrees
    private let collection: String
    private var subscription: (any WatchSubscription)?
    private var seen: Revision = 0
    private var known: Set<String> = []

    init(_ cluster: ClusterState, group: String, _ resource: String) {
        store = cluster.store
        trees = cluster.trees
        collection = cluster.collection(group: group, resource)
    }

    /// The changes up to now, in order; at first, and after falling behind, all objects.
    mutating func drain() async -> [Change] {
        guard let subscription else { return list() }
        var changes: [Change] = []
        while seen < store.revision(of: collection) {
            guard let events = try? await subscription.next() else {
                subscription.cancel()
                self.subscription = nil
                return changes + list()
            }
            for event in events {
                let object = event.kind == .deleted ? nil : tree(event.name, event.revision, event.value)
                if object == nil { known.remove(event.name) } else { known.insert(event.name) }
                changes.append(Change(key: event.name, object: object, revision: event.revision))
                seen = event.revision
            }
        }
        return changes
    }

    private mutating func list() -> [Change] {
        guard let range = try? store.range(collection, prefix: "", at: nil, after: nil, limit: 0),
            let subscription = try? store.watch(collection, prefix: "", after: range.revision)
        else { return [] }
        self.subscription = subscription
        seen = max(range.revision, seen)
        let present = Set(range.entries.map(\.name))
        let gone = known.subtracting(present).sorted().map { Change(key: $0, object: nil, revision: range.revision) }
        known = present
        return gone
            + range.entries.map { Change(key: $0.name, object: tree($0.name, $0.modified, $0.value), revision: $0.modified) }
    }

    private func tree(_ name: String, _ revision: Revision, _ bytes: [UInt8]) -> JSON? {
        try? trees.tree(Key(collection, name), at: revision, bytes)
    }

    /// Ends following.
    mutating func close() {
        subscription?.cancel()
        subscription = nil
    }
}
