import GRDB
import Store
import World

/// Reading what memory does not hold any more. Each answer is one read transaction, so that compaction cannot come between.
extension SQLiteBackend {
    func range(
        _ collection: String, prefix: String, at revision: Revision, after: String?, limit: Int
    ) throws(StoreError) -> RangeResult {
        let answer = try read(collection, at: revision) { database, id in
            let arguments: StatementArguments = [
                "collection": id, "through": revision << Schema.positionBits | Schema.positionMask, "from": prefix,
                "to": upperBound(prefix), "after": after,
            ]
            let rows = try Row.fetchCursor(
                database,
                sql: SQLiteBackend.newest
                    + "SELECT r.name, r.position, r.created, r.value FROM \(SQLiteBackend.standing) ORDER BY r.name"
                    + (limit > 0 ? " LIMIT \(limit)" : ""), arguments: arguments)
            var entries: [Entry] = []
            while let row = try rows.next() {
                let modified = try row.integer(1) >> Schema.positionBits
                entries.append(Entry(name: try row.text(0), value: try row.bytes(3), created: try row.integer(2), modified: modified))
            }
            guard limit > 0, entries.count == limit else { return RangeResult(entries: entries, revision: revision, remaining: 0) }
            let total = try Int.fetchOne(
                database, sql: SQLiteBackend.newest + "SELECT count(*) FROM \(SQLiteBackend.standing)", arguments: arguments)
            return RangeResult(entries: entries, revision: revision, remaining: max(0, (total ?? 0) - entries.count))
        }
        return answer ?? RangeResult(entries: [], revision: revision, remaining: 0)
    }

    /// The newest row of each key up to a revision, by the index alone.
    private static let newest = """
        WITH k AS MATERIALIZED (
            SELECT max(position) AS newest FROM revisions INDEXED BY revisions_by_key
            WHERE collection = :collection AND position <= :through AND name >= :from AND (:to IS NULL OR name < :to)
                AND (:after IS NULL OR name > :after)
            GROUP BY name)

        """
    private static let standing = "k CROSS JOIN revisions AS r ON r.position = k.newest WHERE NOT r.deleted"

    /// The least text that follows every text with `prefix`; `nil` when there is none. Scalars order as their UTF-8 bytes do.
    private func upperBound(_ prefix: String) -> String? {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            // Surrogates are no scalars.
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            guard let scalar = Unicode.Scalar(next) else { continue }
            var bound = String.UnicodeScalarView(scalars)
            bound.append(scalar)
            return String(bound)
        }
        return nil
    }

    func events(
        _ collection: String, prefix: String, after revision: Revision, through last: Revision, limit: Int, bytes: Int
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
            var room = bytes
            while let row = try cursor.next() {
                let name = try row.text(1)
                guard name.utf8.starts(with: prefix.utf8) else { continue }
                guard events.count < limit, room >= 0 else { return nil }
                let previous = try row.integer(2)
                var before: [UInt8]?
                if previous > 0 {
                    before = try Row.fetchOne(previousValue, arguments: [id, name, previous, previous])?.bytes(0)
                }
                let value = try row.bytes(4)
                room -= value.count + (before?.count ?? 0)
                let kind: WatchEvent.Kind = try row.integer(3) != 0 ? .deleted : previous > 0 ? .modified : .created
                events.append(
                    WatchEvent(
                        kind: kind, name: name, value: value, previous: before,
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
