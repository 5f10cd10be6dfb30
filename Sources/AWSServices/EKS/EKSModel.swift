import Facts
import HTTP
import JSON

/// EKS' published service model: which operation a method and path name, and what its input must look like.
struct EKSModel: Sendable {
    /// One operation of the model, simulated or not.
    struct Operation: Sendable {
        let name: String
        let method: String
        /// A literal segment, or `{member}`.
        let path: [String]
        let query: JSON
        let body: JSON
        /// The error of input that breaks the model.
        let invalidCode: String

        fileprivate func match(_ method: String, _ segments: [String]) -> [String: String]? {
            guard method == self.method, segments.count == path.count else { return nil }
            var members: [String: String] = [:]
            for (pattern, segment) in zip(path, segments) {
                if pattern.hasPrefix("{") {
                    members[String(pattern.dropFirst().dropLast())] = segment
                } else if pattern != segment {
                    return nil
                }
            }
            return members
        }
    }

    /// The model that is compiled into the binary.
    static let published = EKSModel((try? JSON(parsing: Facts.eksOperations)) ?? .null)

    private let operations: [Operation]
    private let enums: JSON

    init(_ model: JSON) {
        enums = model["enums"] ?? [:]
        operations = (model["operations"]?.object?.members ?? []).compactMap { member in
            let words = (member.value["http"]?.string ?? "").split(separator: " ")
            guard words.count == 2 else { return nil }
            return Operation(
                name: member.key, method: String(words[0]), path: words[1].split(separator: "/").map(String.init),
                query: member.value["query"] ?? [:], body: member.value["body"] ?? [:],
                invalidCode: member.value.at("errors", "BadRequestException") == nil ? "InvalidParameterException" : "BadRequestException")
        }
    }

    /// The operation of a request with its path members; a literal segment wins over a member.
    func operation(_ method: String, _ segments: [String]) -> (operation: Operation, members: [String: String])? {
        var best: (operation: Operation, members: [String: String])?
        for operation in operations {
            guard let members = operation.match(method, segments) else { continue }
            if best.map({ members.count < $0.members.count }) ?? true { best = (operation, members) }
        }
        return best
    }

    /// Checks what clients do not: types, required members, enums, lengths and ranges.
    ///
    /// - Throws: `SerializationException` for a wrong JSON type, else the operation's error for invalid input.
    func check(_ operation: Operation, query: [(name: String, value: String)], body: JSON) throws(AWSError) {
        try check(body, operation.body, "", operation.invalidCode)
        for member in operation.query.object?.members ?? [] {
            let name = member.key.hasSuffix("!") ? String(member.key.dropLast()) : member.key
            let values = query.filter { $0.name == name }.map(\.value)
            if values.isEmpty, member.key.hasSuffix("!") {
                throw Self.violation(nil, name, "Member must not be null", operation.invalidCode)
            }
            let shape = member.value.array?.first ?? member.value
            for value in values { try check(Self.typed(value, shape.string ?? ""), shape, name, operation.invalidCode) }
        }
    }

    /// A query parameter as the JSON value that its shape wants, if it can be one.
    private static func typed(_ value: String, _ shape: String) -> JSON {
        if shape.hasPrefix("integer"), let number = Int64(value) { return .integer(number) }
        if shape == "boolean", value == "true" || value == "false" { return .bool(value == "true") }
        return .string(value)
    }

    private func check(_ value: JSON, _ shape: JSON, _ path: String, _ code: String) throws(AWSError) {
        switch shape {
        case .string(let text): try checkScalar(value, text, path, code)
        case .array(let items):
            guard let elements = value.array else { throw Self.wrongType(path) }
            for (index, element) in elements.enumerated() {
                try check(element, items.first ?? "string", "\(path).\(index + 1).member", code)
            }
        case .object(let members):
            guard let object = value.object else { throw Self.wrongType(path) }
            if let element = members["<key>"] {
                for member in object { try check(member.value, element, "\(path).\(member.key)", code) }
                return
            }
            for member in members {
                let name = member.key.hasSuffix("!") ? String(member.key.dropLast()) : member.key
                let place = path.isEmpty ? name : "\(path).\(name)"
                guard let found = object[name], !found.isNull else {
                    if member.key.hasSuffix("!") { throw Self.violation(nil, place, "Member must not be null", code) }
                    continue
                }
                try check(found, member.value, place, code)
            }
        default: return
        }
    }

    /// `string(1..63)`, `enum:LogType`, `integer(1..100)`, `boolean`; the name of a structure is not looked into.
    private func checkScalar(_ value: JSON, _ shape: String, _ path: String, _ code: String) throws(AWSError) {
        let kind = String(shape.prefix { $0 != "(" && $0 != ":" })
        let bounds = shape.split(separator: "(").dropFirst().first.map { $0.prefix { $0 != " " && $0 != ")" } } ?? ""
        let low = bounds.firstRange(of: "..").flatMap { Int64(bounds[..<$0.lowerBound]) }
        let high = bounds.firstRange(of: "..").flatMap { Int64(bounds[$0.upperBound...]) }
        switch kind {
        case "boolean": guard value.bool != nil else { throw Self.wrongType(path) }
        case "integer":
            guard let number = value.integer else { throw Self.wrongType(path) }
            if let low, number < low {
                throw Self.violation(String(number), path, "Member must have value greater than or equal to \(low)", code)
            }
            if let high, number > high {
                throw Self.violation(String(number), path, "Member must have value less than or equal to \(high)", code)
            }
        case "enum":
            guard let text = value.string else { throw Self.wrongType(path) }
            let values = enums[String(shape.dropFirst("enum:".count))]?.strings ?? []
            guard values.isEmpty || values.contains(text) else {
                throw Self.violation(text, path, "Member must satisfy enum value set: [\(values.joined(separator: ", "))]", code)
            }
        case "string", "name":
            guard let text = value.string else { throw Self.wrongType(path) }
            if let low, text.count < low {
                throw Self.violation(text, path, "Member must have length greater than or equal to \(low)", code)
            }
            if let high, text.count > high {
                throw Self.violation(text, path, "Member must have length less than or equal to \(high)", code)
            }
        default: return
        }
    }

    private static func violation(_ value: String?, _ path: String, _ constraint: String, _ code: String) -> AWSError {
        var error = QueryForm.violation(value, path, constraint)
        error.code = code
        return error
    }

    private static func wrongType(_ path: String) -> AWSError {
        AWSError(400, "SerializationException", "The value of \(path.isEmpty ? "the request" : path) has the wrong type.")
    }
}
