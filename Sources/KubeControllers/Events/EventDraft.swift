import JSON
import World

/// Who records events: a component, the client with which it writes them, and the form in which it does.
final class EventSource: Sendable {
    /// The two ways of `client-go` to say the same.
    enum Form: Sendable {
        /// `tools/record`: core/v1, a repetition raises the count.
        case core(component: String, host: String)
        /// `tools/events`: events.k8s.io/v1, a repetition makes a series.
        case series(controller: String, instance: String)
    }

    let client: ComponentClient
    let form: Form

    init(_ client: ComponentClient, _ form: Form) {
        self.client = client
        self.form = form
    }

    /// What tells it from others.
    var name: String {
        switch form {
        case .core(let component, let host): "\(component) \(host)"
        case .series(let controller, let instance): "\(controller) \(instance)"
        }
    }
}

/// An event that is still to be written, or a repetition of one that is written.
struct EventDraft: Sendable {
    var source: EventSource
    let regarding: ObjectReference
    let related: ObjectReference?
    let isWarning: Bool
    let reason: String
    let action: String
    /// The end of its name.
    let stamp: Int64
    let first: Instant
    var last: Instant
    var count: Int64 = 1
    var message: String
    /// Whether the server has it already.
    var isWritten = false

    private var collection: String {
        switch source.form {
        case .core: "/api/v1/namespaces/\(regarding.eventNamespace)/events"
        case .series: "/apis/events.k8s.io/v1/namespaces/\(regarding.eventNamespace)/events"
        }
    }

    /// The time in hexadecimal, as `client-go` ends the names of events.
    private var name: String { "\(regarding.name).\(String(stamp, radix: 16))" }

    /// Writes what is new, as of the time at which it was recorded.
    func write() async {
        if isWritten, await source.client.patch("\(collection)/\(name)", change, at: last).status != 404 { return }
        _ = await source.client.send("POST", collection, object, at: isWritten ? last : first)
    }

    private var change: JSON {
        switch source.form {
        case .core: ["count": .integer(count), "lastTimestamp": .string(last.rfc3339), "message": .string(message)]
        case .series: ["series": series]
        }
    }

    private var series: JSON { ["count": .integer(count), "lastObservedTime": .string(last.rfc3339Micro)] }

    private var object: JSON {
        let metadata: JSON = ["name": .string(name), "namespace": .string(regarding.eventNamespace)]
        let type: JSON = isWarning ? "Warning" : "Normal"
        switch source.form {
        case .core(let component, let host):
            return [
                "apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": regarding.json, "reason": .string(reason),
                "message": .string(message), "source": ["component": .string(component), "host": .string(host)],
                "firstTimestamp": .string(first.rfc3339), "lastTimestamp": .string(last.rfc3339), "count": .integer(count), "type": type,
                "eventTime": .null, "reportingComponent": .string(component), "reportingInstance": .string(host),
            ]
        case .series(let controller, let instance):
            var event: JSON = [
                "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": metadata, "eventTime": .string(first.rfc3339Micro),
                "reportingController": .string(controller), "reportingInstance": .string(instance), "action": .string(action),
                "reason": .string(reason), "regarding": regarding.json, "note": .string(message), "type": type,
            ]
            event["related"] = related?.json
            if count > 1 { event["series"] = series }
            return event
        }
    }
}
