import JSON

/// Defaults of a schema fit the schema that they are written in (`apiserver/schema/defaulting/validation.go`).
enum DefinitionDefaultRules {
    static func problems(_ schema: StructuralSchema, _ path: String, isRoot: Bool = true) -> [FieldError] {
        var errors: [FieldError] = []
        if let value = schema.defaultValue { errors += problems(of: value, schema, "\(path).default") }
        if let items = schema.items { errors += problems(items, "\(path).items", isRoot: false) }
        for property in schema.properties {
            let isMetadata = (isRoot || schema.isEmbeddedResource) && ["metadata", "apiVersion", "kind"].contains(property.name)
            // Defaults of metadata are forbidden or fit a string; they are looked at with the rest of the schema.
            if isMetadata { continue }
            errors += problems(property.schema, "\(path).properties[\(property.name)]", isRoot: false)
        }
        return errors
    }

    private static func problems(of value: JSON, _ schema: StructuralSchema, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        var pruning = SchemaPruning()
        do {
            let pruned = try pruning.value(value, schema)
            if pruned != value { errors.append(.invalid(field, value, "must not have unknown fields")) }
        } catch {
            return [.invalid(field, value, error.message)]
        }
        let embedded = EmbeddedResourceValidation.problems(value, schema, field)
        guard embedded.isEmpty else { return errors + embedded }
        let wrong = SchemaValidation.problems(value, schema, field: field)
        guard wrong.isEmpty else { return errors + wrong }
        return errors + CELRules.problems(value, schema, field: field)
    }
}
