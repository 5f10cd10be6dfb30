import JSON

/// A refusal as the API server answers it: `metav1.Status` with an HTTP code (`k8s.io/apimachinery/pkg/api/errors`).
public struct KubeStatus: Error, Sendable, Hashable {
    /// The HTTP status.
    public var code: Int
    /// `NotFound`, `Conflict` …; empty for none.
    public var reason: String
    /// The text that `kubectl` shows.
    public var message: String
    /// `details` of the Status.
    public var details: JSON?
    /// `Retry-After` in seconds.
    public var retryAfter: Int?
    /// Texts of `Warning` headers that go with the refusal.
    public var warnings: [String] = []

    /// Makes a status.
    public init(code: Int, reason: String, message: String, details: JSON? = nil, retryAfter: Int? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retryAfter = retryAfter
    }

    /// The body of the answer.
    public var json: JSON {
        var json: JSON = ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message)]
        if !reason.isEmpty { json["reason"] = .string(reason) }
        json["details"] = details
        json["code"] = .integer(Int64(code))
        return json
    }

    /// Details that name an object.
    static func details(_ type: (group: String, resource: String), name: String) -> JSON {
        var details: JSON = [:]
        if !name.isEmpty { details["name"] = .string(name) }
        if !type.group.isEmpty { details["group"] = .string(type.group) }
        if !type.resource.isEmpty { details["kind"] = .string(type.resource) }
        return details
    }

    static func qualified(_ group: String, _ resource: String) -> String { group.isEmpty ? resource : "\(resource).\(group)" }

    /// 401 for every request whose user is not known.
    public static let unauthorized = KubeStatus(code: 401, reason: "Unauthorized", message: "Unauthorized")

    /// 404 for a path that nobody serves.
    public static let noSuchPath = KubeStatus(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource", details: [:])

    /// 404 for an object.
    public static func notFound(group: String, resource: String, name: String) -> KubeStatus {
        KubeStatus(
            code: 404, reason: "NotFound", message: "\(qualified(group, resource)) \"\(name)\" not found",
            details: details((group, resource), name: name))
    }

    /// 409 for a name that is taken.
    public static func alreadyExists(group: String, resource: String, name: String) -> KubeStatus {
        KubeStatus(
            code: 409, reason: "AlreadyExists", message: "\(qualified(group, resource)) \"\(name)\" already exists",
            details: details((group, resource), name: name))
    }

    /// 409 for a change of something that changed meanwhile, or that may not be changed now.
    public static func conflict(group: String, resource: String, name: String, _ text: String) -> KubeStatus {
        KubeStatus(
            code: 409, reason: "Conflict", message: "Operation cannot be fulfilled on \(qualified(group, resource)) \"\(name)\": \(text)",
            details: details((group, resource), name: name))
    }

    /// The text of a stale `resourceVersion`.
    public static let staleText =
        "the object has been modified; please apply your changes to the latest version and try again"

    /// 403; `message` is the whole text.
    public static func forbidden(group: String, resource: String, name: String, message: String) -> KubeStatus {
        KubeStatus(code: 403, reason: "Forbidden", message: message, details: details((group, resource), name: name))
    }

    /// 400.
    public static func badRequest(_ message: String) -> KubeStatus { KubeStatus(code: 400, reason: "BadRequest", message: message) }

    /// 422 with one cause per wrong field.
    public static func invalid(group: String, kind: String, name: String, _ errors: [FieldError]) -> KubeStatus {
        // What is said twice is told once, but counts as two causes (`ToAggregate`).
        var seen: Set<String> = []
        let texts = errors.map(\.description).filter { seen.insert($0).inserted }
        let list = texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
        let qualifiedKind = group.isEmpty ? kind : "\(kind).\(group)"
        var details = details((group, kind), name: name)
        details["causes"] = .array(
            errors.map { ["reason": .string($0.kind.rawValue), "message": .string($0.detailText), "field": .string($0.field)] })
        return KubeStatus(
            code: 422, reason: "Invalid", message: "\(qualifiedKind) \"\(name)\" is invalid: \(list)", details: details)
    }

    /// 405.
    public static let methodNotAllowed = KubeStatus(
        code: 405, reason: "MethodNotAllowed", message: "the server does not allow this method on the requested resource", details: [:])

    /// 406: nothing that the client accepts is produced.
    public static func notAcceptable(_ produced: [String]) -> KubeStatus {
        KubeStatus(
            code: 406, reason: "NotAcceptable",
            message: "only the following media types are accepted: \(produced.joined(separator: ", "))")
    }

    /// 415: the body is of a type that is not read.
    public static func unsupportedMediaType(_ read: [String]) -> KubeStatus {
        KubeStatus(
            code: 415, reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - accepted media types include: \(read.joined(separator: ", "))")
    }

    /// 410 for a list or watch of a forgotten revision.
    public static func expired(_ message: String) -> KubeStatus { KubeStatus(code: 410, reason: "Expired", message: message) }

    /// 500; `message` is the whole text behind the prefix.
    public static func internalError(_ message: String) -> KubeStatus {
        KubeStatus(
            code: 500, reason: "InternalError", message: "Internal error occurred: \(message)",
            details: ["causes": [["message": .string(message)]]])
    }

    /// 413.
    public static func tooLarge(_ message: String) -> KubeStatus {
        KubeStatus(code: 413, reason: "RequestEntityTooLarge", message: message)
    }
}
