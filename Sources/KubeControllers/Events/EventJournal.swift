import KubeAPIServer
import World

/// The events that a cluster's components recorded and nobody has looked at yet. They are written when somebody does, in their order and
/// as of their times; while somebody watches, at once. A world in which nobody asks for events does not pay for them.
///
/// Like the real recorders it keeps events in memory for a while: a process that is killed loses those that were not looked at.
actor EventJournal {
    /// Names a recorded event to those who may repeat it.
    struct Ticket: Sendable {
        fileprivate var number: Int
        fileprivate var draft: EventDraft
    }

    /// `--event-ttl` of kube-apiserver: after that nobody could read them any more.
    static let lifetime = Duration.seconds(3600)
    /// So many wait at most.
    private static let capacity = 1 << 20

    private let world: World
    private var drafts: [EventDraft] = []
    /// The number of the first draft that waits.
    private var first = 0
    private var isWatched = false
    private var isWriting = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var lastStamp: Int64 = 0

    init(_ world: World) { self.world = world }

    /// Records a new event.
    func record(
        _ source: EventSource, _ regarding: ObjectReference, related: ObjectReference? = nil, type: String, reason: String,
        action: String = "", message: String
    ) async -> Ticket {
        let now = world.now
        // One later where the clock stands still, so that no two events have one name.
        lastStamp = max(now.nanoseconds, lastStamp &+ 1)
        let draft = EventDraft(
            source: source, regarding: regarding, related: related, isWarning: type == "Warning", reason: reason, action: action,
            stamp: lastStamp, first: now, last: now, message: message)
        return await append(draft)
    }

    /// Records that an event happened again: `count` times up to now. `source` is who says so, whose client may be another one by now.
    func `repeat`(_ ticket: Ticket, _ source: EventSource, count: Int64, message: String) async -> Ticket {
        var draft = ticket.draft
        draft.source = source
        draft.count = count
        draft.last = world.now
        draft.message = message
        guard ticket.number < first else {
            draft.isWritten = drafts[ticket.number - first].isWritten
            drafts[ticket.number - first] = draft
            return Ticket(number: ticket.number, draft: draft)
        }
        draft.isWritten = true
        return await append(draft)
    }

    private func append(_ draft: EventDraft) async -> Ticket {
        let ticket = Ticket(number: first + drafts.count, draft: draft)
        drafts.append(draft)
        if isWatched || drafts.count >= Self.capacity { await flush() }
        return ticket
    }

    /// Writes what waits; returns when it is written.
    func flush() async {
        // Whoever comes while another is writing waits for the end of that: what he asked for is then written too.
        while isWriting { await withCheckedContinuation { waiting.append($0) } }
        guard !drafts.isEmpty else { return }
        isWriting = true
        while !drafts.isEmpty {
            let batch = drafts
            drafts = []
            first += batch.count
            let oldest = world.now - Self.lifetime
            for draft in batch where draft.last > oldest { await draft.write() }
        }
        isWriting = false
        let woken = waiting
        waiting = []
        for continuation in woken { continuation.resume() }
    }

    /// While somebody watches, events are written at once.
    func setWatched(_ isWatched: Bool) async {
        self.isWatched = isWatched
        if isWatched { await flush() }
    }
}
