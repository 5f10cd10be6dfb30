/// What a store holds in memory: the current entries of every collection and the window of recent changes.
struct RevisionState: Sendable {
    /// One collection.
    struct Collection: Sendable {
        let name: String
        var entries = OrderedEntries()
        /// The newest revision that changed something here.
        var revision: Revision = 0
        /// Every change after this revision is in `recent`.
        var floor: Revision = 0
        var recent = FIFO<Change>()
        var watchers: [WatchQueue] = []
    }

    private(set) var revision: Revision
    /// Revisions before this are forgotten.
    private(set) var compacted: Revision
    private(set) var collections: [Collection] = []
    private var numbers: [String: Int] = [:]
    /// The collections of the changes in the window, oldest first.
    private var order = FIFO<Int>()
    private var windowBytes = 0
    var isClosed = false

    /// Starts from what the disk holds.
    init(_ contents: StoreContents) {
        revision = contents.revision
        compacted = contents.compacted
        for loaded in contents.collections {
            let number = number(of: loaded.name)
            collections[number].entries = OrderedEntries(sorted: loaded.entries)
            collections[number].revision = loaded.revision
            collections[number].floor = loaded.revision
        }
    }

    subscript(collection: String) -> Collection? { numbers[collection].map { collections[$0] } }

    /// The current entry of a key.
    func entry(_ key: Key) -> Entry? {
        guard let number = numbers[key.collection] else { return nil }
        return collections[number].entries.find(key.name)
    }

    /// The place of a collection, which is made if it is new.
    mutating func number(of collection: String) -> Int {
        if let number = numbers[collection] { return number }
        numbers[collection] = collections.count
        collections.append(Collection(name: collection))
        return collections.count - 1
    }

    mutating func attach(_ watcher: WatchQueue, to number: Int) { collections[number].watchers.append(watcher) }

    mutating func detach(_ watcher: WatchQueue, from collection: String) {
        guard let number = numbers[collection] else { return }
        collections[number].watchers.removeAll { $0 === watcher }
    }

    /// Marks the store as closed and hands out its watchers, once.
    mutating func close() -> [WatchQueue] {
        isClosed = true
        var watchers: [WatchQueue] = []
        for number in collections.indices {
            watchers.append(contentsOf: collections[number].watchers)
            collections[number].watchers = []
        }
        return watchers
    }

    /// Makes a change current and returns the place of its collection.
    mutating func apply(_ change: Change) -> Int {
        let number = number(of: change.collection)
        if let entry = change.entry { collections[number].entries.put(entry) } else { collections[number].entries.remove(change.name) }
        collections[number].revision = change.revision
        collections[number].recent.append(change)
        order.append(number)
        windowBytes += change.size
        revision = change.revision
        return number
    }

    /// Drops the oldest changes until the window is within its bounds.
    mutating func trim(_ limits: StoreLimits) {
        while order.count > limits.windowChanges || windowBytes > limits.windowBytes, dropOldest() {}
    }

    /// Forgets history before `revision`.
    mutating func compact(before revision: Revision) {
        compacted = max(compacted, revision)
        while let number = order.first, let oldest = collections[number].recent.first, oldest.revision <= compacted, dropOldest() {}
    }

    private mutating func dropOldest() -> Bool {
        guard let number = order.popFirst(), let change = collections[number].recent.popFirst() else { return false }
        collections[number].floor = change.revision
        windowBytes -= change.size
        return true
    }
}
