import Testing
import World

/// Lines written by timers, which may run concurrently.
private final class Log: Sendable {
    private let storage = Lock<[String]>([])
    var lines: [String] { storage.withLock { $0 } }
    func add(_ line: String) { storage.withLock { $0.append(line) } }
}

@Suite("World")
struct WorldTests {
    private static let start = Instant(seconds: 1_800_000_000)

    @Test("a frozen clock moves only when advanced, and runs timers at their own times in order")
    func virtualTimers() async {
        let world = World(clock: .frozen(at: Self.start))
        let log = Log()
        @Sendable func note(_ text: String) { log.add("\(text)@\((world.now - Self.start).inSeconds)") }
        world.timers.schedule(after: .seconds(20), "late") { note("late") }
        world.timers.schedule(after: .seconds(10), "first") {
            note("first")
            world.timers.schedule(after: .seconds(5), "nested") { note("nested") }
        }
        world.timers.schedule(after: .seconds(10), "second") { note("second") }
        let cancelled = world.timers.schedule(after: .seconds(1), "cancelled") { note("cancelled") }
        world.timers.cancel(cancelled)
        await world.advance(by: .seconds(15))
        #expect(log.lines == ["first@10.0", "second@10.0", "nested@15.0"])
        #expect(world.now == Self.start + .seconds(15))
        #expect(world.timers.pending.map(\.label) == ["late"])
        await world.advance(by: .seconds(-5))
        #expect(world.now == Self.start + .seconds(15))
    }

    @Test("a running clock runs timers by itself")
    func realTimers() async throws {
        let world = World()
        let before = world.now
        try await world.timers.sleep(for: .milliseconds(5))
        #expect(world.now >= before + .milliseconds(5))
        world.close()
    }

    @Test("advancing a running clock shifts it; freezing stops it")
    func modes() async {
        let world = World()
        let before = world.now
        await world.advance(by: .seconds(3600))
        #expect(world.now >= before + .seconds(3600))
        world.freeze()
        #expect(world.now == world.now && world.clock.isFrozen)
        world.resume()
        #expect(!world.clock.isFrozen)
        world.close()
    }

    @Test("what a running clock has begun ends at its own time, before the clock is advanced")
    func advanceWaits() async {
        let world = World()
        let log = Log()
        let (begun, beginning) = AsyncStream<Void>.makeStream()
        let before = world.now
        world.timers.schedule(after: .zero, "long") {
            beginning.finish()
            for _ in 0..<10_000 { await Task.yield() }
            log.add(world.now < before + .seconds(3600) ? "in time" : "late")
            world.timers.schedule(after: .seconds(10), "next") { log.add("next") }
        }
        for await _ in begun {}
        await world.advance(by: .seconds(3600))
        #expect(log.lines == ["in time", "next"])
        world.close()
    }

    @Test("a cancelled sleep ends at once")
    func cancelledSleep() async {
        let world = World(clock: .frozen(at: Self.start))
        let task = Task { try await world.timers.sleep(for: .seconds(60)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(world.timers.pending.isEmpty)
    }

    @Test("the same seed gives the same identifiers, another position others")
    func randomness() {
        func sample(_ source: RandomSource) -> [String] {
            [source.uuid(), source.hex(32), source.nameSuffix(), source.awsUniqueID(prefix: "AROA"), source.awsSecretAccessKey()]
        }
        let first = sample(RandomSource(seed: 7))
        #expect(first == sample(RandomSource(seed: 7)))
        let other = RandomSource(seed: 7)
        other.reseed(position: 12)
        #expect(Set(first).isDisjoint(with: sample(other)))
        #expect(first[0].wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        #expect((0..<1000).allSatisfy { _ in (0..<6).contains(other.next(below: 6)) } && other.next(below: 0) == 0)
    }

    @Test("a fault happens as often as it was armed for")
    func faults() {
        let faults = FaultPoints()
        #expect(faults.take("store.commit") == nil)
        faults.arm("store.commit", FaultPoints.Fault(remaining: 2, detail: "full"))
        #expect((0..<3).map { _ in faults.take("store.commit")?.detail } == ["full", "full", nil])
        faults.arm("sts", FaultPoints.Fault())
        #expect((0..<3).allSatisfy { _ in faults.take("sts") != nil })
        faults.clear()
        #expect(faults.take("sts") == nil && faults.all.isEmpty)
    }
}

@Suite("Trace ring")
struct TraceRingTests {
    @Test("keeps the newest traces and finds them by id and by condition")
    func bounded() {
        let ring = TraceRing(capacity: 3)
        for number in 1...5 {
            let trace = RequestTrace(id: "\(number)", received: Instant(seconds: 0), summary: "GET /", target: "demo")
            trace.finish(status: number == 4 ? 403 : 200)
            ring.record(trace)
        }
        #expect(ring["2"] == nil && ring["5"]?.id == "5")
        #expect(ring.last()?.id == "5" && ring.last { $0.snapshot.status == 403 }?.id == "4")
        #expect(ring.recent(limit: 2).map(\.id) == ["5", "4"])
    }

    @Test("steps keep their order however they were added, and the request line is the summary until another is given")
    func steps() {
        let trace = RequestTrace(
            id: "a", received: Instant(seconds: 0), method: "GET", path: "/api", target: "demo", steps: [TraceStep("nlb", "accept", .pass)])
        trace.add(later: { TraceStep("authz", "bindings", .pass) })
        trace.add(TraceStep("registry", "get", .info))
        #expect(trace.snapshot.steps.map(\.hop) == ["nlb", "authz", "registry"])
        #expect(trace.snapshot.summary == "GET /api")
        trace.describe("eks:ListClusters")
        #expect(trace.snapshot.summary == "eks:ListClusters")
    }

    @Test("a follower receives what is recorded from then on")
    func follow() async {
        let ring = TraceRing()
        var iterator = ring.follow().makeAsyncIterator()
        ring.record(RequestTrace(id: "a", received: Instant(seconds: 0), summary: "", target: ""))
        #expect(await iterator.next()?.id == "a")
    }
}
