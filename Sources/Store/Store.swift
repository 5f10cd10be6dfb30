/// The state of a simulator: a key-value store with one global revision, as etcd offers it.
///
/// Keys are in collections (`k8s/<cluster id>/pods`, `aws/111122223333/iam/roles`); within one they are ordered by their bytes.
/// The revision of a write is the `resourceVersion` of the object written.
public protocol Store: Sendable {
    /// The newest committed revision. A fresh store stands at 1.
    var revision: Revision { get }

    /// The newest revision that changed anything in a collection; 0 when nothing ever did. For caches.
    func revision(of collection: String) -> Revision

    /// The current entry of a key.
    func get(_ key: Key) -> Entry?

    /// Entries of a collection in key order.
    ///
    /// - Parameters:
    ///   - prefix: only keys that begin with this.
    ///   - revision: the state to read; `nil` for the newest.
    ///   - after: only keys greater than this, for continuing.
    ///   - limit: at most this many; 0 for all.
    /// - Throws: `StoreError.compacted`, `StoreError.futureRevision`.
    func range(_ collection: String, prefix: String, at revision: Revision?, after: String?, limit: Int) throws(StoreError) -> RangeResult

    /// Applies all writes if every condition holds; returns once they are committed as durably as configured.
    ///
    /// - Throws: `StoreError.conflict` with the first condition that failed, or `StoreError.unavailable` when the disk refuses.
    ///   Nothing is changed then.
    @discardableResult
    func commit(_ transaction: Transaction) async throws(StoreError) -> Commit

    /// Changes of a collection after `revision`, in order.
    ///
    /// - Throws: `StoreError.compacted` when the history no longer reaches back that far.
    func watch(_ collection: String, prefix: String, after revision: Revision) throws(StoreError) -> any WatchSubscription

    /// Forgets history before `revision`.
    func compact(before revision: Revision) async throws(StoreError)

    /// Revisions before this are forgotten.
    var compactedRevision: Revision { get }

    /// Commits what waits and closes. Later writes throw `StoreError.closed`.
    func close() async
}

/// A point in the history of the store.
public typealias Revision = Int64

/// Where an entry is.
public struct Key: Sendable, Hashable, CustomStringConvertible {
    /// The collection, with `/` between its parts.
    public var collection: String
    /// The name within the collection: `default/web-1`, `kube-system`.
    public var name: String

    /// Makes a key.
    public init(_ collection: String, _ name: String) {
        self.collection = collection
        self.name = name
    }

    /// The collection and the name, for messages.
    public var description: String { "\(collection) \(name)" }
}

/// A stored value with its revisions.
public struct Entry: Sendable {
    /// The name within the collection.
    public let name: String
    /// The bytes, never changed after the commit.
    public let value: [UInt8]
    /// The revision that made the key.
    public let created: Revision
    /// The revision that wrote this value.
    public let modified: Revision

    /// Makes an entry.
    public init(name: String, value: [UInt8], created: Revision, modified: Revision) {
        self.name = name
        self.value = value
        self.created = created
        self.modified = modified
    }
}

/// The answer of a range read.
public struct RangeResult: Sendable {
    /// The entries in key order.
    public let entries: [Entry]
    /// The revision that was read.
    public let revision: Revision
    /// How many entries follow after the limit.
    public let remaining: Int

    /// Makes an answer.
    public init(entries: [Entry], revision: Revision, remaining: Int) {
        self.entries = entries
        self.revision = revision
        self.remaining = remaining
    }
}

/// Conditions and writes that happen together or not at all.
public struct Transaction: Sendable {
    /// What must hold of a key before the writes.
    public enum Condition: Sendable, Hashable {
        /// The key does not exist.
        case absent(Key)
        /// The key's value was written by this revision.
        case modified(Key, Revision)
    }

    /// A value whose text may contain the revision that writes it.
    public enum Value: Sendable {
        /// Ready bytes.
        case bytes([UInt8])
        /// The commit's revision in decimal goes between the two parts.
        case spliced(before: [UInt8], after: [UInt8])
    }

    /// One change.
    public enum Write: Sendable {
        /// Creates or replaces.
        case put(Key, Value)
        /// Removes. The watch event carries `last`, spliced with the revision, when given; else the value that was stored.
        case delete(Key, last: Value?)
    }

    /// Which revisions the writes get.
    public enum Numbering: Sendable, Hashable {
        /// All the same one.
        case together
        /// Each change its own, in order, still all or none: what a server does in several steps, without the state between them.
        case eachItsOwn
    }

    /// Whether the commits of a task may be visible a moment before they are on the disk: for those who do nothing but carry on from what
    /// is stored, and would do the same again. Commits of others are never on the disk before what they could see.
    @TaskLocal public static var mayTrail = false

    /// All must hold.
    public var conditions: [Condition]
    /// All happen, in order. A key may occur once.
    public var writes: [Write]
    /// Which revisions the writes get.
    public var numbering: Numbering

    /// Makes a transaction.
    public init(conditions: [Condition] = [], writes: [Write], numbering: Numbering = .together) {
        self.conditions = conditions
        self.writes = writes
        self.numbering = numbering
    }
}

/// What a transaction did.
public struct Commit: Sendable {
    /// The last revision it made. A transaction without writes makes none and answers the present one.
    public let revision: Revision
    /// The stored bytes of each put, and for each delete the bytes its event carries (empty when the key did not exist), in order.
    public let values: [[UInt8]]

    /// Makes an answer.
    public init(revision: Revision, values: [[UInt8]]) {
        self.revision = revision
        self.values = values
    }
}

/// A change of one key.
public struct WatchEvent: Sendable {
    /// What happened to the key.
    public enum Kind: Sendable, Hashable {
        case created, modified, deleted
    }

    /// What happened.
    public let kind: Kind
    /// The name within the collection.
    public let name: String
    /// The new value; for a deletion the value its transaction gave, or the last one.
    public let value: [UInt8]
    /// The value before, when there was one.
    public let previous: [UInt8]?
    /// The revision of the change.
    public let revision: Revision

    /// Makes an event.
    public init(kind: Kind, name: String, value: [UInt8], previous: [UInt8]?, revision: Revision) {
        self.kind = kind
        self.name = name
        self.value = value
        self.previous = previous
        self.revision = revision
    }
}

/// A reader of changes.
public protocol WatchSubscription: Sendable {
    /// The next changes, at least one, in order; waits for them. `nil` when the subscription or store was closed.
    ///
    /// - Throws: `StoreError.overflow` when the reader fell too far behind and must start anew.
    func next() async throws(StoreError) -> [WatchEvent]?

    /// The revision up to which everything was delivered, or is known not to concern this reader: for bookmarks.
    var progress: Revision { get }

    /// Ends the subscription.
    func cancel()
}

/// Why the store refused.
public enum StoreError: Error, Sendable, Hashable {
    /// The history before `compacted` is gone.
    case compacted(requested: Revision, compacted: Revision)
    /// The revision is newer than anything committed.
    case futureRevision(requested: Revision, current: Revision)
    /// A condition did not hold; `current` is the key's revision, `nil` when it does not exist.
    case conflict(Key, current: Revision?)
    /// The reader of a watch was too slow.
    case overflow
    /// The store was closed.
    case closed
    /// The disk refused; nothing was written.
    case unavailable(String)
    /// The file cannot be used: not ours, newer, damaged, or in use by another process.
    case unusable(path: String, reason: String)
}
