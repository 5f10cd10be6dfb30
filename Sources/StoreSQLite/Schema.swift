import GRDB

/// The tables of a state file, and how older files become current.
enum Schema {
    /// `PRAGMA application_id` of our files: "EKSS".
    static let applicationID: Int32 = 0x454B_5353

    /// A revision and the place of a change within it are one row id: `revision << 20 | place`.
    ///
    /// So the table needs no key of its own beside the row id, appends at its end only, and one index serves starting, old states and
    /// compaction: SQLite adds the row id to it, which puts the newest change of a key last.
    static let positionBits: Int64 = 20
    static let positionMask: Int64 = (1 << positionBits) - 1

    /// Step `n` makes version `n + 1` of version `n`. A step that was released is never changed.
    static let steps: [@Sendable (Database) throws -> Void] = [
        { database in
            try database.execute(
                sql: """
                    CREATE TABLE collections (
                        id INTEGER PRIMARY KEY,
                        name TEXT NOT NULL UNIQUE,
                        swept INTEGER NOT NULL DEFAULT 0
                    );
                    CREATE TABLE revisions (
                        position INTEGER PRIMARY KEY,
                        collection INTEGER NOT NULL,
                        name TEXT NOT NULL,
                        created INTEGER NOT NULL,
                        previous INTEGER NOT NULL,
                        deleted INTEGER NOT NULL,
                        value BLOB NOT NULL,
                        revision INTEGER GENERATED ALWAYS AS (position >> 20) VIRTUAL
                    );
                    CREATE INDEX revisions_by_key ON revisions (collection, name);
                    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                    """)
        }
    ]

    static var version: Int { steps.count }

    /// Brings a file up to date in one transaction.
    static func migrate(_ database: Database, steps: [@Sendable (Database) throws -> Void] = Schema.steps) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found < steps.count else { return }
        try database.inTransaction {
            for step in steps[found...] { try step(database) }
            try database.execute(sql: "PRAGMA user_version = \(steps.count)")
            return .commit
        }
    }
}

/// Keys of the `meta` table. Those about the world carry a prefix, so that they never meet ours.
enum Meta {
    /// History before this revision is forgotten.
    static let compacted = "compacted"
    /// History before this revision is removed from the table too.
    static let swept = "swept"
    static let worldPrefix = "world/"
}
