import JSON

/// Lists that are sets or maps have no element twice (`apiextensions-apiserver/pkg/apiserver/schema/listtype`).
enum ListTypeValidation {
    static func problems(_ value: JSON, _ schema: StructuralSchema, _ path: String = "") -> [FieldError] {
        switch value {
        case .object(let object):
            return object.members.flatMap { member -> [FieldError] in
                guard let child = schema.property(member.key) ?? schema.additionalProperties?.schema else { return [] }
                let place =
                    schema.property(member.key) == nil
                    ? "\(path)[\(member.key)]" : path.isEmpty ? member.key : "\(path).\(member.key)"
                return problems(member.value, child, place)
            }
        case .array(let elements):
            var errors = repetitions(elements, schema, path)
            if let items = schema.items {
                for (index, element) in elements.enumerated() { errors += problems(element, items, "\(path)[\(index)]") }
            }
            return errors
        default: return []
        }
    }

    private static func repetitions(_ elements: [JSON], _ schema: StructuralSchema, _ path: String) -> [FieldError] {
        switch schema.listType {
        case "set": return repetitions(elements, path)
        case "map":
            let keys = elements.map { element -> JSON in
                var key: JSONObject = [:]
                for name in schema.listMapKeys.sorted() {
                    if let value = element[name] ?? schema.items?.property(name)?.defaultValue { key[name] = value }
                }
                return .object(key)
            }
            return repetitions(keys, path)
        default: return []
        }
    }

    private static func repetitions(_ keys: [JSON], _ path: String) -> [FieldError] {
        var seen: Set<JSON> = []
        var reported: Set<JSON> = []
        return keys.enumerated().compactMap { index, key in
            guard !seen.insert(key).inserted, reported.insert(key).inserted else { return nil }
            return .duplicate("\(path)[\(index)]", key)
        }
    }
}
