/// Makes the paths of the API from the resource table.
struct APIPaths: Sendable {
    private let table: ResourceTable
    private let schema: Schema
    private let custom: CustomDefinitions

    init(_ table: ResourceTable, _ schema: Schema, _ custom: CustomDefinitions) {
        self.table = table
        self.schema = schema
        self.custom = custom
    }

    /// The paths of a group and version: its list of resources and every resource with its subresources.
    func groupVersion(_ group: String, _ version: String) -> [APIPath] {
        let prefix = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        let name = OpenAPINames.groupVersion(group, version)
        let tag = "\(OpenAPINames.group(group))_\(version)"
        var paths = [document(prefix + "/", "get\(name)APIResources", tag, "meta.v1.APIResourceList")]
        for type in table.resources(group: group, version: version) {
            let writer = ResourcePaths(type, prefix: prefix, name: name, tag: tag, place: place(of:), meta: place(named:))
            paths += writer.collection() + writer.object() + type.subresources.flatMap(writer.subresource)
        }
        return paths.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// `/api/`, `/apis/` and `/apis/GROUP/`.
    func versions(of group: String?) -> APIPath {
        switch group {
        case nil: document("/apis/", "getAPIVersions", "apis", "meta.v1.APIGroupList")
        case "": document("/api/", "getCoreAPIVersions", "core", "meta.v1.APIVersions")
        case .some(let group):
            document(
                "/apis/\(group)/", "get\(OpenAPINames.capitalized(OpenAPINames.group(group)))APIGroup", OpenAPINames.group(group),
                "meta.v1.APIGroup")
        }
    }

    /// Paths outside of the API groups, by the name of their document.
    func others() -> [(document: String, path: APIPath)] {
        func text(_ path: String, _ id: String, _ tag: String, _ media: APIOperation.Media) -> APIPath {
            APIPath(path: path, operations: [APIOperation(method: "get", id: id, tag: tag, answer: .text, media: media)])
        }
        return [
            (
                ".well-known/openid-configuration",
                text("/.well-known/openid-configuration/", "getServiceAccountIssuerOpenIDConfiguration", "WellKnown", .json)
            ),
            ("openid/v1/jwks", text("/openid/v1/jwks/", "getServiceAccountIssuerOpenIDKeyset", "openid", .keySet)),
            ("version", document("/version/", "getCodeVersion", "version", "version.Info", media: .json)),
        ]
    }

    private func document(_ path: String, _ id: String, _ tag: String, _ type: String, media: APIOperation.Media = .object) -> APIPath {
        APIPath(
            path: path,
            operations: [
                APIOperation(
                    method: "get", id: id, tag: tag, answer: place(named: type).map(APIPayload.definition) ?? .text, media: media)
            ])
    }

    private func place(named name: String) -> Int? { schema.index(named: name) }
    private func place(of kind: GroupVersionKind) -> Int? { custom.place(kind) ?? schema.index(kind) }
}

/// Makes the paths of one resource.
private struct ResourcePaths {
    private let type: ResourceType
    /// `/apis/apps/v1`
    private let prefix: String
    /// `AppsV1`
    private let name: String
    private let tag: String
    private let place: (GroupVersionKind) -> Int?
    private let meta: (String) -> Int?

    init(
        _ type: ResourceType, prefix: String, name: String, tag: String, place: @escaping (GroupVersionKind) -> Int?,
        meta: @escaping (String) -> Int?
    ) {
        self.type = type
        self.prefix = prefix
        self.name = name
        self.tag = tag
        self.place = place
        self.meta = meta
    }

    private var scope: String { type.isNamespaced ? "Namespaced" : "" }
    private var collectionPath: String { (type.isNamespaced ? "/namespaces/{namespace}/" : "/") + type.resource }
    private var scopeParameters: [APIParameter] { type.isNamespaced ? [.path("namespace")] : [] }
    private var objectParameters: [APIParameter] { [.path("name")] + scopeParameters + [.pretty] }
    private var status: APIPayload { payload("meta.v1.Status") }

    private func payload(_ name: String) -> APIPayload { meta(name).map(APIPayload.definition) ?? .text }
    private func payload(_ kind: GroupVersionKind) -> APIPayload { place(kind).map(APIPayload.definition) ?? .text }

    private func operation(
        _ method: String, _ id: String, _ action: String, _ kind: GroupVersionKind, _ parameters: [APIParameter] = [],
        body: Int? = nil, answer: APIPayload, media: APIOperation.Media = .object, codes: [String] = ["200"]
    ) -> APIOperation {
        APIOperation(
            method: method, id: id, tag: tag, action: action, kind: kind, parameters: parameters, body: body, answer: answer,
            media: type.custom == nil ? media : media.custom, patches: type.custom == nil ? APIOperation.patches : PatchType.customTypes,
            codes: codes)
    }

    /// Lists, creation and deletion of many, and the old paths of watches.
    func collection() -> [APIPath] {
        let verbs = Set(type.verbs)
        let kind = type.groupVersionKind
        let list = payload(GroupVersionKind(group: kind.group, version: kind.version, kind: type.listKind))
        var paths: [APIPath] = []
        var operations: [APIOperation] = []
        if verbs.contains("list") {
            operations.append(
                operation("get", "list\(name)\(scope)\(type.kind)", "list", kind, APIParameter.list, answer: list, media: .stream))
        }
        if verbs.contains("create") {
            operations.append(
                operation(
                    "post", "create\(name)\(scope)\(type.kind)", "post", kind, APIParameter.create, body: place(kind),
                    answer: payload(kind), codes: ["200", "201", "202"]))
        }
        if verbs.contains("deletecollection") {
            operations.append(
                operation(
                    "delete", "delete\(name)Collection\(scope)\(type.kind)", "deletecollection", kind,
                    APIParameter.delete + APIParameter.list.filter { !["allowWatchBookmarks", "watch"].contains($0.name) },
                    body: meta("meta.v1.DeleteOptions"), answer: status))
        }
        if !operations.isEmpty {
            paths.append(APIPath(path: prefix + collectionPath, parameters: scopeParameters + [.pretty], operations: operations))
        }
        if verbs.contains("list"), type.isNamespaced {
            let all = operation("get", "list\(name)\(type.kind)ForAllNamespaces", "list", kind, answer: list, media: .stream)
            paths.append(APIPath(path: "\(prefix)/\(type.resource)", parameters: APIParameter.list + [.pretty], operations: [all]))
        }
        if verbs.contains("watch") { paths += watches() }
        return paths
    }

    private func watches() -> [APIPath] {
        func path(_ path: String, _ id: String, _ action: String, _ parameters: [APIParameter]) -> APIPath {
            APIPath(
                path: "\(prefix)/watch\(path)", parameters: parameters + APIParameter.list + [.pretty],
                operations: [
                    operation("get", id, action, type.groupVersionKind, answer: payload("meta.v1.WatchEvent"), media: .stream)
                ])
        }
        var paths = [
            path(collectionPath, "watch\(name)\(scope)\(type.kind)List", "watchlist", scopeParameters),
            path("\(collectionPath)/{name}", "watch\(name)\(scope)\(type.kind)", "watch", [.path("name")] + scopeParameters),
        ]
        if type.isNamespaced {
            paths.append(path("/\(type.resource)", "watch\(name)\(type.kind)ListForAllNamespaces", "watchlist", []))
        }
        return paths
    }

    /// Reading, replacing, patching and deleting one object.
    func object() -> [APIPath] {
        let kind = type.groupVersionKind
        var operations = type.verbs.compactMap { verb in
            content(verb, id: "\(name)\(scope)\(type.kind)", kind)
        }
        if type.verbs.contains("delete") {
            let answersObject = ResourceStrategy.of(type).returnsDeletedObject
            operations.append(
                operation(
                    "delete", "delete\(name)\(scope)\(type.kind)", "delete", kind, APIParameter.delete,
                    body: meta("meta.v1.DeleteOptions"), answer: answersObject ? payload(kind) : status, codes: ["200", "202"]))
        }
        guard !operations.isEmpty else { return [] }
        return [APIPath(path: "\(prefix)\(collectionPath)/{name}", parameters: objectParameters, operations: operations)]
    }

    /// What `get`, `update` and `patch` of an object or subresource are.
    private func content(_ verb: String, id: String, _ kind: GroupVersionKind) -> APIOperation? {
        switch verb {
        case "get": operation("get", "read\(id)", "get", kind, answer: payload(kind))
        case "update":
            operation(
                "put", "replace\(id)", "put", kind, APIParameter.create, body: place(kind), answer: payload(kind), codes: ["200", "201"])
        case "patch":
            operation(
                "patch", "patch\(id)", "patch", kind, APIParameter.patch, body: meta("meta.v1.Patch"), answer: payload(kind),
                codes: ["200", "201"])
        default: nil
        }
    }

    /// The paths of a subresource: one, or two for proxies, which also take the rest of a path.
    func subresource(_ part: ResourceType.Subresource) -> [APIPath] {
        let kind = GroupVersionKind(group: part.group, version: part.version, kind: part.kind)
        let path = "\(prefix)\(collectionPath)/{name}/\(part.name)"
        let id = "\(name)\(scope)\(type.kind)\(OpenAPINames.capitalized(part.name))"
        if part.kind.hasSuffix("Options") { return connection(part, kind, path) }
        if part.name == "log" {
            let read = operation("get", "read\(id)", "get", kind, answer: .text, media: .text)
            return [APIPath(path: path, parameters: objectParameters + APIParameter.log, operations: [read])]
        }
        let operations = part.verbs.compactMap { verb in
            verb == "create"
                ? operation(
                    "post", "create\(id)", "post", kind, APIParameter.create, body: place(kind), answer: payload(kind),
                    codes: ["200", "201", "202"])
                : content(verb, id: id, kind)
        }
        return [APIPath(path: path, parameters: objectParameters, operations: operations)]
    }

    private func connection(_ part: ResourceType.Subresource, _ kind: GroupVersionKind, _ path: String) -> [APIPath] {
        var methods = part.verbs.compactMap { ["create": "post", "delete": "delete", "get": "get", "patch": "patch", "update": "put"][$0] }
        let isProxy = methods.contains("put")
        // Discovery has no verbs for these two methods of a proxy.
        if isProxy { methods += ["head", "options"] }
        let parameters = APIParameter.connection(part.kind)
        func connect(_ path: String, _ parameters: [APIParameter], _ suffix: String) -> APIPath {
            APIPath(
                path: path, parameters: [.path("name")] + scopeParameters + parameters,
                operations: methods.map { method in
                    let id =
                        "connect\(name)\(OpenAPINames.capitalized(method))\(scope)\(type.kind)\(OpenAPINames.capitalized(part.name))"
                    return operation(method, id + suffix, "connect", kind, answer: .text, media: .anything)
                })
        }
        let plain = connect(path, parameters, "")
        return isProxy ? [plain, connect("\(path)/{path}", [.path("path")] + parameters, "WithPath")] : [plain]
    }
}
