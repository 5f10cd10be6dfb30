/// Evaluates checked expressions, within a limit of steps.
struct CELEvaluator {
    /// What one expression may cost (`celconfig.PerCallLimit`).
    static let limit = 1_000_000

    var variables: [(name: String, value: CELValue)]
    private var remaining: Int
    /// What the authorizers answered so far.
    private let answers: [AccessQuestion: AccessAnswer]
    /// The fields of `variables`, where there are any.
    private let composition: CELComposition?

    init(
        _ variables: [(name: String, value: CELValue)], limit: Int, answers: [AccessQuestion: AccessAnswer] = [:],
        composition: CELComposition? = nil
    ) {
        self.variables = variables
        remaining = limit
        self.answers = answers
        self.composition = composition
    }

    /// What is left of the limit.
    var rest: Int { max(0, remaining) }

    mutating func spend(_ cost: Int) throws(CELError) {
        remaining -= cost
        if remaining < 0 { throw .limit }
    }

    mutating func evaluate(_ expression: CELExpression) throws(CELError) -> CELValue {
        switch expression {
        case .literal(let value, _): return value
        case .identifier(let name, _):
            try spend(1)
            if let found = value(of: name) { return found }
            guard CELChecker.typeNames.contains(name) else { throw .message("no such attribute(s): \(name)") }
            return .type(name)
        case .select(let operand, let field, let isOptional, _):
            if let found = try wellKnown(operand, field) { return isOptional ? .optional(found) : found }
            let value = try evaluate(operand)
            try spend(1)
            return try select(value, field, isOptional: isOptional)
        case .test(let operand, let field, _):
            if let composition, isComposition(operand) { return .bool(composition.has(field)) }
            return .bool(isThere(try evaluate(operand), field))
        case .call(let name, let target, let arguments, _): return try call(name, target, arguments)
        case .list(let elements, _):
            try spend(10)
            var values: [CELValue] = []
            for element in elements {
                let value = try evaluate(element.value)
                if let present = element.isOptional ? try unwrapped(value) : value { values.append(present) }
            }
            return .list(values, .atomic)
        case .map(let entries, _):
            try spend(30)
            var values: [CELKey: CELValue] = [:]
            for entry in entries {
                guard let key = CELKey(try evaluate(entry.key)) else { throw .message("unsupported key type") }
                let value = try evaluate(entry.value)
                guard let present = entry.isOptional ? try unwrapped(value) : value else { continue }
                guard values.updateValue(present, forKey: key) == nil else { throw .message("Failed with repeated key") }
            }
            return .map(values)
        case .message(let name, let entries, _):
            try spend(40)
            var fields: [String: CELValue] = [:]
            for entry in entries {
                let value = try evaluate(entry.value)
                guard let present = entry.isOptional ? try unwrapped(value) : value else { continue }
                fields[try evaluate(entry.key).string()] = present
            }
            return .message(name, fields)
        case .loop(let loop, _): return try self.loop(loop, over: try evaluate(loop.range))
        case .optionalMap(let target, let variable, let transform, let isFlat, _):
            guard let value = try unwrapped(try evaluate(target)) else { return .optional(nil) }
            variables.append((variable, value))
            defer { variables.removeLast() }
            let made = try evaluate(transform)
            return isFlat ? made : .optional(made)
        }
    }

    // MARK: Names

    private func value(of name: String) -> CELValue? { variables.last { $0.name == name }?.value }

    private func isComposition(_ operand: CELExpression) -> Bool {
        guard case .identifier(CELComposition.name, _) = operand else { return false }
        return value(of: CELComposition.name) == nil
    }

    /// `variables.x` and names with a dot, such as `authorizer.requestResource`.
    private mutating func wellKnown(_ operand: CELExpression, _ field: String) throws(CELError) -> CELValue? {
        guard case .identifier(let name, _) = operand else { return nil }
        if let composition, isComposition(operand) {
            try spend(2)
            return try composition.value(of: field, answers: answers)
        }
        guard let found = value(of: "\(name).\(field)") else { return nil }
        try spend(1)
        return found
    }

    private func unwrapped(_ value: CELValue) throws(CELError) -> CELValue? {
        guard case .optional(let inner) = value else { throw CELFunctions.none }
        return inner
    }

    // MARK: Fields

    private func field(_ value: CELValue, _ name: String) -> CELValue? {
        switch value {
        case .object(let fields, _): return fields[CELName.unescaped(name)]
        case .message(_, let fields): return fields[name]
        case .map(let entries): return entries[.string(name)]
        default: return nil
        }
    }

    private func select(_ value: CELValue, _ name: String, isOptional: Bool) throws(CELError) -> CELValue {
        if case .optional(let inner) = value {
            guard let inner else { return value }
            return .optional(field(inner, name))
        }
        let found = field(value, name)
        if isOptional { return .optional(found) }
        guard let found else { throw .message("no such key: \(name)") }
        return found
    }

    private func isThere(_ value: CELValue, _ name: String) -> Bool {
        if case .optional(let inner) = value {
            guard let inner else { return false }
            return field(inner, name) != nil
        }
        return field(value, name) != nil
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
        if name == "check", let question = CELAuthorization.question(values[0], verb: try values[1].string()) {
            guard let answer = answers[question] else { throw .unanswered(question) }
            return .opaque(.decision(answer))
        }
        return try overload.evaluate(values)
    }

    /// `&&` and `||` overlook an error on one side when the other side decides.
    private mutating func junction(_ arguments: [CELExpression], decided: Bool) throws(CELError) -> CELValue {
        var failure: CELError?
        for argument in arguments {
            do throws(CELError) {
                if try evaluate(argument).bool() == decided { return .bool(decided) }
            } catch {
                if error.isFinal { throw error }
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
        case .fixed(let cost): Int(clamping: cost)
        case .traversal(let index): max(1, tenth(index))
        case .comparison: max(1, min(tenth(0), tenth(1)))
        case .sum: tenth(0) + tenth(1)
        case .product: max(1, tenth(0)) * max(1, tenth(1))
        case .pattern: max(1, tenth(0)) * max(1, (values.last?.size ?? 0) / 4)
        case .membership: values.last?.size ?? 1
        }
    }
}

/// The variables of a policy, each evaluated when it is first used (`k8s.io/apiserver/pkg/admission/plugin/cel/composition.go`).
final class CELComposition {
    static let name = "variables"

    private let expressions: [String: Result<CELExpression, CELFailure>]
    private let roots: [(name: String, value: CELValue)]
    private var known: [String: Result<CELValue, CELError>] = [:]
    /// What their evaluation cost since it was last asked.
    private var cost = 0

    init(_ expressions: [String: Result<CELExpression, CELFailure>], roots: [(name: String, value: CELValue)]) {
        self.expressions = expressions
        self.roots = roots
    }

    func has(_ name: String) -> Bool { expressions[name] != nil }

    /// The cost that came up, which begins anew.
    func takeCost() -> Int {
        defer { cost = 0 }
        return cost
    }

    /// A variable's value.
    func value(of name: String, answers: [AccessQuestion: AccessAnswer]) throws(CELError) -> CELValue {
        if let result = known[name] { return try result.get() }
        guard let expression = expressions[name] else { throw .message("no such key: \(name)") }
        let result: Result<CELValue, CELError>
        switch expression {
        case .failure(let failure):
            result = .failure(.message("composited variable \(GoText.quoted(name)) fails to compile: \(failure.text)"))
        case .success(let expression):
            var evaluator = CELEvaluator(roots, limit: CELEvaluator.limit, answers: answers, composition: self)
            result = Result { () throws(CELError) in
                do throws(CELError) { return try evaluator.evaluate(expression) } catch {
                    if case .unanswered = error { throw error }
                    throw .message("composited variable \(GoText.quoted(name)) fails to evaluate: \(error.text)")
                }
            }
            let (sum, overflow) = cost.addingReportingOverflow(CELEvaluator.limit - evaluator.rest)
            cost = overflow ? .max : sum
        }
        if case .failure(.unanswered) = result { return try result.get() }
        known[name] = result
        return try result.get()
    }
}

extension CELValue {
    /// Whether this value can stand for a parameter.
    func fits(_ type: CELType) -> Bool {
        switch (self, type) {
        case (_, .dyn), (_, .parameter), (.bool, .bool), (.int, .int), (.uint, .uint), (.double, .double), (.string, .string),
            (.bytes, .bytes), (.duration, .duration), (.timestamp, .timestamp), (.type, .type), (.null, .null), (.map, .map),
            (.object, .map), (.object, .object), (.message, .record):
            true
        case (.opaque(let value), .opaque): value.type == type
        case (.list(let elements, _), .list(let element)): elements.allSatisfy { $0.fits(element) }
        case (.optional(let value), .optional(let wrapped)): value?.fits(wrapped) ?? true
        default: false
        }
    }
}
