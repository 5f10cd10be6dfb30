public import JSON

/// What a cluster says of its API: the answers of `/api`, `/apis`, everything below them that names no resource, and `/`.
///
/// Made anew at each call from the table, members in the order in which kube-apiserver 1.36 writes them; a server keeps the bytes.
public struct DiscoveryDocuments: Sendable {
    let table: ResourceTable

    /// Describes a table.
    public init(_ table: ResourceTable = .builtin) { self.table = table }

    /// `/api`: an APIVersions. It has no `apiVersion`, as from the real server.
    ///
    /// - Parameter serverAddress: host and port under which clients reach the server.
    public func legacyVersions(serverAddress: String) -> JSON {
        [
            "kind": "APIVersions", "versions": JSON(strings: table.group("")?.versions ?? []),
            "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": .string(serverAddress)]],
        ]
    }

    /// `/api/v1`: an APIResourceList.
    public var coreResources: JSON { resources(group: "", version: "v1") ?? .null }

    /// `/api/v1`, `/apis/GROUP/VERSION`: an APIResourceList; `nil` where the group does not serve the version.
    public func resources(group: String, version: String) -> JSON? {
        guard let served = table.group(group), served.versions.contains(version) else { return nil }
        let rows = table.resources(group: group, version: version).flatMap(Self.rows)
        var document: JSONObject = ["kind": "APIResourceList"]
        // The list of the core group comes without it: its codec predates the versioned one.
        if !group.isEmpty { document["apiVersion"] = "v1" }
        document["groupVersion"] = .string(Self.groupVersion(group, version))
        document["resources"] = .array(rows)
        return .object(document)
    }

    /// `/apis`: an APIGroupList. The core group is not in it.
    public var groups: JSON {
        let named = table.groups.filter { !$0.name.isEmpty }
        return ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(named.map { .object(Self.members(of: $0)) })]
    }

    /// `/apis/GROUP`: an APIGroup; `nil` for unknown groups and the core group.
    public func group(_ name: String) -> JSON? {
        guard !name.isEmpty, let group = table.group(name) else { return nil }
        var document: JSONObject = ["kind": "APIGroup", "apiVersion": "v1"]
        for member in Self.members(of: group) { document[member.key] = member.value }
        return .object(document)
    }

    /// `/`: every path that leads to a document or group, sorted by bytes.
    ///
    /// - Parameter other: paths that the server answers beside discovery and OpenAPI, such as `/version` and its health checks.
    public func rootPaths(including other: [String] = []) -> JSON {
        var paths: Set<String> = ["/api", "/apis", "/apis/", "/openapi/v2", "/openapi/v3", "/openapi/v3/"]
        for group in table.groups {
            if !group.name.isEmpty { paths.insert("/apis/\(group.name)") }
            for version in group.versions { paths.insert(group.name.isEmpty ? "/api/\(version)" : "/apis/\(group.name)/\(version)") }
        }
        paths.formUnion(other)
        return ["paths": JSON(strings: paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })]
    }

    static func groupVersion(_ group: String, _ version: String) -> String { group.isEmpty ? version : "\(group)/\(version)" }

    private static func members(of group: ResourceTable.Group) -> JSONObject {
        func version(_ name: String) -> JSON { ["groupVersion": .string(groupVersion(group.name, name)), "version": .string(name)] }
        return [
            "name": .string(group.name), "versions": .array(group.versions.map(version)), "preferredVersion": version(group.preferred),
        ]
    }

    /// The APIResource of a resource and those of its subresources.
    private static func rows(_ type: ResourceType) -> [JSON] {
        var main: JSONObject = [
            "name": .string(type.resource), "singularName": .string(type.singular), "namespaced": .bool(type.isNamespaced),
            "kind": .string(type.kind), "verbs": JSON(strings: type.verbs),
        ]
        if !type.shortNames.isEmpty { main["shortNames"] = JSON(strings: type.shortNames) }
        if !type.categories.isEmpty { main["categories"] = JSON(strings: type.categories) }
        if let hash = type.storageVersionHash { main["storageVersionHash"] = .string(hash) }
        return [.object(main)]
            + type.subresources.map { part in
                var row: JSONObject = [
                    "name": .string("\(type.resource)/\(part.name)"), "singularName": "", "namespaced": .bool(type.isNamespaced),
                ]
                if part.group != type.group || part.version != type.version {
                    row["group"] = .string(part.group)
                    row["version"] = .string(part.version)
                }
                row["kind"] = .string(part.kind)
                row["verbs"] = JSON(strings: part.verbs)
                return .object(row)
            }
    }
}
