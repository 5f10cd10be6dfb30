import World

/// A store without a file: `--durability memory`, and tests. A commit is done when `commit` returns.
public final class MemoryStore: Store, WorldMetadata {
    private let core: RevisionCore
    private let faults: FaultPoints
    /// Held by the one who writes, so that publication follows the order of revisions.
    private let writer = Lock(())

    /// Makes a fresh store at revision 1.
    public init(world: World = World(), limits: StoreLimits = StoreLimits()) {
        core = RevisionCore(StoreContents(), limits: limits, backend: nil)
        faults = world.faults
    }

    /// The newest committed revision.
    public var revision: Revision { core.revision }
    /// Revisions before this are forgotten.
    public var compactedRevision: Revision { core.compactedRevision }

    /// The newest revision that changed a collection; 0 when nothing ever did.
    public func revision(of collection: String) -> Revision { core.revision(of: collection) }

    /// The current entry of a key.
    public func get(_ key: Key) -> Entry? { core.get(key) }

    /// Entries of a collection in key order; see `Store.range`.
    public func range(
        _ collection: String, prefix: String, at revision: Revision?, after: String?, limit: Int
    ) throws(StoreError) -> RangeResult {
        try core.range(collection, prefix: prefix, at: revision, after: after, limit: limit)
    }

    /// Changes of a collection after a revision; see `Store.watch`.
    public func watch(_ collection: String, prefix: String, after revision: Revision) throws(StoreError) -> any WatchSubscription {
        try core.watch(collection, prefix: prefix, after: revision)
    }

    /// Applies a transaction in one revision, or nothing of it; see `Store.commit`.
    @discardableResult
    public func commit(_ transaction: Transaction) async throws(StoreError) -> Commit {
        let (result, wakeups) = writer.withLock { _ -> (Result<Commit, StoreError>, [WatchQueue.Wakeup]) in
            do throws(StoreError) {
                guard !core.isClosed else { throw .closed }
                var group = CommitGroup(after: core.revision)
                let commit = try group.add(transaction) { core.get($0) }
                if !group.changes.isEmpty, let fault = faults.take(storeCommitFault) { throw .injected(fault) }
                return (.success(commit), core.publish(group.changes))
            } catch {
                return (.failure(error), [])
            }
        }
        for wakeup in wakeups { wakeup.resume() }
        return try result.get()
    }

    /// Forgets history before a revision; see `Store.compact`.
    public func compact(before revision: Revision) async throws(StoreError) { try core.compact(before: revision) }

    /// Ends all watches and refuses later writes; reads go on.
    public func close() async { writer.withLock { _ in core.close() } }

    /// The stored value of a key about the world.
    public func metadata(_ key: String) -> String? { core.metadata(key) }

    /// Stores a value about the world; `nil` removes it.
    public func setMetadata(_ key: String, _ value: String?) async throws(StoreError) {
        guard !core.isClosed else { throw .closed }
        core.setMetadata(key, value)
    }
}

/// The fault point at which a commit fails as if the disk refused it.
let storeCommitFault = "store.commit"

extension StoreError {
    /// The error of an armed `store.commit`; the fault's detail is the text.
    static func injected(_ fault: FaultPoints.Fault) -> StoreError {
        .unavailable(fault.detail.isEmpty ? "the disk refused the write (injected fault \(storeCommitFault))" : fault.detail)
    }
}
