import HTTP
import JSON
import RBAC

/// Turns requests as the vectors write them into what authorizers are asked.
enum VectorRequest {
    /// A request by its attributes: `verb`, `apiGroup`, `resource` …, or `verb` and `path`.
    static func attributes(_ json: JSON, user: UserInfo) -> Attributes {
        func text(_ key: String) -> String { json[key]?.string ?? "" }
        if json["path"] != nil { return Attributes(user: user, verb: text("verb"), path: text("path")) }
        return Attributes(
            user: user, verb: text("verb"), namespace: text("namespace"), apiGroup: text("apiGroup"), resource: text("resource"),
            subresource: text("subresource"), name: text("name"))
    }

    /// A request by method and path.
    static func attributes(method: String, path target: String, user: UserInfo) -> Attributes {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let query = halves.count > 1 ? PercentEncoding.pairs(halves[1]) ?? [] : []
        let path = String(halves[0])
        var parts = path.split(separator: "/").map(String.init)
        guard let root = parts.first, root == "api" && parts.count > 2 || root == "apis" && parts.count > 3 else {
            return Attributes(user: user, verb: method.lowercased(), path: path)
        }
        let group = root == "apis" ? parts[1] : ""
        parts.removeFirst(root == "apis" ? 3 : 2)
        var verb = ["POST": "create", "GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"][method] ?? ""
        if parts.first == "watch", parts.count > 1 {
            parts.removeFirst()
            verb = "watch"
        }
        var namespace = ""
        if parts[0] == "namespaces", parts.count > 1 {
            namespace = parts[1]
            if parts.count > 2, !["status", "finalize"].contains(parts[2]) { parts.removeFirst(2) }
        }
        let name = parts.count > 1 ? parts[1] : ""
        if name.isEmpty, verb == "get" { verb = query.contains { $0.name == "watch" && $0.value != "0" } ? "watch" : "list" }
        if name.isEmpty, verb == "delete" { verb = "deletecollection" }
        return Attributes(
            user: user, verb: verb, namespace: namespace, apiGroup: group, resource: parts[0], subresource: parts.count > 2 ? parts[2] : "",
            name: name)
    }

    /// The user that `as` impersonates; `nil` when it names nobody.
    static func user(as json: JSON) -> UserInfo? {
        var headers: [(name: String, value: String)] = [("Impersonate-User", json["user"]?.string ?? "")]
        headers += (json["groups"]?.strings ?? []).map { ("Impersonate-Group", $0) }
        if let uid = json["uid"]?.string { headers.append(("Impersonate-Uid", uid)) }
        for extra in json["extra"]?.object?.members ?? [] {
            headers += (extra.value.strings ?? []).map { ("Impersonate-Extra-\(extra.key)", $0) }
        }
        let root = UserInfo(username: "kubernetes-admin", groups: [UserInfo.mastersGroup])
        return (try? Impersonation(headers: headers, by: root))?.user
    }
}
