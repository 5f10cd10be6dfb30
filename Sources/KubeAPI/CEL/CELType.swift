import JSON

/// What an expression can be, as far as it is known before it is evaluated.
indirect enum CELType: Sendable, Hashable {
    case dyn, null, bool, int, uint, double, string, bytes, duration, timestamp, type
    case list(CELType)
    case map(CELType, CELType)
    case object(CELObjectType)
    case record(CELRecordType)
    /// A type that only its functions know the inside of: `kubernetes.Quantity`.
    case opaque(String)
    case optional(CELType)
    /// A type that a call decides: `A` of `list(A)`.
    case parameter(String)

    /// The type as errors name it.
    var name: String {
        switch self {
        case .dyn: "dyn"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .duration: "duration"
        case .timestamp: "timestamp"
        case .type: "type"
        case .list(let element): "list(\(element.name))"
        case .map(let key, let value): "map(\(key.name), \(value.name))"
        case .object: "object"
        case .record(let record): record.name
        case .opaque(let name): name
        case .optional(let wrapped): "optional_type(\(wrapped.name))"
        case .parameter(let name): name
        }
    }

    /// Whether a value of this type can stand where another is wanted.
    func fits(_ wanted: CELType, _ bindings: inout [String: CELType]) -> Bool {
        switch (self, wanted) {
        case (_, .parameter(let name)):
            guard let bound = bindings[name], bound != .dyn else {
                bindings[name] = self
                return true
            }
            if self == .dyn { return true }
            var inner: [String: CELType] = [:]
            return fits(bound, &inner) || bound.fits(self, &inner)
        case (.dyn, _), (_, .dyn), (.parameter, _): return true
        case (.list(let left), .list(let right)), (.optional(let left), .optional(let right)): return left.fits(right, &bindings)
        case (.map(let leftKey, let left), .map(let rightKey, let right)):
            return leftKey.fits(rightKey, &bindings) && left.fits(right, &bindings)
        // What may be null is a matter of values.
        case (.null, _): return wanted.canBeNull
        case (_, .null): return canBeNull
        default: return self == wanted
        }
    }

    private var canBeNull: Bool {
        switch self {
        case .null, .object, .record, .opaque, .duration, .timestamp, .optional: true
        default: false
        }
    }

    /// The type with what a call decided.
    func resolved(_ bindings: [String: CELType]) -> CELType {
        switch self {
        case .parameter(let name): bindings[name] ?? .dyn
        case .list(let element): .list(element.resolved(bindings))
        case .map(let key, let value): .map(key.resolved(bindings), value.resolved(bindings))
        case .optional(let wrapped): .optional(wrapped.resolved(bindings))
        default: self
        }
    }

    /// One type for both, `dyn` when they differ.
    func joined(_ other: CELType) -> CELType {
        var bindings: [String: CELType] = [:]
        if self == .null { return other }
        return other == self || other == .null ? self : other.fits(self, &bindings) ? self : .dyn
    }
}

/// A type with a name and fields of its own, not those of a schema: `request`, `namespaceObject`, `variables`.
struct CELRecordType: Sendable, Hashable {
    let name: String
    let fields: [String: CELType]
    /// What fields are that are not named; `nil` when there are none.
    var others: CELType?

    static func == (left: CELRecordType, right: CELRecordType) -> Bool { left.name == right.name }
    func hash(into hasher: inout Hasher) { hasher.combine(name) }

    func field(_ name: String) -> CELType? { fields[name] ?? others }
}

/// An object with known fields.
struct CELObjectType: Sendable, Hashable {
    let schema: StructuralSchema
    /// Whether `apiVersion`, `kind` and the name are there without being specified.
    let isResource: Bool

    static func == (left: CELObjectType, right: CELObjectType) -> Bool {
        left.schema === right.schema && left.isResource == right.isResource
    }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(schema)) }

    /// The schema of a field by its name in expressions.
    func field(_ name: String) -> (name: String, schema: StructuralSchema)? {
        let plain = CELName.unescaped(name)
        if isResource, let part = Self.resourceParts[plain] { return (plain, part) }
        return schema.property(plain).map { (plain, $0) }
    }

    private static let resourceParts: [String: StructuralSchema] = [
        "apiVersion": StructuralSchema(["type": "string"]), "kind": StructuralSchema(["type": "string"]),
        "metadata": StructuralSchema([
            "type": "object", "properties": ["name": ["type": "string"], "generateName": ["type": "string"]],
        ]),
    ]
}

/// Names of properties that are no identifiers (`cel.Escape`).
enum CELName {
    private static let parts = [("__dot__", "."), ("__dash__", "-"), ("__slash__", "/"), ("__underscores__", "__")]
    private static let keywords: Set<String> = [
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
        "package", "namespace", "return", "var", "void", "while",
    ]

    /// The property that a name in an expression stands for.
    static func unescaped(_ name: String) -> String {
        if name.hasPrefix("__"), name.hasSuffix("__"), name.utf8.count > 4 {
            let word = String(name.dropFirst(2).dropLast(2))
            if keywords.contains(word) { return word }
        }
        guard name.contains("__") else { return name }
        var result = ""
        var rest = name[...]
        while !rest.isEmpty {
            if let part = parts.first(where: { rest.hasPrefix($0.0) }) {
                result += part.1
                rest = rest.dropFirst(part.0.count)
            } else if let first = rest.popFirst() {
                result.append(first)
            }
        }
        return result
    }
}

extension CELType {
    /// The type of a schema's values (`model.SchemaDeclType`).
    init(_ schema: StructuralSchema, isResource: Bool = false) {
        if schema.isIntOrString {
            self = .dyn
            return
        }
        let isObject = isResource || schema.isEmbeddedResource
        switch schema.type {
        case "array": self = .list(schema.items.map { CELType($0) } ?? .dyn)
        case "object":
            if let additional = schema.additionalProperties?.schema {
                self = .map(.string, CELType(additional))
            } else if !schema.properties.isEmpty || isObject {
                self = .object(CELObjectType(schema: schema, isResource: isObject))
            } else {
                self = schema.preservesUnknownFields ? .dyn : .object(CELObjectType(schema: schema, isResource: false))
            }
        case "string":
            switch schema.format.replacing("-", with: "") {
            case "byte": self = .bytes
            case "duration": self = .duration
            case "date", "datetime": self = .timestamp
            default: self = .string
            }
        case "boolean": self = .bool
        case "number": self = .double
        case "integer": self = .int
        default: self = isObject ? .object(CELObjectType(schema: schema, isResource: true)) : .dyn
        }
    }
}
