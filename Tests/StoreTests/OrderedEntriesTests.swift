import Testing
import World

@testable import Store

@Suite("The parts of a store")
struct OrderedEntriesTests {
    @Test("ordered entries agree with a sorted array through thousands of changes", arguments: [UInt64(1), 2, 3])
    func model(seed: UInt64) {
        let random = RandomSource(seed: seed)
        var entries = OrderedEntries(sorted: (1000..<2500).map { Entry(name: "k\($0)", value: [], created: 1, modified: 1) })
        var model = Dictionary(uniqueKeysWithValues: (1000..<2500).map { ("k\($0)", Revision(1)) })
        for step in 2..<8000 {
            // Growing first, then shrinking to almost nothing.
            let name = "k\(1000 + random.next(below: 3000))"
            if random.next(below: 10) < (step < 3000 ? 8 : 1) {
                let old = entries.put(Entry(name: name, value: [], created: 1, modified: Revision(step)))
                #expect(old?.modified == model.updateValue(Revision(step), forKey: name))
            } else {
                #expect(entries.remove(name)?.modified == model.removeValue(forKey: name))
            }
        }
        let sorted = model.keys.sorted()
        let all = entries.entries(from: entries.start, to: entries.end, limit: 0)
        #expect(all.map(\.name) == sorted && entries.count == sorted.count)
        for prefix in ["k1", "k12", "k399", "z", ""] {
            for after in [nil, "k1200", "k1", "k9"] {
                let expected = sorted.filter { name in name.hasPrefix(prefix) && (after.map { name > $0 } ?? true) }
                let bounds = entries.bounds(prefix: prefix, after: after)
                #expect(entries.entries(from: bounds.from, to: bounds.to, limit: 3).map(\.name) == Array(expected.prefix(3)))
                #expect(entries.distance(from: bounds.from, to: bounds.to) == expected.count)
            }
        }
    }

    @Test("a copy of ordered entries does not see later changes")
    func copies() {
        var entries = OrderedEntries()
        for number in 0..<2000 { entries.put(Entry(name: "k\(number)", value: [], created: 1, modified: 1)) }
        let copy = entries
        for number in 0..<1000 { entries.remove("k\(number)") }
        #expect(copy.count == 2000 && copy.find("k7") != nil && entries.count == 1000 && entries.find("k7") == nil)
    }

    @Test("a refused transaction does not disturb the others of its group, which see each other")
    func group() throws {
        let key = Key("c", "a")
        let stored = Entry(name: "b", value: [1], created: 2, modified: 5)
        func current(_ key: Key) -> Entry? { key.name == "b" ? stored : nil }
        var group = CommitGroup(after: 9)
        let first = try group.add(Transaction(conditions: [.absent(key)], writes: [.put(key, .bytes([1]))]), current: current)
        #expect(throws: StoreError.conflict(key, current: 10)) {
            try group.add(
                Transaction(conditions: [.absent(key)], writes: [.put(Key("c", "x"), .bytes([9])), .put(key, .bytes([2]))]),
                current: current)
        }
        let second = try group.add(Transaction(conditions: [.modified(key, 10)], writes: [.delete(key, last: nil)]), current: current)
        let third = try group.add(Transaction(conditions: [.absent(key)], writes: [.put(Key("c", "b"), .bytes([3]))]), current: current)
        #expect([first.revision, second.revision, third.revision] == [10, 11, 12])
        #expect(group.changes.map(\.kind) == [.created, .deleted, .modified])
        #expect(group.changes.map { $0.previous?.modified } == [nil, 10, 5])
    }

    @Test("too many or too large waiting writes are refused, and a huge one is taken alone")
    func backPressure() async {
        var limits = StoreLimits()
        limits.waitingTransactions = 3
        limits.waitingBytes = 100
        limits.groupTransactions = 2
        let queue = WriteQueue(limits: limits)
        func offer(_ size: Int) -> String {
            switch queue.append(.commit(Transaction(writes: []), { _ in }), size: size) {
            case .first: "first"
            case .queued: "queued"
            case .refused(.unavailable): "refused"
            case .refused(let error): "\(error)"
            }
        }
        #expect([offer(500), offer(1)] == ["first", "refused"])
        #expect(queue.takeGroup(mayRest: true).jobs.count == 1)
        queue.release()
        #expect([offer(40), offer(40), offer(40), offer(1), offer(1)] == ["queued", "queued", "refused", "queued", "refused"])
        #expect(queue.takeGroup(mayRest: false).jobs.count == 2)
        // One group at a time builds on the newest revision.
        #expect(queue.takeGroup(mayRest: false).isEmpty)
        queue.release()
        #expect(queue.takeGroup(mayRest: false).jobs.count == 1)
        queue.release()
        #expect(queue.takeGroup(mayRest: true).isEmpty)
        #expect(offer(1) == "first")
    }
}
