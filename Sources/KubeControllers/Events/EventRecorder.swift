import JSON
import KubeAPI
import KubeAPIServer
import World

/// Records events about objects as `client-go/tools/events` does: what happens again to the same object becomes a series.
actor EventRecorder {
    /// What makes two events one series.
    private struct Kind: Hashable {
        let regarding: String
        let type: String
        let reason: String
        let action: String
    }

    private struct Known {
        var ticket: EventJournal.Ticket
        var count: Int64
        var last: Instant
    }

    /// Without a repetition for so long, the next event is a new one (`finishTime`).
    private static let seriesEnd = Duration.seconds(360)
    private static let keptSeries = 4096
    /// `NoteLengthLimit` of events.k8s.io.
    private static let longestNote = 1024

    private let source: EventSource
    private let world: World
    private let journal: EventJournal
    private var known: [Kind: Known] = [:]

    init(_ client: ComponentClient, _ access: ComponentAccess, controller: String, instance: String) {
        source = EventSource(client, .series(controller: controller, instance: instance))
        world = access.cluster.world
        journal = access.events
    }

    /// Records an event about an object.
    func record(
        _ object: ObjectReference, related: ObjectReference? = nil, type: String, reason: String, action: String, note: String
    ) async {
        let now = world.now
        let kind = Kind(regarding: "\(object.uid)/\(object.resourceVersion)", type: type, reason: reason, action: action)
        if var series = known[kind], now - series.last < Self.seriesEnd {
            series.count += 1
            series.last = now
            series.ticket = await journal.repeat(series.ticket, source, count: series.count, message: Self.cut(note))
            known[kind] = series
            return
        }
        let ticket = await journal.record(
            source, object, related: related, type: type, reason: reason, action: action, message: Self.cut(note))
        if known.count >= Self.keptSeries { forget(now) }
        known[kind] = Known(ticket: ticket, count: 1, last: now)
    }

    /// Forgets series that ended; without such, all of them: their next events are then new ones.
    private func forget(_ now: Instant) {
        known = known.filter { now - $0.value.last < Self.seriesEnd }
        if known.count > Self.keptSeries / 2 { known = [:] }
    }

    private static func cut(_ note: String) -> String {
        guard note.utf8.count > longestNote else { return note }
        let suffix = " ..."
        return String(decoding: note.utf8.prefix(longestNote - suffix.utf8.count), as: UTF8.self) + suffix
    }
}
