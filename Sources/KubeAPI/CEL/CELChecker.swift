import JSON

/// Finds the type of an expression and what it costs at most (`cel-go/checker`).
struct CELChecker {
    /// What is known of a part of an expression.
    struct Known {
        var type: CELType
        /// What evaluating it costs at most.
        var cost: UInt64
        /// How many characters or elements its value has at most.
        var size: UInt64
        /// The schema that its value follows.
        var schema: StructuralSchema?
    }

    /// What a name stands for.
    struct Variable {
        let type: CELType
        let schema: StructuralSchema?
        var size: UInt64?
    }

    private static let issueLimit = 20
    private(set) var issues: [CELIssue] = []
    private var variables: [(name: String, variable: Variable)]

    init(_ variables: [(name: String, variable: Variable)]) { self.variables = variables }

    private mutating func complain(_ message: String, _ position: Int) -> Known {
        if issues.count < Self.issueLimit { issues.append(CELIssue(message: message, position: position)) }
        return Known(type: .dyn, cost: 0, size: 1)
    }

    mutating func check(_ expression: CELExpression) -> Known {
        switch expression {
        case .literal(let value, _): return Known(type: Self.type(of: value), cost: 0, size: UInt64(value.size))
        case .identifier(let name, let position): return identifier(name, position)
        case .select(let operand, let field, let isOptional, let position):
            return select(operand, field, isOptional: isOptional, isTest: false, position)
        case .test(let operand, let field, let position): return select(operand, field, isOptional: false, isTest: true, position)
        case .call(let name, let target, let arguments, let position): return call(name, target, arguments, position)
        case .list(let elements, _):
            var known = Known(type: .dyn, cost: 10, size: UInt64(elements.count))
            var element: CELType?
            for item in elements {
                let part = check(item)
                known.cost = known.cost.plus(part.cost)
                element = element.map { $0.joined(part.type) } ?? part.type
            }
            known.type = .list(element ?? .parameter("A"))
            return known
        case .map(let entries, _):
            var known = Known(type: .dyn, cost: 30, size: UInt64(entries.count))
            var types: (CELType, CELType)?
            for entry in entries {
                let key = check(entry.key)
                let value = check(entry.value)
                known.cost = known.cost.plus(key.cost).plus(value.cost)
                types = types.map { ($0.0.joined(key.type), $0.1.joined(value.type)) } ?? (key.type, value.type)
            }
            known.type = .map(types?.0 ?? .parameter("A"), types?.1 ?? .parameter("B"))
            return known
        case .comprehension(let kind, let range, let variable, let predicate, let transform, let position):
            return comprehension(kind, range, variable, predicate, transform, position)
        }
    }

    private static func type(of value: CELValue) -> CELType {
        switch value {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .duration: .duration
        case .timestamp: .timestamp
        case .type: .type
        default: .dyn
        }
    }

    /// Names of types, which are values too.
    static let typeNames: Set<String> = ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"]

    private mutating func identifier(_ name: String, _ position: Int) -> Known {
        if let found = variables.last(where: { $0.name == name })?.variable {
            return Known(
                type: found.type, cost: 1, size: found.size ?? found.schema.map(CELSize.maximum) ?? 1, schema: found.schema)
        }
        if Self.typeNames.contains(name) { return Known(type: .type, cost: 1, size: 1) }
        return complain("undeclared reference to '\(name)' (in container '')", position)
    }

    private mutating func select(
        _ operand: CELExpression, _ field: String, isOptional: Bool, isTest: Bool, _ position: Int
    ) -> Known {
        let known = check(operand)
        var type = known.type
        var isOptional = isOptional
        if case .optional(let wrapped) = type {
            type = wrapped
            isOptional = true
        }
        var result = Known(type: .dyn, cost: isTest ? known.cost : known.cost.plus(1), size: CELSize.unknown)
        switch type {
        case .dyn, .parameter: break
        case .map(_, let value):
            result.type = value
            result.schema = known.schema?.additionalProperties?.schema
            if let schema = result.schema { result.size = CELSize.maximum(schema) }
        case .object(let object):
            guard let found = object.field(field) else { return complain("undefined field '\(field)'", position) }
            result.type = CELType(found.schema)
            result.schema = found.schema
            result.size = CELSize.maximum(found.schema)
        default: return complain("type '\(type.name)' does not support field selection", position)
        }
        if isTest {
            result.type = .bool
            result.schema = nil
            result.size = 1
        } else if isOptional {
            result.type = .optional(result.type)
        }
        return result
    }

    // MARK: Calls

    private mutating func call(_ name: String, _ target: CELExpression?, _ arguments: [CELExpression], _ position: Int) -> Known {
        let parts = ((target.map { [$0] } ?? []) + arguments).map { check($0) }
        let types = parts.map(\.type)
        let costs = parts.reduce(UInt64(0)) { $0.plus($1.cost) }
        switch name {
        case "_&&_", "_||_":
            guard types.allSatisfy({ Self.fits($0, .bool) }) else { return mismatch(name, target, types, position) }
            return Known(type: .bool, cost: costs, size: 1)
        case "_?_:_":
            guard Self.fits(types[0], .bool) else { return mismatch(name, target, types, position) }
            var bindings: [String: CELType] = [:]
            guard types[1].fits(types[2], &bindings) || types[2].fits(types[1], &bindings) else {
                return mismatch(name, target, types, position)
            }
            return Known(
                type: types[1].joined(types[2]), cost: parts[0].cost.plus(max(parts[1].cost, parts[2].cost)),
                size: max(parts[1].size, parts[2].size))
        default: break
        }
        guard let overloads = CELFunctions.table[name] else {
            return complain("undeclared reference to '\(name)' (in container '')", position)
        }
        let isMember = target != nil
        var found: (overload: CELOverload, result: CELType)?
        for overload in overloads where overload.isMember == isMember && overload.parameters.count == types.count {
            var bindings: [String: CELType] = [:]
            guard zip(types, overload.parameters).allSatisfy({ $0.fits($1, &bindings) }) else { continue }
            let result = overload.result.resolved(bindings)
            // With several that fit, what is not known before is known when it is evaluated.
            found = found.map { ($0.overload, $0.result.joined(result)) } ?? (overload, result)
            guard types.contains(.dyn) else { break }
        }
        guard let found else { return mismatch(name, target, types, position) }
        if name == "matches", case .literal(.string(let pattern), let place)? = arguments.last {
            do { _ = try RegularExpression(pattern) } catch { return complain("invalid matches argument: \(error)", place) }
        }
        var known = Known(type: found.result, cost: costs.plus(cost(found.overload.cost, parts)), size: CELSize.unknown)
        switch name {
        case "_+_": known.size = parts.reduce(0) { $0.plus($1.size) }
        case "_[_]":
            known.schema = parts[0].schema.flatMap { $0.items ?? $0.additionalProperties?.schema }
            if let schema = known.schema { known.size = CELSize.maximum(schema) }
        case "lowerAscii", "upperAscii", "trim", "substring", "split", "string": known.size = parts.first?.size ?? 1
        default: break
        }
        if [.bool, .int, .uint, .double].contains(known.type) { known.size = 1 }
        return known
    }

    private static func fits(_ type: CELType, _ wanted: CELType) -> Bool {
        var bindings: [String: CELType] = [:]
        return type.fits(wanted, &bindings)
    }

    private mutating func mismatch(_ name: String, _ target: CELExpression?, _ types: [CELType], _ position: Int) -> Known {
        let names = types.map(\.name)
        let shown =
            target == nil ? "(\(names.joined(separator: ", ")))" : "\(names[0]).(\(names.dropFirst().joined(separator: ", ")))"
        return complain("found no matching overload for '\(name)' applied to '\(shown)'", position)
    }

    private func cost(_ kind: CELCallCost, _ parts: [Known]) -> UInt64 {
        func size(_ index: Int) -> UInt64 { parts.indices.contains(index) ? parts[index].size : 1 }
        return switch kind {
        case .constant: 1
        case .traversal(let index): max(1, size(index).times(tenths: 1))
        case .comparison: min(size(0), size(1)).times(tenths: 1)
        case .sum: size(0).plus(size(1)).times(tenths: 1)
        case .product: size(0).times(tenths: 1).times(size(1).times(tenths: 1))
        case .pattern: size(0).plus(1).times(tenths: 1).times((size(1).plus(3)) / 4)
        case .membership: size(1)
        }
    }

    // MARK: Macros

    private mutating func comprehension(
        _ kind: CELExpression.Comprehension, _ range: CELExpression, _ variable: String, _ predicate: CELExpression?,
        _ transform: CELExpression?, _ position: Int
    ) -> Known {
        let known = check(range)
        let bound: Variable
        switch known.type {
        case .list(let element): bound = Variable(type: element, schema: known.schema?.items, size: known.schema == nil ? 1 : nil)
        case .map(let key, _): bound = Variable(type: key, schema: nil, size: known.schema == nil ? 1 : CELSize.key)
        case .dyn, .parameter: bound = Variable(type: .dyn, schema: nil, size: CELSize.unknown)
        default:
            return complain(
                "expression of type '\(known.type.name)' cannot be range of a comprehension (must be list, map, or dynamic)",
                range.position)
        }
        variables.append((variable, bound))
        defer { variables.removeLast() }
        let condition = predicate.map { check($0) }
        if let condition, let predicate, !Self.fits(condition.type, .bool) {
            return complain("expected type 'bool' but found '\(condition.type.name)'", predicate.position)
        }
        let made = transform.map { check($0) }
        let inner = (condition?.cost ?? 0).plus(made?.cost ?? 0)
        // What cel-go's expansion of the macro adds to each round, and once.
        let (round, once): (UInt64, UInt64) =
            switch kind {
            case .all: (3, 1)
            case .exists: (4, 1)
            case .existsOne: (2, 2)
            case .map: (condition == nil ? 12 : 13, 11)
            case .filter: (14, 11)
            }
        let cost = known.cost.plus(known.size.times(inner.plus(round))).plus(once)
        switch kind {
        case .all, .exists, .existsOne: return Known(type: .bool, cost: cost, size: 1)
        case .map: return Known(type: .list(made?.type ?? .dyn), cost: cost, size: known.size)
        case .filter:
            // Of a map, its keys.
            return Known(type: .list(bound.type), cost: cost, size: known.size, schema: known.type == .dyn ? nil : known.schema)
        }
    }
}

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
