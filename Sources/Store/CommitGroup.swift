/// Transactions that are committed together: each is checked against the committed state and the ones before it in the group.
struct CommitGroup {
    /// A key's state within the group; `entry` is `nil` once deleted.
    private struct Pending {
        let entry: Entry?
    }

    /// What the group changes, in order.
    private(set) var changes: [Change] = []
    /// The revision after the group.
    private(set) var revision: Revision
    private var pending: [ExactKey: Pending] = [:]

    /// Starts a group on top of a committed revision.
    init(after revision: Revision) { self.revision = revision }

    /// Adds a transaction, or refuses it and leaves the group as it was.
    ///
    /// - Parameter current: the committed entry of a key.
    mutating func add(_ transaction: Transaction, current: (Key) -> Entry?) throws(StoreError) -> Commit {
        for condition in transaction.conditions { try check(condition, current: current) }
        guard !transaction.writes.isEmpty else { return Commit(revision: revision, values: []) }
        var next = revision + 1
        var values: [[UInt8]] = []
        values.reserveCapacity(transaction.writes.count)
        var made: [Change] = []
        var last = revision
        var index = 0
        var seen: Set<ExactKey> = []
        for write in transaction.writes {
            let key = write.key
            if transaction.writes.count > 1, !seen.insert(ExactKey(key)).inserted {
                throw .unavailable("the transaction writes \(key) twice")
            }
            let previous = entry(key, current: current)
            switch write {
            case .put(_, let value):
                let bytes = value.bytes(at: next)
                values.append(bytes)
                made.append(
                    Change(
                        collection: key.collection, name: key.name, kind: previous == nil ? .created : .modified, value: bytes,
                        revision: next, index: index, created: previous?.created ?? next, previous: previous))
            case .delete(_, let last):
                guard let previous else {
                    values.append([])
                    continue
                }
                let bytes = last?.bytes(at: next) ?? previous.value
                values.append(bytes)
                made.append(
                    Change(
                        collection: key.collection, name: key.name, kind: .deleted, value: bytes, revision: next,
                        index: index, created: previous.created, previous: previous))
            }
            last = next
            if transaction.numbering == .eachItsOwn { next += 1 } else { index += 1 }
        }
        // Deleting only what does not exist changes nothing, so it makes no revision.
        guard !made.isEmpty else { return Commit(revision: revision, values: values) }
        for change in made { pending[ExactKey(Key(change.collection, change.name))] = Pending(entry: change.entry) }
        changes.append(contentsOf: made)
        revision = last
        return Commit(revision: last, values: values)
    }

    private func entry(_ key: Key, current: (Key) -> Entry?) -> Entry? {
        if !pending.isEmpty, let pending = pending[ExactKey(key)] { return pending.entry }
        return current(key)
    }

    private func check(_ condition: Transaction.Condition, current: (Key) -> Entry?) throws(StoreError) {
        switch condition {
        case .absent(let key):
            if let entry = entry(key, current: current) { throw .conflict(key, current: entry.modified) }
        case .modified(let key, let revision):
            let entry = entry(key, current: current)
            if entry?.modified != revision { throw .conflict(key, current: entry?.modified) }
        }
    }
}

extension Transaction {
    /// The bytes that the transaction brings, about.
    var size: Int {
        writes.reduce(0) { total, write in
            switch write {
            case .put(let key, let value): total + key.name.utf8.count + value.size
            case .delete(let key, let last): total + key.name.utf8.count + (last?.size ?? 0)
            }
        }
    }
}

extension Transaction.Write {
    /// What is written.
    public var key: Key {
        switch self {
        case .put(let key, _), .delete(let key, _): key
        }
    }
}

extension Transaction.Value {
    var size: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .spliced(let before, let after): before.count + after.count + 20
        }
    }

    /// The final bytes of a value that is written at a revision.
    func bytes(at revision: Revision) -> [UInt8] {
        switch self {
        case .bytes(let bytes): return bytes
        case .spliced(let before, let after):
            let digits = String(revision)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(before.count + digits.utf8.count + after.count)
            bytes.append(contentsOf: before)
            bytes.append(contentsOf: digits.utf8)
            bytes.append(contentsOf: after)
            return bytes
        }
    }
}
