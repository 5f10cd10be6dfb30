import JSON
import KubeAPI
import Testing

/// Custom resources for specifications: definitions as the store holds them, and what is served of them.
enum Widgets {
    /// A definition of `widgets.example.com` with these versions.
    static func definition(_ versions: [JSON]) -> JSON {
        let names: JSON = ["plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"]
        return [
            "kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "metadata": ["name": "widgets.example.com"],
            "spec": [
                "group": "example.com", "scope": "Namespaced", "names": names, "versions": .array(versions),
                "conversion": ["strategy": "None"],
            ],
            "status": [
                "acceptedNames": names, "storedVersions": [versions.first?["name"] ?? ""],
                "conditions": [["type": "NamesAccepted", "status": "True"], ["type": "Established", "status": "True"]],
            ],
        ]
    }

    /// A version with a schema, the storage version unless told otherwise.
    static func version(_ schema: JSON, name: String = "v1", isStorage: Bool = true) -> JSON {
        ["name": .string(name), "served": true, "storage": .bool(isStorage), "schema": ["openAPIV3Schema": schema]]
    }

    /// A version of an object whose `spec.v` follows a schema.
    static func version(v schema: JSON) -> JSON {
        version(["type": "object", "properties": ["spec": ["type": "object", "properties": ["v": schema]]]])
    }

    /// The table with a definition.
    static func table(_ definition: JSON, revision: Int64 = 1) -> ResourceTable {
        ResourceTable.builtin.adding(
            CustomResourceTable().updated([(name: definition.objectName, revision: revision, object: { definition })]))
    }

    /// What is served of the first version.
    static func resource(_ versions: JSON...) throws -> ResourceType {
        let table = table(definition(versions))
        return try #require(table.lookup(group: "example.com", version: versions.first?["name"]?.string ?? "", resource: "widgets"))
    }

    /// An object with a spec.
    static func object(_ spec: JSON, version: String = "v1") -> JSON {
        ["apiVersion": .string("example.com/\(version)"), "kind": "Widget", "metadata": ["name": "w", "namespace": "n"], "spec": spec]
    }

    /// What is wrong with an object whose `spec.v` is a value.
    static func problems(_ schema: JSON, _ value: JSON, old: JSON? = nil) throws -> [String] {
        let resource = try resource(version(v: schema))
        return resource.definitionProblems(object(["v": value]), old: old.map { object(["v": $0]) }, subresource: "").map { "\($0)" }
    }
}
