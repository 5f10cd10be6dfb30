import JSON

/// The compiled rules of one level of a schema and of everything below it.
final class CELRules: Sendable {
    static let none = CELRules()
    let rules: [Result<CELRule, CELFailure>]
    let isEmpty: Bool

    private init() {
        rules = []
        isEmpty = true
    }

    convenience init(_ schema: StructuralSchema) { self.init(schema: schema) }

    private init(schema: StructuralSchema) {
        rules = schema.validations.map { _ in .failure(CELFailure(text: "expressions are not simulated yet", isOfMessage: false)) }
        isEmpty = true
    }

    func problems(_ object: JSON, old: JSON?) -> [FieldError] { [] }
    static func problems(_ value: JSON, _ schema: StructuralSchema, field: String) -> [FieldError] { [] }
}

struct CELFailure: Error, Sendable {
    let text: String
    let isOfMessage: Bool
}

struct CELRule: Sendable {
    let text: String
    let maximumCost: CELEstimate
    let usesOldSelf: Bool
}
