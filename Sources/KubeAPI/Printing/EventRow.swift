import JSON

/// The row of an Event (`printEvent`).
enum EventRow {
    /// The row of a core Event.
    static func cells(_ shown: PrintedObject) -> [JSON] {
        let eventTime = shown.value("eventTime")
        let first = shown.since(shown.value("firstTimestamp") ?? eventTime)
        var last = shown.value("lastTimestamp").map { shown.since($0) } ?? first
        var count = shown.integer("count")
        if let series = shown.value("series") {
            last = shown.since(series["lastObservedTime"])
            count = series["count"]?.integer ?? 0
        } else if count == 0 {
            // The newer API does not count single events.
            count = 1
        }
        let kind = shown.text("involvedObject", "kind").lowercased()
        let name = shown.text("involvedObject", "name")
        return [
            .string(last), .string(shown.text("type")), .string(shown.text("reason")), .string(name.isEmpty ? kind : "\(kind)/\(name)"),
            .string(shown.text("involvedObject", "fieldPath")), .string(source(shown)),
            .string(GoText.trimmed(shown.text("message"))), .string(first), .integer(count), .string(shown.name),
        ]
    }

    /// The row of an `events.k8s.io` Event.
    static func newCells(_ shown: PrintedObject) -> [JSON] {
        let core = GroupVersionKind(group: "", version: "v1", kind: "Event")
        return cells(PrintedObject(object: VersionConversion.convert(shown.object, to: core), now: shown.now))
    }

    /// Component and host; those of the newer API where the older ones are empty.
    private static func source(_ shown: PrintedObject) -> String {
        func either(_ old: String, _ new: String) -> String { old.isEmpty ? new : old }
        let component = either(shown.text("source", "component"), shown.text("reportingComponent"))
        let instance = either(shown.text("source", "host"), shown.text("reportingInstance"))
        return instance.isEmpty ? component : "\(component), \(instance)"
    }
}
