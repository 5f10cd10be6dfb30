public import JSON
public import KubeAPIServer
import RBAC
public import World

/// A controller that the provider of a cluster runs beside Kubernetes' own: on the same loops, and a client of the API server as they are.
public protocol CompanionController: Sendable {
    /// What its timers are called after.
    var name: String { get }
    /// The resources whose changes call for its work.
    var signals: [ChangeSignals.Resource] { get }
    /// What it keeps fresh where it can be seen; `nil` for nothing.
    var keeper: LazyWrites.Keeper? { get }

    /// Begins, or begins anew; `setAlarm` calls for its work at a time, of which only the last counts, `wake` at once.
    func start(setAlarm: @escaping @Sendable (Instant?) -> Void, wake: @escaping @Sendable () -> Void) async
    /// Looks at what changed and does what is due.
    func work() async
    /// Ends.
    func close() async
}

/// A client of a cluster's API server with a user of its own, which also records events (core/v1).
public struct ComponentSession: Sendable {
    /// An answer.
    public struct Answer: Sendable {
        /// The HTTP status.
        public let status: Int
        /// What is read of it: nothing of a patch or a deletion that succeeded.
        public let object: JSON

        /// Whether the server did it.
        public var isSuccess: Bool { (200..<300).contains(status) }
        /// What went wrong, in the server's words.
        public var message: String { object["message"]?.string ?? "" }
    }

    private let client: ComponentClient
    private let source: EventSource
    private let recorder: CoreEventRecorder

    /// Opens a session.
    ///
    /// - Parameters:
    ///   - component: whom its events come from, and its `User-Agent`.
    public init(_ access: ComponentAccess, user: String, groups: [String], component: String) {
        client = ComponentClient(access, as: UserInfo(username: user, groups: groups), userAgent: component)
        source = EventSource(client, .core(component: component, host: ""))
        recorder = CoreEventRecorder(access)
    }

    /// Sends a request; `type` is the content type of a body, `time` when it was sent: now, or earlier for what was kept back.
    public func send(
        _ method: String, _ path: String, _ body: JSON? = nil, type: String = "application/json", at time: Instant? = nil
    ) async -> Answer {
        let answer = await client.send(method, path, body, type: type, at: time)
        return Answer(status: answer.status, object: answer.object)
    }

    /// Changes an object's parts (RFC 7386).
    public func merge(_ path: String, _ change: JSON) async -> Answer {
        await send("PATCH", path, change, type: "application/merge-patch+json")
    }

    /// Records an event about an object.
    public func note(_ object: JSON, kind: String, isWarning: Bool = false, _ reason: String, _ message: String) async {
        await recorder.record(
            source, ObjectReference(object, kind: kind), type: isWarning ? "Warning" : "Normal", reason: reason, message: message)
    }

    /// Ends the session.
    public func close() { client.close() }
}
