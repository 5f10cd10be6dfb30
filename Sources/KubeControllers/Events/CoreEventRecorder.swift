import JSON
import KubeAPI
import KubeAPIServer
import World

/// Records events in the core version, as kubelets and the controller manager do (`client-go/tools/record`): the same again raises the
/// count, many of a kind are put together, and what one source has to say about one object is limited.
actor CoreEventRecorder {
    /// What is left to say about an object, and as of when (`EventSourceObjectSpamFilter`).
    private struct Allowance {
        var tokens: Double
        var last: Instant
    }

    private struct Known {
        var ticket: EventJournal.Ticket
        var count: Int64
        var last: Instant
    }

    /// So many different texts of one kind in `groupInterval` are one event from then on.
    private static let groupSize = 10
    private static let groupInterval = Duration.seconds(600)
    private static let kept = 4096
    /// So many events at once, and one more in each such number of seconds.
    private static let burst = 25.0
    private static let refill = 300.0

    private let world: World
    private let journal: EventJournal
    private var known: [String: Known] = [:]
    private var groups: [String: (texts: Set<String>, last: Instant)] = [:]
    private var allowances: [String: Allowance] = [:]

    init(_ access: ComponentAccess) {
        world = access.cluster.world
        journal = access.events
    }

    /// Records an event.
    func record(_ source: EventSource, _ object: ObjectReference, type: String, reason: String, message: String) async {
        let now = world.now
        let about = [source.name, object.kind, object.eventNamespace, object.name, object.uid].joined(separator: "\u{0}")
        let kind = [about, type, reason].joined(separator: "\u{0}")
        var message = message
        var key = kind + "\u{0}" + object.fieldPath + "\u{0}" + message
        var group = groups[kind] ?? ([], now)
        if now - group.last > Self.groupInterval { group.texts = [] }
        group.last = now
        group.texts.insert(message)
        if group.texts.count >= Self.groupSize {
            key = kind
            message = "(combined from similar events): \(message)"
        }
        groups[kind] = group
        guard mayRecord(about, now) else { return }
        if var same = known[key] {
            same.count += 1
            same.last = now
            same.ticket = await journal.repeat(same.ticket, source, count: same.count, message: message)
            known[key] = same
            return
        }
        let ticket = await journal.record(source, object, type: type, reason: reason, message: message)
        if known.count >= Self.kept { forget(now) }
        known[key] = Known(ticket: ticket, count: 1, last: now)
    }

    private func mayRecord(_ about: String, _ now: Instant) -> Bool {
        var allowance = allowances[about] ?? Allowance(tokens: Self.burst, last: now)
        allowance.tokens = min(Self.burst, allowance.tokens + (now - allowance.last).inSeconds / Self.refill)
        allowance.last = now
        let isFree = allowance.tokens >= 1
        if isFree { allowance.tokens -= 1 }
        if allowances.count >= Self.kept { allowances = [:] }
        allowances[about] = allowance
        return isFree
    }

    /// Forgets what was not repeated for long; without such, everything: the next repetitions are then new events.
    private func forget(_ now: Instant) {
        known = known.filter { now - $0.value.last < Self.groupInterval }
        groups = groups.filter { now - $0.value.last < Self.groupInterval }
        guard known.count > Self.kept / 2 else { return }
        known = [:]
        groups = [:]
    }
}
