import HTTP
import JSON
import KubeAPI
import RBAC
import World

/// The audit event of one request on its way through the server. What takes work is done only when the level asks for it.
final class RequestAudit: Sendable {
    /// How a request goes on, which decides about the stages.
    enum Course: Sendable, Hashable {
        /// It is answered.
        case short
        /// The answer lasts as long as the client likes.
        case lasting
        /// Nobody was authenticated: only that is logged.
        case refused
    }

    private let verdict: AuditPolicy.Verdict
    private let course: Course
    private let trace: RequestTrace
    private let log: AuditLog
    private let event: Lock<AuditEvent>

    init(_ event: AuditEvent, _ verdict: AuditPolicy.Verdict, _ course: Course, _ trace: RequestTrace, _ log: AuditLog) {
        self.verdict = verdict
        self.course = course
        self.trace = trace
        self.log = log
        self.event = Lock(event)
    }

    /// Whether the object that is sent is logged.
    var wantsRequestObject: Bool { verdict.level >= .request }
    /// Whether the object that is answered is logged.
    var wantsResponseObject: Bool { verdict.level >= .requestResponse }

    /// Notes as whom the request goes on, if not as the one who asked, and what the authorizers say
    /// (`k8s.io/apiserver/pkg/endpoints/filters/authorization.go`).
    func note(impersonated: UserInfo?, _ decision: AuthorizationDecision) {
        event.withLock { $0.impersonatedUser = impersonated }
        trace.annotate("authorization.k8s.io/decision", decision.isAllowed ? "allow" : "forbid")
        trace.annotate("authorization.k8s.io/reason", decision.reason)
    }

    /// Notes a decoded object that was sent: what it names, and the object itself in the form that `complete` gives it.
    func note(request object: JSON, complete: (JSON) -> JSON = { $0 }) {
        let bytes = wantsRequestObject ? kept(complete(object)).serialized() : nil
        event.withLock { event in
            if event.object?.namespace.isEmpty == true { event.object?.namespace = object.objectNamespace }
            if event.object?.name.isEmpty == true { event.object?.name = object.objectName }
            event.object?.uid = object.objectUID
            event.object?.resourceVersion = object.objectResourceVersion
            event.requestObject = bytes
        }
    }

    /// Notes a patch as it was sent. YAML, which only apply patches can be, is logged as JSON.
    func note(patch: [UInt8]) {
        guard wantsRequestObject else { return }
        let json = (try? JSON(parsing: patch)) ?? (try? ApplyConfiguration(patch))?.object
        event.withLock { $0.requestObject = json?.serialized() }
    }

    /// Notes an answer. One that is not compact JSON is made again as such by `render`.
    func note(
        _ response: HTTPResponse, _ request: APIRequest, _ render: (APIRequest) throws(KubeStatus) -> HTTPResponse
    ) throws(KubeStatus) {
        guard wantsResponseObject else { return }
        let form = request.representation
        guard form.encoding != .json || form.isPretty else { return note(response: response.collected ?? []) }
        var plain = request
        plain.representation.encoding = .json
        plain.representation.isPretty = false
        note(response: try render(plain).collected ?? [])
    }

    private func note(response bytes: [UInt8]) {
        guard wantsResponseObject else { return }
        let json = verdict.omitsManagedFields ? try? JSON(parsing: bytes) : nil
        let object = json.map { kept($0).serialized() } ?? Array(bytes[..<(bytes.last == 0x0A ? bytes.count - 1 : bytes.count)])
        event.withLock { $0.responseObject = object }
    }

    /// Notes a Status that is answered.
    func note(status: JSON) {
        let members = Self.statusMembers.compactMap { name in status[name].map { (name, $0) } }
        event.withLock { $0.responseStatus = .object(JSONObject([("metadata", [:])] + members)) }
        if wantsResponseObject { note(response: status.serialized()) }
    }

    /// Ends the event with its answer; of one that lasts when its body ends.
    func complete(_ response: inout HTTPResponse, clock: WorldClock) {
        note(code: response.status)
        if course != .short { write(.responseStarted, at: clock.now) }
        guard course != .refused else { return }
        guard course == .lasting, case .stream(let produce) = response.body else { return write(.responseComplete, at: clock.now) }
        response.body = .stream { [self] writer in
            defer { write(.responseComplete, at: clock.now) }
            try await produce(writer)
        }
    }

    private func note(code: Int) {
        event.withLock { event in
            var status = event.responseStatus ?? ["metadata": [:]]
            status["code"] = .integer(Int64(code))
            event.responseStatus = status
        }
    }

    /// Writes the event of a stage, unless the policy leaves the stage out.
    func write(_ stage: AuditPolicy.Stage, at time: Instant) {
        guard !verdict.omittedStages.contains(stage) else { return }
        let event = event.withLock { event in
            for annotation in trace.annotations { event.annotate(annotation.key, annotation.value) }
            return event
        }
        log.write(event, stage, at: time)
    }

    private static let statusMembers = ["status", "message", "reason", "details", "code"]

    /// An object or list without managed fields, when the policy leaves them out.
    private func kept(_ object: JSON) -> JSON {
        guard verdict.omitsManagedFields else { return object }
        var object = object
        object.remove(at: ["metadata", "managedFields"])
        for list in ["items", "rows"] {
            guard let elements = object[list]?.array else { continue }
            object[list] = .array(
                elements.map { element in
                    var element = element
                    element.remove(at: list == "items" ? ["metadata", "managedFields"] : ["object", "metadata", "managedFields"])
                    return element
                })
        }
        return object
    }
}
