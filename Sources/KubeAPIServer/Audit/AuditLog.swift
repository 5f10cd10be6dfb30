import HTTP
import IPAddress
import JSON
import RBAC
public import World

/// An API server's audit log: a policy, and where the events go (`k8s.io/apiserver/pkg/endpoints/filters/audit.go`).
public struct AuditLog: Sendable {
    private let policy: AuditPolicy
    private let sinks: [any LogSink]

    /// Makes a log. Of events that are longer than a sink takes only the metadata is logged there.
    public init(policy: AuditPolicy, sinks: [any LogSink]) {
        self.policy = policy
        self.sinks = sinks
    }

    /// Whether anybody wants events at present.
    public var isOpen: Bool { sinks.contains(where: \.isOpen) }

    /// Starts the event of a request and logs that it came; `nil` when nothing is logged of it. The attributes name the user who really
    /// asks, or nobody.
    func begin(_ request: HTTPRequest, course: RequestAudit.Course, _ attributes: () -> Attributes) -> RequestAudit? {
        guard isOpen else { return nil }
        let attributes = attributes()
        let verdict = policy.verdict(attributes)
        guard verdict.level > .none else { return nil }
        var event = AuditEvent(
            level: verdict.level, auditID: request.trace.id, requestURI: request.target, attributes: attributes,
            received: request.trace.received)
        event.sourceIPs = Self.sourceAddresses(request)
        event.userAgent = request.headers["User-Agent"] ?? ""
        let audit = RequestAudit(event, verdict, course, request.trace, self)
        if course != .refused { audit.write(.requestReceived, at: request.trace.received) }
        return audit
    }

    /// Writes an event to every sink that is open.
    func write(_ event: AuditEvent, _ stage: AuditPolicy.Stage, at time: Instant) {
        let line = event.line(stage, at: time)
        for sink in sinks where sink.isOpen {
            guard let limit = sink.longestLine, line.count > limit else {
                sink.write(line, at: time)
                continue
            }
            let short = event.withoutObjects.line(stage, at: time)
            if short.count <= limit { sink.write(short, at: time) }
        }
    }

    /// `X-Forwarded-For` and `X-Real-Ip` as the client claims them, then the address it really came from
    /// (`k8s.io/apimachinery/pkg/util/net.SourceIPs`).
    private static func sourceAddresses(_ request: HTTPRequest) -> [String] {
        var found: [String] = []
        for part in (request.headers["X-Forwarded-For"] ?? "").split(separator: ",") {
            if let address = IPAddress(String(part.trimmingSpaces)) { found.append("\(address)") }
        }
        if let address = request.headers["X-Real-Ip"].flatMap({ IPAddress($0) }), !found.contains("\(address)") {
            found.append("\(address)")
        }
        let remote = request.connection.remoteAddress
        if !remote.isEmpty, found.last != remote { found.append(remote) }
        return found
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var rest = drop { $0 == " " || $0 == "\t" }
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return rest
    }
}

extension HTTPRequest {
    /// Path and query as they were sent.
    fileprivate var target: String { query.map { "\(path)?\($0)" } ?? path }
}
