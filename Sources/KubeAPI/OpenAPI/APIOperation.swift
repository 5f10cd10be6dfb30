/// A parameter of an operation, as OpenAPI describes it.
struct APIParameter: Sendable {
    let name: String
    let isInPath: Bool
    /// `string`, `integer`, `boolean`.
    let type: String

    static func path(_ name: String) -> APIParameter { APIParameter(name: name, isInPath: true, type: "string") }
    static func query(_ name: String, _ type: String = "string") -> APIParameter {
        APIParameter(name: name, isInPath: false, type: type)
    }
    static func queries(_ names: String...) -> [APIParameter] { names.map { query($0) } }

    /// What the parameter does, for those that list and watch: clients and Kubernetes' own suites look for these words.
    var text: String? {
        guard !isInPath else { return nil }
        return switch name {
        case "fieldSelector": "A selector of fields that restricts the list of returned objects; all without one."
        case "labelSelector": "A selector of labels that restricts the list of returned objects; all without one."
        case "watch": "Watch for changes to the described resources, from resourceVersion on, instead of a list of them."
        default: nil
        }
    }

    static let pretty = query("pretty")
    static let create = queries("dryRun", "fieldManager", "fieldValidation")
    static let patch = queries("dryRun", "fieldManager", "fieldValidation") + [query("force", "boolean")]
    static let delete =
        queries("dryRun") + [
            query("gracePeriodSeconds", "integer"), query("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
            query("orphanDependents", "boolean"), query("propagationPolicy"),
        ]
    static let list = [
        query("allowWatchBookmarks", "boolean"), query("continue"), query("fieldSelector"), query("labelSelector"),
        query("limit", "integer"), query("resourceVersion"), query("resourceVersionMatch"), query("sendInitialEvents", "boolean"),
        query("timeoutSeconds", "integer"), query("watch", "boolean"),
    ]
    static let log = [
        query("container"), query("follow", "boolean"), query("insecureSkipTLSVerifyBackend", "boolean"), query("limitBytes", "integer"),
        query("previous", "boolean"), query("sinceSeconds", "integer"), query("stream"), query("tailLines", "integer"),
        query("timestamps", "boolean"),
    ]
    private static let streams = ["stderr", "stdin", "stdout", "tty"].map { query($0, "boolean") }

    /// What a connection takes, by the kind of its options.
    static func connection(_ kind: String) -> [APIParameter] {
        switch kind {
        case "PodExecOptions": queries("command", "container") + streams
        case "PodAttachOptions": queries("container") + streams
        case "PodPortForwardOptions": [query("ports", "integer")]
        default: queries("path")
        }
    }
}

/// What an operation answers or takes.
enum APIPayload: Sendable, Hashable {
    /// A type, by its place in the definitions.
    case definition(Int)
    case text
}

/// One method of one path.
struct APIOperation: Sendable {
    /// The media types of a payload.
    enum Media: Sendable {
        case object
        /// Objects, also as a stream of watch events.
        case stream
        case json
        /// Objects without a protobuf message.
        case custom
        case customStream
        case text
        case keySet
        case anything

        var names: [String] {
            switch self {
            case .object: ["application/json", "application/vnd.kubernetes.protobuf", "application/yaml"]
            case .stream: Media.object.names + ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"]
            case .json: ["application/json"]
            case .custom: ["application/json", "application/yaml"]
            case .customStream: Media.custom.names + ["application/json;stream=watch"]
            case .text: ["text/plain"] + Media.object.names
            case .keySet: ["application/jwk-set+json"]
            case .anything: ["*/*"]
            }
        }

        /// The same for custom resources.
        var custom: Media {
            switch self {
            case .object: .custom
            case .stream: .customStream
            default: self
            }
        }
    }

    /// What built-in resources can be patched with.
    static let patches = [
        "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ]

    /// `get`, `post`, `put`, `patch`, `delete`, `head`, `options`.
    let method: String
    let id: String
    let tag: String
    /// `x-kubernetes-action`; `nil` for documents.
    var action: String?
    /// `x-kubernetes-group-version-kind`
    var kind: GroupVersionKind?
    var parameters: [APIParameter] = []
    /// The type of the request body, by its place in the definitions.
    var body: Int?
    let answer: APIPayload
    var media = Media.object
    /// The media types of a patch.
    var patches = APIOperation.patches
    /// Status codes of success, beside which every operation answers 401.
    var codes = ["200"]

    /// The media types of a request body.
    var bodyMedia: [String] {
        method == "patch" ? patches.sorted() : ["*/*"]
    }
}

/// A path with what all its operations share.
struct APIPath: Sendable {
    let path: String
    var parameters: [APIParameter] = []
    var operations: [APIOperation]
}
