import JSON
public import RBAC
public import World

/// What is known of a request for the audit log, and how it is written: `Event` of `audit.k8s.io/v1`
/// (`k8s.io/apiserver/pkg/apis/audit/v1/types.go`).
public struct AuditEvent: Sendable {
    /// What a request is about.
    public struct ObjectReference: Sendable, Hashable {
        var resource = ""
        var namespace = ""
        var name = ""
        var uid = ""
        var apiGroup = ""
        var apiVersion = ""
        var resourceVersion = ""
        var subresource = ""

        /// Makes the reference of a request about a resource; `nil` for one about a path.
        public init?(_ attributes: Attributes) {
            guard attributes.isResourceRequest else { return nil }
            resource = attributes.resource
            namespace = attributes.namespace
            name = attributes.name
            apiGroup = attributes.apiGroup
            apiVersion = attributes.apiVersion
            subresource = attributes.subresource
        }

        fileprivate var members: [(String, String)] {
            [
                ("resource", resource), ("namespace", namespace), ("name", name), ("uid", uid), ("apiGroup", apiGroup),
                ("apiVersion", apiVersion), ("resourceVersion", resourceVersion), ("subresource", subresource),
            ]
        }
    }

    /// How much is logged.
    public var level: AuditPolicy.Level
    /// The `Audit-Id` of the answer.
    public var auditID: String
    /// Path and query as they were sent.
    public var requestURI: String
    /// `get`, `create` …; the method in lower case for paths.
    public var verb: String
    /// Who asked; without name when nobody was authenticated.
    public var user: UserInfo
    /// As whom the request went on.
    public var impersonatedUser: UserInfo?
    /// The client's address behind those of the proxies that it names.
    public var sourceIPs: [String] = []
    /// What the client calls itself.
    public var userAgent = ""
    /// What the request is about.
    public var object: ObjectReference?
    /// Members of the answer's Status without kind and version.
    public var responseStatus: JSON?
    /// The object that was sent, as JSON.
    public var requestObject: [UInt8]?
    /// The object that was answered, as JSON.
    public var responseObject: [UInt8]?
    /// When the request came.
    public var received: Instant
    /// What the parts of the server noted; the first word about a key stays.
    public private(set) var annotations: [String: String] = [:]

    /// Longest user agent in bytes, and what stands for the rest.
    private static let longestUserAgent = 1024
    private static let cut = "...TRUNCATED"

    /// Starts the event of a request.
    public init(level: AuditPolicy.Level, auditID: String, requestURI: String, attributes: Attributes, received: Instant) {
        self.level = level
        self.auditID = auditID
        self.requestURI = requestURI
        verb = attributes.verb
        user = attributes.user
        object = ObjectReference(attributes)
        self.received = received
    }

    /// Notes an annotation, unless its key is taken.
    public mutating func annotate(_ key: String, _ value: String) {
        if annotations[key] == nil { annotations[key] = value }
    }

    /// The same without objects, marked as such: for a log whose lines are limited (`plugin/pkg/audit/truncate`).
    var withoutObjects: AuditEvent {
        var event = self
        event.requestObject = nil
        event.responseObject = nil
        event.annotations["audit.k8s.io/truncated"] = "true"
        return event
    }

    /// The event of a stage as a line of JSON without a line feed.
    public func line(_ stage: AuditPolicy.Stage, at time: Instant) -> [UInt8] {
        var line = Line(capacity: 1024 + (requestObject?.count ?? 0) + (responseObject?.count ?? 0))
        line.string("kind", "Event")
        line.string("apiVersion", "audit.k8s.io/v1")
        line.string("level", level.name)
        line.string("auditID", auditID)
        line.string("stage", stage.rawValue)
        line.string("requestURI", requestURI)
        line.string("verb", verb)
        line.user("user", user)
        if let impersonatedUser { line.user("impersonatedUser", impersonatedUser) }
        if !sourceIPs.isEmpty { line.strings("sourceIPs", sourceIPs) }
        if !userAgent.isEmpty { line.string("userAgent", Self.shortened(userAgent)) }
        if let object {
            line.object("objectRef") { line in
                for (key, value) in object.members where !value.isEmpty { line.string(key, value) }
            }
        }
        if let responseStatus { line.raw("responseStatus", responseStatus.serialized()) }
        if let requestObject { line.raw("requestObject", requestObject) }
        if let responseObject { line.raw("responseObject", responseObject) }
        line.string("requestReceivedTimestamp", received.rfc3339Micro)
        line.string("stageTimestamp", time.rfc3339Micro)
        if !annotations.isEmpty {
            line.object("annotations") { line in
                for (key, value) in annotations.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                    line.string(key, value)
                }
            }
        }
        return line.end()
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > longestUserAgent else { return text }
        return String(decoding: text.utf8.prefix(longestUserAgent), as: UTF8.self) + cut
    }
}

/// Appends the members of an event.
private struct Line {
    private var bytes: [UInt8] = []
    private var isFirst = true

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
        bytes.append(UInt8(ascii: "{"))
    }

    private mutating func key(_ key: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        JSON.writeString(key, into: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func string(_ key: String, _ value: String) {
        self.key(key)
        JSON.writeString(value, into: &bytes)
    }

    mutating func strings(_ key: String, _ values: [String]) {
        self.key(key)
        JSON(strings: values).write(into: &bytes)
    }

    mutating func raw(_ key: String, _ value: [UInt8]) {
        self.key(key)
        bytes.append(contentsOf: value)
    }

    mutating func object(_ key: String, _ members: (inout Line) -> Void) {
        self.key(key)
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
        members(&self)
        isFirst = false
        bytes.append(UInt8(ascii: "}"))
    }

    /// `UserInfo` of `authentication.k8s.io/v1`.
    mutating func user(_ key: String, _ user: UserInfo) {
        object(key) { line in
            if !user.username.isEmpty { line.string("username", user.username) }
            if !user.uid.isEmpty { line.string("uid", user.uid) }
            if !user.groups.isEmpty { line.strings("groups", user.groups) }
            guard !user.extra.isEmpty else { return }
            line.object("extra") { line in
                for attribute in user.extra.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                    line.strings(attribute.key, attribute.values)
                }
            }
        }
    }

    consuming func end() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
