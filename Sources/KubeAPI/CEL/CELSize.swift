import JSON

/// Sizes that values of a schema can have in one request (`apiserver/pkg/cel/limits.go`).
enum CELSize {
    static let requestLimit: UInt64 = 3 << 20
    /// What computed values can have: nobody knows.
    static let unknown = requestLimit
    /// What a key of a map can have.
    static let key = requestLimit - 2

    /// The most characters or elements of a value.
    static func maximum(_ schema: StructuralSchema) -> UInt64 {
        switch schema.type {
        case "string":
            if let limit = schema.maximumLength { return UInt64(clamping: limit).times(4) }
            if !schema.enumeration.isEmpty { return schema.enumeration.map { UInt64($0.string?.utf8.count ?? 0) }.max() ?? 0 }
            switch schema.format.replacing("-", with: "") {
            case "date": return 10
            case "datetime": return 30
            case "duration": return 32
            default: return requestLimit - 2
            }
        case "array":
            return schema.maximumItems.map { UInt64(clamping: $0) }
                ?? (requestLimit - 2) / (schema.items.map(minimumBytes) ?? 1).plus(1)
        case "object":
            guard let value = schema.additionalProperties?.schema else { return UInt64(max(1, schema.properties.count)) }
            return schema.maximumProperties.map { UInt64(clamping: $0) } ?? (requestLimit - 2) / minimumBytes(value).plus(6)
        default: return schema.isIntOrString ? requestLimit - 2 : 1
        }
    }

    /// The fewest bytes that a value takes as JSON.
    static func minimumBytes(_ schema: StructuralSchema) -> UInt64 {
        switch schema.type {
        case "string": return schema.format == "date-time" ? 21 : schema.format == "date" ? 12 : 2
        case "boolean": return 4
        case "array": return 2
        case "object":
            return schema.required.reduce(2) { sum, name in
                guard let property = schema.property(name), property.defaultValue == nil else { return sum }
                return sum.plus(UInt64(name.utf8.count)).plus(4).plus(minimumBytes(property))
            }
        default: return 1
        }
    }
}

extension UInt64 {
    func plus(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
    func times(_ other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
    /// So many tenths of it, rounded up.
    func times(tenths: UInt64) -> UInt64 { times(tenths).plus(9) / 10 }
}
