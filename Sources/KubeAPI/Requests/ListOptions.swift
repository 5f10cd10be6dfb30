import JSON

/// ListOptions of a list or watch (`k8s.io/apimachinery/pkg/apis/meta/internalversion`).
public struct ListOptions: Sendable {
    /// `labelSelector` as given; empty selects everything.
    public let labelSelector: String
    /// `fieldSelector` as given; empty selects everything.
    public let fieldSelector: String
    /// Whether this is a watch.
    public let isWatch: Bool
    /// Whether the client understands BOOKMARK events.
    public let allowsBookmarks: Bool
    /// Whether a watch begins with the present objects and a marked bookmark.
    public let sendsInitialEvents: Bool?
    /// `resourceVersion` as given.
    public let resourceVersion: String
    /// `Exact`, `NotOlderThan` or empty.
    public let resourceVersionMatch: String
    /// Most items of an answer; 0 for all.
    public let limit: Int
    /// Where to go on.
    public let continueToken: String
    /// How long a watch lasts.
    public let timeoutSeconds: Int64?

    /// Reads and checks a query.
    ///
    /// - Throws: 400 or 422.
    public init(_ query: QueryParameters, isWatch: Bool) throws(KubeStatus) {
        labelSelector = query["labelSelector"] ?? ""
        fieldSelector = query["fieldSelector"] ?? ""
        self.isWatch = isWatch
        allowsBookmarks = query.bool("allowWatchBookmarks")
        sendsInitialEvents = query["sendInitialEvents"].map { _ in query.bool("sendInitialEvents") }
        resourceVersion = query["resourceVersion"] ?? ""
        resourceVersionMatch = query["resourceVersionMatch"] ?? ""
        limit = Int(clamping: max(0, try query.integer("limit") ?? 0))
        continueToken = query["continue"] ?? ""
        timeoutSeconds = try query.integer("timeoutSeconds")
        let errors = isWatch ? watchErrors : listErrors
        guard errors.isEmpty else { throw .invalid(group: "meta.k8s.io", kind: "ListOptions", name: "", errors) }
    }

    private static let matches = ["Exact", "NotOlderThan"]

    /// `validation.ValidateListOptions` for a watch.
    private var watchErrors: [FieldError] {
        let match = "resourceVersionMatch"
        var errors: [FieldError] = []
        if sendsInitialEvents != nil {
            if resourceVersionMatch != "NotOlderThan" {
                errors.append(.forbidden(match, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
            }
            if !resourceVersionMatch.isEmpty, resourceVersionMatch != "NotOlderThan" {
                errors.append(.notSupported(match, .string(resourceVersionMatch), ["NotOlderThan"]))
            }
            if !continueToken.isEmpty {
                errors.append(.forbidden(match, "resourceVersionMatch is forbidden when continue is provided"))
            }
            return errors
        }
        // A watch from the present begins with the state, as if it had asked to (`SetListOptionsDefaults`).
        if resourceVersionMatch.isEmpty, resourceVersion.isEmpty || resourceVersion == "0", !continueToken.isEmpty {
            errors.append(.forbidden(match, "resourceVersionMatch is forbidden when continue is provided"))
        }
        if !resourceVersionMatch.isEmpty {
            errors.append(.forbidden(match, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
            if resourceVersionMatch != "NotOlderThan" {
                errors.append(.notSupported(match, .string(resourceVersionMatch), ["NotOlderThan"]))
            }
        }
        return errors
    }

    private var listErrors: [FieldError] {
        let match = "resourceVersionMatch"
        var errors: [FieldError] = []
        if sendsInitialEvents != nil { errors.append(.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")) }
        guard !resourceVersionMatch.isEmpty else { return errors }
        if !continueToken.isEmpty { errors.append(.forbidden(match, "resourceVersionMatch is forbidden when continue is provided")) }
        if resourceVersion.isEmpty {
            errors.append(.forbidden(match, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        }
        if !Self.matches.contains(resourceVersionMatch) {
            errors.append(.notSupported(match, .string(resourceVersionMatch), Self.matches + [""]))
        }
        if resourceVersionMatch == "Exact", resourceVersion == "0" {
            errors.append(.forbidden(match, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
        }
        return errors
    }
}
