import World

/// Comparisons and arithmetic.
enum CELOperators {
    private static let element = CELType.parameter("A")

    static func add(to functions: inout CELFunctions) {
        functions.function("_==_", [element, element], .bool, cost: .comparison) { (values) throws(CELError) in
            .bool(values[0].equals(values[1]))
        }
        functions.function("_!=_", [element, element], .bool, cost: .comparison) { (values) throws(CELError) in
            .bool(!values[0].equals(values[1]))
        }
        order("_<_", &functions) { $0 < 0 }
        order("_<=_", &functions) { $0 <= 0 }
        order("_>_", &functions) { $0 > 0 }
        order("_>=_", &functions) { $0 >= 0 }
        addition(&functions)
        subtraction(&functions)
        multiplication(&functions)
        functions.function("!_", [.bool], .bool) { (values) throws(CELError) in .bool(!(try values[0].bool())) }
        functions.function("@in", [element, .list(element)], .bool, cost: .membership) { (values) throws(CELError) in
            .bool(try values[1].elements().contains { $0.equals(values[0]) })
        }
        functions.function("@in", [element, .map(element, .parameter("B"))], .bool) { (values) throws(CELError) in
            switch values[1] {
            case .map(let entries): return .bool(CELKey(values[0]).map { entries[$0] != nil } ?? false)
            case .object(let fields, _): return .bool(fields[try values[0].string()] != nil)
            default: throw CELFunctions.none
            }
        }
    }

    static func checked<Value>(_ result: (Value, Bool)) throws(CELError) -> Value {
        guard !result.1 else { throw .message("integer overflow") }
        return result.0
    }

    private static func order(_ name: String, _ functions: inout CELFunctions, _ holds: @escaping @Sendable (Int) -> Bool) {
        let body: CELFunctions.Body = { (values) throws(CELError) in
            guard let order = values[0].compare(values[1]) else {
                // NaN compares with nothing.
                if case .double = values[0] { return .bool(false) }
                throw CELFunctions.none
            }
            return .bool(holds(order))
        }
        let numbers: [CELType] = [.int, .uint, .double]
        for left in numbers { for right in numbers { functions.function(name, [left, right], .bool, body) } }
        for type in [CELType.bool, .bytes, .duration, .timestamp] { functions.function(name, [type, type], .bool, body) }
        functions.function(name, [.string, .string], .bool, cost: .comparison, body)
    }

    private static func addition(_ functions: inout CELFunctions) {
        functions.function("_+_", [.int, .int], .int) { (values) throws(CELError) in
            .int(try checked(try values[0].int().addingReportingOverflow(try values[1].int())))
        }
        functions.function("_+_", [.uint, .uint], .uint) { (values) throws(CELError) in
            .uint(try checked(try values[0].uint().addingReportingOverflow(try values[1].uint())))
        }
        functions.function("_+_", [.double, .double], .double) { (values) throws(CELError) in
            .double(try values[0].double() + (try values[1].double()))
        }
        functions.function("_+_", [.string, .string], .string, cost: .sum) { (values) throws(CELError) in
            .string(try values[0].string() + (try values[1].string()))
        }
        functions.function("_+_", [.bytes, .bytes], .bytes, cost: .sum) { (values) throws(CELError) in
            .bytes(try values[0].bytes() + (try values[1].bytes()))
        }
        functions.function("_+_", [.list(element), .list(element)], .list(element), concatenate)
        functions.function("_+_", [.duration, .duration], .duration) { (values) throws(CELError) in
            .duration(try checked(try values[0].duration().addingReportingOverflow(try values[1].duration())))
        }
        functions.function("_+_", [.timestamp, .duration], .timestamp) { (values) throws(CELError) in
            .timestamp(try values[0].instant() + .nanoseconds(try values[1].duration()))
        }
        functions.function("_+_", [.duration, .timestamp], .timestamp) { (values) throws(CELError) in
            .timestamp(try values[1].instant() + .nanoseconds(try values[0].duration()))
        }
    }

    private static func subtraction(_ functions: inout CELFunctions) {
        functions.function("_-_", [.int, .int], .int) { (values) throws(CELError) in
            .int(try checked(try values[0].int().subtractingReportingOverflow(try values[1].int())))
        }
        functions.function("_-_", [.uint, .uint], .uint) { (values) throws(CELError) in
            .uint(try checked(try values[0].uint().subtractingReportingOverflow(try values[1].uint())))
        }
        functions.function("_-_", [.double, .double], .double) { (values) throws(CELError) in
            .double(try values[0].double() - (try values[1].double()))
        }
        functions.function("_-_", [.duration, .duration], .duration) { (values) throws(CELError) in
            .duration(try checked(try values[0].duration().subtractingReportingOverflow(try values[1].duration())))
        }
        functions.function("_-_", [.timestamp, .timestamp], .duration) { (values) throws(CELError) in
            let left = try values[0].instant().nanoseconds
            return .duration(try checked(left.subtractingReportingOverflow(try values[1].instant().nanoseconds)))
        }
        functions.function("_-_", [.timestamp, .duration], .timestamp) { (values) throws(CELError) in
            .timestamp(try values[0].instant() - .nanoseconds(try values[1].duration()))
        }
        functions.function("-_", [.int], .int) { (values) throws(CELError) in
            .int(try checked(Int64(0).subtractingReportingOverflow(try values[0].int())))
        }
        functions.function("-_", [.double], .double) { (values) throws(CELError) in .double(-(try values[0].double())) }
    }

    private static func multiplication(_ functions: inout CELFunctions) {
        functions.function("_*_", [.int, .int], .int) { (values) throws(CELError) in
            .int(try checked(try values[0].int().multipliedReportingOverflow(by: try values[1].int())))
        }
        functions.function("_*_", [.uint, .uint], .uint) { (values) throws(CELError) in
            .uint(try checked(try values[0].uint().multipliedReportingOverflow(by: try values[1].uint())))
        }
        functions.function("_*_", [.double, .double], .double) { (values) throws(CELError) in
            .double(try values[0].double() * (try values[1].double()))
        }
        functions.function("_/_", [.int, .int], .int) { (values) throws(CELError) in
            let divisor = try values[1].int()
            guard divisor != 0 else { throw .message("division by zero") }
            return .int(try checked(try values[0].int().dividedReportingOverflow(by: divisor)))
        }
        functions.function("_/_", [.uint, .uint], .uint) { (values) throws(CELError) in
            let divisor = try values[1].uint()
            guard divisor != 0 else { throw .message("division by zero") }
            return .uint(try values[0].uint() / divisor)
        }
        functions.function("_/_", [.double, .double], .double) { (values) throws(CELError) in
            .double(try values[0].double() / (try values[1].double()))
        }
        functions.function("_%_", [.int, .int], .int) { (values) throws(CELError) in
            let divisor = try values[1].int()
            guard divisor != 0 else { throw .message("modulus by zero") }
            return .int(try checked(try values[0].int().remainderReportingOverflow(dividingBy: divisor)))
        }
        functions.function("_%_", [.uint, .uint], .uint) { (values) throws(CELError) in
            let divisor = try values[1].uint()
            guard divisor != 0 else { throw .message("modulus by zero") }
            return .uint(try values[0].uint() % divisor)
        }
    }

    /// Sets and maps by key add what they do not have yet.
    @Sendable private static func concatenate(_ values: [CELValue]) throws(CELError) -> CELValue {
        guard case .list(let left, let kind) = values[0], case .list(let right, _) = values[1] else { throw CELFunctions.none }
        switch kind {
        case .atomic: return .list(left + right, .atomic)
        case .set: return .list(left + right.filter { element in !left.contains { $0.equals(element) } }, .set)
        case .map(let keys):
            func key(_ element: CELValue) -> [CELValue?] {
                guard case .object(let fields, _) = element else { return [element] }
                return keys.map { fields[$0] }
            }
            func isSame(_ one: CELValue, _ other: CELValue) -> Bool {
                zip(key(one), key(other)).allSatisfy { one, other in
                    guard let one, let other else { return one == nil && other == nil }
                    return one.equals(other)
                }
            }
            var result = left
            for element in right {
                if let place = result.firstIndex(where: { isSame($0, element) }) { result[place] = element } else { result.append(element) }
            }
            return .list(result, kind)
        }
    }
}

extension CELValue {
    func bool() throws(CELError) -> Bool {
        guard case .bool(let value) = self else { throw CELFunctions.none }
        return value
    }
    func int() throws(CELError) -> Int64 {
        guard case .int(let value) = self else { throw CELFunctions.none }
        return value
    }
    func uint() throws(CELError) -> UInt64 {
        guard case .uint(let value) = self else { throw CELFunctions.none }
        return value
    }
    func double() throws(CELError) -> Double {
        guard case .double(let value) = self else { throw CELFunctions.none }
        return value
    }
    func string() throws(CELError) -> String {
        guard case .string(let value) = self else { throw CELFunctions.none }
        return value
    }
    func bytes() throws(CELError) -> [UInt8] {
        guard case .bytes(let value) = self else { throw CELFunctions.none }
        return value
    }
    func duration() throws(CELError) -> Int64 {
        guard case .duration(let value) = self else { throw CELFunctions.none }
        return value
    }
    func instant() throws(CELError) -> Instant {
        guard case .timestamp(let value) = self else { throw CELFunctions.none }
        return value
    }
    func elements() throws(CELError) -> [CELValue] {
        guard case .list(let value, _) = self else { throw CELFunctions.none }
        return value
    }
}
