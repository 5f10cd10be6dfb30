/// Functions of lists, maps and optional values (`k8s.io/apiserver/pkg/cel/library/lists.go`, cel-go's `ext.Sets` and optional types).
enum CELCollections {
    private static let element = CELType.parameter("A")

    static func add(to functions: inout CELFunctions) {
        let size: CELFunctions.Body = { (values) throws(CELError) in .int(Int64(values[0].size)) }
        for type in [CELType.string, .bytes, .list(element), .map(element, .parameter("B"))] {
            functions.function("size", [type], .int, size)
            functions.method("size", [type], .int, size)
        }
        index(&functions)
        lists(&functions)
        sets(&functions)
        optionals(&functions)
    }

    private static func value(_ container: CELValue, at key: CELValue) throws(CELError) -> CELValue? {
        switch container {
        case .list(let elements, _):
            guard case .int(let place)? = CELKey(key) else { throw CELFunctions.none }
            guard let index = Int(exactly: place), elements.indices.contains(index) else { return nil }
            return elements[index]
        case .map(let entries): return CELKey(key).flatMap { entries[$0] }
        case .object(let fields, _): return fields[try key.string()]
        default: throw CELFunctions.none
        }
    }

    private static func text(_ key: CELValue) -> String {
        switch key {
        case .string(let text): text
        case .int(let value): String(value)
        case .uint(let value): String(value)
        case .bool(let value): value ? "true" : "false"
        default: key.typeName
        }
    }

    private static func index(_ functions: inout CELFunctions) {
        let get: CELFunctions.Body = { (values) throws(CELError) in
            if let found = try value(values[0], at: values[1]) { return found }
            if case .list = values[0] { throw .message("index out of bounds: \(text(values[1]))") }
            throw .message("no such key: \(text(values[1]))")
        }
        functions.function("_[_]", [.list(element), .int], element, get)
        functions.function("_[_]", [.map(.parameter("B"), element), .parameter("B")], element, get)
        let optional: CELFunctions.Body = { (values) throws(CELError) in
            if case .optional(let inner) = values[0] {
                guard let inner else { return values[0] }
                return .optional(try value(inner, at: values[1]))
            }
            return .optional(try value(values[0], at: values[1]))
        }
        functions.function("_[?_]", [.list(element), .int], .optional(element), optional)
        functions.function("_[?_]", [.map(.parameter("B"), element), .parameter("B")], .optional(element), optional)
        functions.function("_[?_]", [.optional(.list(element)), .int], .optional(element), optional)
        functions.function("_[?_]", [.optional(.map(.parameter("B"), element)), .parameter("B")], .optional(element), optional)
    }

    private static func lists(_ functions: inout CELFunctions) {
        for type in [CELType.int, .uint, .double, .bool, .duration, .timestamp, .string, .bytes] {
            functions.method("isSorted", [.list(type)], .bool, cost: .traversal(0)) { (values) throws(CELError) in
                let elements = try values[0].elements()
                return .bool(zip(elements, elements.dropFirst()).allSatisfy { ($0.compare($1) ?? 1) <= 0 })
            }
            for (name, sign) in [("min", -1), ("max", 1)] {
                functions.method(name, [.list(type)], type, cost: .traversal(0)) { (values) throws(CELError) in
                    let elements = try values[0].elements()
                    guard var best = elements.first else { throw .message("\(name) called on empty list") }
                    for element in elements.dropFirst() where element.compare(best) == sign { best = element }
                    return best
                }
            }
        }
        let zeros: [(CELType, CELValue)] = [(.int, .int(0)), (.uint, .uint(0)), (.double, .double(0)), (.duration, .duration(0))]
        for (type, zero) in zeros {
            functions.method("sum", [.list(type)], type, cost: .traversal(0)) { (values) throws(CELError) in
                var sum = zero
                for element in try values[0].elements() { sum = try added(sum, element) }
                return sum
            }
        }
        functions.method("indexOf", [.list(element), element], .int, cost: .traversal(0)) { (values) throws(CELError) in
            .int(Int64(try values[0].elements().firstIndex { $0.equals(values[1]) } ?? -1))
        }
        functions.method("lastIndexOf", [.list(element), element], .int, cost: .traversal(0)) { (values) throws(CELError) in
            .int(Int64(try values[0].elements().lastIndex { $0.equals(values[1]) } ?? -1))
        }
    }

    private static func added(_ left: CELValue, _ right: CELValue) throws(CELError) -> CELValue {
        switch (left, right) {
        case (.int(let left), .int(let right)): return .int(try CELOperators.checked(left.addingReportingOverflow(right)))
        case (.uint(let left), .uint(let right)): return .uint(try CELOperators.checked(left.addingReportingOverflow(right)))
        case (.double(let left), .double(let right)): return .double(left + right)
        case (.duration(let left), .duration(let right)): return .duration(try CELOperators.checked(left.addingReportingOverflow(right)))
        default: throw CELFunctions.none
        }
    }

    private static func sets(_ functions: inout CELFunctions) {
        @Sendable func contains(_ list: CELValue, _ other: CELValue) throws(CELError) -> Bool {
            let elements = try list.elements()
            return try other.elements().allSatisfy { wanted in elements.contains { $0.equals(wanted) } }
        }
        functions.function("sets.contains", [.list(element), .list(element)], .bool, cost: .product) { (values) throws(CELError) in
            .bool(try contains(values[0], values[1]))
        }
        functions.function("sets.equivalent", [.list(element), .list(element)], .bool, cost: .product) { (values) throws(CELError) in
            let isSubset = try contains(values[0], values[1])
            return .bool(isSubset ? try contains(values[1], values[0]) : false)
        }
        functions.function("sets.intersects", [.list(element), .list(element)], .bool, cost: .product) { (values) throws(CELError) in
            let elements = try values[0].elements()
            return .bool(try values[1].elements().contains { wanted in elements.contains { $0.equals(wanted) } })
        }
    }

    private static func optionals(_ functions: inout CELFunctions) {
        let optional = CELType.optional(element)
        functions.function("optional.of", [element], optional) { (values) throws(CELError) in .optional(values[0]) }
        functions.function("optional.none", [], .optional(.dyn)) { (_) throws(CELError) in .optional(nil) }
        functions.function("optional.ofNonZeroValue", [element], optional) { (values) throws(CELError) in
            .optional(isZero(values[0]) ? CELValue?.none : values[0])
        }
        functions.method("hasValue", [optional], .bool) { (values) throws(CELError) in
            guard case .optional(let value) = values[0] else { throw CELFunctions.none }
            return .bool(value != nil)
        }
        functions.method("value", [optional], element) { (values) throws(CELError) in
            guard case .optional(let value) = values[0] else { throw CELFunctions.none }
            guard let value else { throw .message("optional.none() dereference") }
            return value
        }
        functions.method("orValue", [optional, element], element) { (values) throws(CELError) in
            guard case .optional(let value) = values[0] else { throw CELFunctions.none }
            return value ?? values[1]
        }
        functions.function("optional.unwrap", [.list(optional)], .list(element), unwrap)
        functions.method("unwrapOpt", [.list(optional)], .list(element), unwrap)
        functions.method("first", [.list(element)], optional) { (values) throws(CELError) in .optional(try values[0].elements().first) }
        functions.method("last", [.list(element)], optional) { (values) throws(CELError) in .optional(try values[0].elements().last) }
        functions.method("or", [optional, optional], optional) { (values) throws(CELError) in
            guard case .optional(let value) = values[0] else { throw CELFunctions.none }
            return value == nil ? values[1] : values[0]
        }
    }

    /// The values that are there.
    @Sendable private static func unwrap(_ values: [CELValue]) throws(CELError) -> CELValue {
        var present: [CELValue] = []
        for case .optional(let value?) in try values[0].elements() { present.append(value) }
        return .list(present, .atomic)
    }

    private static func isZero(_ value: CELValue) -> Bool {
        switch value {
        case .null, .bool(false), .int(0), .uint(0), .double(0), .duration(0): true
        case .string, .bytes, .list, .map, .object: value.size == 0
        default: false
        }
    }
}
