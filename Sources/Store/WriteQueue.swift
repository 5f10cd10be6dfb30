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

    private struct State: Sendable {
        var jobs = FIFO<(job: Job, size: Int)>()
        var bytes = 0
        var isWriterAwake = false
        var isClosed = false
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

    /// The jobs to do next, in order: consecutive commits up to the bounds of a group, or one other job. Empty when nothing waits.
    ///
    /// - Parameters:
    ///   - mayRest: the writer has nothing else to do, so that an empty answer lets it sleep until `append` answers `.first`.
    ///   - onlyCommits: other jobs stay where they are.
    func takeGroup(mayRest: Bool, onlyCommits: Bool = false) -> [Job] {
        state.withLock { state in
            var group: [Job] = []
            var bytes = 0
            while let (job, size) = state.jobs.first {
                if case .commit = job {
                    guard group.count < limits.groupTransactions, group.isEmpty || bytes + size <= limits.groupBytes else { break }
                } else if onlyCommits || !group.isEmpty {
                    break
                }
                _ = state.jobs.popFirst()
                state.bytes -= size
                bytes += size
                group.append(job)
                guard case .commit = job else { break }
            }
            if group.isEmpty, mayRest { state.isWriterAwake = false }
            return group
        }
    }

    /// Lets the writer sleep until `append` answers `.first`, when nothing waits; answers whether it may.
    func rest() -> Bool {
        state.withLock { state in
            if state.jobs.isEmpty { state.isWriterAwake = false }
            return state.jobs.isEmpty
        }
    }
}
