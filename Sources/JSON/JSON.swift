/// A JSON value: an ordered, lossless tree.
///
/// Objects keep the order of their members and numbers keep their exact text unless they fit an `Int64`, so that a document that is
/// parsed and written again differs only in white space and string escapes.
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number, as its text in the document (RFC 8259 grammar).
    case number(String)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

extension JSON {
    /// The member's value; `nil` when this is no object or has no such member.
    ///
    /// Setting `nil` removes the member. Setting on a value that is no object turns it into one.
    public subscript(key: String) -> JSON? {
        get {
            guard case .object(let object) = self else { return nil }
            return object[key]
        }
        _modify {
            var object: JSONObject
            if case .object(let existing) = self { object = existing } else { object = JSONObject() }
            self = .null
            defer { self = .object(object) }
            yield &object[key]
        }
    }

    /// The element at `index`; `nil` when this is no array or the index is outside it.
    public subscript(index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The value at a path of member names, for reading: `pod.at("metadata", "labels", "app")`.
    public func at(_ path: String...) -> JSON? {
        var current = self
        for key in path {
            guard let next = current[key] else { return nil }
            current = next
        }
        return current
    }

    /// The text of a string value, else `nil`.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The value of an integer, else `nil`.
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    /// The value of a boolean, else `nil`.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements of an array, else `nil`.
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    /// The members of an object, else `nil`.
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    /// Whether this is `null`.
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// The numeric value of an integer or other number as a `Double`, else `nil`.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let text): Double(text)
        default: nil
        }
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// Members keep the order of the literal. A repeated key keeps its first place and takes the last value.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(elements.map { ($0.0, $0.1) }))
    }

    /// An array of strings.
    public init(strings: some Sequence<String>) { self = .array(strings.map(JSON.string)) }
}
