/// Everything that makes one run of a simulator different from another: time, timers, randomness, traces and faults.
///
/// A `World` is handed down explicitly; no other module reads the system clock, a random generator or the environment.
public final class World: Sendable {
    /// Time.
    public let clock: WorldClock
    /// Work that waits for a time.
    public let timers: Timers
    /// Randomness and identifiers.
    public let random: RandomSource
    /// The traces of the last requests.
    public let traces: TraceRing
    /// Armed faults.
    public let faults: FaultPoints

    /// Makes a world.
    public init(clock: WorldClock.Mode = .running(offset: .zero), seed: UInt64 = 1, traceCapacity: Int = 4096) {
        self.clock = WorldClock(clock)
        timers = Timers(clock: self.clock)
        random = RandomSource(seed: seed)
        traces = TraceRing(capacity: traceCapacity)
        faults = FaultPoints()
    }

    /// The present time.
    public var now: Instant { clock.now }

    /// Moves time forward by `duration`, running every timer that falls due at its own time, in order. A negative duration does nothing.
    public func advance(by duration: Duration) async {
        await timers.settle()
        let target = clock.now + max(duration, .zero)
        while let due = timers.takeDue(by: target) {
            if due.deadline > clock.now { clock.move(to: due.deadline) }
            await due.action()
            await timers.settle()
        }
        if target > clock.now { clock.move(to: target) }
        timers.rearm()
    }

    /// Stops time.
    public func freeze() {
        clock.freeze()
        timers.rearm()
    }

    /// Lets time run on.
    public func resume() {
        clock.resume()
        timers.rearm()
    }

    /// Ends all timers; for shutting down.
    public func close() { timers.close() }
}
