import Testing

@testable import Store

@Suite("MemoryStore")
struct MemoryStoreTests {
    @Test("a value may contain the revision that writes it")
    func splice() async throws {
        let store = MemoryStore()
        let key = Key("k8s/c/core/pods", "default/a")
        let commit = try await store.commit(
            Transaction(conditions: [.absent(key)], writes: [.put(key, .spliced(before: Array("<".utf8), after: Array(">".utf8)))]))
        #expect(commit.revision == 2)
        #expect(commit.values == [Array("<2>".utf8)])
        #expect(store.get(key)?.value == Array("<2>".utf8))
    }

    @Test("the window of recent changes is bounded by bytes, what stands is not")
    func windowBytes() async throws {
        var limits = StoreLimits()
        limits.windowBytes = 1000
        let store = MemoryStore(limits: limits)
        for number in 0..<100 {
            try await store.commit(Transaction(writes: [.put(Key("c", "k\(number)"), .bytes([UInt8](repeating: 1, count: 100)))]))
        }
        #expect(try store.range("c", prefix: "", at: nil, after: nil, limit: 0).entries.count == 100)
        #expect(try store.range("c", prefix: "", at: 91, after: nil, limit: 0).entries.count == 90)
        #expect(throws: StoreError.compacted(requested: 90, compacted: 91)) { try store.watch("c", prefix: "", after: 90) }
        // Another collection lost nothing.
        _ = try store.watch("other", prefix: "", after: 1)
    }

    @Test("a watch that is let go of without cancel leaves nothing behind")
    func abandonedWatch() async throws {
        let core = RevisionCore(StoreContents(), limits: StoreLimits(), backend: nil)
        var watch: (any WatchSubscription)? = try core.watch("c", prefix: "", after: 1)
        #expect(watch != nil && core.watcherCount(of: "c") == 1)
        watch = nil
        #expect(core.watcherCount(of: "c") == 0)
    }
}
