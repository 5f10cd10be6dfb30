import JSON
import KubeAPI
import KubeAPIServer
import World

/// Records events in the core version, as the kubelet does (`client-go/tools/record`): the same again raises the count, and many of a kind
/// are put together.
actor KubeletRecorder {
    private struct Known {
        var ticket: EventJournal.Ticket
        var count: Int64
        var last: Instant
    }

    /// So many different texts of one kind in `groupInterval` are one event from then on.
    private static let groupSize = 10
    private static let groupInterval = Duration.seconds(600)
    private static let kept = 4096

    private let world: World
    private let journal: EventJournal
    private var known: [String: Known] = [:]
    private var groups: [String: (texts: Set<String>, last: Instant)] = [:]

    init(_ access: ComponentAccess) {
        world = access.cluster.world
        journal = access.events
    }

    /// What a node's kubelet records events with.
    static func source(_ client: ComponentClient, node: String) -> EventSource {
        EventSource(client, .core(component: "kubelet", host: node))
    }

    /// Records an event of a node's kubelet.
    func record(_ source: EventSource, node: String, _ object: ObjectReference, type: String, reason: String, message: String) async {
        let now = world.now
        let kind = [node, object.kind, object.eventNamespace, object.name, object.uid, type, reason].joined(separator: "\u{0}")
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
        if var same = known[key] {
            same.count += 1
            same.last = now
            same.ticket = await journal.repeat(same.ticket, count: same.count, message: message)
            known[key] = same
            return
        }
        let ticket = await journal.record(source, object, type: type, reason: reason, message: message)
        if known.count >= Self.kept { forget(now) }
        known[key] = Known(ticket: ticket, count: 1, last: now)
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
