import JSON

/// The two versions of OpenAPI, which differ in how a property refers to a type and in what may stand beside the reference.
enum OpenAPIDialect: Sendable {
    /// Swagger 2.0: no defaults, one type for each value.
    case v2
    /// OpenAPI 3.0.
    case v3

    var referencePrefix: String { self == .v2 ? "#/definitions/" : "#/components/schemas/" }
}

/// Every type of the schema as an OpenAPI schema, and which types it refers to. The types that the schema treats as values come after
/// the others, in the order of `scalars`.
struct OpenAPIDefinitions: Sendable {
    private static let scalars: [ScalarType] = [
        .quantity, .intOrString, .raw, .time, .microTime, .fields, .any, .schemaOrArray, .schemaOrBool, .schemaOrStrings,
    ]

    let names: [String]
    let schemas: [JSON]
    private let links: [[Int]]

    /// How many definitions a schema leads to.
    static func count(_ schema: Schema) -> Int { schema.types.count + scalars.count }

    init(_ dialect: OpenAPIDialect, _ schema: Schema, _ table: ResourceTable, custom: CustomDefinitions) {
        names =
            schema.types.map { OpenAPINames.definition($0.name) } + Self.scalars.map { OpenAPINames.definition($0) ?? "" } + custom.names
        var renderer = Renderer(dialect, names, scalarStart: schema.types.count)
        let groupVersions = table.groupVersions
        var listed: [GroupVersionKind: String] = [:]
        for resource in table.resources {
            listed[GroupVersionKind(group: resource.group, version: resource.version, kind: resource.listKind)] = resource.resource
        }
        var schemas: [JSON] = []
        var links: [[Int]] = []
        schemas.reserveCapacity(names.count)
        links.reserveCapacity(names.count)
        for type in schema.types {
            schemas.append(renderer.type(type, groupVersions, listed: type.kinds.lazy.compactMap { listed[$0] }.first))
            links.append(renderer.takeLinks())
        }
        // JSONSchemaPropsOr… hide their alternatives, as in the real documents, so they refer to nothing.
        for scalar in Self.scalars {
            schemas.append(Self.scalar(scalar, dialect))
            links.append([])
        }
        self.schemas = schemas + custom.schemas(dialect)
        self.links = links + custom.links
    }

    static func place(_ scalar: ScalarType, after types: Int) -> Int? { scalars.firstIndex(of: scalar).map { types + $0 } }

    /// The types with everything that they refer to, sorted by name.
    func closure(_ roots: some Sequence<Int>) -> JSON {
        var isSeen = [Bool](repeating: false, count: names.count)
        var found: [Int] = []
        for root in roots where !isSeen[root] {
            isSeen[root] = true
            found.append(root)
        }
        var next = 0
        while next < found.count {
            for link in links[found[next]] where !isSeen[link] {
                isSeen[link] = true
                found.append(link)
            }
            next += 1
        }
        found.sort { names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8) }
        return .object(JSONObject(unique: found.map { JSONObject.Member(key: names[$0], value: schemas[$0]) }))
    }

    private static func scalar(_ type: ScalarType, _ dialect: OpenAPIDialect) -> JSON {
        switch (type, dialect) {
        case (.quantity, .v3): ["oneOf": [["type": "string"], ["type": "number"]]]
        case (.quantity, .v2): ["type": "string"]
        case (.intOrString, .v3): ["format": "int-or-string", "oneOf": [["type": "integer"], ["type": "string"]]]
        case (.intOrString, .v2): ["format": "int-or-string", "type": "string"]
        case (.time, _), (.microTime, _): ["format": "date-time", "type": "string"]
        case (.raw, _), (.fields, _): ["type": "object"]
        default: [:]
        }
    }
}

extension OpenAPIDefinitions {
    /// Writes types as schemas and gathers what they refer to.
    private struct Renderer {
        private let dialect: OpenAPIDialect
        /// `{"$ref": …}` by place: the same few values are shared by all documents.
        private let references: [JSON]
        private let scalarStart: Int
        private var links: Set<Int> = []

        init(_ dialect: OpenAPIDialect, _ names: [String], scalarStart: Int) {
            self.dialect = dialect
            self.scalarStart = scalarStart
            references = names.map { ["$ref": .string(dialect.referencePrefix + $0)] }
        }

        mutating func takeLinks() -> [Int] {
            defer { links.removeAll(keepingCapacity: true) }
            return Array(links)
        }

        /// - Parameter listed: the resource that objects of a type list.
        mutating func type(_ type: SchemaType, _ groupVersions: [GroupVersionKind], listed: String?) -> JSON {
            var schema = JSONObject()
            if !type.fields.isEmpty {
                let properties = type.fields.map { field -> JSONObject.Member in
                    var value = property(field)
                    if let listed, field.name == "items" { value["description"] = .string("List of \(listed)") }
                    return .init(key: field.name, value: value)
                }
                schema["properties"] = .object(JSONObject(unique: properties))
            }
            let required = type.fields.filter(\.isRequired)
            if !required.isEmpty { schema["required"] = JSON(strings: required.map(\.name)) }
            schema["type"] = "object"
            let kinds = kinds(of: type, groupVersions)
            if !kinds.isEmpty {
                schema["x-kubernetes-group-version-kind"] = .array(kinds.map(OpenAPIDefinitions.groupVersionKind))
            }
            if let mapType = type.mapType { schema["x-kubernetes-map-type"] = .string(mapType) }
            if let unions = type.unions { schema["x-kubernetes-unions"] = unions }
            return .object(schema)
        }

        /// Kinds of the machinery belong to every group, which the tables do not repeat.
        private func kinds(of type: SchemaType, _ groupVersions: [GroupVersionKind]) -> [GroupVersionKind] {
            guard type.kinds.isEmpty, type.name.hasPrefix("meta.v1.") else { return type.kinds }
            let kind = type.shortName
            if ["DeleteOptions", "WatchEvent"].contains(kind) {
                return groupVersions.map { GroupVersionKind(group: $0.group, version: $0.version, kind: kind) }
            }
            return type.field("kind") != nil && type.field("apiVersion") != nil && type.name != "meta.v1.OwnerReference"
                ? [GroupVersionKind(group: "", version: "v1", kind: kind)] : []
        }

        private mutating func property(_ field: SchemaField) -> JSON {
            var members = value(field.type, enumeration: field.enumeration)
            if dialect == .v3, let value = field.defaultValue { members["default"] = value }
            if !field.listMapKeys.isEmpty { members["x-kubernetes-list-map-keys"] = JSON(strings: field.listMapKeys) }
            if let listType = field.listType { members["x-kubernetes-list-type"] = .string(listType) }
            if let mapType = field.mapType { members["x-kubernetes-map-type"] = .string(mapType) }
            if let key = field.patchMergeKey { members["x-kubernetes-patch-merge-key"] = .string(key) }
            if !field.patchStrategy.isEmpty {
                members["x-kubernetes-patch-strategy"] = .string(field.patchStrategy.joined(separator: ","))
            }
            return .object(wrapped(members))
        }

        /// OpenAPI 3.0 ignores what stands beside a `$ref`, so the reference moves into an `allOf` when it is not alone.
        private func wrapped(_ members: JSONObject) -> JSONObject {
            guard dialect == .v3, members.count > 1, let reference = members["$ref"] else { return members }
            var result: JSONObject = ["allOf": [["$ref": reference]]]
            for member in members where member.key != "$ref" { result[member.key] = member.value }
            return result
        }

        /// The schema of a value; `enumeration` applies to its strings, however deep.
        private mutating func value(_ type: ValueType, enumeration: [String]) -> JSONObject {
            switch type {
            case .reference(let place): return reference(place)
            case .array(let element): return ["items": self.element(element, enumeration), "type": "array"]
            case .map(let element): return ["additionalProperties": self.element(element, enumeration), "type": "object"]
            case .scalar(let scalar, let is32Bit):
                if let place = OpenAPIDefinitions.place(scalar, after: scalarStart) { return reference(place) }
                switch scalar {
                case .integer: return ["format": is32Bit ? "int32" : "int64", "type": "integer"]
                case .number: return ["format": "double", "type": "number"]
                case .boolean: return ["type": "boolean"]
                case .bytes: return ["format": "byte", "type": "string"]
                case .object: return ["type": "object"]
                default: return enumeration.isEmpty ? ["type": "string"] : ["enum": JSON(strings: enumeration), "type": "string"]
                }
            }
        }

        /// The schema of an element; unlike fields, elements default to their zero value.
        private mutating func element(_ type: ValueType, _ enumeration: [String]) -> JSON {
            var members = value(type, enumeration: enumeration)
            guard dialect == .v3 else { return .object(members) }
            switch type {
            case .reference: members["default"] = [:]
            case .scalar(.string, _): members["default"] = ""
            case .scalar(.integer, _), .scalar(.number, _): members["default"] = 0
            case .scalar(.boolean, _): members["default"] = false
            default: break
            }
            return .object(wrapped(members))
        }

        private mutating func reference(_ place: Int) -> JSONObject {
            links.insert(place)
            return references.indices.contains(place) ? references[place].object ?? [:] : [:]
        }
    }

    static func groupVersionKind(_ kind: GroupVersionKind) -> JSON {
        ["group": .string(kind.group), "kind": .string(kind.kind), "version": .string(kind.version)]
    }
}
