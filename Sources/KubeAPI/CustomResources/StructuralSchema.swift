public import JSON

/// One level of a custom resource's schema, compiled from `openAPIV3Schema` (`apiextensions-apiserver/pkg/apiserver/schema`).
///
/// A class because schemas are trees that many objects, versions and requests share; immutable.
public final class StructuralSchema: Sendable {
    /// What `additionalProperties` says.
    enum AdditionalProperties: Sendable {
        /// `true` or `false`.
        case allowed(Bool)
        case schema(StructuralSchema)

        var schema: StructuralSchema? { if case .schema(let schema) = self { schema } else { nil } }
    }

    let type: String
    let format: String
    let isNullable: Bool
    let defaultValue: JSON?
    /// By name, in byte order: Go's maps have none.
    let properties: [(name: String, schema: StructuralSchema)]
    private let positions: [String: Int]
    let additionalProperties: AdditionalProperties?
    let items: StructuralSchema?
    let required: [String]
    let enumeration: [JSON]
    let maximum: JSON?
    let minimum: JSON?
    let isExclusiveMaximum: Bool
    let isExclusiveMinimum: Bool
    let multipleOf: Double?
    let maximumLength: Int64?
    let minimumLength: Int64?
    let maximumItems: Int64?
    let minimumItems: Int64?
    let maximumProperties: Int64?
    let minimumProperties: Int64?
    let hasUniqueItems: Bool
    let pattern: String
    /// `nil` for an empty pattern, and for one that is none, which no definition with a schema gets past validation with.
    let expression: RegularExpression?
    let allOf: [StructuralSchema]
    let anyOf: [StructuralSchema]
    let oneOf: [StructuralSchema]
    let not: StructuralSchema?
    let preservesUnknownFields: Bool
    let isEmbeddedResource: Bool
    let isIntOrString: Bool
    let listType: String?
    let listMapKeys: [String]
    let mapType: String?
    /// `x-kubernetes-validations` as given.
    let validations: [JSON]
    /// The schema as given, for OpenAPI and server-side apply.
    public let document: JSON

    /// Compiles a schema; what is of a wrong kind is taken as absent. Depth is bounded by the parser's.
    public init(_ document: JSON) {
        self.document = document
        func text(_ name: String) -> String { document[name]?.string ?? "" }
        func flag(_ name: String) -> Bool { document[name]?.bool ?? false }
        func schemas(_ name: String) -> [StructuralSchema] { (document[name]?.array ?? []).map(StructuralSchema.init) }
        func count(_ name: String) -> Int64? { document[name]?.integer }
        type = text("type")
        let form = text("format")
        format = StringFormat.isSupported(form) ? form : ""
        isNullable = flag("nullable")
        defaultValue = document["default"].ifNotNull
        let named = (document["properties"]?.object?.members ?? []).sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        properties = named.map { ($0.key, StructuralSchema($0.value)) }
        positions = Dictionary(named.enumerated().map { ($1.key, $0) }) { first, _ in first }
        switch document["additionalProperties"] {
        case .bool(let isAllowed): additionalProperties = .allowed(isAllowed)
        case .some(let schema) where schema.object != nil: additionalProperties = .schema(StructuralSchema(schema))
        default: additionalProperties = nil
        }
        items = document["items"].ifObject.map(StructuralSchema.init)
        required = document["required"]?.strings ?? []
        enumeration = document["enum"]?.array ?? []
        maximum = document["maximum"].ifNumber
        minimum = document["minimum"].ifNumber
        isExclusiveMaximum = flag("exclusiveMaximum")
        isExclusiveMinimum = flag("exclusiveMinimum")
        multipleOf = document["multipleOf"]?.double
        maximumLength = count("maxLength")
        minimumLength = count("minLength")
        maximumItems = count("maxItems")
        minimumItems = count("minItems")
        maximumProperties = count("maxProperties")
        minimumProperties = count("minProperties")
        hasUniqueItems = flag("uniqueItems")
        pattern = text("pattern")
        expression = pattern.isEmpty ? nil : try? RegularExpression(pattern)
        allOf = schemas("allOf")
        anyOf = schemas("anyOf")
        oneOf = schemas("oneOf")
        not = document["not"].ifObject.map(StructuralSchema.init)
        preservesUnknownFields = flag("x-kubernetes-preserve-unknown-fields")
        isEmbeddedResource = flag("x-kubernetes-embedded-resource")
        isIntOrString = flag("x-kubernetes-int-or-string")
        listType = document["x-kubernetes-list-type"]?.string
        listMapKeys = document["x-kubernetes-list-map-keys"]?.strings ?? []
        mapType = document["x-kubernetes-map-type"]?.string
        validations = document["x-kubernetes-validations"]?.array ?? []
    }

    /// The schema of a property.
    func property(_ name: String) -> StructuralSchema? { positions[name].map { properties[$0].schema } }

    /// The element of a list before an update that has the same keys; only lists that are maps have one.
    func counterpart(of element: JSON, in old: JSON?) -> JSON? {
        guard listType == "map" else { return Optional.none }
        return old?.array?.first { other in listMapKeys.allSatisfy { other[$0] == element[$0] } }
    }

    /// The types that a value may have, as OpenAPI lists them.
    var types: [String] { isIntOrString ? ["integer", "string"] : type.isEmpty ? [] : [type] }

    /// Whether a schema that satisfies a condition is anywhere in this one.
    func contains(where matches: (StructuralSchema) -> Bool) -> Bool {
        if matches(self) { return true }
        let children =
            properties.map(\.schema) + [additionalProperties?.schema, items, not].compactMap(\.self) + allOf + anyOf + oneOf
        return children.contains { $0.contains(where: matches) }
    }
}
