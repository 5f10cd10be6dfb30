import JSON

/// The input of a call, checked as the service's model says (botocore, `logs/2014-03-28`).
struct LogsInput: Sendable {
    /// The form that names of groups have, as messages show it.
    private static let groupPattern = "[\\.\\-_/#A-Za-z0-9]+"
    private static let streamPattern = "[^:*]*"

    let json: JSON

    /// Reads a body; an empty one has no members.
    init(_ body: [UInt8]) throws(AWSError) {
        guard !body.isEmpty else {
            json = [:]
            return
        }
        guard let json = try? JSON(parsing: body, limits: JSON.Limits(depth: 32, bytes: 2 << 20)), json.object != nil else {
            throw AWSError(400, "SerializationException", "The request body is not a JSON object.")
        }
        self.json = json
    }

    static func invalid(_ message: String) -> AWSError { AWSError(400, "InvalidParameterException", message) }

    private static func violation(_ value: String?, _ name: String, _ constraint: String) -> AWSError {
        var error = QueryForm.violation(value, name, constraint)
        error.code = "InvalidParameterException"
        return error
    }

    private static func wrongType(_ name: String) -> AWSError {
        AWSError(400, "SerializationException", "The value of \(name) has the wrong type.")
    }

    /// A member that is a text, unchecked.
    func text(_ name: String) -> String? { json[name]?.string }

    /// A member that may be absent.
    func optional(
        _ name: String, _ length: ClosedRange<Int>, _ form: (pattern: String, isValid: (String) -> Bool)?
    ) throws(AWSError) -> String? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let text = value.string else { throw Self.wrongType(name) }
        if text.count < length.lowerBound {
            throw Self.violation(text, name, "Member must have length greater than or equal to \(length.lowerBound)")
        }
        if text.count > length.upperBound {
            throw Self.violation(text, name, "Member must have length less than or equal to \(length.upperBound)")
        }
        if let form, !form.isValid(text) {
            throw Self.violation(text, name, "Member must satisfy regular expression pattern: \(form.pattern)")
        }
        return text
    }

    func groupName(_ name: String = "logGroupName") throws(AWSError) -> String? {
        try optional(name, 1...512, (Self.groupPattern, Self.isGroupName))
    }

    func streamName(_ name: String = "logStreamName") throws(AWSError) -> String? {
        try optional(name, 1...512, (Self.streamPattern, Self.isStreamName))
    }

    func required(_ value: String?, _ name: String) throws(AWSError) -> String {
        guard let value else { throw Self.violation(nil, name, "Member must not be null") }
        return value
    }

    static func isStreamName(_ name: String) -> Bool { !name.utf8.contains { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "*") } }

    private static func isGroupName(_ name: String) -> Bool {
        name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "./-_#".utf8.contains(byte)
            }
        }
    }

    func integer(_ name: String, _ range: ClosedRange<Int64> = 0...Int64.max) throws(AWSError) -> Int64? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let number = value.integer else { throw Self.wrongType(name) }
        if number < range.lowerBound {
            throw Self.violation(String(number), name, "Member must have value greater than or equal to \(range.lowerBound)")
        }
        if number > range.upperBound {
            throw Self.violation(String(number), name, "Member must have value less than or equal to \(range.upperBound)")
        }
        return number
    }

    func limit(_ fallback: Int, _ largest: Int64) throws(AWSError) -> Int {
        try integer("limit", 1...largest).map { Int(clamping: $0) } ?? fallback
    }

    func bool(_ name: String) throws(AWSError) -> Bool {
        guard let value = json[name], !value.isNull else { return false }
        guard let flag = value.bool else { throw Self.wrongType(name) }
        return flag
    }

    func choice(_ name: String, of values: [String]) throws(AWSError) -> String? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let text = value.string else { throw Self.wrongType(name) }
        guard values.contains(text) else {
            throw Self.violation(text, name, "Member must satisfy enum value set: [\(values.joined(separator: ", "))]")
        }
        return text
    }

    func strings(_ name: String, _ count: ClosedRange<Int>) throws(AWSError) -> [String]? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let strings = value.strings else { throw Self.wrongType(name) }
        guard count.contains(strings.count) else {
            let bound =
                strings.count < count.lowerBound
                ? "greater than or equal to \(count.lowerBound)" : "less than or equal to \(count.upperBound)"
            throw Self.violation("[\(strings.joined(separator: ", "))]", name, "Member must have length \(bound)")
        }
        return strings
    }

    /// The tags of a call.
    func tags() throws(AWSError) -> [(key: String, value: String)] {
        guard let value = json["tags"], !value.isNull else { return [] }
        guard let object = value.object else { throw Self.wrongType("tags") }
        var tags: [(key: String, value: String)] = []
        for member in object {
            guard let text = member.value.string else { throw Self.wrongType("tags.\(member.key)") }
            guard (1...128).contains(member.key.count), text.count <= 256 else {
                throw Self.violation(member.key, "tags", "Map keys must satisfy constraint: [Member must have length between 1 and 128]")
            }
            guard !member.key.lowercased().hasPrefix("aws:") else {
                throw Self.invalid("aws: prefixed tag key names are not allowed for external use.")
            }
            tags.append((member.key, text))
        }
        return tags
    }
}
