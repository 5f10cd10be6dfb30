import JSON

/// What a schema of a definition may contain, besides being structural
/// (`ValidateCustomResourceDefinitionOpenAPISchema` of `apiextensions/validation/validation.go`).
struct DefinitionSchemaRules {
    /// What holds around a schema.
    private struct Surroundings {
        var forbiddenDefaults: String?
        var isInsideMetadata = false
        /// The outermost schema whose parts cannot be told apart between two states of an object: `oldSelf` means nothing there.
        var uncorrelatable: String?
        /// How often the schema can occur in one object at most.
        var cardinality: CELCardinality? = .one
    }

    private var schemaErrors: [FieldError] = []
    private var ruleErrors: [FieldError] = []
    private var budget = CELBudget()
    private let known: Set<String>

    /// What is wrong with a schema. `isComplete` is whether the schema is structural with good defaults, without which rules are not read;
    /// `known` are rules that are stored already and are not measured again.
    static func problems(_ schema: JSON, _ path: String, isComplete: Bool, known: Set<String>) -> [FieldError] {
        var rules = DefinitionSchemaRules(known: known)
        var surroundings = Surroundings()
        if !isComplete { surroundings.cardinality = nil }
        rules.check(schema, path, surroundings, isRoot: true)
        return rules.schemaErrors + rules.ruleErrors + rules.budget.problems(path)
    }

    private init(known: Set<String>) { self.known = known }

    private static let types = ["array", "boolean", "integer", "number", "object", "string"]

    private mutating func check(_ schema: JSON, _ path: String, _ around: Surroundings, isRoot: Bool = false) {
        let before = schemaErrors.count
        supported(schema, path, around)
        if schema["uniqueItems"] == true {
            schemaErrors.append(
                .forbidden("\(path).uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"))
        }
        descend(schema, path, around, isRoot: isRoot)
        if schema["x-kubernetes-preserve-unknown-fields"] == false {
            schemaErrors.append(.invalid("\(path).x-kubernetes-preserve-unknown-fields", false, "must be true or undefined"))
        }
        mapType(schema, path)
        listType(schema, path)
        rules(schema, path, around, isRoot: isRoot, isSound: schemaErrors.count == before)
    }

    /// Members that the server does not support (`specStandardValidatorV3`).
    private mutating func supported(_ schema: JSON, _ path: String, _ around: Surroundings) {
        let type = schema["type"]?.string ?? ""
        if !type.isEmpty, !Self.types.contains(type) {
            schemaErrors.append(.notSupported("\(path).type", .string(type), Self.types))
        }
        if let value = schema["default"], !value.isNull, let reason = around.forbiddenDefaults {
            schemaErrors.append(.forbidden("\(path).default", reason.isEmpty ? "must not be set" : "must not be set \(reason)"))
        }
        for name in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
            guard let value = schema[name], !value.isNull, value != "", value != [:] || name == "dependencies" else { continue }
            schemaErrors.append(.forbidden("\(path).\(name)", "\(name) is not supported"))
        }
        if type == "null" {
            schemaErrors.append(.forbidden("\(path).type", "type cannot be set to null, use nullable as an alternative"))
        }
        if schema["items"]?.array?.isEmpty == false {
            schemaErrors.append(.forbidden("\(path).items", "items must be a schema object and not an array"))
        }
        if around.isInsideMetadata, schema["x-kubernetes-embedded-resource"] == true {
            schemaErrors.append(.forbidden("\(path).x-kubernetes-embedded-resource", "must not be used inside of resource meta"))
        }
    }

    private mutating func descend(_ schema: JSON, _ path: String, _ around: Surroundings, isRoot: Bool) {
        let properties = schema["properties"]?.object?.members ?? []
        if let additional = schema["additionalProperties"], !additional.isNull {
            if !properties.isEmpty, additional != true {
                schemaErrors.append(
                    .forbidden("\(path).additionalProperties", "additionalProperties and properties are mutual exclusive"))
            }
            var inside = around
            if around.isInsideMetadata { inside.forbiddenDefaults = "inside additionalProperties applying to object metadata" }
            inside.cardinality = around.cardinality?.times(CELCardinality.properties(of: schema))
            if additional.object != nil { check(additional, "\(path).additionalProperties", inside) }
        }
        for property in properties {
            var inside = around
            if schema["x-kubernetes-map-type"] == "atomic", inside.uncorrelatable == nil { inside.uncorrelatable = path }
            if isRoot || schema["x-kubernetes-embedded-resource"] == true, ["metadata", "kind", "apiVersion"].contains(property.key) {
                inside.isInsideMetadata = true
                if isRoot { inside.forbiddenDefaults = "in top-level \(property.key)" }
            }
            check(property.value, "\(path).properties[\(property.key)]", inside)
        }
        var nested = around
        nested.cardinality = nil
        if let not = schema["not"], not.object != nil { check(not, "\(path).not", nested) }
        for name in ["allOf", "oneOf", "anyOf"] {
            for (index, part) in (schema[name]?.array ?? []).enumerated() { check(part, "\(path).\(name)[\(index)]", nested) }
        }
        for member in schema["definitions"]?.object?.members ?? [] { check(member.value, "\(path).definitions[\(member.key)]", nested) }
        guard let items = schema["items"], !items.isNull else { return }
        var inside = around
        if schema["x-kubernetes-list-type"] != "map", inside.uncorrelatable == nil { inside.uncorrelatable = path }
        inside.cardinality = around.cardinality?.times(CELCardinality.items(of: schema))
        if items.object != nil { check(items, "\(path).items", inside) }
        for (index, item) in (items.array ?? []).enumerated() { check(item, "\(path).items[\(index)]", inside) }
    }

    // MARK: Merging

    private mutating func mapType(_ schema: JSON, _ path: String) {
        guard let mapType = schema["x-kubernetes-map-type"]?.string else { return }
        let type = schema["type"]?.string ?? ""
        if type != "object" {
            let detail = "must be object if x-kubernetes-map-type is specified"
            schemaErrors.append(type.isEmpty ? .required("\(path).type", detail) : .invalid("\(path).type", .string(type), detail))
        }
        if mapType != "atomic", mapType != "granular" {
            schemaErrors.append(.notSupported("\(path).x-kubernetes-map-type", .string(mapType), ["atomic", "granular"]))
        }
    }

    private mutating func listType(_ schema: JSON, _ path: String) {
        let kind = schema["x-kubernetes-list-type"]?.string
        let items = schema["items"].ifObject
        if let kind {
            let type = schema["type"]?.string ?? ""
            if type != "array" {
                let detail = "must be array if x-kubernetes-list-type is specified"
                schemaErrors.append(type.isEmpty ? .required("\(path).type", detail) : .invalid("\(path).type", .string(type), detail))
            } else if kind == "set", let items {
                setItems(items, "\(path).items")
            }
            if !["atomic", "set", "map"].contains(kind) {
                schemaErrors.append(.notSupported("\(path).x-kubernetes-list-type", .string(kind), ["atomic", "set", "map"]))
            }
        }
        let keys = schema["x-kubernetes-list-map-keys"]?.strings ?? []
        if !keys.isEmpty, kind != "map" {
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty"
            schemaErrors.append(
                kind.map { .invalid("\(path).x-kubernetes-list-type", .string($0), detail) }
                    ?? .required("\(path).x-kubernetes-list-type", detail))
        }
        if kind == "map" { map(schema, items, keys, path) }
        guard let items, kind == "set" || kind == "map" else { return }
        if items["nullable"] == true {
            schemaErrors.append(.forbidden("\(path).items.nullable", "cannot be nullable when x-kubernetes-list-type is \(kind ?? "")"))
        }
        guard kind == "map" else { return }
        let required = Set(items["required"]?.strings ?? [])
        for key in keys {
            guard let property = items.at("properties", key) else { continue }
            let place = "\(path).items.properties[\(key)]"
            if !required.contains(key), property["default"] ?? .null == .null {
                schemaErrors.append(
                    .required(
                        "\(place).default",
                        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"))
            }
            if property["nullable"] == true {
                schemaErrors.append(
                    .forbidden("\(place).nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"))
            }
        }
    }

    private mutating func setItems(_ items: JSON, _ path: String) {
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
        let listType = items["x-kubernetes-list-type"]
        switch items["type"]?.string {
        case "array":
            if let listType, listType != "atomic" { schemaErrors.append(.invalid("\(path).x-kubernetes-list-type", listType, detail)) }
        case "object":
            // The server shows the list type here.
            guard items["x-kubernetes-map-type"] != "atomic" else { return }
            schemaErrors.append(.invalid("\(path).x-kubernetes-map-type", listType ?? .null, detail))
        default: break
        }
    }

    private mutating func map(_ schema: JSON, _ items: JSON?, _ keys: [String], _ path: String) {
        let field = "\(path).x-kubernetes-list-map-keys"
        if keys.isEmpty { schemaErrors.append(.required(field, "must not be empty if x-kubernetes-list-type is map")) }
        guard let items else {
            if schema["items"] == nil {
                schemaErrors.append(.required("\(path).items", "must have a schema if x-kubernetes-list-type is map"))
            }
            return
        }
        guard items["type"] == "object" else {
            schemaErrors.append(
                .invalid(
                    "\(path).items.type", items["type"] ?? "", "must be object if parent array's x-kubernetes-list-type is map"))
            return
        }
        var seen: Set<String> = []
        for key in keys {
            if let property = items.at("properties", key) {
                if property["type"] == "array" || property["type"] == "object" {
                    schemaErrors.append(
                        .invalid(
                            "\(path).items.properties[\(key)].type", items["type"] ?? "",
                            "must be a scalar type if parent array's x-kubernetes-list-type is map"))
                }
            } else {
                schemaErrors.append(.invalid(field, JSON(strings: keys), "entries must all be names of item properties"))
            }
            if !seen.insert(key).inserted {
                schemaErrors.append(.invalid(field, JSON(strings: keys), "must not contain duplicate entries"))
            }
        }
    }

    // MARK: Rules

    private static let reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"]

    private mutating func rules(_ schema: JSON, _ path: String, _ around: Surroundings, isRoot: Bool, isSound: Bool) {
        let rules = schema["x-kubernetes-validations"]?.array ?? []
        guard !rules.isEmpty else { return }
        let before = schemaErrors.count
        for (index, rule) in rules.enumerated() { form(of: rule, schema, "\(path).x-kubernetes-validations[\(index)]") }
        guard isSound, schemaErrors.count == before, let cardinality = around.cardinality else { return }
        let structural = StructuralSchema(schema)
        let isResource = isRoot || structural.isEmbeddedResource
        let compiled = structural.validations.map { CELRule.compile($0, structural, isResource: isResource) }
        for (index, rule) in compiled.enumerated() {
            let place = "\(path).x-kubernetes-validations[\(index)]"
            let shown = Self.shown(rules[index])
            switch rule {
            case .failure(let failure):
                let field = failure.isOfMessage ? "\(place).messageExpression" : "\(place).rule"
                ruleErrors.append(.invalid(field, shown, failure.text))
            case .success(let rule):
                let isKnown = known.contains(rule.text)
                if let refusal = budget.spend(rule.maximumCost, cardinality, at: "\(place).rule", isKnown: isKnown) {
                    ruleErrors.append(refusal)
                }
                if rule.usesOldSelf, let place = around.uncorrelatable {
                    ruleErrors.append(
                        .invalid(
                            "\(path).x-kubernetes-validations[\(index)].rule", .string(rule.text),
                            "oldSelf cannot be used on the uncorrelatable portion of the schema within \(place)"))
                } else if !rule.usesOldSelf, let optional = rules[index]["optionalOldSelf"], !optional.isNull {
                    ruleErrors.append(.invalid("\(place).optionalOldSelf", optional, "may not be set if oldSelf is not used in rule"))
                }
            }
        }
    }

    /// A rule as the server's internal type is printed.
    private static func shown(_ rule: JSON) -> JSON {
        [
            "Rule": rule["rule"] ?? "", "Message": rule["message"] ?? "", "MessageExpression": rule["messageExpression"] ?? "",
            "Reason": rule["reason"] ?? .null, "FieldPath": rule["fieldPath"] ?? "", "OptionalOldSelf": rule["optionalOldSelf"] ?? .null,
        ]
    }

    private mutating func form(of rule: JSON, _ schema: JSON, _ path: String) {
        func text(_ name: String) -> String { rule[name]?.string ?? "" }
        func trimmed(_ name: String) -> String { GoText.trimmed(text(name)) }
        func hasLineBreak(_ text: String) -> Bool { text.unicodeScalars.contains { $0 == "\n" || $0 == "\r" } }
        let message = trimmed("message")
        if trimmed("rule").isEmpty {
            schemaErrors.append(.required("\(path).rule", "rule is not specified"))
        } else if !text("message").isEmpty, message.isEmpty {
            schemaErrors.append(.invalid("\(path).message", .string(text("message")), "message must be non-empty if specified"))
        } else if hasLineBreak(message) {
            schemaErrors.append(.invalid("\(path).message", .string(text("message")), "message must not contain line breaks"))
        } else if hasLineBreak(trimmed("rule")), message.isEmpty {
            schemaErrors.append(.required("\(path).message", "message must be specified if rule contains line breaks"))
        }
        if !text("messageExpression").isEmpty, trimmed("messageExpression").isEmpty {
            schemaErrors.append(.required("\(path).messageExpression", "messageExpression must be non-empty if specified"))
        }
        if let reason = rule["reason"]?.string, !Self.reasons.contains(reason) {
            schemaErrors.append(.notSupported("\(path).reason", .string(reason), Self.reasons))
        }
        let fieldPath = text("fieldPath")
        guard !fieldPath.isEmpty else { return }
        let field = "\(path).fieldPath"
        if trimmed("fieldPath").isEmpty {
            schemaErrors.append(.invalid(field, .string(fieldPath), "fieldPath must be non-empty if specified"))
        }
        if hasLineBreak(fieldPath) { schemaErrors.append(.invalid(field, .string(fieldPath), "fieldPath must not contain line breaks")) }
        if SchemaFieldPath(fieldPath, in: schema) == nil {
            schemaErrors.append(.invalid(field, .string(fieldPath), "fieldPath must be a valid path"))
        }
    }
}
