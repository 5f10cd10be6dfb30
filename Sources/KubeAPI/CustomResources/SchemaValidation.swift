import JSON

/// Checks a value against a schema in the order and the words of `kube-openapi/pkg/validation/validate`.
struct SchemaValidation {
    /// What is wrong, before it becomes a field error.
    private struct Issue {
        enum Code {
            case required
            case enumeration([JSON])
            case tooLong(Int64)
            case tooMany(actual: Int, limit: Int64)
            case type
            case other
            /// Of no field.
            case composite
        }

        let code: Code
        let name: String
        let value: JSON
        let message: String
    }

    /// What a check found, and how many checks held: of alternatives, the one with most is reported.
    private struct Outcome {
        var issues: [Issue] = []
        var matches = 0

        var isValid: Bool { issues.isEmpty }

        mutating func merge(_ other: Outcome) {
            issues += other.issues
            matches += other.matches
        }
    }

    /// What is wrong with a value. `field` is the path of the value, empty for a whole object. What was wrong in `old` and did not change
    /// may stay (`apiserver/validation/ratcheting.go`).
    static func problems(_ value: JSON, _ schema: StructuralSchema, field: String = "", old: JSON? = Optional.none) -> [FieldError] {
        validate(value, schema, "", old: old).issues.map { issue in
            let name = issue.name.hasPrefix(".") ? String(issue.name.dropFirst()) : issue.name
            let path = name.isEmpty ? field : field.isEmpty ? name : "\(field).\(name)"
            switch issue.code {
            case .required: return .required(path)
            case .enumeration(let allowed): return .notSupported(path, issue.value, allowed.map { $0.string ?? $0.text })
            case .tooLong(let limit): return .tooLong(path, Int(clamping: limit))
            case .tooMany(let actual, let limit): return .tooMany(path, actual, limit: Int(clamping: limit))
            case .type:
                return FieldError(
                    kind: .typeInvalid, field: path, detailText: FieldError.invalid("", issue.value, issue.message).detailText)
            case .other: return .invalid(path, issue.value, issue.message)
            case .composite: return .invalid(field.isEmpty ? "<nil>" : field, "", issue.message)
            }
        }
    }

    private static func validate(
        _ value: JSON, _ schema: StructuralSchema, _ path: String, old: JSON? = Optional.none
    ) -> Outcome {
        var outcome = check(value, schema, path, old: old)
        if !outcome.isValid, let old, old == value { outcome.issues = [] }
        return outcome
    }

    private static func check(_ value: JSON, _ schema: StructuralSchema, _ path: String, old: JSON?) -> Outcome {
        var outcome = Outcome()
        func add(_ part: Outcome) {
            outcome.merge(part)
            outcome.matches += 1
        }
        if value.isNull {
            if !schema.types.isEmpty, !schema.isNullable {
                outcome.issues.append(typeIssue(path, schema.types.joined(separator: ","), shown: "null"))
            }
            outcome.merge(enumeration(value, schema, path))
            return outcome
        }
        if !schema.types.isEmpty || !schema.format.isEmpty { add(type(value, schema, path)) }
        add(alternatives(value, schema, path))
        switch value {
        case .string(let text):
            add(string(text, schema, path))
            if !schema.format.isEmpty { add(format(text, schema, path)) }
        case .integer, .number: add(number(value, schema, path))
        case .array(let elements): add(array(elements, schema, path, old: old))
        default: break
        }
        add(enumeration(value, schema, path))
        if case .object(let object) = value {
            add(self.object(object, schema, path, old: schema.mapType == "atomic" ? Optional.none : old))
        }
        outcome.matches += 1
        return outcome
    }

    // MARK: Types

    private static func typeIssue(_ path: String, _ wanted: String, shown: String) -> Issue {
        Issue(
            code: .type, name: path, value: .string(shown), message: "\(path) in body must be of type \(wanted): \(GoText.quoted(shown))")
    }

    private static func type(_ value: JSON, _ schema: StructuralSchema, _ path: String) -> Outcome {
        let types = schema.types
        let given: String
        switch value {
        case .integer: given = "integer"
        case .number: given = "number"
        default: given = value.typeName
        }
        let isFloatInteger = given == "number" && types.contains("integer") && (value.double.map(isWhole) ?? false)
        let isIntegerFloat = given == "integer" && types.contains("number")
        let isText = value.string != nil || value.array != nil
        if !isText, !schema.format.isEmpty, !(types.contains(given) || isFloatInteger || isIntegerFloat) {
            let format = given == "integer" ? "int64" : given == "number" ? "double" : ""
            return Outcome(issues: [typeIssue(path, schema.format, shown: format)])
        }
        // A string with a format is the format's business.
        if !types.contains("number"), !types.contains("integer"), !schema.format.isEmpty, isText { return Outcome(matches: 1) }
        guard types.contains(given) || isFloatInteger || isIntegerFloat else {
            return Outcome(issues: [typeIssue(path, types.joined(separator: ","), shown: given)])
        }
        return Outcome(matches: 1)
    }

    /// Whether a number is an integer that a double holds exactly (`swag.IsFloat64AJSONInteger`).
    private static func isWhole(_ value: Double) -> Bool {
        let limit = 9_007_199_254_740_991.0
        guard value.isFinite, value.magnitude <= limit else { return false }
        let rest = (value - value.rounded()).magnitude
        return rest == 0 || rest < 1e-9
    }

    // MARK: Scalars

    private static func string(_ text: String, _ schema: StructuralSchema, _ path: String) -> Outcome {
        let length = Int64(text.unicodeScalars.count)
        func outcome(_ code: Issue.Code, _ message: String) -> Outcome {
            Outcome(issues: [Issue(code: code, name: path, value: .string(text), message: "\(path) in body \(message)")])
        }
        if let limit = schema.maximumLength, length > limit { return outcome(.tooLong(limit), "") }
        if let limit = schema.minimumLength, length < limit { return outcome(.other, "should be at least \(limit) chars long") }
        if let expression = schema.expression, !expression.matches(text) { return outcome(.other, "should match '\(schema.pattern)'") }
        return Outcome()
    }

    private static func format(_ text: String, _ schema: StructuralSchema, _ path: String) -> Outcome {
        guard !StringFormat.accepts(text, schema.format) else { return Outcome() }
        return Outcome(issues: [typeIssue(path, schema.format, shown: text)])
    }

    private static func number(_ value: JSON, _ schema: StructuralSchema, _ path: String) -> Outcome {
        var outcome = Outcome(matches: 1)
        func add(_ shown: JSON, _ message: String) {
            outcome.issues.append(Issue(code: .other, name: path, value: shown, message: message))
        }
        let number = value.double ?? 0
        let shown: JSON = value.integer.map(JSON.integer) ?? .number(GoNumber.generalText(number))
        if schema.type == "integer", !schema.isIntOrString, value.integer == nil, !isWhole(number) {
            outcome.issues.append(
                Issue(code: .composite, name: path, value: "", message: "Checked value must be of type integer (default format) in \(path)")
            )
        }
        if let factor = schema.multipleOf {
            // An integer is divided by the factor's whole part, as in Go.
            if let integer = value.integer {
                let whole = Int64(exactly: factor.rounded(.towardZero)) ?? 0
                if whole <= 0 {
                    add(.integer(whole), "factor MultipleOf declared for \(path) must be positive: \(whole)")
                } else if integer % whole != 0 {
                    add(shown, "\(path) in body should be a multiple of \(whole)")
                }
            } else if factor <= 0 {
                let text = GoNumber.generalText(factor)
                add(.number(text), "factor MultipleOf declared for \(path) must be positive: \(text)")
            } else if !isWhole(factor < 1 ? 1 / factor * number : number / factor) {
                add(shown, "\(path) in body should be a multiple of \(GoNumber.generalText(factor))")
            }
        }
        if let limit = schema.minimum, isBeyond(value, limit, schema.isExclusiveMinimum, isMinimum: true) {
            let words = schema.isExclusiveMinimum ? "greater than" : "greater than or equal to"
            add(shown, "\(path) in body should be \(words) \(bound(limit, value))")
        }
        if let limit = schema.maximum, isBeyond(value, limit, schema.isExclusiveMaximum, isMinimum: false) {
            let words = schema.isExclusiveMaximum ? "less than" : "less than or equal to"
            add(shown, "\(path) in body should be \(words) \(bound(limit, value))")
        }
        return outcome
    }

    /// A limit as compared: integers are compared with the limit's whole part.
    private static func whole(_ limit: JSON) -> Int64 { limit.integer ?? Int64(exactly: (limit.double ?? 0).rounded(.towardZero)) ?? 0 }

    private static func bound(_ limit: JSON, _ value: JSON) -> String {
        value.integer != nil ? String(whole(limit)) : GoNumber.generalText(limit.double ?? 0)
    }

    private static func isBeyond(_ value: JSON, _ limit: JSON, _ isExclusive: Bool, isMinimum: Bool) -> Bool {
        if let integer = value.integer {
            let limit = whole(limit)
            if integer == limit { return isExclusive }
            return isMinimum ? integer < limit : integer > limit
        }
        let number = value.double ?? 0
        let limit = limit.double ?? 0
        if number == limit { return isExclusive }
        return isMinimum ? number < limit : number > limit
    }

    private static func enumeration(_ value: JSON, _ schema: StructuralSchema, _ path: String) -> Outcome {
        guard !schema.enumeration.isEmpty, !value.isNull || !schema.isNullable || !schema.enumeration.contains(.null),
            !schema.enumeration.contains(where: { $0 == value || ($0.double != nil && $0.double == value.double) })
        else { return Outcome() }
        return Outcome(issues: [Issue(code: .enumeration(schema.enumeration), name: path, value: value, message: "")])
    }

    // MARK: Compound values

    private static func array(_ elements: [JSON], _ schema: StructuralSchema, _ path: String, old: JSON?) -> Outcome {
        var outcome = Outcome(matches: 1)
        if let items = schema.items {
            for (index, element) in elements.enumerated() {
                outcome.merge(validate(element, items, "\(path)[\(index)]", old: schema.counterpart(of: element, in: old)))
            }
        }
        let count = Int64(elements.count)
        if let limit = schema.minimumItems, count < limit {
            outcome.issues.append(
                Issue(code: .other, name: path, value: .integer(count), message: "\(path) in body should have at least \(limit) items"))
        }
        if let limit = schema.maximumItems, count > limit {
            outcome.issues.append(
                Issue(code: .tooMany(actual: elements.count, limit: limit), name: path, value: .integer(count), message: ""))
        }
        return outcome
    }

    private static func object(_ object: JSONObject, _ schema: StructuralSchema, _ path: String, old: JSON?) -> Outcome {
        let count = Int64(object.count)
        if let limit = schema.minimumProperties, count < limit {
            return Outcome(issues: [
                Issue(code: .other, name: path, value: .integer(count), message: "\(path) in body should have at least \(limit) properties")
            ])
        }
        if let limit = schema.maximumProperties, count > limit {
            return Outcome(issues: [
                Issue(code: .tooMany(actual: object.count, limit: limit), name: path, value: .integer(count), message: "")
            ])
        }
        var outcome = Outcome()
        for member in object where schema.property(member.key) == nil {
            switch schema.additionalProperties {
            case .allowed(false):
                outcome.issues.append(
                    Issue(
                        code: .other, name: "\(path).\(member.key)", value: "",
                        message: "\(path).\(member.key) in body is a forbidden property"))
            case .schema(let additional): outcome.merge(validate(member.value, additional, "\(path).\(member.key)", old: old?[member.key]))
            default: break
            }
        }
        for property in schema.properties {
            guard let value = object[property.name] else { continue }
            let place = path.isEmpty ? property.name : "\(path).\(property.name)"
            outcome.merge(validate(value, property.schema, place, old: old?[property.name]))
        }
        for name in schema.required where !object.contains(name) {
            outcome.issues.append(Issue(code: .required, name: "\(path).\(name)", value: "", message: ""))
        }
        return outcome
    }

    // MARK: Junctors

    private static func composite(_ path: String, _ message: String) -> Issue {
        Issue(code: .composite, name: path, value: "", message: "\(GoText.quoted(path)) \(message)")
    }

    private static func alternatives(_ value: JSON, _ schema: StructuralSchema, _ path: String) -> Outcome {
        var outcome = Outcome(matches: 1)
        if !schema.anyOf.isEmpty {
            var best: Outcome?
            var succeeded: Outcome?
            for part in schema.anyOf where succeeded == nil {
                let result = validate(value, part, path)
                if result.isValid { succeeded = result } else if result.matches > best?.matches ?? -1 { best = result }
            }
            if succeeded == nil { outcome.issues.append(composite(path, "must validate at least one schema (anyOf)")) }
            if let kept = succeeded ?? best { outcome.merge(kept) }
        }
        if !schema.oneOf.isEmpty {
            var best: Outcome?
            let results = schema.oneOf.map { validate(value, $0, path) }
            let valid = results.filter(\.isValid)
            for result in results where !result.isValid && result.matches > best?.matches ?? -1 { best = result }
            if valid.count == 1 {
                outcome.merge(valid[0])
            } else {
                let found = valid.isEmpty ? "Found none valid" : "Found \(valid.count) valid alternatives"
                outcome.issues.append(composite(path, "must validate one and only one schema (oneOf). \(found)"))
                if valid.isEmpty, let best { outcome.merge(best) }
            }
        }
        if !schema.allOf.isEmpty {
            let results = schema.allOf.map { validate(value, $0, path) }
            for result in results { outcome.merge(result) }
            let valid = results.count(where: \.isValid)
            if valid != results.count {
                outcome.issues.append(composite(path, "must validate all the schemas (allOf)\(valid == 0 ? ". None validated" : "")"))
            }
        }
        if let not = schema.not, validate(value, not, path).isValid {
            outcome.issues.append(composite(path, "must not validate the schema (not)"))
        }
        return outcome
    }
}
