import HTTP
import KubeAPI

/// What a request's path and method mean (`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`).
struct RequestInfo: Sendable, Hashable {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the method in lower case.
    var verb: String
    /// The path with escapes resolved.
    let path: String
    /// Whether this is about a resource; otherwise about `path`.
    var isResourceRequest = false
    /// Whether the path begins with `/api`, not `/apis`.
    var isCore = false
    var group = ""
    var version = ""
    var namespace = ""
    var resource = ""
    var subresource = ""
    var name = ""
    /// Whether the raw path has two slashes in a row: no resource is there.
    let hasEmptySegment: Bool
    /// The fields that a list, watch or collection delete restricts to one value.
    var fieldSelector: [String: String] = [:]
    /// What follows the resource: more than name and subresource is nothing that exists.
    var parts: [String] = []

    /// Reads the request line.
    init(_ request: HTTPRequest, _ query: QueryParameters) {
        path = PercentEncoding.decode(request.path) ?? request.path
        verb = request.method.lowercased()
        let pieces = request.path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // The path begins with a slash and may end with one.
        hasEmptySegment = pieces.dropFirst().dropLast().contains(where: \.isEmpty)
        var segments: [String] = []
        segments.reserveCapacity(pieces.count)
        for piece in pieces where !piece.isEmpty { segments.append(PercentEncoding.decode(Substring(piece)) ?? String(Substring(piece))) }
        guard segments.count >= 3, let root = segments.first, root == "api" || root == "apis" else { return }
        segments.removeFirst()
        if root == "apis" {
            guard segments.count >= 3 else { return }
            group = segments.removeFirst()
        }
        isCore = root == "api"
        isResourceRequest = true
        version = segments.removeFirst()
        switch request.method {
        case "POST": verb = "create"
        case "GET", "HEAD": verb = "get"
        case "PUT": verb = "update"
        case "PATCH": verb = "patch"
        case "DELETE": verb = "delete"
        default: verb = ""
        }
        if segments.first == "watch", segments.count > 1 {
            verb = "watch"
            segments.removeFirst()
        } else if segments.first == "proxy", segments.count > 1 {
            verb = "proxy"
            segments.removeFirst()
        }
        readResource(segments)
        refineVerb(request, query)
    }

    private mutating func readResource(_ segments: [String]) {
        var segments = segments
        if segments.first == "namespaces", segments.count > 1 {
            namespace = segments[1]
            // A subresource of the namespace itself, or a resource in it.
            if segments.count > 2, !["status", "finalize"].contains(segments[2]) { segments = Array(segments[2...]) }
        }
        parts = segments
        resource = segments.first ?? ""
        if segments.count > 1 { name = segments[1] }
        if segments.count > 2 { subresource = segments[2] }
    }

    private mutating func refineVerb(_ request: HTTPRequest, _ query: QueryParameters) {
        if name.isEmpty, verb == "get" { verb = query.bool("watch") ? "watch" : "list" }
        if verb == "list" || verb == "watch" || verb == "deletecollection" || verb == "delete", let text = query["fieldSelector"],
            let selector = try? FieldSelector(parsing: text)
        {
            for requirement in selector.requirements where !requirement.isNegated { fieldSelector[requirement.field] = requirement.value }
        }
        // A collection restricted to one name is authorized as that object.
        if name.isEmpty, verb == "list" || verb == "watch" || verb == "deletecollection", let selected = Self.selectedName(query) {
            name = selected
        }
        if name.isEmpty, verb == "delete" { verb = "deletecollection" }
    }

    /// Whether the answer may take as long as the client likes (`BasicLongRunningRequestCheck` of kube-apiserver).
    var isLongRunning: Bool {
        guard isResourceRequest else { return path.hasPrefix("/debug/pprof/") }
        return ["watch", "proxy"].contains(verb) || ["attach", "exec", "proxy", "log", "portforward"].contains(subresource)
    }

    /// Whether the path itself names an object.
    var namesObject: Bool { parts.count > 1 }

    /// The name that `fieldSelector=metadata.name=NAME` asks for.
    private static func selectedName(_ query: QueryParameters) -> String? {
        for term in (query["fieldSelector"] ?? "").split(separator: ",") {
            let sides = term.split(separator: "=", omittingEmptySubsequences: true)
            guard sides.count == 2, sides[0] == "metadata.name", !term.contains("!") else { continue }
            return String(sides[1])
        }
        return nil
    }
}
