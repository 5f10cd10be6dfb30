public import JSON
public import KubeAPIServer
public import Store
import World

/// What changed in a collection since one last looked (what an informer is to a controller).
public struct CollectionFeed: Sendable {
    /// An object as it is now.
    public struct Change: Sendable {
        /// `namespace/name`, or the name of a cluster-wide object.
        public let key: String
        /// The revision of the change.
        public let revision: Revision
        /// What is stored; `nil` when it is gone.
        public let bytes: [UInt8]?
        fileprivate let collection: String
        fileprivate let trees: ObjectTrees

        /// The object, parsed anew unless it was looked at lately: many trees at once would fill the memory.
        public var object: JSON? { bytes.flatMap { try? trees.tree(Key(collection, key), at: revision, $0) } }

        /// Parts of the object, which cost a fraction of it.
        func parts(_ projection: JSONProjection) -> JSON? { bytes.flatMap { try? JSON(parsing: $0, only: projection) } }
    }

    private let store: any Store
    private let trees: ObjectTrees
    private let collection: String
    private var subscription: (any WatchSubscription)?
    private var seen: Revision = 0
    private let known = KnownNames()

    /// Follows a resource by group and plural name, from the first `drain` on.
    public init(_ cluster: ClusterState, group: String, _ resource: String) {
        store = cluster.store
        trees = cluster.trees
        collection = cluster.collection(group: group, resource)
    }

    /// The changes up to now, in order, without what later ones make old; at first, and after falling behind, all objects.
    public mutating func drain() async -> [Change] { Self.latest(await changes()) }

    /// Leaves out objects that are there as they are later. What was deleted, and what was there just before, stays.
    private static func latest(_ changes: [Change]) -> [Change] {
        guard changes.count > 1 else { return changes }
        var later: Set<String> = []
        var latest: [Change] = []
        latest.reserveCapacity(changes.count)
        for change in changes.reversed() {
            if change.bytes == nil { later.remove(change.key) } else if !later.insert(change.key).inserted { continue }
            latest.append(change)
        }
        latest.reverse()
        return latest
    }

    private mutating func changes() async -> [Change] {
        guard let subscription else { return list() }
        var changes: [Change] = []
        while seen < store.revision(of: collection) {
            guard let events = try? await subscription.next() else {
                subscription.cancel()
                self.subscription = nil
                return changes + list()
            }
            for event in events {
                let isGone = event.kind == .deleted
                if isGone { known.remove(event.name) } else { known.insert(event.name) }
                changes.append(change(event.name, event.revision, isGone ? nil : event.value))
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
        let gone = known.replace(by: Set(range.entries.map(\.name))).sorted().map { change($0, range.revision, nil) }
        return gone + range.entries.map { change($0.name, $0.modified, $0.value) }
    }

    private func change(_ name: String, _ revision: Revision, _ bytes: [UInt8]?) -> Change {
        Change(key: name, revision: revision, bytes: bytes, collection: collection, trees: trees)
    }

    /// Ends following.
    public mutating func close() {
        subscription?.cancel()
        subscription = nil
    }
}

/// The names of the objects in a collection. The copies of a feed share them: an actor that drains one works on a copy, which would
/// otherwise copy tens of thousands of names with the first new one.
private final class KnownNames: Sendable {
    private let names = Lock<Set<String>>([])

    func insert(_ name: String) { names.withLock { _ = $0.insert(name) } }
    func remove(_ name: String) { names.withLock { _ = $0.remove(name) } }

    /// Takes over what is there now; answers what is not there any more.
    func replace(by present: Set<String>) -> Set<String> {
        names.withLock { names in
            defer { names = present }
            return names.subtracting(present)
        }
    }
}
