#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The only clock of a simulator.
///
/// Running, it follows the system's time plus an offset; frozen, it stands until it is advanced. `--clock virtual` starts it frozen.
public final class WorldClock: Sendable {
    /// How the clock moves.
    public enum Mode: Sendable, Hashable {
        /// System time plus an offset.
        case running(offset: Duration)
        /// Standing.
        case frozen(at: Instant)
    }

    private let mode: Lock<Mode>

    /// Makes a clock.
    public init(_ mode: Mode = .running(offset: .zero)) { self.mode = Lock(mode) }

    /// The present time of the simulator.
    public var now: Instant {
        switch current {
        case .running(let offset): WorldClock.systemTime() + offset
        case .frozen(let instant): instant
        }
    }

    /// How the clock moves at present.
    public var current: Mode { mode.withLock { $0 } }

    /// Whether time moves only when advanced.
    public var isFrozen: Bool { if case .frozen = current { true } else { false } }

    /// Stops the clock at the present time.
    public func freeze() {
        let now = now
        mode.withLock { $0 = .frozen(at: now) }
    }

    /// Lets the clock run on from where it stands.
    public func resume() {
        mode.withLock {
            if case .frozen(let instant) = $0 { $0 = .running(offset: instant - WorldClock.systemTime()) }
        }
    }

    /// Moves time forward without running timers; `World.advance(by:)` is what callers want.
    func move(to instant: Instant) {
        mode.withLock {
            switch $0 {
            case .running: $0 = .running(offset: instant - WorldClock.systemTime())
            case .frozen: $0 = .frozen(at: instant)
            }
        }
    }

    static func systemTime() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// A reading for measuring how long work took; never part of the simulated state.
public struct Stopwatch: Sendable {
    private let start: UInt64

    /// Starts measuring.
    public init() { start = Stopwatch.reading() }

    /// Time since the start.
    public var elapsed: Duration { .nanoseconds(Int64(Stopwatch.reading() - start)) }

    private static func reading() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
