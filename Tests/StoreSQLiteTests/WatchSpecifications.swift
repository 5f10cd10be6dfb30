import Store
import StoreSQLite
import Testing
import World

@Suite("Every store's watch")
struct WatchSpecifications {
    @Test("a watch gets what is after its revision and under its prefix, in order", arguments: StoreKind.allCases)
    func delivery(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            try await store.put("n/a", "1")
            let all = try store.watch(pods, prefix: "", after: 1)
            let some = try store.watch(pods, prefix: "n/", after: 2)
            try await store.commit(
                Transaction(writes: [
                    .put(pod("m/b"), .bytes(bytes("2"))), .put(pod("n/a"), .bytes(bytes("3"))), .put(Key("other", "n/a"), .bytes([])),
                ]))
            try await store.commit(Transaction(writes: [.delete(pod("n/a"), last: .spliced(before: bytes("last"), after: []))]))
            #expect(
                try await collect(all, 4) == ["created n/a@2:1", "created m/b@3:2", "modified n/a@3:3(1)", "deleted n/a@4:last4(3)"])
            #expect(try await collect(some, 2) == ["modified n/a@3:3(1)", "deleted n/a@4:last4(3)"])
        }
    }

    @Test("progress never passes what the reader has not got", arguments: StoreKind.allCases)
    func progress(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            let watch = try store.watch(pods, prefix: "a", after: 1)
            #expect(watch.progress == 1)
            try await store.put("b", "1")
            #expect(watch.progress == 2)
            try await store.put("a", "1")
            try await store.put("b", "2")
            #expect(watch.progress == 2)
            _ = try await watch.next()
            #expect(watch.progress == 4)
            watch.cancel()
            #expect(try await watch.next() == nil && watch.progress == 4)
        }
    }

    @Test("a reader that waits is woken by a write, by cancel, by its task and by the end of the store", arguments: StoreKind.allCases)
    func wakeups(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            let watches = try (0..<4).map { _ in try store.watch(pods, prefix: "", after: 1) }
            let readers = watches.map { watch in Task { try await watch.next()?.count } }
            watches[1].cancel()
            readers[2].cancel()
            #expect(try await readers[1].value == nil)
            #expect(try await readers[2].value == nil)
            try await store.put("a", "1")
            #expect(try await readers[0].value == 1)
            #expect(try await readers[3].value == 1)
            // Cancelling a task ends its call, not the watch.
            #expect(try await watches[2].next()?.count == 1)
            let last = Task { try await watches[0].next()?.count }
            await store.close()
            #expect(try await last.value == nil)
        }
    }

    @Test("a reader that falls too far behind is told so and delays no one", arguments: StoreKind.allCases)
    func overflow(kind: StoreKind) async throws {
        var limits = StoreLimits()
        limits.watchChanges = 5
        try await kind.run(limits: limits) { store, _ in
            let slow = try store.watch(pods, prefix: "", after: 1)
            for number in 0..<5 { try await store.put("a", "\(number)") }
            let other = try store.watch(pods, prefix: "", after: 1)
            try await store.put("a", "5")
            #expect(await failure { _ = try await slow.next() } == .overflow)
            #expect(slow.progress == 1)
            // A backlog does not count: it was in memory before.
            #expect(try await collect(other, 6).count == 6)
        }
    }

    @Test("hundreds of watches get every write of many writers once, in order", arguments: StoreKind.allCases)
    func fanOut(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            let early = try (0..<150).map { _ in try store.watch(pods, prefix: "", after: 1) }
            try await withThrowingTaskGroup(of: [Revision].self) { group in
                func read(_ watch: any WatchSubscription) {
                    group.addTask {
                        var seen: [Revision] = []
                        while seen.last != 201, let events = try await watch.next() { seen += events.map(\.revision) }
                        return seen
                    }
                }
                for watch in early { read(watch) }
                async let writes: Void = withThrowingTaskGroup(of: Void.self) { writers in
                    for writer in 0..<8 {
                        writers.addTask { for number in 0..<25 { try await store.put("\(writer)", "\(number)") } }
                    }
                    try await writers.waitForAll()
                }
                // Watches that start amid the writes miss nothing and get nothing twice.
                for _ in 0..<50 {
                    await Task.yield()
                    read(try store.watch(pods, prefix: "", after: 1))
                }
                try await writes
                for try await seen in group { #expect(seen == Array(2...201)) }
            }
        }
    }
}
