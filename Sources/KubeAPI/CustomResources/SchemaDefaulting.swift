import JSON

extension StructuralSchema {
    /// A value with the defaults of its schema in place, and without nulls that the schema does not allow
    /// (`apiextensions-apiserver/pkg/apiserver/schema/defaulting`).
    func defaulted(_ value: JSON) -> JSON {
        switch value {
        case .object(var object):
            for property in properties {
                guard let fallback = property.schema.defaultValue else { continue }
                let isAbsent = object[property.name].map { $0.isNull && !property.schema.isNullable } ?? true
                if isAbsent { object[property.name] = fallback }
            }
            var dropsNulls = false
            object.mapValues { name, value in
                guard let schema = property(name) ?? additionalProperties?.schema else { return }
                if value.isNull, !schema.isNullable {
                    value = schema.defaultValue ?? .null
                    dropsNulls = dropsNulls || value.isNull
                }
                value = schema.defaulted(value)
            }
            if dropsNulls {
                object.removeAll { member in
                    guard member.value.isNull, let schema = property(member.key) ?? additionalProperties?.schema else { return false }
                    return !schema.isNullable
                }
            }
            return .object(object)
        case .array(let elements):
            guard let items else { return value }
            return .array(
                elements.map { element in
                    items.defaulted(element.isNull && !items.isNullable ? items.defaultValue ?? element : element)
                })
        default: return value
        }
    }
}
