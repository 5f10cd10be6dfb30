import JSON

/// The rules of a schema and of everything below it, compiled (`apiextensions-apiserver/pkg/apiserver/schema/cel`).
final class CELRules: Sendable {
    /// What all rules of one object may cost together (`celconfig.RuntimeCELCostBudget`).
    private static let budget = 10_000_000

    static let none = CELRules(StructuralSchema([:]))

    /// One a rule of `x-kubernetes-validations`.
    let rules: [Result<CELRule, CELFailure>]
    /// Whether there are none here or below.
    let isEmpty: Bool
    private let schema: StructuralSchema
    private let isResource: Bool
    private let properties: [(name: String, rules: CELRules)]
    private let additional: CELRules?
    private let items: CELRules?

    /// Compiles the rules of a schema. `isResource` for the root of a custom resource.
    init(_ schema: StructuralSchema, isResource: Bool = false) {
        self.schema = schema
        self.isResource = isResource || schema.isEmbeddedResource
        func below(_ schema: StructuralSchema?) -> CELRules? {
            guard let rules = schema.map({ CELRules($0) }), !rules.isEmpty else { return nil }
            return rules
        }
        let isHere = !schema.validations.isEmpty
        rules = isHere ? schema.validations.map { CELRule.compile($0, schema, isResource: isResource || schema.isEmbeddedResource) } : []
        properties = schema.properties.compactMap { property in below(property.schema).map { (property.name, $0) } }
        additional = below(schema.additionalProperties?.schema)
        items = below(schema.items)
        isEmpty = !isHere && properties.isEmpty && additional == nil && items == nil
    }

    /// What an object does wrong; `old` is the object before an update.
    func problems(_ object: JSON, old: JSON?) -> [FieldError] { Self.problems(self, object, old, "") }

    /// What a default does wrong.
    static func problems(_ value: JSON, _ schema: StructuralSchema, field: String) -> [FieldError] {
        let rules = CELRules(schema)
        return rules.isEmpty ? [] : problems(rules, value, nil, field)
    }

    private static func problems(_ rules: CELRules, _ value: JSON, _ old: JSON?, _ path: String) -> [FieldError] {
        var check = Check(remaining: budget)
        rules.check(value, old, path, &check)
        return check.errors
    }

    /// A walk over one object.
    private struct Check {
        var remaining: Int
        var errors: [FieldError] = []
    }

    private func check(_ value: JSON, _ old: JSON?, _ path: String, _ check: inout Check) {
        guard check.remaining > 0, !value.isNull else { return }
        if !rules.isEmpty {
            let variable = CELValue(value, schema, isResource: isResource)
            let oldVariable = old.map { CELValue($0, schema, isResource: isResource) }
            // What was broken and did not change may stay broken.
            let isUnchanged = old.map { $0 == value } ?? false
            for case .success(let rule) in rules where !isUnchanged || rule.usesOldSelf {
                evaluate(rule, value, variable, oldVariable, path, &check)
                guard check.remaining > 0 else { return }
            }
        }
        switch value {
        case .object(let object):
            let before = schema.mapType == "atomic" ? JSON?.none : old
            for property in properties {
                guard let child = object[property.name] else { continue }
                property.rules.check(child, before?[property.name], path.isEmpty ? property.name : "\(path).\(property.name)", &check)
            }
            guard let additional else { return }
            for member in object where schema.property(member.key) == nil {
                additional.check(member.value, before?[member.key], "\(path)[\(member.key)]", &check)
            }
        case .array(let elements):
            guard let items else { return }
            for (index, element) in elements.enumerated() {
                items.check(element, schema.counterpart(of: element, in: old), "\(path)[\(index)]", &check)
            }
        default: break
        }
    }

    private func evaluate(
        _ rule: CELRule, _ value: JSON, _ variable: CELValue, _ old: CELValue?, _ path: String, _ check: inout Check
    ) {
        var variables = [("self", variable)]
        if rule.usesOldSelf {
            if rule.isOptionalOldSelf {
                variables.append(("oldSelf", .optional(old)))
            } else {
                guard let old else { return }
                variables.append(("oldSelf", old))
            }
        }
        let field = path.isEmpty && schema.validations.isEmpty ? "<nil>" : path
        let limit = min(check.remaining, CELEvaluator.limit)
        var evaluator = CELEvaluator(variables, limit: limit)
        defer { check.remaining -= limit - evaluator.rest }
        let shownField = field.isEmpty ? "<nil>" : field
        do throws(CELError) {
            if try evaluator.evaluate(rule.expression).bool() { return }
        } catch {
            let shown = rule.message.isEmpty ? rule.text : rule.message
            switch error {
            case .limit, .unanswered:
                let words = "'\(error.text)': no further validation rules will be run due to call cost exceeds limit for rule: \(shown)"
                check.errors.append(.invalid(shownField, .string(schema.type), words))
                check.remaining = 0
            case .message(let text) where text.hasPrefix("no such overload"):
                let words =
                    "'\(text)': call arguments did not match a supported operator, function or macro signature for rule: \(shown)"
                check.errors.append(.invalid(shownField, .string(schema.type), words))
            case .message(let text): check.errors.append(.invalid(shownField, .string(schema.type), "\(text) evaluating rule: \(shown)"))
            }
            return
        }
        let detail = detail(rule, variables, &evaluator)
        let place = path + rule.fieldPath
        check.errors.append(Self.error(rule.reason, place.hasPrefix(".") ? String(place.dropFirst()) : place, value, detail))
    }

    /// What a broken rule says of itself.
    private func detail(_ rule: CELRule, _ variables: [(String, CELValue)], _ evaluator: inout CELEvaluator) -> String {
        if let expression = rule.messageExpression, case .string(let text)? = try? evaluator.evaluate(expression) {
            let trimmed = GoText.trimmed(text)
            let isFit = !trimmed.isEmpty && !trimmed.contains("\n") && trimmed.utf8.count <= CELRule.messageLimit
            if isFit { return trimmed }
        }
        return rule.message.isEmpty ? "failed rule: \(rule.text)" : rule.message
    }

    private static func error(_ reason: String, _ path: String, _ value: JSON, _ detail: String) -> FieldError {
        let field = path.isEmpty ? "<nil>" : path
        switch reason {
        case "FieldValueForbidden": return .forbidden(field, detail)
        case "FieldValueRequired": return .required(field, detail)
        case "FieldValueDuplicate": return .duplicate(field, value)
        default: break
        }
        switch value {
        // Objects and lists are not shown.
        case .object, .array: return FieldError(kind: .invalid, field: field, detailText: "Invalid value: \(detail)")
        default: return .invalid(field, value, detail)
        }
    }
}

/// Why a rule cannot be used.
struct CELFailure: Error, Sendable {
    let text: String
    /// Whether it is the rule's `messageExpression`.
    let isOfMessage: Bool
}

/// One rule.
struct CELRule: Sendable {
    static let messageLimit = 5 << 10

    let text: String
    let message: String
    let reason: String
    /// What `fieldPath` adds to the path of the value: `.name`.
    let fieldPath: String
    let usesOldSelf: Bool
    let isOptionalOldSelf: Bool
    let maximumCost: CELEstimate
    let expression: CELExpression
    let messageExpression: CELExpression?

    /// Compiles an element of `x-kubernetes-validations`.
    static func compile(_ rule: JSON, _ schema: StructuralSchema, isResource: Bool) -> Result<CELRule, CELFailure> {
        let text = rule["rule"]?.string ?? ""
        let type = CELType(schema, isResource: isResource)
        let isOptional = rule["optionalOldSelf"] == true
        let own = CELChecker.Variable(type: type, schema: schema)
        let old = CELChecker.Variable(type: isOptional ? .optional(type) : type, schema: schema)
        let variables = [(name: "self", variable: own), (name: "oldSelf", variable: old)]
        do throws(CELFailure) {
            let trimmed = GoText.trimmed(text)
            let (expression, known) = try compile(trimmed, variables, isMessage: false)
            guard known.type == .bool || known.type == .dyn else {
                throw CELFailure(text: "cel expression must evaluate to a bool", isOfMessage: false)
            }
            var message: CELExpression?
            if let source = rule["messageExpression"]?.string, !source.isEmpty {
                let (expression, known) = try compile(GoText.trimmed(source), variables, isMessage: true)
                guard known.type == .string else {
                    throw CELFailure(text: "messageExpression must evaluate to a string", isOfMessage: true)
                }
                message = expression
            }
            let fieldPath = rule["fieldPath"]?.string.flatMap { SchemaFieldPath($0, in: schema.document) }?.suffix ?? ""
            return .success(
                CELRule(
                    text: trimmed, message: GoText.trimmed(rule["message"]?.string ?? ""), reason: rule["reason"]?.string ?? "",
                    fieldPath: fieldPath, usesOldSelf: expression.mentions("oldSelf"), isOptionalOldSelf: isOptional,
                    maximumCost: CELEstimate(
                        cost: known.cost, unboundedCount: CELSize.requestLimit / CELSize.minimumBytes(schema).plus(1)),
                    expression: expression, messageExpression: message))
        } catch {
            return .failure(error)
        }
    }

    private static func compile(
        _ text: String, _ variables: [(name: String, variable: CELChecker.Variable)], isMessage: Bool
    ) throws(CELFailure) -> (CELExpression, CELChecker.Known) {
        let prefix = isMessage ? "messageExpression compilation failed: " : "compilation failed: "
        do throws(CELIssues) {
            let expression = try CELParser.parse(text)
            var checker = CELChecker(variables)
            let known = checker.check(expression)
            guard checker.issues.isEmpty else { throw checker.issues }
            return (expression, known)
        } catch {
            throw CELFailure(text: prefix + error.text(in: text), isOfMessage: isMessage)
        }
    }
}
