/// One committed change of one key: what the disk writes, the window keeps and watches deliver.
public struct Change: Sendable {
    /// The collection of the key.
    public let collection: String
    /// The name within the collection.
    public let name: String
    /// What happened.
    public let kind: WatchEvent.Kind
    /// The new value; for a deletion what its event carries.
    public let value: [UInt8]
    /// The revision of the change.
    public let revision: Revision
    /// The place among the changes of the same revision, from 0.
    public let index: Int
    /// The revision that made the key.
    public let created: Revision
    /// The entry before, when there was one.
    public let previous: Entry?

    /// What a watch reports.
    public var event: WatchEvent {
        WatchEvent(kind: kind, name: name, value: value, previous: previous?.value, revision: revision)
    }

    /// Bytes that the change holds in memory.
    var size: Int { value.count + (previous?.value.count ?? 0) }

    /// The entry that stands after the change; `nil` after a deletion.
    public var entry: Entry? {
        kind == .deleted ? nil : Entry(name: name, value: value, created: created, modified: revision)
    }
}
