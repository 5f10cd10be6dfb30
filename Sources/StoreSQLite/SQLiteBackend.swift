import GRDB
import Store
import World

import struct Foundation.Data

/// A store's history in a SQLite file. Writing; see the other files of the folder for opening and reading.
final class SQLiteBackend: StoreBackend {
    let pool: DatabasePool
    /// Row ids of the collections, by name.
    let collectionIDs: Lock<[String: Int64]>
    /// Held as long as the file is open.
    private let lock: FileLock
    /// Whether commits do not wait for the disk.
    let isQuick: Bool
    /// Pages that were written to SQLite's log since it was moved into the file, about.
    private let logged = Lock(0)

    /// `wal_autocheckpoint`, which would make some commits wait for the disk, is off; this many pages call for `tidy`.
    private static let logPages = 1000
    private static let pageSize = 4096

    init(pool: DatabasePool, lock: FileLock, collectionIDs: [String: Int64], isQuick: Bool) {
        self.pool = pool
        self.lock = lock
        self.collectionIDs = Lock(collectionIDs)
        self.isQuick = isQuick
    }

    var isUntidy: Bool { logged.withLock { $0 >= Self.logPages } }

    func tidy() {
        logged.withLock { $0 = 0 }
        try? pool.writeWithoutTransaction { database in _ = try database.checkpoint(.passive) }
    }

    private static let insert = """
        INSERT INTO revisions (position, collection, name, created, previous, deleted, value) VALUES (?, ?, ?, ?, ?, ?, ?)
        """

    func write(_ changes: [Change]) throws(StoreError) {
        var known = collectionIDs.withLock { $0 }
        let before = known.count
        try transaction { database in
            let insert = try database.cachedStatement(sql: SQLiteBackend.insert)
            for change in changes {
                guard change.index <= Schema.positionMask else {
                    throw StoreError.unavailable("one transaction may change at most \(Schema.positionMask + 1) keys")
                }
                var collection = known[change.collection]
                if collection == nil {
                    try database.execute(sql: "INSERT INTO collections (name) VALUES (?)", arguments: [change.collection])
                    collection = database.lastInsertedRowID
                    known[change.collection] = collection
                }
                insert.setUncheckedArguments([
                    change.revision << Schema.positionBits | Int64(change.index), collection, change.name, change.created,
                    change.previous?.modified ?? 0, change.kind == .deleted ? 1 : 0, Data(change.value),
                ])
                try insert.execute()
            }
        }
        // A leaf of the table and one of the index each time, and what the values fill.
        logged.withLock { $0 += 2 + changes.count + changes.reduce(0) { $0 + $1.value.count } / Self.pageSize }
        // Only now: a transaction that failed took its new collections with it.
        if known.count != before { collectionIDs.withLock { [known] in $0 = known } }
    }

    func writeMetadata(_ key: String, _ value: String?) throws(StoreError) {
        try transaction { database in try SQLiteBackend.set(Meta.worldPrefix + key, value, database) }
    }

    func beginCompaction(before revision: Revision) throws(StoreError) {
        try transaction { database in try SQLiteBackend.set(Meta.compacted, String(revision), database) }
    }

    func sweep(step: Int) throws(StoreError) -> Bool {
        var isMore = false
        try transaction { database in
            let compacted = try SQLiteBackend.number(Meta.compacted, database)
            let swept = try SQLiteBackend.number(Meta.swept, database)
            guard swept < compacted else { return }
            // A step ends at a revision's end, so that each is a whole compaction by itself.
            let last = try Int64.fetchOne(
                database, sql: "SELECT position >> 20 FROM revisions WHERE position >= ? ORDER BY position LIMIT 1 OFFSET ?",
                arguments: [(swept + 1) << Schema.positionBits, step])
            let target = min(last ?? compacted, compacted)
            let from = swept << Schema.positionBits | Schema.positionMask
            let through = target << Schema.positionBits | Schema.positionMask
            // A row of the range that had a predecessor makes that superfluous; a deletion makes itself superfluous.
            try database.execute(
                sql: """
                    DELETE FROM revisions WHERE position IN (
                        SELECT old.position FROM revisions AS new NOT INDEXED JOIN revisions AS old INDEXED BY revisions_by_key
                        ON old.collection = new.collection AND old.name = new.name
                            AND old.position BETWEEN new.previous << 20 AND new.previous << 20 | 1048575
                        WHERE new.position > ? AND new.position <= ? AND new.previous > 0)
                    """, arguments: [from, through])
            try database.execute(
                sql: """
                    UPDATE collections SET swept = gone.revision FROM (
                        SELECT collection, max(position) >> 20 AS revision FROM revisions NOT INDEXED
                        WHERE position > ? AND position <= ? AND deleted GROUP BY collection) AS gone
                    WHERE id = gone.collection
                    """, arguments: [from, through])
            try database.execute(
                sql: "DELETE FROM revisions WHERE position > ? AND position <= ? AND deleted", arguments: [from, through])
            try SQLiteBackend.set(Meta.swept, String(target), database)
            isMore = target < compacted
        }
        return isMore
    }

    func close() {
        // Closing the last connection moves the log into the file and removes it. If it fails, the next start does that.
        try? pool.close()
        lock.release()
    }

    /// Runs `body` in one transaction on the writer's connection; nothing of it remains when it throws.
    private func transaction(_ body: (Database) throws -> Void) throws(StoreError) {
        do {
            try pool.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    try body(database)
                    return .commit
                }
            }
        } catch {
            throw SQLiteFailure.unavailable(error)
        }
    }

    private static func set(_ key: String, _ value: String?, _ database: Database) throws {
        if let value {
            try database.execute(sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", arguments: [key, value])
        } else {
            try database.execute(sql: "DELETE FROM meta WHERE key = ?", arguments: [key])
        }
    }

    /// A number of the `meta` table; 0 when it is not there.
    static func number(_ key: String, _ database: Database) throws -> Int64 {
        try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key]).flatMap { Int64($0) } ?? 0
    }
}
