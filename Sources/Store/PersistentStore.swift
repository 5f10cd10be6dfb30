import Dispatch
import World

/// A store whose history is kept by a backend.
///
/// One writer takes whatever waits, writes it as one group, publishes it to readers and watches, and only then answers. Whoever commits
/// while the writer rests is the writer for that one commit, when the backend is quick: two changes of threads cost more than the write.
/// What may trail is visible at once, and the writer brings it to the disk beside the work that follows from it.
/// Reads are served from memory; only revisions older than the window are asked of the backend.
public final class PersistentStore: Store, WorldMetadata {
    private struct Writer: Sendable {
        var policy: CompactionPolicy
        /// Forgotten history is still being removed from the disk.
        var isSweeping: Bool
        /// Above 0 while commits come together: then the writer's thread makes groups of them, which cost less than one after the other.
        var crowd = 0
    }

    /// So many commits have to come alone until whoever asks makes his own again.
    private static let crowdEnd = 64

    private let core: RevisionCore
    private let backend: any StoreBackend
    private let faults: FaultPoints
    private let limits: StoreLimits
    private let queue: WriteQueue
    /// How long what trails waits for more of it.
    private static let trailingPause = DispatchTimeInterval.milliseconds(2)
    /// Where the writer runs: its own thread, because the disk blocks.
    private let thread = DispatchQueue(label: "eks-sim.store.writer")
    /// Used by the writer only.
    private let writer: Lock<Writer>
    private let closing = Lock(Closing())

    private struct Closing: Sendable {
        var isDone = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// Starts from what a backend holds.
    public init(_ contents: StoreContents, backend: any StoreBackend, world: World, limits: StoreLimits = StoreLimits()) {
        core = RevisionCore(contents, limits: limits, backend: backend)
        self.backend = backend
        self.limits = limits
        faults = world.faults
        queue = WriteQueue(limits: limits)
        let policy = CompactionPolicy(
            limits: limits, history: (contents.historyChanges, contents.historyBytes), before: contents.revision)
        writer = Lock(Writer(policy: policy, isSweeping: contents.isSweeping))
    }

    /// The newest committed revision.
    public var revision: Revision { core.revision }
    /// Revisions before this are forgotten.
    public var compactedRevision: Revision { core.compactedRevision }

    /// The newest revision that changed a collection; 0 when nothing ever did.
    public func revision(of collection: String) -> Revision { core.revision(of: collection) }

    /// The current entry of a key.
    public func get(_ key: Key) -> Entry? { core.get(key) }

    /// Entries of a collection in key order; see `Store.range`.
    public func range(
        _ collection: String, prefix: String, at revision: Revision?, after: String?, limit: Int
    ) throws(StoreError) -> RangeResult {
        try core.range(collection, prefix: prefix, at: revision, after: after, limit: limit)
    }

    /// Changes of a collection after a revision; see `Store.watch`.
    public func watch(_ collection: String, prefix: String, after revision: Revision) throws(StoreError) -> any WatchSubscription {
        try core.watch(collection, prefix: prefix, after: revision)
    }

    /// Applies a transaction in one revision, or nothing of it; see `Store.commit`.
    @discardableResult
    public func commit(_ transaction: Transaction) async throws(StoreError) -> Commit {
        if Transaction.mayTrail, backend.isQuick, let result = trail(transaction) { return try result.get() }
        return try await submit(size: transaction.size) { .commit(transaction, $0) }.get()
    }

    /// Commits at once what reaches the disk later; `nil` when it has to wait for others first.
    private func trail(_ transaction: Transaction) -> Result<Commit, StoreError>? {
        guard queue.beginTrail() else { return nil }
        var group = CommitGroup(after: core.revision)
        var result: Result<Commit, StoreError>
        do throws(StoreError) {
            result = .success(try group.add(transaction) { core.get($0) })
            if !group.changes.isEmpty, let fault = faults.take(storeCommitFault) { throw .injected(fault) }
        } catch {
            result = .failure(error)
            group = CommitGroup(after: core.revision)
        }
        let wakeups = core.publish(group.changes)
        switch queue.endTrail(group.changes) {
        case .no: break
        case .now: wake()
        case .soon:
            // To change threads for each of these commits would cost as much as to make it.
            thread.asyncAfter(deadline: .now() + Self.trailingPause) { if self.queue.wakeIsHere() { self.drain() } }
        }
        for wakeup in wakeups { wakeup.resume() }
        return result
    }

    /// Forgets history before a revision; see `Store.compact`.
    public func compact(before revision: Revision) async throws(StoreError) {
        try await submit(size: 0) { .compact(revision, $0) }.get()
    }

    /// The stored value of a key about the world.
    public func metadata(_ key: String) -> String? { core.metadata(key) }

    /// Stores a value about the world; `nil` removes it.
    public func setMetadata(_ key: String, _ value: String?) async throws(StoreError) {
        try await submit(size: value?.utf8.count ?? 0) { .metadata(key, value, $0) }.get()
    }

    /// Ends all watches and refuses later writes; reads go on.
    public func close() async {
        await withCheckedContinuation { continuation in
            let isDone = closing.withLock { closing in
                if !closing.isDone { closing.waiting.append(continuation) }
                return closing.isDone
            }
            if isDone { return continuation.resume() }
            if case .first = queue.append(.close, size: 0) { wake() }
        }
    }

    private func submit<Success: Sendable>(
        size: Int, _ job: (@escaping WriteQueue.Answer<Success>) -> WriteQueue.Job
    ) async -> Result<Success, StoreError> {
        await withCheckedContinuation { continuation in
            switch queue.append(job { continuation.resume(returning: $0) }, size: size) {
            case .queued: break
            case .first: if backend.isQuick, writer.withLock({ $0.crowd == 0 }) { write() } else { wake() }
            case .refused(let error): continuation.resume(returning: .failure(error))
            }
        }
    }

    private func wake() { thread.async { self.drain() } }
}

/// The writer's side: one thread at a time is here.
extension PersistentStore {
    /// Commits what waits, on the thread of whoever woke the writer; the rest, and what may take longer, is the writer's thread's.
    private func write() {
        let group = queue.takeGroup(mayRest: false, onlyCommits: true, withTrailing: false)
        if !group.isEmpty { commit(group) }
        guard writer.withLock({ $0.isSweeping }) || backend.isUntidy || !queue.rest() else { return }
        note(queue.isEmpty ? 1 : 2)
        wake()
    }

    /// Notes how many commits came together.
    private func note(_ count: Int) { writer.withLock { $0.crowd = count > 1 ? Self.crowdEnd : max($0.crowd - 1, 0) } }

    private func drain() {
        // What trails and is refused by the disk is tried again with the next commit, or when the writer is woken next.
        var isRefused = false
        while true {
            let isSweeping = writer.withLock { $0.isSweeping }
            if backend.isUntidy { backend.tidy() }
            let group = queue.takeGroup(mayRest: !isSweeping, withTrailing: !isRefused)
            switch group.jobs.first {
            case nil where group.isEmpty:
                guard isSweeping else { return }
                sweep()
                continue
            case nil: isRefused = !commit(group)
            case .commit:
                note(group.jobs.count)
                commit(group)
            case .metadata(let key, let value, let answer): answer(write(key, value))
            case .compact(let revision, let answer): answer(compact(revision))
            case .close: return end()
            }
            // One step between groups keeps removal going under load without holding a writer up for long.
            if isSweeping { sweep() }
        }
    }

    private func end() {
        core.close()
        backend.close()
        let waiting = closing.withLock { closing in
            closing.isDone = true
            defer { closing.waiting = [] }
            return closing.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Writes a group and answers its commits; whether the disk took it.
    @discardableResult
    private func commit(_ taken: WriteQueue.Group) -> Bool {
        var group = CommitGroup(after: core.revision)
        var answers: [(answer: WriteQueue.Answer<Commit>, result: Result<Commit, StoreError>)] = []
        answers.reserveCapacity(taken.jobs.count)
        for case .commit(let transaction, let answer) in taken.jobs {
            do throws(StoreError) {
                answers.append((answer, .success(try group.add(transaction) { core.get($0) })))
            } catch {
                answers.append((answer, .failure(error)))
            }
        }
        let changes = taken.trailing.isEmpty ? group.changes : taken.trailing + group.changes
        if !changes.isEmpty {
            do throws(StoreError) {
                if !group.changes.isEmpty, let fault = faults.take(storeCommitFault) { throw .injected(fault) }
                try backend.write(changes)
            } catch {
                if !taken.trailing.isEmpty { queue.putBack(taken.trailing) }
                if !taken.jobs.isEmpty { queue.release() }
                // Refusals too may have been due to changes of this group that never happened.
                for (answer, _) in answers { answer(.failure(error)) }
                return false
            }
        }
        if !taken.trailing.isEmpty { queue.saved(taken.trailing) }
        if !taken.jobs.isEmpty {
            for wakeup in core.publish(group.changes) { wakeup.resume() }
            queue.release()
        }
        for (answer, result) in answers { answer(result) }
        let due = writer.withLock { writer in
            writer.policy.note(changes)
            return writer.policy.due()
        }
        if let due { _ = compact(due) }
        return true
    }

    private func write(_ key: String, _ value: String?) -> Result<Void, StoreError> {
        do throws(StoreError) {
            if let fault = faults.take(storeCommitFault) { throw .injected(fault) }
            try backend.writeMetadata(key, value)
            core.setMetadata(key, value)
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func compact(_ revision: Revision) -> Result<Void, StoreError> {
        do throws(StoreError) {
            guard revision > core.compactedRevision else { return .success(()) }
            guard revision <= core.revision else { throw .futureRevision(requested: revision, current: core.revision) }
            try backend.beginCompaction(before: revision)
            try core.compact(before: revision)
            writer.withLock { $0.isSweeping = true }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func sweep() {
        writer.withLock { writer in
            // When the disk refuses, the rest is removed with the next compaction.
            writer.isSweeping = (try? backend.sweep(step: limits.compactionStep)) ?? false
        }
    }
}
