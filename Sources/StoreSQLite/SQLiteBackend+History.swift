import GRDB
import Store
import Synchronization

/// Reading what memory does not hold any more. Each answer is one read transaction, so that compaction cannot come between.
extension SQLiteBackend {
    func range(
        _ collection: String, prefix: String, at revision: Revision, after: String?, limit: Int
    ) throws(StoreError) -> RangeResult {
        try read(collection, at: revision) { database, id in
            // First the index only; values are read for the wanted entries alone.
            let cursor = try Row.fetchCursor(
                database,
                sql: """
                    SELECT name, max(position) FROM revisions INDEXED BY revisions_by_key
                    WHERE collection = ? AND name >= ? AND position <= ? GROUP BY name ORDER BY name
                    """, arguments: [id, max(prefix, after ?? ""), revision << Schema.positionBits | Schema.positionMask])
            let statement = try database.cachedStatement(sql: "SELECT created, value, deleted FROM revisions WHERE position = ?")
            let deleted = try database.cachedStatement(sql: "SELECT deleted FROM revisions WHERE position = ?")
            var entries: [Entry] = []
            var remaining = 0
            while let row = try cursor.next() {
                let name = try row.text(0)
                let position = try row.integer(1)
                guard name.utf8.starts(with: prefix.utf8) else {
                    if prefix.utf8.lexicographicallyPrecedes(name.utf8) { break }
                    continue
                }
                if let after, !after.utf8.lexicographicallyPrecedes(name.utf8) { continue }
                if limit > 0, entries.count >= limit {
                    if try Bool.fetchOne(deleted, arguments: [position]) == false { remaining += 1 }
                    continue
                }
                guard let found = try Row.fetchOne(statement, arguments: [position]), try found.integer(2) == 0 else { continue }
                entries.append(
                    Entry(
                        name: name, value: try found.bytes(1), created: try found.integer(0), modified: position >> Schema.positionBits))
            }
            return RangeResult(entries: entries, revision: revision, remaining: remaining)
        } ?? RangeResult(entries: [], revision: revision, remaining: 0)
    }

    func events(
        _ collection: String, prefix: String, after revision: Revision, through last: Revision, limit: Int
    ) throws(StoreError) -> [WatchEvent]? {
        let answer = try read(collection, at: revision) { database, id -> [WatchEvent]? in
            let cursor = try Row.fetchCursor(
                database,
                sql: """
                    SELECT position, name, previous, deleted, value FROM revisions NOT INDEXED
                    WHERE position > ? AND position <= ? AND collection = ? ORDER BY position
                    """,
                arguments: [
                    revision << Schema.positionBits | Schema.positionMask, last << Schema.positionBits | Schema.positionMask, id,
                ])
            let previousValue = try database.cachedStatement(
                sql: """
                    SELECT value FROM revisions INDEXED BY revisions_by_key
                    WHERE collection = ? AND name = ? AND position BETWEEN ? << 20 AND ? << 20 | 1048575
                    """)
            var events: [WatchEvent] = []
            while let row = try cursor.next() {
                let name = try row.text(1)
                guard name.utf8.starts(with: prefix.utf8) else { continue }
                guard events.count < limit else { return nil }
                let previous = try row.integer(2)
                var before: [UInt8]?
                if previous > 0 {
                    before = try Row.fetchOne(previousValue, arguments: [id, name, previous, previous])?.bytes(0)
                }
                let kind: WatchEvent.Kind = try row.integer(3) != 0 ? .deleted : previous > 0 ? .modified : .created
                events.append(
                    WatchEvent(
                        kind: kind, name: name, value: try row.bytes(4), previous: before,
                        revision: try row.integer(0) >> Schema.positionBits))
            }
            return events
        }
        return answer ?? []
    }

    /// Runs `body` in a read transaction with the row id of a collection; answers `nil` when the collection is unknown.
    private func read<Answer>(
        _ collection: String, at revision: Revision, _ body: (Database, Int64) throws -> Answer
    ) throws(StoreError) -> Answer? {
        guard let id = collectionIDs.withLock({ $0[collection] }) else { return nil }
        do {
            return try pool.read { database in
                let compacted = try SQLiteBackend.number(Meta.compacted, database)
                guard revision >= compacted else { throw StoreError.compacted(requested: revision, compacted: compacted) }
                return try body(database, id)
            }
        } catch {
            throw SQLiteFailure.unavailable(error)
        }
    }
}
