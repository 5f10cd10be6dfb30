/// Work that waits for a time on the world's clock.
///
/// With a frozen clock, timers run only inside `World.advance(by:)`, in the order of their deadlines and, for equal deadlines, of their
/// scheduling. With a running clock a background task runs them.
public final class Timers: Sendable {
    /// Names a scheduled timer, for cancelling it.
    public struct Handle: Sendable, Hashable {
        fileprivate let deadline: Instant
        fileprivate let sequence: UInt64
    }

    /// What a timer does.
    public typealias Action = @Sendable () async -> Void

    private struct Entry: Sendable {
        let deadline: Instant
        let sequence: UInt64
        let label: String
        let action: Action
    }

    private struct State: Sendable {
        var entries: [Entry] = []
        var nextSequence: UInt64 = 0
        var sleeper: Task<Void, Never>?
        /// How many actions the background task has under way, and who waits for their end.
        var running = 0
        var settling: [CheckedContinuation<Void, Never>] = []
        var isClosed = false

        /// Where a timer stands, or would stand.
        func place(of handle: Handle) -> Int {
            var range = entries.startIndex..<entries.endIndex
            while !range.isEmpty {
                let middle = range.lowerBound + range.count / 2
                let entry = entries[middle]
                if (entry.deadline, entry.sequence) < (handle.deadline, handle.sequence) {
                    range = middle + 1..<range.upperBound
                } else {
                    range = range.lowerBound..<middle
                }
            }
            return range.lowerBound
        }
    }

    private let clock: WorldClock
    private let state = Lock(State())

    init(clock: WorldClock) { self.clock = clock }

    /// Runs `action` once the clock has reached `deadline`. `label` names it in listings.
    @discardableResult
    public func schedule(at deadline: Instant, _ label: String, action: @escaping Action) -> Handle {
        let handle = state.withLock { state -> Handle in
            let sequence = state.nextSequence
            state.nextSequence += 1
            let entry = Entry(deadline: deadline, sequence: sequence, label: label, action: action)
            let handle = Handle(deadline: deadline, sequence: sequence)
            state.entries.insert(entry, at: state.place(of: handle))
            return handle
        }
        rearm()
        return handle
    }

    /// Runs `action` after `delay` on the world's clock.
    @discardableResult
    public func schedule(after delay: Duration, _ label: String, action: @escaping Action) -> Handle {
        schedule(at: clock.now + delay, label, action: action)
    }

    /// Forgets a timer that has not run.
    public func cancel(_ handle: Handle) {
        state.withLock { state in
            let place = state.place(of: handle)
            guard place < state.entries.count, state.entries[place].sequence == handle.sequence else { return }
            state.entries.remove(at: place)
        }
    }

    /// Deadlines and labels of what waits, in order.
    public var pending: [(deadline: Instant, label: String)] {
        state.withLock { $0.entries.map { ($0.deadline, $0.label) } }
    }

    /// Waits for `duration` on the world's clock. Ends early, throwing `CancellationError`, when the task is cancelled.
    public func sleep(for duration: Duration) async throws {
        let once = Once()
        let handle = Lock<Handle?>(nil)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard once.arm(continuation) else { return continuation.resume(throwing: CancellationError()) }
                let scheduled = schedule(after: duration, "sleep") { once.resume(.success(())) }
                handle.withLock { $0 = scheduled }
                if once.isDone { cancel(scheduled) }
            }
        } onCancel: {
            once.resume(.failure(CancellationError()))
            if let handle = handle.withLock({ $0 }) { cancel(handle) }
        }
    }

    /// The earliest timer due at `limit` or before, taken out of the list.
    func takeDue(by limit: Instant, inBackground: Bool = false) -> (deadline: Instant, action: Action)? {
        state.withLock { state in
            guard let first = state.entries.first, first.deadline <= limit else { return nil }
            if inBackground { state.running += 1 }
            state.entries.removeFirst()
            return (first.deadline, first.action)
        }
    }

    /// Sets the background task to the earliest deadline. Called whenever that, or the way the clock moves, changes.
    func rearm() {
        state.withLock { state in
            state.sleeper?.cancel()
            state.sleeper = nil
            guard !state.isClosed, !clock.isFrozen, let first = state.entries.first else { return }
            let wait = max(first.deadline - clock.now, .zero)
            state.sleeper = Task { [weak self] in
                do { try await Task.sleep(for: wait, tolerance: .zero) } catch { return }
                await self?.runDue()
            }
        }
    }

    private func runDue() async {
        while let due = takeDue(by: clock.now, inBackground: true) {
            Task {
                await due.action()
                end()
            }
        }
        rearm()
    }

    private func end() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.running -= 1
            guard state.running == 0 else { return [] }
            defer { state.settling = [] }
            return state.settling
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits until what the background task has begun has ended: it would see a later time otherwise than that at which it was due.
    func settle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.running > 0 { state.settling.append(continuation) }
                return state.running == 0
            }
            if isIdle { continuation.resume() }
        }
    }

    /// Forgets all timers and starts none.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.sleeper?.cancel()
            state.entries.removeAll()
        }
    }

    /// A continuation that is resumed at most once.
    private final class Once: Sendable {
        private enum Phase: Sendable {
            case idle
            case armed(CheckedContinuation<Void, any Error>)
            case done
        }
        private let phase = Lock(Phase.idle)

        var isDone: Bool { phase.withLock { if case .done = $0 { true } else { false } } }

        func arm(_ continuation: CheckedContinuation<Void, any Error>) -> Bool {
            phase.withLock {
                guard case .idle = $0 else { return false }
                $0 = .armed(continuation)
                return true
            }
        }

        func resume(_ result: Result<Void, any Error>) {
            let armed = phase.withLock { phase -> CheckedContinuation<Void, any Error>? in
                defer { phase = .done }
                if case .armed(let continuation) = phase { return continuation }
                return nil
            }
            armed?.resume(with: result)
        }
    }
}
