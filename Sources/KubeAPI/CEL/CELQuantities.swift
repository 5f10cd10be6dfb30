/// Quantities (`k8s.io/apiserver/pkg/cel/library/quantity.go`).
enum CELQuantities {
    private static let type = CELOpaque.quantityType

    static func add(to functions: inout CELFunctions) {
        functions.function("quantity", [.string], type, cost: .traversal(0)) { (values) throws(CELError) in
            guard let quantity = QuantityValue(try values[0].string()) else { throw .message(Quantity.formatError) }
            return .opaque(.quantity(quantity))
        }
        functions.function("isQuantity", [.string], .bool, cost: .traversal(0)) { (values) throws(CELError) in
            .bool(QuantityValue(try values[0].string()) != nil)
        }
        let sign: CELFunctions.Body = { (values) throws(CELError) in .int(order(try quantity(values[0]), .zero)) }
        functions.function("sign", [type], .int, sign)
        functions.method("sign", [type], .int, sign)
        functions.method("isGreaterThan", [type, type], .bool) { (values) throws(CELError) in
            .bool(try quantity(values[0]) > quantity(values[1]))
        }
        functions.method("isLessThan", [type, type], .bool) { (values) throws(CELError) in
            .bool(try quantity(values[0]) < quantity(values[1]))
        }
        functions.method("compareTo", [type, type], .int) { (values) throws(CELError) in
            .int(order(try quantity(values[0]), try quantity(values[1])))
        }
        functions.method("asApproximateFloat", [type], .double) { (values) throws(CELError) in
            .double(Double(try quantity(values[0]).nanos) / 1e9)
        }
        functions.method("isInteger", [type], .bool) { (values) throws(CELError) in .bool(integer(try quantity(values[0])) != nil) }
        functions.method("asInteger", [type], .int) { (values) throws(CELError) in
            guard let integer = integer(try quantity(values[0])) else { throw .message("cannot convert value to integer") }
            return .int(integer)
        }
        functions.method("add", [type, type], type) { (values) throws(CELError) in
            .opaque(.quantity(try quantity(values[0]) + quantity(values[1])))
        }
        functions.method("add", [type, .int], type) { (values) throws(CELError) in
            .opaque(.quantity(try quantity(values[0]) + QuantityValue(try values[1].int())))
        }
        functions.method("sub", [type, type], type) { (values) throws(CELError) in
            .opaque(.quantity(try quantity(values[0]) - quantity(values[1])))
        }
        functions.method("sub", [type, .int], type) { (values) throws(CELError) in
            .opaque(.quantity(try quantity(values[0]) - QuantityValue(try values[1].int())))
        }
    }

    private static func quantity(_ value: CELValue) throws(CELError) -> QuantityValue {
        guard case .opaque(.quantity(let quantity)) = value else { throw CELFunctions.none }
        return quantity
    }

    private static func order(_ left: QuantityValue, _ right: QuantityValue) -> Int64 { left < right ? -1 : left > right ? 1 : 0 }

    /// The amount as a whole number; amounts at the end of the range were cut off there.
    private static func integer(_ quantity: QuantityValue) -> Int64? {
        guard quantity.isWhole, quantity.value != .max, quantity.value != -.max else { return nil }
        return quantity.value
    }
}
