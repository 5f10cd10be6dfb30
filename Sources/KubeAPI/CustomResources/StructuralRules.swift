import JSON

/// What makes a schema structural: types everywhere, nothing but checks under junctors
/// (`apiextensions-apiserver/pkg/apiserver/schema/validation.go` and `complete.go`).
struct StructuralRules {
    private enum Level {
        case root, item, field
    }

    private var errors: [FieldError] = []

    /// What is wrong with a schema, sorted by text as the server does.
    static func problems(_ schema: JSON, _ path: String) -> [FieldError] {
        var rules = StructuralRules()
        rules.invariants(schema, .root, path)
        rules.completeness(schema, schema, path, path)
        return rules.errors.sorted { "\($0)".utf8.lexicographicallyPrecedes("\($1)".utf8) }
    }

    /// Members that no structural schema can be made of at all (`NewStructural`).
    static func hasUnsupportedMembers(_ schema: JSON) -> Bool {
        let unsupported = ["id", "$schema", "$ref", "definitions", "dependencies", "patternProperties", "additionalItems"]
        if unsupported.contains(where: { schema[$0].map { !$0.isNull && $0 != "" && $0 != [:] } ?? false }) { return true }
        if schema["items"]?.array != nil { return true }
        return SchemaDocument.children(schema).contains(where: hasUnsupportedMembers)
    }

    private func isSet(_ schema: JSON, _ name: String) -> Bool { schema[name]?.bool ?? false }
    private func type(_ schema: JSON) -> String { schema["type"]?.string ?? "" }
    private func list(_ schema: JSON, _ name: String) -> [JSON] { schema[name]?.array ?? [] }

    private mutating func invariants(_ schema: JSON, _ level: Level, _ path: String) {
        let type = type(schema)
        if type == "array", schema["items"] == nil { errors.append(.required("\(path).items", "must be specified")) }
        if let items = schema["items"] { invariants(items, .item, "\(path).items") }
        for member in schema["properties"]?.object?.members ?? [] { invariants(member.value, .field, "\(path).properties[\(member.key)]") }
        let isEmbedded = isSet(schema, "x-kubernetes-embedded-resource")
        if let additional = schema["additionalProperties"], !additional.isNull {
            if level == .root { errors.append(.forbidden("\(path).additionalProperties", "must not be used at the root")) }
            if additional.object != nil { invariants(additional, .field, "\(path).additionalProperties") }
        }
        let isIntOrString = isSet(schema, "x-kubernetes-int-or-string")
        let preserves = isSet(schema, "x-kubernetes-preserve-unknown-fields")
        let isFalse = "must be false if x-kubernetes-int-or-string is true"
        if isIntOrString, preserves { errors.append(.invalid("\(path).x-kubernetes-preserve-unknown-fields", true, isFalse)) }
        if isIntOrString, isEmbedded { errors.append(.invalid("\(path).x-kubernetes-embedded-resource", true, isFalse)) }
        valueChecks(
            schema, level, path, skipsAnyOf: Self.isIntOrString(list(schema, "anyOf")),
            skipsFirstAllOf: list(schema, "allOf").first.map { Self.isIntOrString($0["anyOf"]?.array ?? []) } ?? false)
        if isEmbedded, type != "object" {
            let detail = "must be object if x-kubernetes-embedded-resource is true"
            errors.append(type.isEmpty ? .required("\(path).type", detail) : .invalid("\(path).type", .string(type), detail))
        } else if type.isEmpty, !isIntOrString, !preserves {
            let place =
                switch level {
                case .root: "at the root"
                case .item: "for specified array items"
                case .field: "for specified object fields"
                }
            errors.append(.required("\(path).type", "must not be empty \(place)"))
        }
        if isEmbedded, schema["additionalProperties"] != nil {
            errors.append(.forbidden("\(path).additionalProperties", "must not be used if x-kubernetes-embedded-resource is set"))
        }
        if level == .root, !type.isEmpty, type != "object" {
            errors.append(.invalid("\(path).type", .string(type), "must be object at the root"))
        }
        metadata(schema, level, path, isResource: level == .root || isEmbedded)
        if isEmbedded, !preserves, schema["properties"]?.object?.isEmpty ?? true {
            errors.append(
                .required(
                    "\(path).properties",
                    "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"))
        }
    }

    /// TypeMeta and ObjectMeta are the server's: a schema may only restrict names.
    private mutating func metadata(_ schema: JSON, _ level: Level, _ path: String, isResource: Bool) {
        for name in ["kind", "apiVersion"] where isResource {
            guard let member = schema.at("properties", name), type(member) != "string" else { continue }
            errors.append(.invalid("\(path).properties[\(name)].type", .string(type(member)), "must be string"))
        }
        guard let metadata = schema.at("properties", "metadata") else { return }
        let place = "\(path).properties[metadata]"
        if isResource, type(metadata) != "object" { errors.append(.invalid("\(place).type", .string(type(metadata)), "must be object")) }
        guard level == .root else { return }
        let names = Set(metadata["properties"]?.object?.keys ?? [])
        let others = (metadata.object?.keys ?? []).filter { !["type", "default", "properties"].contains($0) }
        guard !others.isEmpty || !names.isSubset(of: ["name", "generateName"]) else { return }
        errors.append(
            .forbidden(place, "must not specify anything other than name and generateName, but metadata is implicitly specified"))
    }

    private static func isIntOrString(_ anyOf: [JSON]) -> Bool { anyOf == [["type": "integer"], ["type": "string"]] }

    private mutating func valueChecks(_ schema: JSON, _ level: Level, _ path: String, skipsAnyOf: Bool, skipsFirstAllOf: Bool) {
        if !skipsAnyOf { for (index, part) in list(schema, "anyOf").enumerated() { nested(part, level, "\(path).anyOf[\(index)]") } }
        for (index, part) in list(schema, "allOf").enumerated() {
            nested(part, level, "\(path).allOf[\(index)]", skipsAnyOf: skipsFirstAllOf && index == 0)
        }
        for (index, part) in list(schema, "oneOf").enumerated() { nested(part, level, "\(path).oneOf[\(index)]") }
        if let not = schema["not"], not.object != nil { nested(not, level, "\(path).not") }
        guard let pattern = schema["pattern"]?.string, !pattern.isEmpty else { return }
        do { _ = try RegularExpression(pattern) } catch {
            errors.append(.invalid("\(path).pattern", .string(pattern), "must be a valid regular expression, but isn't: \(error)"))
        }
    }

    /// What structure a schema has under a junctor, in the order of checks: name, whether it is set, what is said.
    private static let forbiddenWhenNested: [(name: String, detail: String)] = [
        ("type", "must be empty to be structural"), ("additionalProperties", "must be undefined to be structural"),
        ("default", "must be undefined to be structural"), ("title", "must be empty to be structural"),
        ("description", "must be empty to be structural"), ("nullable", "must be false to be structural"),
        ("externalDocs", "must be undefined to be structural"),
        ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
        ("x-kubernetes-embedded-resource", "must be false to be structural"),
        ("x-kubernetes-int-or-string", "must be false to be structural"),
        ("x-kubernetes-list-map-keys", "must be empty to be structural"),
        ("x-kubernetes-list-type", "must be undefined to be structural"),
        ("x-kubernetes-map-type", "must be undefined to be structural"),
        ("x-kubernetes-validations", "must be empty to be structural"),
    ]

    private mutating func nested(_ schema: JSON, _ level: Level, _ path: String, skipsAnyOf: Bool = false) {
        valueChecks(schema, level, path, skipsAnyOf: skipsAnyOf, skipsFirstAllOf: false)
        if let items = schema["items"], items.object != nil { nested(items, level, "\(path).items") }
        for member in schema["properties"]?.object?.members ?? [] { nested(member.value, .field, "\(path).properties[\(member.key)]") }
        for rule in Self.forbiddenWhenNested {
            guard let value = schema[rule.name], !value.isNull, value != "", value != false, value != [] else { continue }
            errors.append(.forbidden("\(path).\(rule.name)", rule.detail))
        }
        if schema.at("properties", "metadata") != nil {
            errors.append(.forbidden("\(path).properties[metadata]", "must not be specified in a nested context"))
        }
    }

    // MARK: Completeness

    /// Every field that a junctor speaks of is specified outside of it too.
    private mutating func completeness(_ checks: JSON, _ schema: JSON?, _ schemaPath: String, _ path: String) {
        func part(_ value: JSON, _ place: String) { nestedCompleteness(value, schema, schemaPath, place) }
        if let not = checks["not"], not.object != nil { part(not, "\(path).not") }
        for name in ["allOf", "anyOf", "oneOf"] {
            for (index, value) in list(checks, name).enumerated() { part(value, "\(path).\(name)[\(index)]") }
        }
    }

    private mutating func nestedCompleteness(_ checks: JSON, _ schema: JSON?, _ schemaPath: String, _ path: String) {
        guard let schema else {
            errors.append(.required(schemaPath, "because it is defined in \(path)"))
            return
        }
        completeness(checks, schema, schemaPath, path)
        if let items = checks["items"], items.object != nil {
            nestedCompleteness(items, schema["items"], "\(schemaPath).items", "\(path).items")
        }
        for member in checks["properties"]?.object?.members ?? [] {
            let place = "properties[\(member.key)]"
            nestedCompleteness(member.value, schema.at("properties", member.key), "\(schemaPath).\(place)", "\(path).\(place)")
        }
    }
}

/// A schema as it is written in a definition.
enum SchemaDocument {
    /// The schemas directly inside a schema.
    static func children(_ schema: JSON) -> [JSON] {
        var children: [JSON] = []
        for name in ["properties", "patternProperties", "definitions"] { children += schema[name]?.object?.members.map(\.value) ?? [] }
        for name in ["allOf", "anyOf", "oneOf"] { children += schema[name]?.array ?? [] }
        for name in ["items", "additionalProperties", "not", "additionalItems"] {
            if let child = schema[name], child.object != nil { children.append(child) }
        }
        return children
    }

    /// Whether a schema, or one inside it, satisfies a condition.
    static func contains(_ schema: JSON, where matches: (JSON) -> Bool) -> Bool {
        matches(schema) || children(schema).contains { contains($0, where: matches) }
    }
}
