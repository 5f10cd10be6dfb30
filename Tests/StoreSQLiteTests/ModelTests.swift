import Store
import StoreSQLite
import Testing
import World

/// What a store should answer, the slow and obvious way: every state is kept.
private struct Model {
    struct Value: Equatable {
        var text: String
        var created: Revision
        var modified: Revision
    }
    var states: [Revision: [String: Value]] = [1: [:]]
    var events: [(revision: Revision, name: String, line: String)] = []
    var revision: Revision = 1
    var compacted: Revision = 0

    var current: [String: Value] { states[revision] ?? [:] }

    mutating func apply(_ writes: [(name: String, value: String?)]) {
        var state = current
        let next = revision + 1
        var isChanged = false
        for (name, value) in writes {
            let old = state[name]
            if let value {
                state[name] = Value(text: value, created: old?.created ?? next, modified: next)
                let suffix = old.map { "(\($0.text))" } ?? ""
                events.append((next, name, "\(old == nil ? "created" : "modified") \(name)@\(next):\(value)\(suffix)"))
                isChanged = true
            } else if let old {
                state[name] = nil
                events.append((next, name, "deleted \(name)@\(next):\(old.text)(\(old.text))"))
                isChanged = true
            }
        }
        guard isChanged else { return }
        revision = next
        states[next] = state
    }

    func listing(prefix: String, at revision: Revision, after: String?, limit: Int) -> String {
        let found = (states[revision] ?? [:]).sorted { $0.key < $1.key }
            .filter { entry in entry.key.hasPrefix(prefix) && (after.map { entry.key > $0 } ?? true) }
        let taken = limit > 0 ? Array(found.prefix(limit)) : found
        let lines = taken.map { "\($0.key)=\($0.value.text)/\($0.value.created)/\($0.value.modified)" }
        return (lines + ["+\(found.count - taken.count)"]).joined(separator: " ")
    }
}

@Suite("A store against a model")
struct ModelTests {
    struct Plan: Sendable, CustomTestStringConvertible {
        let kind: StoreKind
        let seed: UInt64
        let window: Int

        var testDescription: String { "\(kind), seed \(seed), window \(window)" }
    }

    static let plans: [Plan] = [StoreKind.memory, .normal].flatMap { (kind: StoreKind) -> [Plan] in
        (1...8).map { seed in Plan(kind: kind, seed: UInt64(seed), window: seed % 2 == 0 ? 12 : 10_000) }
    }

    @Test("random work gives what the model gives", arguments: plans)
    func random(plan: Plan) async throws {
        let random = RandomSource(seed: plan.seed)
        var limits = StoreLimits()
        limits.windowChanges = plan.window
        limits.compactionStep = 7
        try await withDirectory { directory in
            let path = directory + "/state.db"
            var persistent = plan.kind == .memory ? nil : try plan.kind.open(path, limits: limits)
            let memory = MemoryStore(limits: limits)
            var model = Model()
            for _ in 0..<400 {
                let store: any Store = persistent ?? memory
                switch random.next(below: 20) {
                case 0..<10: try await write(store, &model, random)
                case 10..<15: try check(store, model, random, mayBeCompacted: plan.kind == .memory && plan.window < 100)
                case 15..<18: try await watch(store, model, random, mayBeCompacted: plan.kind == .memory && plan.window < 100)
                case 18 where random.next(below: 4) == 0:
                    let target = model.compacted + Revision(random.next(below: Int(model.revision - model.compacted) + 1))
                    try await store.compact(before: target)
                    model.compacted = target
                case 19 where random.next(below: 4) == 0:
                    if let open = persistent {
                        await open.close()
                        persistent = try plan.kind.open(path, limits: limits)
                    }
                default: break
                }
                let now: any Store = persistent ?? memory
                #expect(now.revision == model.revision && now.compactedRevision == model.compacted)
            }
            await persistent?.close()
        }
    }

    private func name(_ random: RandomSource) -> String { "\(["a", "b", "c"][random.next(below: 3)])/\(random.next(below: 12))" }

    private func write(_ store: any Store, _ model: inout Model, _ random: RandomSource) async throws {
        var writes: [(name: String, value: String?)] = []
        for _ in 0...random.next(below: 3) {
            let name = name(random)
            guard !writes.contains(where: { $0.name == name }) else { continue }
            writes.append((name, random.next(below: 3) == 0 ? nil : "v\(random.next(below: 1000))"))
        }
        let guarded = name(random)
        let stands = model.current[guarded]
        let condition: Transaction.Condition =
            random.next(below: 2) == 0
            ? .absent(pod(guarded)) : .modified(pod(guarded), stands?.modified ?? 1)
        let isTrue = condition == .absent(pod(guarded)) ? stands == nil : stands != nil
        let transaction = Transaction(
            conditions: random.next(below: 3) == 0 ? [condition] : [],
            writes: writes.map { write in
                write.value.map { .put(pod(write.name), .bytes(bytes($0))) } ?? .delete(pod(write.name), last: nil)
            })
        let error = await failure { try await store.commit(transaction) }
        if transaction.conditions.isEmpty || isTrue {
            #expect(error == nil)
            model.apply(writes)
        } else {
            #expect(error == .conflict(pod(guarded), current: stands?.modified))
        }
    }

    private func check(_ store: any Store, _ model: Model, _ random: RandomSource, mayBeCompacted: Bool) throws {
        let revision = Revision(1 + random.next(below: Int(model.revision)))
        let prefix = ["", "a/", "b/1", "c", "x"][random.next(below: 5)]
        let after = random.next(below: 2) == 0 ? nil : name(random)
        let limit = random.next(below: 6)
        do throws(StoreError) {
            let result = try store.range(pods, prefix: prefix, at: revision, after: after, limit: limit)
            let lines = result.entries.map { "\($0.name)=\(text($0.value))/\($0.created)/\($0.modified)" }
            #expect(revision >= model.compacted)
            #expect(
                (lines + ["+\(result.remaining)"]).joined(separator: " ")
                    == model.listing(prefix: prefix, at: revision, after: after, limit: limit))
        } catch {
            guard case .compacted = error else { throw error }
            #expect(revision < model.compacted || mayBeCompacted)
        }
    }

    private func watch(_ store: any Store, _ model: Model, _ random: RandomSource, mayBeCompacted: Bool) async throws {
        let revision = Revision(random.next(below: Int(model.revision) + 1))
        let prefix = ["", "a/", "b/1"][random.next(below: 3)]
        do throws(StoreError) {
            let watch = try store.watch(pods, prefix: prefix, after: revision)
            #expect(revision >= model.compacted)
            let expected = model.events.filter { $0.revision > revision && $0.name.hasPrefix(prefix) }.map(\.line)
            var seen: [String] = []
            while watch.progress < model.revision, let events = try await watch.next() { seen += events.map(line) }
            #expect(seen == expected)
        } catch {
            guard case .compacted = error else { throw error }
            #expect(revision < model.compacted || mayBeCompacted)
        }
    }
}
