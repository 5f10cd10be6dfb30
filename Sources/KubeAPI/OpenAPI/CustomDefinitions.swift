import JSON

/// The kinds of custom resources as OpenAPI schemas (`apiextensions-apiserver/pkg/controller/openapi/builder`). Their places are after those of
/// the built-in types: for each resource its kind, then the kind of its lists.
struct CustomDefinitions: Sendable {
    private static let objectMeta = "meta.v1.ObjectMeta"
    private static let listMeta = "meta.v1.ListMeta"

    private let resources: [(resource: ResourceType, custom: CustomResource)]
    private let schema: Schema
    private let start: Int
    private let places: [GroupVersionKind: Int]

    /// - Parameter start: how many built-in definitions there are.
    init(_ table: ResourceTable, _ schema: Schema, start: Int) {
        self.schema = schema
        self.start = start
        resources = table.resources.compactMap { resource in resource.custom.map { (resource, $0) } }
        var places: [GroupVersionKind: Int] = [:]
        for (index, (resource, custom)) in resources.enumerated() {
            places[custom.kind] = start + index * 2
            places[Self.listKind(resource)] = start + index * 2 + 1
        }
        self.places = places
    }

    private static func listKind(_ resource: ResourceType) -> GroupVersionKind {
        GroupVersionKind(group: resource.group, version: resource.version, kind: resource.listKind)
    }

    /// The place of a kind.
    func place(_ kind: GroupVersionKind) -> Int? { places[kind] }

    /// `com.example.v1.Widget`
    private static func name(_ kind: GroupVersionKind) -> String {
        (kind.group.split(separator: ".").reversed().map(String.init) + [kind.version, kind.kind]).joined(separator: ".")
    }

    var names: [String] { resources.flatMap { [Self.name($0.custom.kind), Self.name(Self.listKind($0.resource))] } }

    /// What each schema refers to.
    var links: [[Int]] {
        let object = schema.index(named: Self.objectMeta).map { [$0] } ?? []
        let list = schema.index(named: Self.listMeta).map { [$0] } ?? []
        return resources.indices.flatMap { [object, list + [start + $0 * 2]] }
    }

    func schemas(_ dialect: OpenAPIDialect) -> [JSON] {
        resources.flatMap { [object($0.custom, dialect), list($0.resource, $0.custom, dialect)] }
    }

    private static func reference(_ name: String, _ dialect: OpenAPIDialect) -> JSON { ["$ref": .string(dialect.referencePrefix + name)] }

    /// A reference with a description, which OpenAPI 3.0 reads only around it.
    private static func described(_ name: String, _ text: JSON, _ dialect: OpenAPIDialect) -> JSON {
        switch dialect {
        case .v3: ["allOf": [reference(name, dialect)], "description": text]
        case .v2: ["$ref": .string(dialect.referencePrefix + name), "description": text]
        }
    }

    private static let apiVersion: JSON = ["type": "string", "description": "Group and version of the schema that this object follows."]
    private static let kind: JSON = ["type": "string", "description": "The kind of this object, in CamelCase."]

    private func object(_ custom: CustomResource, _ dialect: OpenAPIDialect) -> JSON {
        var result: JSON
        if let schema = custom.version.schema, dialect == .v3 || schema.document[Self.preserving] != true {
            result = dialect == .v3 ? schema.document : Self.swagger(schema.document)
            let metadata = OpenAPINames.definition(Self.objectMeta)
            result.set(Self.apiVersion, at: ["properties", "apiVersion"])
            result.set(Self.kind, at: ["properties", "kind"])
            result.set(
                Self.described(metadata, "Name, labels and what else all objects carry.", dialect), at: ["properties", "metadata"])
            if result["type"] == nil { result["type"] = "object" }
        } else {
            // Not even metadata: kubectl, which checks what is in a List by version 2, would know of no other field then.
            result = ["type": "object"]
        }
        result["x-kubernetes-group-version-kind"] = [OpenAPIDefinitions.groupVersionKind(custom.kind)]
        if !custom.selectableFields.isEmpty {
            result["x-kubernetes-selectable-fields"] = .array(custom.selectableFields.map { ["fieldPath": .string($0.name)] })
        }
        return result
    }

    private func list(_ resource: ResourceType, _ custom: CustomResource, _ dialect: OpenAPIDialect) -> JSON {
        let kind = Self.listKind(resource)
        return [
            "description": .string("\(kind.kind) is a list of \(custom.kind.kind)"),
            "properties": [
                "apiVersion": Self.apiVersion,
                "items": [
                    "description": .string("The \(resource.resource) of this list."),
                    "items": Self.reference(Self.name(custom.kind), dialect),
                    "type": "array",
                ],
                "kind": Self.kind,
                "metadata": Self.described(OpenAPINames.definition(Self.listMeta), "What all lists carry.", dialect),
            ],
            "required": ["items"], "type": "object",
            "x-kubernetes-group-version-kind": [OpenAPIDefinitions.groupVersionKind(kind)],
        ]
    }

    private static let preserving = "x-kubernetes-preserve-unknown-fields"

    /// A schema without what Swagger 2.0, or kubectl's reading of it, cannot say (`controller/openapi/v2/conversion.go`).
    private static func swagger(_ schema: JSON) -> JSON {
        guard let members = schema.object?.members else { return schema }
        let isNullable = schema["nullable"] == true
        let preserves = schema[preserving] == true
        var dropped: Set<String> = ["anyOf", "oneOf", "not", "allOf", "nullable", "default"]
        // A value that may be null, or of two types, has no type there; kubectl wants none either where unknown fields are kept.
        if isNullable || preserves { dropped.formUnion(["properties", "items"]) }
        if isNullable || schema["x-kubernetes-int-or-string"] == true { dropped.formUnion(["type", "format"]) }
        if preserves && schema["type"] == "object" { dropped.insert("type") }
        if schema["type"] == "array" && (schema["items"] == nil || dropped.contains("items")) { dropped.insert("type") }
        var result: [JSONObject.Member] = []
        for member in members where !dropped.contains(member.key) {
            switch member.key {
            case "properties":
                let properties = (member.value.object?.members ?? []).map { JSONObject.Member(key: $0.key, value: swagger($0.value)) }
                result.append(.init(key: member.key, value: .object(JSONObject(unique: properties))))
            case "items", "additionalProperties": result.append(.init(key: member.key, value: swagger(member.value)))
            case "required":
                let names = (member.value.strings ?? []).filter { schema.at("properties", $0)?["nullable"] != true }
                if !names.isEmpty && schema["additionalProperties"]?["nullable"] != true {
                    result.append(.init(key: member.key, value: JSON(strings: names)))
                }
            default: result.append(member)
            }
        }
        return .object(JSONObject(unique: result))
    }
}
