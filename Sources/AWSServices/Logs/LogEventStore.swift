import World

/// The events of all log streams, in memory: what is newer pushes out what is oldest when they become too many.
final class LogEventStore: Sendable {
    /// A stream: account, region and group as `ACCOUNT/REGION/GROUP`, and its name.
    struct Place: Sendable, Hashable {
        let group: String
        let stream: String
    }

    /// Where an event stands among all of them: by its time, then by when it came.
    struct Position: Sendable, Hashable, Comparable {
        let timestamp: Int64
        let sequence: Int64

        static func < (left: Position, right: Position) -> Bool {
            (left.timestamp, left.sequence) < (right.timestamp, right.sequence)
        }
    }

    /// One event; times are milliseconds since the epoch.
    struct Event: Sendable {
        let position: Position
        let ingestion: Int64
        let message: String
        let stream: String

        /// The bytes that an event is counted with (CloudWatch Logs User Guide, quotas).
        var size: Int { message.utf8.count + 26 }
    }

    /// What is known of a stream besides its events.
    struct Summary: Sendable {
        var first: Int64?
        var last: Int64?
        var lastIngestion: Int64?
    }

    private struct Stream: Sendable {
        var events: [Event] = []
        /// Events before this one were pushed out.
        var head = 0
        var lastIngestion: Int64?
        var isSorted = true

        var present: ArraySlice<Event> { events[head...] }
    }

    private struct State: Sendable {
        var streams: [Place: Stream] = [:]
        /// The streams of all events in the order in which they came, with those that are no longer there.
        var order: [(place: Place, sequence: Int64)] = []
        var head = 0
        var bytes = 0
        var sequence: Int64 = 0
    }

    private let limit: Int
    private let state = Lock(State())

    /// Makes a store that keeps about so many bytes.
    init(limit: Int = 64 << 20) { self.limit = limit }

    /// Takes events of a stream, which begins with them when it is new. Answers the last one's position.
    @discardableResult
    func append(_ events: [(timestamp: Int64, message: String)], to place: Place, at ingestion: Int64) -> Position? {
        state.withLock { state in
            var stream = state.streams.removeValue(forKey: place) ?? Stream()
            for event in events {
                state.sequence += 1
                let made = Event(
                    position: Position(timestamp: event.timestamp, sequence: state.sequence), ingestion: ingestion, message: event.message,
                    stream: place.stream)
                if let last = stream.events.last, made.position < last.position { stream.isSorted = false }
                stream.events.append(made)
                state.order.append((place, state.sequence))
                state.bytes += made.size
            }
            stream.lastIngestion = ingestion
            let last = stream.events.last?.position
            state.streams[place] = stream
            trim(&state)
            return last
        }
    }

    /// Forgets the events that came first while there are too many.
    private func trim(_ state: inout State) {
        while state.bytes > limit, state.head < state.order.count {
            let oldest = state.order[state.head]
            state.head += 1
            guard var stream = state.streams.removeValue(forKey: oldest.place) else { continue }
            // Of a sorted stream what came first stands first; another is searched.
            let index = stream.present.firstIndex { $0.position.sequence == oldest.sequence }
            if let index {
                state.bytes -= stream.events[index].size
                if index == stream.head { stream.head += 1 } else { stream.events.remove(at: index) }
            }
            if stream.head > 64, stream.head * 2 > stream.events.count {
                stream.events.removeFirst(stream.head)
                stream.head = 0
            }
            state.streams[oldest.place] = stream
        }
        if state.head > 1024, state.head * 2 > state.order.count {
            state.order.removeFirst(state.head)
            state.head = 0
        }
    }

    /// The events of a stream in order.
    func events(of place: Place) -> ArraySlice<Event> {
        state.withLock { state in
            guard var stream = state.streams[place] else { return [] }
            guard !stream.isSorted else { return stream.present }
            stream.events = stream.present.sorted { $0.position < $1.position }
            stream.head = 0
            stream.isSorted = true
            state.streams[place] = stream
            return stream.present
        }
    }

    /// All events in the order in which they came.
    var all: [(place: Place, event: Event)] {
        state.withLock { state in
            state.streams.flatMap { place, stream in stream.present.map { (place, $0) } }
                .sorted { $0.event.position.sequence < $1.event.position.sequence }
        }
    }

    /// What is known of a stream; first and last are of the events that are still there.
    func summary(of place: Place) -> Summary {
        let events = events(of: place)
        return state.withLock { state in
            Summary(
                first: events.first?.position.timestamp, last: events.last?.position.timestamp,
                lastIngestion: state.streams[place]?.lastIngestion)
        }
    }

    /// How many bytes the events of a group count.
    func bytes(ofGroup group: String) -> Int {
        state.withLock { state in
            state.streams.reduce(0) { sum, stream in stream.key.group == group ? stream.value.present.reduce(sum) { $0 + $1.size } : sum }
        }
    }

    /// Forgets a stream, or all of a group.
    func remove(group: String, stream: String? = nil) {
        state.withLock { state in
            for place in state.streams.keys where place.group == group && (stream == nil || place.stream == stream) {
                state.bytes -= state.streams[place]?.present.reduce(0) { $0 + $1.size } ?? 0
                state.streams[place] = nil
            }
        }
    }
}
