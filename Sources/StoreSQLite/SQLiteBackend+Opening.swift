import GRDB
import Store

extension SQLiteBackend {
    /// Files up to this size are checked at every start: some 20 ms (1 ms a MiB, measured).
    private static let alwaysChecked = 16 << 20
    /// Files up to this size are checked when the last process did not close them. Larger ones would take too long; SQLite's log already
    /// protects against the death of a process, and loading reads every page that holds current state.
    private static let checkedAfterCrash = 256 << 20

    /// Opens or makes a file and loads its current state.
    ///
    /// - Parameter maximumPages: a limit of the file's size, for tests of a full disk.
    static func open(
        path: String, durability: SQLiteStore.Durability, maximumPages: Int? = nil
    ) throws(StoreError) -> (SQLiteBackend, StoreContents) {
        let file = try StateFile(path)
        let lock = try file.lock()
        do {
            if try file.exists() { try inspect(file) } else { try file.create(durable: durability == .full) }
            var configuration = SQLiteBackend.configuration
            configuration.maximumReaderCount = 2
            let pool = try DatabasePool(path: file.path, configuration: configuration)
            let contents = try pool.writeWithoutTransaction { database in
                try database.execute(
                    sql: """
                        PRAGMA synchronous = \(durability == .full ? "FULL" : "NORMAL");
                        PRAGMA cache_size = -8192;
                        PRAGMA journal_size_limit = 67108864;
                        PRAGMA wal_autocheckpoint = 0;
                        """)
                if let maximumPages { try database.execute(sql: "PRAGMA max_page_count = \(maximumPages)") }
                try Schema.migrate(database)
                return try load(database)
            }
            return (SQLiteBackend(pool: pool, lock: lock, collectionIDs: contents.ids, isQuick: durability != .full), contents.contents)
        } catch let error as StoreError {
            throw error
        } catch {
            let text = SQLiteFailure.text(error)
            throw file.unusable(SQLiteFailure.isDamage(error) ? StateFile.damaged(text) : text)
        }
    }

    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(5)
        return configuration
    }

    /// Refuses a newer or damaged file before anything is written to it.
    private static func inspect(_ file: StateFile) throws {
        let isChecked = file.size <= (file.hasLog ? checkedAfterCrash : alwaysChecked)
        let database = try DatabaseQueue(path: file.path, configuration: configuration)
        try database.writeWithoutTransaction { database in
            let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            guard found <= Schema.version else {
                throw file.unusable(
                    "it was made by a newer eks-sim (schema \(found), this one knows \(Schema.version)); "
                        + "use that one, or choose another file with --state")
            }
            let result = isChecked ? try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "ok" : "ok"
            guard result == "ok" else { throw file.unusable(StateFile.damaged(result)) }
        }
        try database.close()
    }

    /// Reads the current state.
    private static func load(_ database: Database) throws -> (contents: StoreContents, ids: [String: Int64]) {
        struct Loading {
            let name: String
            var revision: Revision
            var entries: [Entry] = []
        }
        var collections: [Int64: Loading] = [:]
        var ids: [String: Int64] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT id, name, swept FROM collections") {
            collections[try row.integer(0)] = Loading(name: try row.text(1), revision: try row.integer(2))
            ids[try row.text(1)] = try row.integer(0)
        }
        let compacted = try number(Meta.compacted, database)
        var newest = max(1, compacted)
        var rows = 0
        var live = 0
        var liveBytes = 0
        let cursor = try Row.fetchCursor(
            database,
            sql: """
                SELECT r.collection, r.name, r.position, r.created, r.deleted, r.value, k.rows FROM
                    (SELECT max(position) AS newest, count(*) AS rows FROM revisions INDEXED BY revisions_by_key GROUP BY collection, name) AS k
                CROSS JOIN revisions AS r ON r.position = k.newest
                """)
        while let row = try cursor.next() {
            let revision = try row.integer(2) >> Schema.positionBits
            newest = max(newest, revision)
            rows += Int(try row.integer(6))
            let collection = try row.integer(0)
            // In place, so that the array is not copied for every row.
            guard let index = collections.index(forKey: collection) else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a revision belongs to no collection")
            }
            collections.values[index].revision = max(collections.values[index].revision, revision)
            if try row.integer(4) == 0 {
                let value = try row.bytes(5)
                live += 1
                liveBytes += value.count
                collections.values[index].entries.append(
                    Entry(name: try row.text(1), value: value, created: try row.integer(3), modified: revision))
            }
        }
        let pages = try Int.fetchOne(database, sql: "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count") ?? 0
        let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
        var metadata: [String: String] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT key, value FROM meta WHERE key GLOB ?", arguments: [Meta.worldPrefix + "*"]) {
            let key = try row.text(0)
            metadata[String(key.dropFirst(Meta.worldPrefix.count))] = try row.text(1)
        }
        var contents = StoreContents(
            revision: newest, compacted: compacted,
            collections: collections.values.map { .init(name: $0.name, revision: $0.revision, entries: $0.entries) }, metadata: metadata)
        contents.historyChanges = rows - live
        contents.historyBytes = max(0, pages * pageSize - liveBytes)
        contents.isSweeping = try number(Meta.swept, database) < compacted
        return (contents, ids)
    }
}
