import JSON

/// All events as a text, for going on after a restart.
extension LogEventStore {
    private static let limits = JSON.Limits(depth: 8, bytes: 1 << 29)

    /// The events in the order in which they came; `nil` when there are none.
    var saved: String? {
        let events = all
        guard !events.isEmpty else { return nil }
        return JSON.array(
            events.map { place, event in
                [
                    .string(place.group), .string(place.stream), .integer(event.position.timestamp), .integer(event.ingestion),
                    .string(event.message),
                ]
            }
        ).text
    }

    /// Takes the events of an earlier run; what cannot be read is left out.
    func restore(_ text: String) {
        for item in (try? JSON(parsing: text, limits: Self.limits))?.array ?? [] {
            guard let group = item[0]?.string, let stream = item[1]?.string, let timestamp = item[2]?.integer,
                let ingestion = item[3]?.integer, let message = item[4]?.string
            else { continue }
            append([(timestamp, message)], to: Place(group: group, stream: stream), at: ingestion)
        }
    }
}
