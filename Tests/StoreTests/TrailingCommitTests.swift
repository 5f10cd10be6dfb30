import Store
import Testing
import World

/// Commits that are visible before they are on the disk.
@Suite("Trailing commits")
struct TrailingCommitTests {
    /// A disk that keeps what it is given, and can be made to refuse.
    private final class Disk: StoreBackend {
        struct State {
            var changes: [Change] = []
            var groups = 0
            var isFull = false
        }

        let state = Lock(State())
        let isQuick = true
        let isUntidy = false

        func tidy() {}

        func write(_ changes: [Change]) throws(StoreError) {
            let isFull = state.withLock { state in
                if !state.isFull {
                    state.changes += changes
                    state.groups += 1
                }
                return state.isFull
            }
            if isFull { throw .unavailable("full") }
        }

        func writeMetadata(_ key: String, _ value: String?) throws(StoreError) {}

        func range(
            _ collection: String, prefix: String, at revision: Revision, after: String?, limit: Int
        ) throws(StoreError) -> RangeResult { throw .unavailable("not here") }

        func events(
            _ collection: String, prefix: String, after revision: Revision, through last: Revision, limit: Int, bytes: Int
        ) throws(StoreError) -> [WatchEvent]? { nil }

        func beginCompaction(before revision: Revision) throws(StoreError) {}
        func sweep(step: Int) throws(StoreError) -> Bool { false }
        func close() {}

        var names: [String] { state.withLock { $0.changes.map(\.name) } }
        var revisions: [Revision] { state.withLock { $0.changes.map(\.revision) } }
    }

    private func put(_ store: PersistentStore, _ name: String, mayTrail: Bool) async throws -> Revision {
        let transaction = Transaction(writes: [.put(Key("things", name), .bytes([1]))])
        return try await Transaction.$mayTrail.withValue(mayTrail) { try await store.commit(transaction).revision }
    }

    @Test("what trails is visible at once, and on the disk before what others committed after it")
    func order() async throws {
        let disk = Disk()
        let store = PersistentStore(StoreContents(), backend: disk, world: World())
        for number in 0..<200 {
            let revision = try await put(store, "t\(number)", mayTrail: true)
            #expect(store.get(Key("things", "t\(number)"))?.modified == revision)
        }
        let last = try await put(store, "own", mayTrail: false)
        #expect(disk.names == (0..<200).map { "t\($0)" } + ["own"])
        #expect(disk.revisions == (2...last).map { $0 })
        await store.close()
    }

    @Test("trailing and other commits of many tasks get a revision each, in the order in which they reach the disk")
    func many() async throws {
        let disk = Disk()
        var limits = StoreLimits()
        limits.trailingChanges = 8
        let store = PersistentStore(StoreContents(), backend: disk, world: World(), limits: limits)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask { for number in 0..<100 { _ = try await self.put(store, "\(task)/\(number)", mayTrail: task % 2 == 0) } }
            }
            try await group.waitForAll()
        }
        await store.close()
        #expect(disk.revisions == (2...801).map { $0 })
        #expect(Set(disk.names).count == 800)
    }

    @Test("a condition that does not hold refuses a trailing commit and leaves nothing")
    func conditions() async throws {
        let disk = Disk()
        let store = PersistentStore(StoreContents(), backend: disk, world: World())
        _ = try await put(store, "a", mayTrail: true)
        let key = Key("things", "a")
        let again = Transaction(conditions: [.absent(key)], writes: [.put(key, .bytes([2]))])
        await #expect(throws: StoreError.conflict(key, current: 2)) {
            try await Transaction.$mayTrail.withValue(true) { try await store.commit(again) }
        }
        #expect(store.revision == 2)
        await store.close()
        #expect(disk.names == ["a"])
    }

    @Test("what a full disk refuses stays visible and goes with the next commit; those of others are refused meanwhile")
    func fullDisk() async throws {
        let disk = Disk()
        let store = PersistentStore(StoreContents(), backend: disk, world: World())
        disk.state.withLock { $0.isFull = true }
        _ = try await put(store, "t", mayTrail: true)
        await #expect(throws: StoreError.unavailable("full")) { try await put(store, "own", mayTrail: false) }
        #expect(store.get(Key("things", "t")) != nil && store.get(Key("things", "own")) == nil)
        disk.state.withLock { $0.isFull = false }
        #expect(try await put(store, "own", mayTrail: false) == 3)
        #expect(disk.names == ["t", "own"])
        await store.close()
    }

    @Test("closing brings what trails to the disk")
    func closing() async throws {
        let disk = Disk()
        let store = PersistentStore(StoreContents(), backend: disk, world: World())
        for number in 0..<50 { _ = try await put(store, "t\(number)", mayTrail: true) }
        await store.close()
        #expect(disk.names.count == 50)
        await #expect(throws: StoreError.closed) { try await put(store, "late", mayTrail: true) }
    }
}
