import JSON
import KubeAPI
import KubeAPIServer
import Store
import World

/// Events go an hour after they were last written, as the leases of etcd end them (`--event-ttl` of kube-apiserver). It happens when
/// somebody looks, and in time while somebody watches.
actor EventExpiry {
    private static let batch = 512

    private let store: any Store
    private let collection: String
    private let world: World
    private let setAlarm: @Sendable (Instant?) -> Void
    private var events: CollectionFeed
    private var deadlines = DeadlineQueue()
    private var isWatched = false

    init(_ cluster: ClusterState, setAlarm: @escaping @Sendable (Instant?) -> Void) {
        store = cluster.store
        world = cluster.world
        collection = cluster.collection(group: "", "events")
        events = CollectionFeed(cluster, group: "", "events")
        self.setAlarm = setAlarm
    }

    /// Removes what has expired.
    func work() async {
        var feed = events
        let changes = await feed.drain()
        events = feed
        for change in changes { deadlines.set(change.key, change.object.map { Self.lastWrite($0, world.now) + EventJournal.lifetime }) }
        var writes: [Transaction.Write] = []
        while let name = deadlines.take(by: world.now) {
            writes.append(.delete(Key(collection, name), last: nil))
            if writes.count == Self.batch { await remove(&writes) }
        }
        await remove(&writes)
        setAlarm(isWatched ? deadlines.next : nil)
    }

    private func remove(_ writes: inout [Transaction.Write]) async {
        // What the disk refuses is removed when the next one looks.
        if !writes.isEmpty { _ = try? await store.commit(Transaction(writes: writes)) }
        writes = []
    }

    /// The server notes the time of every write with the manager of the fields.
    private static func lastWrite(_ event: JSON, _ now: Instant) -> Instant {
        let managers = event.at("metadata", "managedFields")?.array ?? []
        let times = managers.map { $0["time"] } + [event.at("metadata", "creationTimestamp")]
        return times.compactMap { $0?.string.flatMap { Instant(rfc3339: $0) } }.max() ?? now
    }

    /// While somebody watches, events go when their time has come.
    func setWatched(_ isWatched: Bool) async {
        self.isWatched = isWatched
        await work()
    }

    /// Ends following.
    func close() { events.close() }
}
