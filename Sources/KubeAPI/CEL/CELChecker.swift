import JSON
import World

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

    private(set) var issues = CELIssues()
    private var variables: [(name: String, variable: Variable)]
    private var allowsMixtures = false
    /// The type of `Name{…}`; `nil` for names of no type.
    private let messages: @Sendable (String) -> CELRecordType?

    init(_ variables: [(name: String, variable: Variable)], messages: @escaping @Sendable (String) -> CELRecordType? = { _ in nil }) {
        self.variables = variables
        self.messages = messages
    }

    private mutating func complain(_ message: String, _ position: Int) -> Known {
        issues.note(message, position)
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
            for item in elements { join(item.value, isOptional: item.isOptional, &element, &known) }
            known.type = .list(element ?? .parameter("A"))
            return known
        case .map(let entries, _):
            var known = Known(type: .dyn, cost: 30, size: UInt64(entries.count))
            var keys: CELType?
            var values: CELType?
            for entry in entries {
                join(entry.key, isOptional: false, &keys, &known)
                join(entry.value, isOptional: entry.isOptional, &values, &known)
            }
            known.type = .map(keys ?? .parameter("A"), values ?? .parameter("B"))
            return known
        case .message(let name, let entries, let position): return message(name, entries, position)
        case .loop(let loop, let position): return self.loop(loop, position)
        case .optionalMap(let target, let variable, let transform, let isFlat, let position):
            return optionalMap(target, variable, transform, isFlat: isFlat, position)
        }
    }

    /// Elements of one literal are of one type.
    private mutating func join(_ expression: CELExpression, isOptional: Bool, _ type: inout CELType?, _ known: inout Known) {
        let part = check(expression)
        known.cost = known.cost.plus(part.cost)
        var own = part.type
        if isOptional {
            guard case .optional(let wrapped) = own else {
                if own != .dyn { _ = complain("expected type 'optional_type(\(own.name))' but found '\(own.name)'", expression.position) }
                return
            }
            own = wrapped
        }
        guard let before = type else {
            type = own
            return
        }
        type = before.joined(own)
        if !allowsMixtures, type == .dyn, before != .dyn, own != .dyn {
            _ = complain("expected type '\(before.name)' but found '\(own.name)'", expression.position)
        }
    }

    private mutating func message(_ name: String, _ entries: [CELExpression.Entry], _ position: Int) -> Known {
        guard let record = messages(name) else { return complain("undeclared reference to '\(name)' (in container '')", position) }
        var known = Known(type: .record(record), cost: 40, size: UInt64(entries.count))
        for entry in entries {
            let value = check(entry.value)
            known.cost = known.cost.plus(value.cost)
            guard case .literal(.string(let field), let place) = entry.key else { continue }
            guard let wanted = record.field(field) else {
                _ = complain("undefined field '\(field)'", place)
                continue
            }
            let own: CELType = if entry.isOptional, case .optional(let wrapped) = value.type { wrapped } else { value.type }
            if !Self.fits(own, wanted) {
                _ = complain(
                    "expected type of field '\(field)' is '\(wanted.name)' but provided type is '\(own.name)'", place)
            }
        }
        return known
    }

    private mutating func optionalMap(
        _ target: CELExpression, _ variable: String, _ transform: CELExpression, isFlat: Bool, _ position: Int
    ) -> Known {
        let known = check(target)
        let inner: CELType
        switch known.type {
        case .optional(let wrapped): inner = wrapped
        case .dyn, .parameter: inner = .dyn
        default:
            return complain("found no matching overload for 'hasValue' applied to '\(known.type.name).()'", position)
        }
        variables.append((variable, Variable(type: inner, schema: known.schema, size: known.schema == nil ? CELSize.unknown : nil)))
        defer { variables.removeLast() }
        let made = check(transform)
        let type: CELType = isFlat ? made.type : .optional(made.type)
        return Known(type: type, cost: known.cost.plus(made.cost).plus(10), size: made.size)
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
        case .opaque(let value): value.type
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
        if case .identifier(let name, _) = operand, let found = variables.last(where: { $0.name == "\(name).\(field)" })?.variable {
            return Known(type: found.type, cost: 1, size: found.size ?? 1)
        }
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
        case .record(let record):
            guard let found = record.field(field) else { return complain("undefined field '\(field)'", position) }
            result.type = found
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
        // What is formatted may be of any types.
        let allowedMixtures = allowsMixtures
        allowsMixtures = name == "format"
        let parts = ((target.map { [$0] } ?? []) + arguments).map { check($0) }
        allowsMixtures = allowedMixtures
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
        guard let overloads = CELFunctions.table[name], name != CELStrings.patchEscape || messages(PolicyTypes.jsonPatch.name) != nil else {
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
        if let complaint = Self.literalComplaint(name, arguments) { _ = complain(complaint.message, complaint.position) }
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
        case .fixed(let cost): cost
        case .traversal(let index): max(1, size(index).times(tenths: 1))
        case .comparison: min(size(0), size(1)).times(tenths: 1)
        case .sum: size(0).plus(size(1)).times(tenths: 1)
        case .product: size(0).times(tenths: 1).times(size(1).times(tenths: 1))
        case .pattern: size(0).plus(1).times(tenths: 1).times((size(1).plus(3)) / 4)
        case .membership: size(1)
        }
    }

    // MARK: Macros

    /// The variables of a loop over a value; `nil` when it has no elements.
    private func bound(_ loop: CELExpression.Loop, _ known: Known) -> [Variable]? {
        let isPair = loop.variables.count == 2
        switch known.type {
        case .list(let element):
            let own = Variable(type: element, schema: known.schema?.items, size: known.schema == nil ? 1 : nil)
            return isPair ? [Variable(type: .int, schema: nil, size: 1), own] : [own]
        case .map(let key, let value):
            let own = Variable(type: key, schema: nil, size: known.schema == nil ? 1 : CELSize.key)
            guard isPair else { return [own] }
            let schema = known.schema?.additionalProperties?.schema
            return [own, Variable(type: value, schema: schema, size: schema == nil ? 1 : nil)]
        case .dyn, .parameter: return loop.variables.map { _ in Variable(type: .dyn, schema: nil, size: CELSize.unknown) }
        default: return nil
        }
    }

    private mutating func loop(_ loop: CELExpression.Loop, _ position: Int) -> Known {
        let known = check(loop.range)
        guard let bound = bound(loop, known) else {
            return complain(
                "expression of type '\(known.type.name)' cannot be range of a comprehension (must be list, map, or dynamic)",
                loop.range.position)
        }
        for (name, variable) in zip(loop.variables, bound) { variables.append((name, variable)) }
        defer { variables.removeLast(bound.count) }
        let condition = loop.predicate.map { check($0) }
        if let condition, let predicate = loop.predicate, !Self.fits(condition.type, .bool) {
            return complain("expected type 'bool' but found '\(condition.type.name)'", predicate.position)
        }
        let made = loop.transform.map { check($0) }
        let inner = (condition?.cost ?? 0).plus(made?.cost ?? 0)
        // What cel-go's expansion of the macro adds to each round, and once.
        let (round, once): (UInt64, UInt64) =
            switch loop.kind {
            case .all: (3, 1)
            case .exists: (4, 1)
            case .existsOne: (2, 2)
            case .map, .transformList, .transformMap, .transformMapEntry: (condition == nil ? 12 : 13, 11)
            case .filter: (14, 11)
            }
        let cost = known.cost.plus(known.size.times(inner.plus(round))).plus(once)
        switch loop.kind {
        case .all, .exists, .existsOne: return Known(type: .bool, cost: cost, size: 1)
        case .map, .transformList: return Known(type: .list(made?.type ?? .dyn), cost: cost, size: known.size)
        case .transformMap: return Known(type: .map(bound[0].type, made?.type ?? .dyn), cost: cost, size: known.size)
        case .transformMapEntry: return Known(type: made?.type ?? .dyn, cost: cost, size: known.size)
        case .filter:
            // Of a map, its keys.
            return Known(type: .list(bound[0].type), cost: cost, size: known.size, schema: known.type == .dyn ? nil : known.schema)
        }
    }

    /// Literals that their function never takes (cel-go's AST validators).
    private static func literalComplaint(_ name: String, _ arguments: [CELExpression]) -> (message: String, position: Int)? {
        guard case .literal(.string(let text), let place)? = arguments.last else { return nil }
        let isFine =
            switch name {
            case "matches": (try? RegularExpression(text)) != nil
            case "duration": CELTime.duration(text) != nil
            case "timestamp": Instant(rfc3339: text) != nil
            default: true
            }
        return isFine ? nil : ("invalid \(name) argument", place)
    }
}
