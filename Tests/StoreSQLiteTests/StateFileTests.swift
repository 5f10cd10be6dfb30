import Foundation
import GRDB
import Store
import Testing
import World

@testable import StoreSQLite

@Suite("The state file")
struct StateFileTests {
    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    /// Runs SQL as another program would.
    private func sql(_ path: String, _ sql: String) throws {
        try DatabaseQueue(path: path).writeWithoutTransaction { try $0.execute(sql: sql) }
    }

    @Test("everything acknowledged is there after closing and opening again", arguments: [StoreKind.normal, .full])
    func reopen(kind: StoreKind) async throws {
        try await withDirectory { directory in
            let path = directory + "/state.db"
            let first = try kind.open(path)
            for number in 0..<30 { try await first.put("p\(number % 10)", "\(number)") }
            try await first.delete("p3")
            try await first.put("only", "gone", in: "other")
            let last = try await first.delete("only", in: "other")
            try await first.setMetadata("seed", "42")
            let listing = try first.listing()
            let past = try first.listing(at: 20)
            await first.close()
            #expect(try mode(path) == 0o600)
            #expect(!FileManager.default.fileExists(atPath: path + "-wal"))

            // The file holds private keys, so a mode that others widened is narrowed again.
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            let second = try kind.open(path)
            #expect(try mode(path) == 0o600)
            #expect(try second.listing() == listing && second.listing(at: 20) == past)
            #expect(second.revision == last && second.revision(of: pods) == 32 && second.revision(of: "other") == last)
            #expect(second.metadata("seed") == "42")
            let created = try #require(second.get(pod("p5")))
            #expect(created.created == 7 && created.modified == 27)
            // A watch that was interrupted by the restart continues.
            #expect(try await collect(second.watch(pods, prefix: "p3", after: 20), 2) == ["modified p3@25:23(13)", "deleted p3@32:23(23)"])
            #expect(try await second.put("p3", "new") == last + 1)
            await second.close()
        }
    }

    @Test("everything acknowledged is there after the process died", arguments: [StoreKind.normal, .full])
    func crash(kind: StoreKind) async throws {
        try await withDirectory { directory in
            let path = directory + "/state.db"
            let store = try kind.open(path)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 { group.addTask { for number in 0..<20 { try await store.put("\(writer)/\(number)", "v") } } }
                try await group.waitForAll()
            }
            for suffix in ["", "-wal", "-shm"] { #expect(try mode(path + suffix) == 0o600) }
            // What a killed process leaves: the file and the log as they are now.
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: directory + "/copy.db" + suffix)
            }
            let copy = try kind.open(directory + "/copy.db")
            #expect(try copy.listing() == store.listing() && copy.revision == 161)
            await copy.close()
            await store.close()
        }
    }

    @Test("what is not a usable state file is refused with the reason and a way out, and left as it was")
    func refusals() async throws {
        try await withDirectory { directory in
            func file(_ name: String, _ contents: Data) throws -> String {
                let path = directory + "/" + name
                try contents.write(to: URL(fileURLWithPath: path))
                return path
            }
            let good = directory + "/good.db"
            let store = try StoreKind.normal.open(good)
            for number in 0..<200 { try await store.put("p\(number)", String(repeating: "x", count: 500)) }
            await store.close()
            let image = try Data(contentsOf: URL(fileURLWithPath: good))

            let foreign = directory + "/foreign.db"
            try sql(foreign, "CREATE TABLE t (a); PRAGMA application_id = 7")
            let newer = try file("newer.db", image)
            try sql(newer, "PRAGMA user_version = 99")
            var torn = image
            torn.replaceSubrange(4096 * 5..<4096 * 9, with: Data(repeating: 0xA5, count: 4096 * 4))
            let cases: [(path: String, words: [String])] = [
                (try file("text.db", Data("hello, this is a note and not a database at all".utf8)), ["not an eks-sim state file"]),
                (try file("long.db", Data(repeating: 0x20, count: 5000)), ["not an eks-sim state file"]),
                (foreign, ["another program", "7"]),
                (newer, ["newer eks-sim", "99"]),
                (try file("short.db", image.prefix(image.count - 4096)), ["damaged", "\(image.count)", ".recover"]),
                (try file("torn.db", torn), ["damaged"]),
                (directory + "/missing/state.db", ["does not exist", "mkdir -p"]),
                (directory, ["not a regular file"]),
                (good + "/state.db", ["not a directory"]),
                ("", ["not a file name"]),
                (directory + "/" + String(repeating: "n", count: 300), ["too long"]),
            ]
            for (path, words) in cases {
                let before = FileManager.default.contents(atPath: path)
                let error = await failure { _ = try StoreKind.normal.open(path) }
                guard case .unusable(path, let reason) = error else {
                    Issue.record("\(path): \(String(describing: error))")
                    continue
                }
                #expect(words.allSatisfy { reason.contains($0) }, "\(path): \(reason)")
                #expect(FileManager.default.contents(atPath: path) == before)
            }
        }
    }

    @Test("a directory that cannot be written is refused", .enabled(if: getuid() != 0))
    func readOnlyDirectory() async throws {
        try await withDirectory { directory in
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: directory)
            let error = await failure { _ = try StoreKind.normal.open(directory + "/state.db") }
            guard case .unusable(_, let reason) = error else { return #expect(Bool(false), "\(String(describing: error))") }
            #expect(reason.contains("permission denied"))
        }
    }

    @Test("a file that is in use is refused, under any of its names, until it is closed")
    func lock() async throws {
        try await withDirectory { directory in
            let path = directory + "/state.db"
            let store = try StoreKind.normal.open(path)
            try FileManager.default.createSymbolicLink(atPath: directory + "/link.db", withDestinationPath: path)
            for name in [path, directory + "/link.db", directory + "/./state.db"] {
                guard case .unusable(_, let reason) = await failure({ _ = try StoreKind.normal.open(name) }) else {
                    Issue.record("\(name) was opened twice")
                    continue
                }
                #expect(reason.contains("process \(getpid()) is using it"))
            }
            await store.close()
            await (try StoreKind.normal.open(directory + "/link.db")).close()
        }
    }

    @Test("another process's lock is respected and vanishes when that process is killed")
    func killedOwner() async throws {
        try await withDirectory { directory in
            let path = directory + "/state.db"
            await (try StoreKind.normal.open(path)).close()
            // It says when it holds the lock: whoever tried meanwhile could keep it from getting it.
            let owner = Process()
            let says = Pipe()
            owner.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
            owner.arguments = ["--no-fork", path + ".lock", "sh", "-c", "echo held; exec sleep 3600"]
            owner.standardOutput = says
            try owner.run()
            defer { if owner.isRunning { kill(owner.processIdentifier, SIGKILL) } }
            #expect(says.fileHandleForReading.availableData == Data("held\n".utf8))
            guard case .unusable(_, let reason) = await failure({ _ = try StoreKind.normal.open(path) }) else {
                Issue.record("a file that another process has locked was opened")
                return
            }
            #expect(reason.contains("is using it"))
            kill(owner.processIdentifier, SIGKILL)
            owner.waitUntilExit()
            await (try StoreKind.normal.open(path)).close()
        }
    }

    @Test("an empty file is taken, and an old log beside a new file is not applied to it")
    func emptyFile() async throws {
        try await withDirectory { directory in
            let path = directory + "/state.db"
            let old = try StoreKind.normal.open(path)
            try await old.put("a", "old")
            try FileManager.default.copyItem(atPath: path + "-wal", toPath: directory + "/new.db-wal")
            await old.close()
            try Data().write(to: URL(fileURLWithPath: directory + "/new.db"))
            let store = try StoreKind.normal.open(directory + "/new.db")
            #expect(try store.revision == 1 && store.listing() == "")
            await store.close()
        }
    }

    @Test("a full disk refuses the write, keeps what was acknowledged and recovers")
    func fullDisk() async throws {
        try await withDirectory { directory in
            let path = directory + "/state.db"
            let (backend, contents) = try SQLiteBackend.open(path: path, durability: .normal, maximumPages: 40)
            let store = PersistentStore(contents, backend: backend, world: World())
            var acknowledged: [String] = []
            var refusal: StoreError?
            while refusal == nil, acknowledged.count < 100 {
                let name = "p\(acknowledged.count)"
                refusal = await failure { try await store.put(name, String(repeating: "x", count: 4000)) }
                if refusal == nil { acknowledged.append(name) }
            }
            guard case .unavailable(let reason) = refusal else { return #expect(Bool(false), "the disk was never full") }
            #expect(reason.contains("disk is full") && acknowledged.count > 10)
            #expect(store.revision == Int64(acknowledged.count) + 1 && store.get(pod("p\(acknowledged.count)")) == nil)
            // Room is made, and the same store goes on.
            try await backend.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1000") }
            try await store.put("after", "1")
            await store.close()
            let again = try StoreKind.normal.open(path)
            for name in acknowledged + ["after"] { #expect(again.get(pod(name)) != nil) }
            await again.close()
        }
    }

    @Test("compaction frees the file, by itself too, and old rows do not pile up over restarts")
    func compaction() async throws {
        var limits = StoreLimits()
        limits.historyChanges = 50
        limits.compactionStep = 10
        try await withDirectory { directory in
            let path = directory + "/state.db"
            func rows() throws -> Int {
                try DatabaseQueue(path: path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM revisions") ?? 0 }
            }
            for _ in 0..<6 {
                let store = try StoreKind.normal.open(path, limits: limits)
                for number in 0..<40 { try await store.put("p\(number % 4)", "\(number)") }
                await store.close()
                #expect(try rows() <= 110)
            }
            let store = try StoreKind.normal.open(path, limits: limits)
            #expect(store.compactedRevision > 100)
            try await store.delete("p0")
            try await store.compact(before: store.revision)
            // The writer removes rows after answering; a further job waits for nothing, so write until it is through.
            for number in 0..<60 where try rows() > 3 + number { try await store.put("q", "\(number)") }
            #expect(try store.listing() != "" && store.get(pod("p0")) == nil)
            let revision = store.revision
            await store.close()
            let again = try StoreKind.normal.open(path)
            #expect(again.revision == revision && again.get(pod("p0")) == nil && again.get(pod("p1")) != nil)
            await again.close()
        }
    }

    @Test("an older file is brought up to date in one transaction or not at all")
    func migrations() throws {
        struct Failure: Error {}
        let database = try DatabaseQueue()
        let first: @Sendable (Database) throws -> Void = { try $0.execute(sql: "CREATE TABLE one (a)") }
        let second: @Sendable (Database) throws -> Void = { try $0.execute(sql: "ALTER TABLE one ADD COLUMN b; CREATE TABLE two (a)") }
        func version() throws -> Int? { try database.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } }
        try database.writeWithoutTransaction { try Schema.migrate($0, steps: [first]) }
        #expect(try version() == 1)
        #expect(throws: Failure.self) {
            try database.writeWithoutTransaction { try Schema.migrate($0, steps: [first, second, { _ in throw Failure() }]) }
        }
        #expect(try version() == 1 && database.read { try !$0.tableExists("two") })
        try database.writeWithoutTransaction { try Schema.migrate($0, steps: [first, second]) }
        #expect(try version() == 2 && database.read { try $0.tableExists("two") })
    }

    @Test("durability sets how commits reach the disk", arguments: [(SQLiteStore.Durability.full, 2), (.normal, 1)])
    func durability(level: SQLiteStore.Durability, expected: Int) async throws {
        try await withDirectory { directory in
            let (backend, _) = try SQLiteBackend.open(path: directory + "/state.db", durability: level)
            let found = try await backend.pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
            #expect(found == expected)
            backend.close()
        }
    }
}
