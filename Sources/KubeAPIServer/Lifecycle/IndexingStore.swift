import Store

/// A cluster's part of the store, which tells the indexes of every object that is written.
struct IndexingStore: Store {
    let base: any Store
    let owners: OwnerIndex
    let addresses: TakenAddresses
    /// What the collections of the cluster begin with.
    let prefix: String

    @discardableResult
    func commit(_ transaction: Transaction) async throws(StoreError) -> Commit {
        let commit = try await base.commit(transaction)
        for write in transaction.writes where write.key.collection.hasPrefix(prefix) {
            addresses.note(write.key, in: base)
            switch write {
            case .put(let key, .bytes(let bytes)): owners.note(key, bytes, in: base)
            case .put(let key, .spliced(let before, let after)):
                owners.note(key, before, in: base)
                owners.note(key, after, in: base)
            case .delete: break
            }
        }
        return commit
    }

    var revision: Revision { base.revision }
    var compactedRevision: Revision { base.compactedRevision }

    func revision(of collection: String) -> Revision { base.revision(of: collection) }

    func get(_ key: Key) -> Entry? { base.get(key) }

    func range(_ collection: String, prefix: String, at revision: Revision?, after: String?, limit: Int) throws(StoreError) -> RangeResult {
        try base.range(collection, prefix: prefix, at: revision, after: after, limit: limit)
    }

    func watch(_ collection: String, prefix: String, after revision: Revision) throws(StoreError) -> any WatchSubscription {
        try base.watch(collection, prefix: prefix, after: revision)
    }

    func compact(before revision: Revision) async throws(StoreError) { try await base.compact(before: revision) }

    func close() async { await base.close() }
}
