/// What keeps a store's history on disk. The store calls one writing function at a time, the reads from any thread.
public protocol StoreBackend: Sendable {
    /// Whether `write` takes microseconds: it does not wait for the disk.
    var isQuick: Bool { get }

    /// Whether `tidy` is called for.
    var isUntidy: Bool { get }

    /// Does what `write` put off, because it may wait for the disk. What the disk refuses is tried again with the next call.
    func tidy()

    /// Writes changes, in order and all or none; returns once they are as durable as configured.
    ///
    /// - Throws: `StoreError.unavailable` when the disk refuses.
    func write(_ changes: [Change]) throws(StoreError)

    /// Writes one value about the world. `nil` removes it.
    ///
    /// - Throws: `StoreError.unavailable` when the disk refuses.
    func writeMetadata(_ key: String, _ value: String?) throws(StoreError)

    /// Entries at an older revision, as `Store.range` answers them.
    ///
    /// - Throws: `StoreError.compacted` when the revision was compacted meanwhile; `StoreError.unavailable` when the disk fails.
    func range(_ collection: String, prefix: String, at revision: Revision, after: String?, limit: Int) throws(StoreError) -> RangeResult

    /// Changes of a collection after one revision up to another, in order; `nil` when there are more than `limit`, or more than `bytes` of them.
    ///
    /// - Throws: `StoreError.compacted` when the revision was compacted meanwhile; `StoreError.unavailable` when the disk fails.
    func events(
        _ collection: String, prefix: String, after revision: Revision, through last: Revision, limit: Int, bytes: Int
    ) throws(StoreError) -> [WatchEvent]?

    /// Remembers that history before `revision` is forgotten; `sweep` removes it.
    ///
    /// - Throws: `StoreError.unavailable` when the disk refuses.
    func beginCompaction(before revision: Revision) throws(StoreError)

    /// Removes some forgotten history, looking at about `step` rows.
    ///
    /// - Returns: whether there is more to remove.
    /// - Throws: `StoreError.unavailable` when the disk refuses.
    func sweep(step: Int) throws(StoreError) -> Bool

    /// Leaves the disk in order and lets go of it.
    func close()
}

/// What a store starts from.
public struct StoreContents: Sendable {
    /// One collection.
    public struct Collection: Sendable {
        /// Its name.
        public let name: String
        /// The newest revision that changed something in it.
        public let revision: Revision
        /// The current entries in byte order of their names.
        public let entries: [Entry]

        /// Makes a collection.
        public init(name: String, revision: Revision, entries: [Entry]) {
            self.name = name
            self.revision = revision
            self.entries = entries
        }
    }

    /// The newest revision.
    public let revision: Revision
    /// Revisions before this are forgotten.
    public let compacted: Revision
    /// All collections that ever had an entry.
    public let collections: [Collection]
    /// What was stored about the world.
    public let metadata: [String: String]
    /// Changes on disk that are not current any more.
    public var historyChanges = 0
    /// Their size, about, in bytes.
    public var historyBytes = 0
    /// An earlier compaction was not completed on the disk.
    public var isSweeping = false

    /// Makes contents; by default those of a fresh store.
    public init(revision: Revision = 1, compacted: Revision = 0, collections: [Collection] = [], metadata: [String: String] = [:]) {
        self.revision = revision
        self.compacted = compacted
        self.collections = collections
        self.metadata = metadata
    }
}

/// Values about the world itself, beside its objects: seed, clock. They have no revisions.
public protocol WorldMetadata: Sendable {
    /// The stored value of a key.
    func metadata(_ key: String) -> String?

    /// Stores a value; `nil` removes it. Returns once it is as durable as a commit.
    ///
    /// - Throws: `StoreError.unavailable` when the disk refuses, `StoreError.closed`.
    func setMetadata(_ key: String, _ value: String?) async throws(StoreError)
}
