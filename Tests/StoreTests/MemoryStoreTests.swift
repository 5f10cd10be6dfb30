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
}
