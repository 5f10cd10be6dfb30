import JSON

/// What `x-kubernetes-embedded-resource` demands of a value: a kind, a version and valid metadata
/// (`apiextensions-apiserver/pkg/apiserver/schema/objectmeta/validation.go`).
enum EmbeddedResourceValidation {
    /// What is wrong with the resources embedded in a value; `isResource` when the value is one itself.
    static func problems(_ value: JSON, _ schema: StructuralSchema, _ path: String = "", isResource: Bool = false) -> [FieldError] {
        switch value {
        case .object(let object):
            var errors = isResource || schema.isEmbeddedResource ? resource(object, path) : []
            for member in object {
                guard let child = schema.property(member.key) ?? schema.additionalProperties?.schema else { continue }
                let place =
                    schema.property(member.key) == nil
                    ? "\(path)[\(member.key)]" : path.isEmpty ? member.key : "\(path).\(member.key)"
                errors += problems(member.value, child, place)
            }
            return errors
        case .array(let elements):
            guard let items = schema.items else { return [] }
            return elements.enumerated().flatMap { problems($1, items, "\(path)[\($0)]") }
        default: return []
        }
    }

    private static func resource(_ object: JSONObject, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        for name in ["apiVersion", "kind"] where !object.contains(name) { errors.append(.required("\(path).\(name)")) }
        for name in ["apiVersion", "kind"] {
            guard let value = object[name] else { continue }
            let field = "\(path).\(name)"
            guard let text = value.string else {
                errors.append(.invalid(field, value, "must be a string"))
                continue
            }
            if text.isEmpty {
                errors.append(.invalid(field, value, "must not be empty"))
            } else if name == "apiVersion" {
                if GroupVersionKind(apiVersion: text, kind: "") == nil {
                    errors.append(.invalid(field, value, "unexpected GroupVersion string: \(text)"))
                }
            } else {
                let problems = NameForm.label1035.problems(text.lowercased())
                if !problems.isEmpty {
                    errors.append(
                        .invalid(field, value, "may have mixed case, but should otherwise match: " + problems.joined(separator: ",")))
                }
            }
        }
        if var metadata = object["metadata"], metadata.object != nil {
            // A name is not demanded, only checked.
            if (metadata["name"]?.string ?? "").isEmpty { metadata["name"] = "fakename" }
            var found = FieldErrorList()
            found.metadata(["metadata": metadata], .pathSegment, isNamespaced: false)
            errors += found.errors.map { error in
                FieldError(kind: error.kind, field: "\(path).\(error.field)", detailText: error.detailText)
            }
        }
        return errors
    }
}
