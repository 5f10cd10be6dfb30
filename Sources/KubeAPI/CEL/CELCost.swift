import JSON

/// How often a schema can occur in one object at most; `nil` counts are bounded by the size of requests only.
struct CELCardinality: Sendable, Hashable {
    /// `nil` when a list or map on the way has no limit.
    let count: UInt64?

    static let one = CELCardinality(count: 1)

    func times(_ factor: UInt64?) -> CELCardinality {
        guard let count, let factor else { return CELCardinality(count: nil) }
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        return CELCardinality(count: overflow ? .max : product)
    }

    /// The limit of a list.
    static func items(of schema: JSON) -> UInt64? { schema["maxItems"]?.integer.map { UInt64(clamping: $0) } }
    /// The limit of a map.
    static func properties(of schema: JSON) -> UInt64? { schema["maxProperties"]?.integer.map { UInt64(clamping: $0) } }
}

/// What the rules of one schema may cost together (`StaticEstimatedCostLimit`, `StaticEstimatedCRDCostLimit`).
struct CELBudget {
    private static let limitPerRule: UInt64 = 10_000_000
    private static let limit: UInt64 = 100_000_000
    /// How many of the most expensive rules are named.
    private static let named = 4

    private var total: UInt64 = 0
    private var expensive: [(field: String, cost: UInt64)] = []

    /// Counts a rule; what is wrong with its own cost. Rules that are stored already are not refused for theirs.
    mutating func spend(_ cost: CELEstimate, _ cardinality: CELCardinality, at field: String, isKnown: Bool) -> FieldError? {
        let (product, overflow) = cost.cost.multipliedReportingOverflow(by: cardinality.count ?? cost.unboundedCount)
        let cost = overflow ? UInt64.max : product
        let (sum, tooMuch) = total.addingReportingOverflow(cost)
        total = tooMuch ? .max : sum
        expensive.append((field, cost))
        expensive.sort { $0.cost > $1.cost }
        expensive = Array(expensive.prefix(Self.named))
        guard !isKnown, cost > Self.limitPerRule else { return nil }
        return .forbidden(field, Self.message("estimated rule cost", cost, Self.limitPerRule))
    }

    /// What is wrong with the sum.
    func problems(_ path: String) -> [FieldError] {
        guard total > Self.limit else { return [] }
        let contributed = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
        return expensive.filter { $0.cost > 0 }.map { .forbidden($0.field, contributed) } + [
            .forbidden(
                path, Self.message("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema", total, Self.limit))
        ]
    }

    private static func message(_ name: String, _ cost: UInt64, _ limit: UInt64) -> String {
        let factor = Double(cost) / Double(limit)
        let text =
            if factor > 100 { "more than 100x" } else if factor < 1.5 { "\(fixed(factor, 6))x" } else { "\(fixed(factor, 1))x" }
        return
            "\(name) exceeds budget by factor of \(text) (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where "
            + "arrays, maps, and strings are declared)"
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let whole = UInt64((value * scale).rounded(.toNearestOrEven))
        let text = String(whole)
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        return "\(padded.dropLast(digits)).\(padded.suffix(digits))"
    }
}

/// What an expression costs at most.
struct CELEstimate: Sendable, Hashable {
    /// For one evaluation.
    var cost: UInt64
    /// How often the schema can occur where nothing limits it but the size of a request.
    var unboundedCount: UInt64
}
