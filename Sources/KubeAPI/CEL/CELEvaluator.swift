/// Evaluates checked expressions, within a limit of steps.
struct CELEvaluator {
    /// What one expression may cost (`celconfig.PerCallLimit`).
    static let limit = 1_000_000

    private var variables: [(name: String, value: CELValue)]
    private var remaining: Int

    init(_ variables: [(name: String, value: CELValue)], limit: Int) {
        self.variables = variables
        remaining = limit
    }

    /// What is left of the limit.
    var rest: Int { max(0, remaining) }

    private mutating func spend(_ cost: Int) throws(CELError) {
        remaining -= cost
        if remaining < 0 { throw .limit }
    }

    mutating func evaluate(_ expression: CELExpression) throws(CELError) -> CELValue {
        switch expression {
        case .literal(let value, _): return value
        case .identifier(let name, _):
            try spend(1)
            if let found = variables.last(where: { $0.name == name }) { return found.value }
            guard CELChecker.typeNames.contains(name) else { throw .message("no such attribute: \(name)") }
            return .type(name)
        case .select(let operand, let field, let isOptional, _):
            let value = try evaluate(operand)
            try spend(1)
            return try select(value, field, isOptional: isOptional)
        case .test(let operand, let field, _): return .bool(try isThere(try evaluate(operand), field))
        case .call(let name, let target, let arguments, _): return try call(name, target, arguments)
        case .list(let elements, _):
            try spend(10)
            var values: [CELValue] = []
            for element in elements { values.append(try evaluate(element)) }
            return .list(values, .atomic)
        case .map(let entries, _):
            try spend(30)
            var values: [CELKey: CELValue] = [:]
            for entry in entries {
                guard let key = CELKey(try evaluate(entry.key)) else { throw .message("unsupported key type") }
                values[key] = try evaluate(entry.value)
            }
            return .map(values)
        case .comprehension(let kind, let range, let variable, let predicate, let transform, _):
            return try comprehension(kind, try evaluate(range), variable, predicate, transform)
        }
    }

    // MARK: Fields

    private func field(_ value: CELValue, _ name: String) throws(CELError) -> CELValue? {
        switch value {
        case .object(let fields, _): return fields[CELName.unescaped(name)]
        case .map(let entries): return entries[.string(name)]
        default: throw .message("no such overload")
        }
    }

    private func select(_ value: CELValue, _ name: String, isOptional: Bool) throws(CELError) -> CELValue {
        if case .optional(let inner) = value {
            guard let inner else { return value }
            return .optional(try field(inner, name))
        }
        let found = try field(value, name)
        if isOptional { return .optional(found) }
        guard let found else { throw .message("no such key: \(name)") }
        return found
    }

    private func isThere(_ value: CELValue, _ name: String) throws(CELError) -> Bool {
        if case .optional(let inner) = value {
            guard let inner else { return false }
            return try field(inner, name) != nil
        }
        return try field(value, name) != nil
    }

    // MARK: Calls

    private mutating func call(_ name: String, _ target: CELExpression?, _ arguments: [CELExpression]) throws(CELError) -> CELValue {
        switch name {
        case "_&&_": return try junction(arguments, decided: false)
        case "_||_": return try junction(arguments, decided: true)
        case "_?_:_":
            let condition = try evaluate(arguments[0]).bool()
            return try evaluate(arguments[condition ? 1 : 2])
        default: break
        }
        var values: [CELValue] = []
        if let target { values.append(try evaluate(target)) }
        for argument in arguments { values.append(try evaluate(argument)) }
        let isMember = target != nil
        let overload = CELFunctions.table[name]?.first { overload in
            overload.isMember == isMember && overload.parameters.count == values.count
                && zip(values, overload.parameters).allSatisfy { $0.fits($1) }
        }
        guard let overload else { throw .message("no such overload") }
        try spend(cost(overload.cost, values))
        return try overload.evaluate(values)
    }

    /// `&&` and `||` overlook an error on one side when the other side decides.
    private mutating func junction(_ arguments: [CELExpression], decided: Bool) throws(CELError) -> CELValue {
        var failure: CELError?
        for argument in arguments {
            do throws(CELError) {
                if try evaluate(argument).bool() == decided { return .bool(decided) }
            } catch {
                if error == .limit { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return .bool(!decided)
    }

    private func cost(_ kind: CELCallCost, _ values: [CELValue]) -> Int {
        func tenth(_ index: Int) -> Int { values.indices.contains(index) ? (values[index].size + 9) / 10 : 1 }
        return switch kind {
        case .constant: 1
        case .traversal(let index): max(1, tenth(index))
        case .comparison: max(1, min(tenth(0), tenth(1)))
        case .sum: tenth(0) + tenth(1)
        case .product: max(1, tenth(0)) * max(1, tenth(1))
        case .pattern: max(1, tenth(0)) * max(1, (values.last?.size ?? 0) / 4)
        case .membership: values.last?.size ?? 1
        }
    }

    // MARK: Macros

    private mutating func comprehension(
        _ kind: CELExpression.Comprehension, _ range: CELValue, _ variable: String, _ predicate: CELExpression?,
        _ transform: CELExpression?
    ) throws(CELError) -> CELValue {
        let elements: [CELValue]
        switch range {
        case .list(let list, _): elements = list
        case .map(let entries): elements = entries.keys.map(\.value).sorted { ($0.compare($1) ?? 0) < 0 }
        case .object(let fields, _): elements = fields.keys.sorted().map(CELValue.string)
        default: throw .message("no such overload")
        }
        let place = variables.count
        variables.append((variable, .null))
        defer { variables.removeLast() }
        var failure: CELError?
        var count = 0
        var result: [CELValue] = []
        for element in elements {
            try spend(2)
            variables[place].value = element
            var holds = true
            if let predicate {
                do throws(CELError) { holds = try evaluate(predicate).bool() } catch {
                    // As with && and ||: a later element may still decide.
                    guard kind == .all || kind == .exists, error != .limit else { throw error }
                    failure = failure ?? error
                    continue
                }
            }
            switch kind {
            case .all: if !holds { return .bool(false) }
            case .exists: if holds { return .bool(true) }
            case .existsOne: count += holds ? 1 : 0
            case .filter: if holds { result.append(element) }
            case .map: if holds, let transform { result.append(try evaluate(transform)) }
            }
        }
        if let failure { throw failure }
        switch kind {
        case .all: return .bool(true)
        case .exists: return .bool(false)
        case .existsOne: return .bool(count == 1)
        case .map, .filter: return .list(result, .atomic)
        }
    }
}

extension CELValue {
    /// Whether this value can stand for a parameter.
    func fits(_ type: CELType) -> Bool {
        switch (self, type) {
        case (_, .dyn), (_, .parameter), (.bool, .bool), (.int, .int), (.uint, .uint), (.double, .double), (.string, .string),
            (.bytes, .bytes), (.duration, .duration), (.timestamp, .timestamp), (.type, .type), (.null, .null), (.map, .map),
            (.object, .map), (.object, .object):
            true
        case (.list(let elements, _), .list(let element)): elements.allSatisfy { $0.fits(element) }
        case (.optional(let value), .optional(let wrapped)): value?.fits(wrapped) ?? true
        default: false
        }
    }
}
