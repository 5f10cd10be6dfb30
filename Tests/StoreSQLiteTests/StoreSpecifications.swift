import Store
import StoreSQLite
import Testing
import World

@Suite("Every store")
struct StoreSpecifications {
    @Test("a write gets the next revision and keeps the revision that made the key", arguments: StoreKind.allCases)
    func revisions(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            #expect(store.revision == 1)
            let created = try await store.commit(
                Transaction(
                    conditions: [.absent(pod("a"))], writes: [.put(pod("a"), .spliced(before: bytes("<"), after: bytes(">")))]))
            let updated = try await store.commit(
                Transaction(conditions: [.modified(pod("a"), 2)], writes: [.put(pod("a"), .spliced(before: [], after: bytes("!")))]))
            let entry = try #require(store.get(pod("a")))
            #expect([created.revision, updated.revision, entry.created, entry.modified, store.revision] == [2, 3, 2, 3, 3])
            #expect(created.values.map(text) == ["<2>"] && text(entry.value) == "3!")
            #expect(store.revision(of: pods) == 3 && store.revision(of: "other") == 0)
            let deleted = try await store.commit(
                Transaction(
                    conditions: [.modified(pod("a"), 3)], writes: [.delete(pod("a"), last: .spliced(before: bytes("gone "), after: []))]))
            #expect(deleted.values.map(text) == ["gone 4"] && store.get(pod("a")) == nil)
            // The key starts anew.
            try await store.put("a", "again")
            #expect(store.get(pod("a"))?.created == 5)
        }
    }

    @Test("a transaction happens as a whole or not at all", arguments: StoreKind.allCases)
    func transactions(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            let both = try await store.commit(
                Transaction(writes: [
                    .put(pod("a"), .bytes(bytes("1"))), .put(Key("x", "b"), .bytes(bytes("2"))), .delete(pod("none"), last: nil),
                ]))
            #expect(both.revision == 2 && both.values.map(text) == ["1", "2", ""])
            #expect(store.get(pod("a"))?.modified == 2 && store.get(Key("x", "b"))?.modified == 2)

            let refused: [(Transaction.Condition, StoreError)] = [
                (.absent(pod("a")), .conflict(pod("a"), current: 2)),
                (.modified(pod("a"), 1), .conflict(pod("a"), current: 2)),
                (.modified(pod("none"), 1), .conflict(pod("none"), current: nil)),
            ]
            for (condition, expected) in refused {
                let error = await failure {
                    try await store.commit(
                        Transaction(conditions: [.modified(pod("a"), 2), condition], writes: [.delete(pod("a"), last: nil)]))
                }
                #expect(error == expected)
            }
            let twice = await failure {
                try await store.commit(Transaction(writes: [.put(pod("c"), .bytes([1])), .delete(pod("c"), last: nil)]))
            }
            #expect(twice != nil)
            #expect(try store.listing() == "a=1" && store.revision == 2)
            // Nothing written, no revision; but the conditions count.
            #expect(try await store.commit(Transaction(conditions: [.modified(pod("a"), 2)], writes: [])).revision == 2)
            #expect(try await store.delete("none") == 2)
        }
    }

    @Test("writes of one transaction may get a revision each, and are still all or none", arguments: StoreKind.allCases)
    func revisionsEach(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            func steps(_ conditions: [Transaction.Condition] = []) -> Transaction {
                Transaction(
                    conditions: conditions,
                    writes: [
                        .put(pod("a"), .spliced(before: bytes("<"), after: bytes(">"))), .delete(pod("none"), last: nil),
                        .put(pod("b"), .spliced(before: bytes("<"), after: bytes(">"))),
                    ], numbering: .eachItsOwn)
            }
            let watch = try store.watch(pods, prefix: "", after: store.revision)
            let commit = try await store.commit(steps())
            #expect(commit.revision == 3 && commit.values.map(text) == ["<2>", "", "<3>"])
            #expect(store.revision == 3 && store.get(pod("a"))?.modified == 2 && store.get(pod("b"))?.modified == 3)
            #expect(try await watch.next()?.map(\.revision) == [2, 3])
            #expect(await failure { try await store.commit(steps([.absent(pod("b"))])) } == .conflict(pod("b"), current: 3))
            #expect(store.revision == 3)
        }
    }

    @Test("a range is in byte order, by prefix, and can be continued", arguments: StoreKind.allCases)
    func ranges(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            // Byte order puts "Z" before "a" and both before "é"; a prefix ends where its bytes end.
            for name in ["b/2", "é", "a", "b", "b/1", "Z", "b0", "e\u{301}", "b/10"] { try await store.put(name, "v") }
            #expect(try store.listing() == "Z=v a=v b=v b/1=v b/10=v b/2=v b0=v e\u{301}=v é=v")
            let cases: [(String, String?, Int, String)] = [
                ("b/", nil, 0, "b/1=v b/10=v b/2=v"), ("b/", "b/1", 0, "b/10=v b/2=v"), ("b/", "b/1", 1, "b/10=v +1"),
                ("b/", "b/2", 5, ""), ("", "b0", 1, "e\u{301}=v +1"), ("é", nil, 0, "é=v"), ("x", nil, 0, ""),
                ("b/", "a", 2, "b/1=v b/10=v +1"),
                ("", nil, 2, "Z=v a=v +7"),
            ]
            for (prefix, after, limit, expected) in cases {
                #expect(try store.listing(prefix: prefix, after: after, limit: limit) == expected)
            }
            let before = store.revision
            try await store.put("b/15", "new")
            try await store.delete("b/2")
            try await store.put("a", "changed")
            try await store.delete("é")
            for (prefix, after, limit, expected) in cases {
                #expect(try store.listing(prefix: prefix, at: before, after: after, limit: limit) == expected)
            }
            #expect(try store.listing(prefix: "b/") == "b/1=v b/10=v b/15=new")
            #expect(try store.range(pods, prefix: "", at: before, after: nil, limit: 1).revision == before)
            #expect(try store.listing(at: 1) == "" && store.listing(at: 3) == "b/2=v é=v")
            #expect(await failure { _ = try store.listing(at: 99) } == .futureRevision(requested: 99, current: store.revision))
            #expect(try store.listing(in: "nothing") == "")
        }
    }

    @Test("reads and watches reach back as far as history goes, also beyond memory", arguments: StoreKind.allCases)
    func history(kind: StoreKind) async throws {
        var limits = StoreLimits()
        limits.windowChanges = 3
        try await kind.run(limits: limits) { store, _ in
            for number in 2...9 { try await store.put(["a", "b", "c"][number % 3], "\(number)") }
            try await store.delete("a")
            try await store.put("z", "11", in: "other")
            if kind == .memory {
                // Memory is all that this store has.
                #expect(await failure { _ = try store.listing(at: 3) } == .compacted(requested: 3, compacted: 8))
                #expect(await failure { _ = try store.watch(pods, prefix: "", after: 3) } == .compacted(requested: 3, compacted: 8))
            } else {
                #expect(try store.listing(at: 5) == "a=3 b=4 c=5" && store.listing(at: 3, limit: 1) == "a=3 +1")
                #expect(try store.listing(prefix: "b", at: 5) == "b=4" && store.listing(at: 5, after: "a", limit: 1) == "b=4 +1")
                let events = try await collect(store.watch(pods, prefix: "a", after: 2), 4)
                #expect(events == ["created a@3:3", "modified a@6:6(3)", "modified a@9:9(6)", "deleted a@10:9(9)"])
            }
            #expect(try store.listing(at: 9) == "a=9 b=7 c=8" && store.listing(at: 8) == "a=6 b=7 c=8")
            let recent = try await collect(store.watch(pods, prefix: "", after: 8), 2)
            #expect(recent == ["modified a@9:9(6)", "deleted a@10:9(9)"])
            #expect(await failure { _ = try store.watch(pods, prefix: "", after: 99) } == .futureRevision(requested: 99, current: 11))
        }
    }

    @Test("compaction forgets the past and keeps what stands", arguments: StoreKind.allCases)
    func compaction(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            for number in 2...7 { try await store.put(["a", "b"][number % 2], "\(number)") }
            try await store.delete("a")
            try await store.compact(before: 5)
            try await store.compact(before: 3)
            #expect(store.compactedRevision == 5)
            #expect(await failure { _ = try store.listing(at: 4) } == .compacted(requested: 4, compacted: 5))
            #expect(await failure { _ = try store.watch(pods, prefix: "", after: 4) } == .compacted(requested: 4, compacted: 5))
            #expect(try store.listing(at: 5) == "a=4 b=5" && store.listing(at: 7) == "a=6 b=7" && store.listing() == "b=7")
            let events = try await collect(store.watch(pods, prefix: "", after: 5), 3)
            #expect(events == ["modified a@6:6(4)", "modified b@7:7(5)", "deleted a@8:6(6)"])
            #expect(await failure { try await store.compact(before: 99) } == .futureRevision(requested: 99, current: 8))
            try await store.compact(before: 8)
            #expect(try store.listing() == "b=7" && store.revision == 8 && store.revision(of: pods) == 8)
        }
    }

    @Test("a disk that refuses changes nothing, and the next write is tried again", arguments: StoreKind.allCases)
    func refusingDisk(kind: StoreKind) async throws {
        try await kind.run { store, world in
            try await store.put("a", "1")
            world.faults.arm("store.commit", .init(remaining: 1, detail: "no space left"))
            #expect(await failure { try await store.put("a", "2") } == .unavailable("no space left"))
            #expect(try store.listing() == "a=1" && store.revision == 2)
            #expect(try await store.put("a", "3") == 3)
            #expect(try store.listing() == "a=3")
        }
    }

    @Test("values about the world are kept beside the objects", arguments: StoreKind.allCases)
    func metadata(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            try await store.setMetadata("seed", "7")
            try await store.setMetadata("clock", "x")
            try await store.setMetadata("clock", nil)
            #expect(store.metadata("seed") == "7" && store.metadata("clock") == nil && store.revision == 1)
        }
    }

    @Test("increments by many writers at once are all counted", arguments: StoreKind.allCases)
    func increments(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            try await store.put("counter", "0")
            let watch = try store.watch(pods, prefix: "counter", after: 2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        for _ in 0..<25 {
                            var isDone = false
                            while !isDone {
                                let entry = try #require(store.get(pod("counter")))
                                let next = (Int(text(entry.value)) ?? -1000) + 1
                                do throws(StoreError) {
                                    try await store.commit(
                                        Transaction(
                                            conditions: [.modified(pod("counter"), entry.modified)],
                                            writes: [.put(pod("counter"), .bytes(bytes("\(next)")))]))
                                    isDone = true
                                } catch {
                                    guard case .conflict = error else { throw error }
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try store.listing() == "counter=400" && store.revision == 402)
            let seen = try await collect(watch, 400)
            #expect(seen == (1...400).map { "modified counter@\($0 + 2):\($0)(\($0 - 1))" })
        }
    }

    @Test("a closed store answers reads and refuses writes", arguments: StoreKind.allCases)
    func closing(kind: StoreKind) async throws {
        try await kind.run { store, _ in
            try await store.put("a", "1")
            let watch = try store.watch(pods, prefix: "", after: 1)
            await store.close()
            await store.close()
            #expect(try await watch.next()?.count == 1)
            #expect(try await watch.next() == nil)
            #expect(try store.listing() == "a=1")
            #expect(await failure { try await store.put("a", "2") } == .closed)
            #expect(await failure { try await store.setMetadata("a", "2") } == .closed)
            #expect(await failure { _ = try store.watch(pods, prefix: "", after: 1) } == .closed)
        }
    }
}
