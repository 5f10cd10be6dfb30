import Synchronization
import World

/// The newest revision whose changes are in the queues of all watches that want them.
final class DeliveredRevision: Sendable {
    private let value: Atomic<Revision>

    init(_ revision: Revision) { value = Atomic(revision) }

    var current: Revision { value.load(ordering: .acquiring) }

    func advance(to revision: Revision) { value.store(revision, ordering: .releasing) }
}

/// What waits for the reader of one watch. Batches are shared with the other watches of the collection.
final class WatchQueue: Sendable {
    typealias Answer = Result<[WatchEvent]?, StoreError>

    /// A reader to be woken, outside of all locks.
    struct Wakeup: Sendable {
        let continuation: CheckedContinuation<Answer, Never>
        let answer: Answer

        func resume() { continuation.resume(returning: answer) }
    }

    private enum Phase: Sendable {
        case open
        /// The store closed: what waits is still handed out.
        case draining
        case cancelled
        case overflowed
    }

    private struct State: Sendable {
        var phase = Phase.open
        var batches: [[WatchEvent]] = []
        var count = 0
        var bytes = 0
        var waiters: [(id: UInt64, continuation: CheckedContinuation<Answer, Never>)] = []
        var lastWaiter: UInt64 = 0
        /// Everything up to here was delivered or did not concern the reader.
        var start: Revision

        /// What a reader gets at once; `nil` when it has to wait.
        mutating func take() -> Answer? {
            switch phase {
            case .cancelled: return .success(nil)
            case .overflowed: return .failure(.overflow)
            case .open, .draining:
                guard let first = batches.first, let newest = batches.last?.last else { return phase == .open ? nil : .success(nil) }
                let events = batches.count == 1 ? first : Array(batches.joined())
                batches = []
                count = 0
                bytes = 0
                start = newest.revision
                return .success(events)
            }
        }

        /// Stops the intake. A reader waits only when there is nothing to hand out, so all who wait get the same end.
        mutating func end(_ phase: Phase, delivered: Revision) -> [Wakeup] {
            guard self.phase == .open || self.phase == .draining else { return [] }
            if let first = batches.first?.first { start = first.revision - 1 } else { start = max(start, delivered) }
            if phase != .draining { batches = [] }
            self.phase = phase
            let waiting = waiters
            waiters = []
            let answer: Answer = phase == .overflowed ? .failure(.overflow) : .success(nil)
            return waiting.map { Wakeup(continuation: $0.continuation, answer: answer) }
        }
    }

    private let prefix: String
    private let limits: StoreLimits
    private let delivered: DeliveredRevision
    private let state: Lock<State>

    /// Makes a queue whose reader first gets `backlog` and then everything after `revision`.
    init(prefix: String, backlog: [WatchEvent], revision: Revision, delivered: DeliveredRevision, limits: StoreLimits) {
        self.prefix = prefix
        self.delivered = delivered
        self.limits = limits
        // The backlog is in memory or bounded already, so it does not count towards overflow.
        state = Lock(State(batches: backlog.isEmpty ? [] : [backlog], start: revision))
    }

    /// See `WatchSubscription.progress`.
    var progress: Revision {
        // Read before looking at the queue: what is delivered later only makes the answer too small.
        let delivered = delivered.current
        return state.withLock { state in
            guard state.phase == .open else { return state.start }
            if let first = state.batches.first?.first { return first.revision - 1 }
            return max(state.start, delivered)
        }
    }

    /// Appends changes of one commit and returns the reader to wake, if one waits.
    func deliver(_ events: [WatchEvent]) -> [Wakeup] {
        let wanted =
            prefix.isEmpty || events.allSatisfy { $0.name.hasBytePrefix(prefix) }
            ? events
            : events.filter { $0.name.hasBytePrefix(prefix) }
        guard !wanted.isEmpty else { return [] }
        return state.withLock { state in
            guard state.phase == .open else { return [] }
            state.batches.append(wanted)
            if !state.waiters.isEmpty, let answer = state.take() {
                return [Wakeup(continuation: state.waiters.removeFirst().continuation, answer: answer)]
            }
            state.count += wanted.count
            state.bytes += wanted.reduce(0) { $0 + $1.value.count }
            guard state.count > limits.watchChanges || state.bytes > limits.watchBytes else { return [] }
            return state.end(.overflowed, delivered: 0)
        }
    }

    /// See `WatchSubscription.next`.
    func next() async -> Answer {
        let (ready, id) = state.withLock { state -> (Answer?, UInt64) in
            state.lastWaiter += 1
            return (state.take(), state.lastWaiter)
        }
        if let ready { return ready }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Answer? in
                    // Checked under the lock, so that a cancellation after it finds the waiter.
                    if Task.isCancelled { return .success(nil) }
                    if let answer = state.take() { return answer }
                    state.waiters.append((id, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Answer, Never>? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index).continuation
            }
            waiter?.resume(returning: .success(nil))
        }
    }

    /// Ends the intake: `next` answers `nil`, after what waits when the store closed.
    func finish(cancelled: Bool) -> [Wakeup] {
        let delivered = delivered.current
        return state.withLock { $0.end(cancelled ? .cancelled : .draining, delivered: delivered) }
    }
}

/// The handle of a watch; the watch ends with it.
final class WatchHandle: WatchSubscription {
    private let queue: WatchQueue
    private let onCancel: @Sendable (WatchQueue) -> Void

    init(_ queue: WatchQueue, onCancel: @escaping @Sendable (WatchQueue) -> Void) {
        self.queue = queue
        self.onCancel = onCancel
    }

    deinit { cancel() }

    var progress: Revision { queue.progress }

    func next() async throws(StoreError) -> [WatchEvent]? { try await queue.next().get() }

    func cancel() {
        onCancel(queue)
        for wakeup in queue.finish(cancelled: true) { wakeup.resume() }
    }
}
