public import JSON

extension DiscoveryDocuments {
    /// `/api` or `/apis` for clients that accept `application/json;g=apidiscovery.k8s.io;v=VERSION;as=APIGroupDiscoveryList`.
    ///
    /// - Parameters:
    ///   - isCore: whether it answers `/api`, with the core group only.
    ///   - version: `v2`, or `v2beta1`, which 1.36 no longer serves.
    public func aggregated(isCore: Bool, version: String = "v2") -> JSON {
        let items = table.groups.filter { $0.name.isEmpty == isCore }.map { group -> JSON in
            let versions = group.versions.map { version -> JSON in
                let resources = table.resources(group: group.name, version: version).map(Self.aggregatedRow)
                return ["version": .string(version), "resources": .array(resources), "freshness": "Current"]
            }
            return ["metadata": isCore ? [:] : ["name": .string(group.name)], "versions": .array(versions)]
        }
        return [
            "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:],
            "items": .array(items),
        ]
    }

    private static func aggregatedRow(_ type: ResourceType) -> JSON {
        var row: JSONObject = [
            "resource": .string(type.resource), "responseKind": responseKind("", "", type.kind),
            "scope": type.isNamespaced ? "Namespaced" : "Cluster", "singularResource": .string(type.singular),
            "verbs": JSON(strings: type.verbs),
        ]
        if !type.shortNames.isEmpty { row["shortNames"] = JSON(strings: type.shortNames) }
        if !type.categories.isEmpty { row["categories"] = JSON(strings: type.categories) }
        let parts = type.subresources.map { part -> JSON in
            let isForeign = part.group != type.group || part.version != type.version
            return [
                "subresource": .string(part.name),
                "responseKind": responseKind(isForeign ? part.group : "", isForeign ? part.version : "", part.kind),
                "verbs": JSON(strings: part.verbs),
            ]
        }
        if !parts.isEmpty { row["subresources"] = .array(parts) }
        return .object(row)
    }

    /// Group and version are empty where they are those of the enclosing version.
    private static func responseKind(_ group: String, _ version: String, _ kind: String) -> JSON {
        ["group": .string(group), "version": .string(version), "kind": .string(kind)]
    }
}
