import World

/// The multi-version state that both stores share: reads, watches and the publication of commits.
///
/// `publish` is called by one writer at a time; everything else from anywhere.
final class RevisionCore: Sendable {
    private enum View {
        case current(OrderedEntries, Revision)
        case past(OrderedEntries, [Change])
        case older(floor: Revision)
        case refused(StoreError)
    }

    private enum Registration {
        case started(WatchQueue)
        case older(floor: Revision)
        case refused(StoreError)
    }

    let limits: StoreLimits
    private let backend: (any StoreBackend)?
    private let state: Lock<RevisionState>
    private let delivered: DeliveredRevision
    private let world: Lock<[String: String]>

    init(_ contents: StoreContents, limits: StoreLimits, backend: (any StoreBackend)?) {
        self.limits = limits
        self.backend = backend
        state = Lock(RevisionState(contents))
        delivered = DeliveredRevision(contents.revision)
        world = Lock(contents.metadata)
    }

    var revision: Revision { state.withLock { $0.revision } }
    var compactedRevision: Revision { state.withLock { $0.compacted } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func revision(of collection: String) -> Revision { state.withLock { $0[collection]?.revision ?? 0 } }

    func get(_ key: Key) -> Entry? { state.withLock { $0.entry(key) } }

    /// How many watches a collection has.
    func watcherCount(of collection: String) -> Int { state.withLock { $0[collection]?.watchers.count ?? 0 } }

    func metadata(_ key: String) -> String? { world.withLock { $0[key] } }

    func setMetadata(_ key: String, _ value: String?) { world.withLock { $0[key] = value } }

    /// See `Store.range`.
    func range(
        _ collection: String, prefix: String, at revision: Revision?, after: String?, limit: Int
    ) throws(StoreError) -> RangeResult {
        switch view(of: collection, at: revision) {
        case .refused(let error): throw error
        case .current(let entries, let read):
            let bounds = entries.bounds(prefix: prefix, after: after)
            let found = entries.entries(from: bounds.from, to: bounds.to, limit: limit)
            return RangeResult(
                entries: found, revision: read, remaining: entries.distance(from: bounds.from, to: bounds.to) - found.count)
        case .past(let entries, let changes):
            let found = PastState(current: entries, changes: changes).range(prefix: prefix, after: after, limit: limit)
            return RangeResult(entries: found.entries, revision: revision ?? 0, remaining: found.remaining)
        case .older(let floor):
            let wanted = revision ?? 0
            guard let backend else { throw .compacted(requested: wanted, compacted: floor) }
            return try backend.range(collection, prefix: prefix, at: wanted, after: after, limit: limit)
        }
    }

    private func view(of collection: String, at revision: Revision?) -> View {
        state.withLock { state in
            guard let revision else { return .current(state[collection]?.entries ?? OrderedEntries(), state.revision) }
            if revision > state.revision { return .refused(.futureRevision(requested: revision, current: state.revision)) }
            if revision < state.compacted { return .refused(.compacted(requested: revision, compacted: state.compacted)) }
            guard let found = state[collection], found.revision > revision else {
                return .current(state[collection]?.entries ?? OrderedEntries(), revision)
            }
            if revision < found.floor { return .older(floor: found.floor) }
            return .past(found.entries, found.recent.suffix { $0.revision > revision })
        }
    }

    /// See `Store.watch`.
    func watch(_ collection: String, prefix: String, after revision: Revision) throws(StoreError) -> any WatchSubscription {
        var backlog: [WatchEvent] = []
        var covered = revision
        while true {
            switch register(collection, prefix: prefix, after: revision, covered: covered, backlog: backlog) {
            case .refused(let error): throw error
            case .started(let queue):
                return WatchHandle(queue) { [weak self] queue in self?.state.withLock { $0.detach(queue, from: collection) } }
            case .older(let floor):
                let room = limits.backlogChanges - backlog.count
                guard let backend, room > 0,
                    let events = try backend.events(
                        collection, prefix: prefix, after: covered, through: floor, limit: room, bytes: limits.backlogBytes)
                else { throw .compacted(requested: revision, compacted: floor) }
                backlog += events
                covered = floor
            }
        }
    }

    private func register(
        _ collection: String, prefix: String, after revision: Revision, covered: Revision, backlog: [WatchEvent]
    ) -> Registration {
        state.withLock { state in
            if state.isClosed { return .refused(.closed) }
            if revision > state.revision { return .refused(.futureRevision(requested: revision, current: state.revision)) }
            if revision < state.compacted { return .refused(.compacted(requested: revision, compacted: state.compacted)) }
            let number = state.number(of: collection)
            guard covered >= state.collections[number].floor else { return .older(floor: state.collections[number].floor) }
            let recent = state.collections[number].recent.suffix { $0.revision > covered }
            let events = recent.compactMap { $0.name.hasBytePrefix(prefix) ? $0.event : nil }
            let queue = WatchQueue(
                prefix: prefix, backlog: backlog + events, revision: state.revision, delivered: delivered, limits: limits)
            state.attach(queue, to: number)
            return .started(queue)
        }
    }

    /// Makes the changes of a group visible, then hands them to watches. Returns the readers to wake.
    func publish(_ changes: [Change]) -> [WatchQueue.Wakeup] {
        guard let newest = changes.last?.revision else { return [] }
        let deliveries = state.withLock { state -> [(watchers: [WatchQueue], events: [WatchEvent])] in
            var batches: [Int: [WatchEvent]] = [:]
            for change in changes {
                let number = state.apply(change)
                if !state.collections[number].watchers.isEmpty { batches[number, default: []].append(change.event) }
            }
            state.trim(limits)
            return batches.map { (state.collections[$0.key].watchers, $0.value) }
        }
        var wakeups: [WatchQueue.Wakeup] = []
        for (watchers, events) in deliveries {
            for watcher in watchers { wakeups.append(contentsOf: watcher.deliver(events)) }
        }
        delivered.advance(to: newest)
        return wakeups
    }

    /// Forgets history in memory.
    ///
    /// - Throws: `StoreError.futureRevision`.
    func compact(before revision: Revision) throws(StoreError) {
        let current = state.withLock { state -> Revision? in
            guard revision <= state.revision else { return state.revision }
            state.compact(before: revision)
            return nil
        }
        if let current { throw .futureRevision(requested: revision, current: current) }
    }

    /// Ends all watches once they have handed out what waits.
    func close() {
        for watcher in state.withLock({ $0.close() }) {
            for wakeup in watcher.finish(cancelled: false) { wakeup.resume() }
        }
    }
}
