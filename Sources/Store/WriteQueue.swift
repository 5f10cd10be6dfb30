import World

/// What waits for the one writer of a persistent store.
final class WriteQueue: Sendable {
    /// How the writer answers.
    typealias Answer<Success> = @Sendable (Result<Success, StoreError>) -> Void

    /// One order to the writer.
    enum Job: Sendable {
        case commit(Transaction, Answer<Commit>)
        case metadata(String, String?, Answer<Void>)
        case compact(Revision, Answer<Void>)
        case close
    }

    /// What became of an order to queue.
    enum Admission: Sendable {
        /// Queued behind others; the writer is at work.
        case queued
        /// Queued, and the writer must be woken.
        case first
        case refused(StoreError)
    }

    /// What the writer does next.
    struct Group: Sendable {
        /// Consecutive commits, or one other job.
        var jobs: [Job] = []
        /// Changes that are visible already and go to the disk before those of the jobs.
        var trailing: [Change] = []

        var isEmpty: Bool { jobs.isEmpty && trailing.isEmpty }
    }

    private struct State: Sendable {
        var jobs = FIFO<(job: Job, size: Int)>()
        var bytes = 0
        var isWriterAwake = false
        /// The writer is going to be woken for what trails.
        var isWakeDue = false
        var isClosed = false
        /// Somebody builds on the newest revision.
        var isTaken = false
        /// Changes that are visible and not yet on their way to the disk.
        var trailing: [Change] = []
        /// How many changes are visible and not on the disk, and their bytes.
        var trailingCount = 0
        var trailingBytes = 0
    }

    private let state = Lock(State())
    private let limits: StoreLimits

    init(limits: StoreLimits) { self.limits = limits }

    var isClosed: Bool { state.withLock { $0.isClosed } }
    var isEmpty: Bool { state.withLock { $0.jobs.isEmpty } }

    /// Queues a job of `size` bytes.
    func append(_ job: Job, size: Int) -> Admission {
        state.withLock { state in
            if state.isClosed { return .refused(.closed) }
            if case .close = job {
                state.isClosed = true
            } else {
                // A transaction larger than the bound is taken when nothing waits, so that it is not refused for ever.
                guard state.jobs.count < limits.waitingTransactions, state.jobs.isEmpty || state.bytes + size <= limits.waitingBytes else {
                    return .refused(.unavailable("\(state.jobs.count) writes are waiting for the disk; try again"))
                }
            }
            state.jobs.append((job, size))
            state.bytes += size
            defer { state.isWriterAwake = true }
            return state.isWriterAwake ? .queued : .first
        }
    }

    /// What to do next, in order: consecutive commits up to the bounds of a group, or one other job. Empty when nothing waits. After
    /// commits `release` has to follow.
    ///
    /// - Parameters:
    ///   - mayRest: the writer has nothing else to do, so that an empty answer lets it sleep until it is woken.
    ///   - onlyCommits: other jobs stay where they are.
    ///   - withTrailing: changes that trail go before other jobs, or alone.
    func takeGroup(mayRest: Bool, onlyCommits: Bool = false, withTrailing: Bool = true) -> Group {
        state.withLock { state in
            var group = Group()
            if !state.isTaken { take(&group, &state, onlyCommits: onlyCommits, withTrailing: withTrailing) }
            if group.isEmpty, mayRest { state.isWriterAwake = false }
            return group
        }
    }

    private func take(_ group: inout Group, _ state: inout State, onlyCommits: Bool, withTrailing: Bool) {
        var bytes = 0
        var hasCommits = false
        while let (job, size) = state.jobs.first {
            if case .commit = job {
                guard group.jobs.count < limits.groupTransactions, group.jobs.isEmpty || bytes + size <= limits.groupBytes else { break }
                hasCommits = true
            } else if onlyCommits || !group.jobs.isEmpty || (withTrailing && !state.trailing.isEmpty) {
                break
            }
            _ = state.jobs.popFirst()
            state.bytes -= size
            bytes += size
            group.jobs.append(job)
            guard hasCommits else { break }
        }
        state.isTaken = hasCommits
        if hasCommits || (withTrailing && group.jobs.isEmpty) { swap(&group.trailing, &state.trailing) }
    }

    /// The changes of a group of commits are visible, or never will be.
    func release() { state.withLock { $0.isTaken = false } }

    /// Lets the writer sleep until it is woken, when nothing waits, or only what it is going to be woken for; answers whether it may.
    func rest() -> Bool {
        state.withLock { state in
            let isIdle = state.jobs.isEmpty && (state.trailing.isEmpty || state.isWakeDue)
            if isIdle { state.isWriterAwake = false }
            return isIdle
        }
    }
}

/// Changes that reach the disk after they are visible.
extension WriteQueue {
    /// When the writer must be woken.
    enum Wake: Sendable {
        case no
        case now
        /// In a moment, so that what comes meanwhile is written together with it; `wakeIsHere` has to follow.
        case soon
    }

    /// Whether the caller may build on the newest revision now, and make the changes visible that `endTrail` then gets. Not when others
    /// wait or are at it, nor while too much is not on the disk.
    func beginTrail() -> Bool {
        state.withLock { state in
            guard !state.isClosed, !state.isTaken, state.jobs.isEmpty, state.trailingCount < limits.trailingChanges,
                state.trailingBytes < limits.trailingBytes
            else { return false }
            state.isTaken = true
            return true
        }
    }

    /// Takes changes that are visible.
    func endTrail(_ changes: [Change]) -> Wake {
        state.withLock { state in
            state.isTaken = false
            state.trailing.append(contentsOf: changes)
            state.trailingCount += changes.count
            state.trailingBytes += changes.reduce(0) { $0 + $1.value.count }
            guard !state.isWriterAwake else { return .no }
            guard state.jobs.isEmpty else {
                state.isWriterAwake = true
                return .now
            }
            guard !state.trailing.isEmpty, !state.isWakeDue else { return .no }
            state.isWakeDue = true
            return .soon
        }
    }

    /// The moment is over; answers whether the writer has to work.
    func wakeIsHere() -> Bool {
        state.withLock { state in
            state.isWakeDue = false
            guard !state.isWriterAwake, !state.jobs.isEmpty || !state.trailing.isEmpty else { return false }
            state.isWriterAwake = true
            return true
        }
    }

    /// Changes of a group are on the disk.
    func saved(_ changes: [Change]) {
        state.withLock { state in
            state.trailingCount -= changes.count
            state.trailingBytes -= changes.reduce(0) { $0 + $1.value.count }
        }
    }

    /// The disk refused changes that are visible: they go with the next group.
    func putBack(_ changes: [Change]) { state.withLock { $0.trailing.insert(contentsOf: changes, at: 0) } }
}
