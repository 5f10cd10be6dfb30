/// A JSON value: an ordered, lossless tree.
///
/// Objects keep the order of their members and numbers keep their exact text unless they fit an `Int64`, so that a document that is
/// parsed and written again differs only in white space and string escapes.
public enum JSON: Sendable {
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
    /// Setting `nil` removes the member. Setting on a value that is no object turns it into one. Edits are in place.
    public subscript(key: String) -> JSON? {
        get {
            guard case .object(let object) = self else { return nil }
            return object[key]
        }
        _modify {
            if case .object(var object) = self {
                // Given up here so that `object` is the only owner while it is edited.
                self = .null
                defer { self = .object(object) }
                yield &object[key]
            } else {
                var value: JSON?
                defer { if let value { self = .object([key: value]) } }
                yield &value
            }
        }
    }

    /// The member's value, or `fallback` when this is no object or has no such member. Editing it adds the member, in place.
    public subscript(key: String, default fallback: @autoclosure () -> JSON) -> JSON {
        get { self[key] ?? fallback() }
        _modify {
            var object = JSONObject()
            if case .object(let existing) = self { object = existing }
            self = .null
            defer { self = .object(object) }
            yield &object[key, default: fallback()]
        }
    }

    /// The element at `index`; `nil` when this is no array or the index is outside it.
    ///
    /// Edits are in place; setting `nil` removes the element; an index outside changes nothing.
    public subscript(index: Int) -> JSON? {
        get {
            guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
            return elements[index]
        }
        _modify {
            if case .array(var elements) = self, elements.indices.contains(index) {
                self = .null
                var value: JSON? = elements[index]
                elements[index] = .null
                defer {
                    if let value { elements[index] = value } else { elements.remove(at: index) }
                    self = .array(elements)
                }
                yield &value
            } else {
                var value: JSON?
                yield &value
            }
        }
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
    /// The elements of an array of strings only, else `nil`.
    public var strings: [String]? {
        guard case .array(let elements) = self else { return nil }
        var result: [String] = []
        result.reserveCapacity(elements.count)
        for element in elements {
            guard case .string(let text) = element else { return nil }
            result.append(text)
        }
        return result
    }
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

    /// The name of the type, as JSON Schema names it: `null`, `boolean`, `integer`, `number`, `string`, `array`, `object`.
    public var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An array.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// An object. Members keep the order of the literal. A repeated key keeps its first place and takes the last value.
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }

    /// An array of strings.
    public init(strings: some Sequence<String>) { self = .array(strings.map(JSON.string)) }
}

extension JSON: CustomStringConvertible {
    /// The compact document.
    public var description: String { text }
}
