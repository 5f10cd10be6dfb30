import Encoding
import JSON

/// What is wrong with one field, in the words of `k8s.io/apimachinery/pkg/util/validation/field`.
public struct FieldError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of wrong, with the reasons that a Status names.
    public enum Kind: String, Sendable, Hashable {
        case notFound = "FieldValueNotFound"
        case required = "FieldValueRequired"
        case duplicate = "FieldValueDuplicate"
        case invalid = "FieldValueInvalid"
        case notSupported = "FieldValueNotSupported"
        case forbidden = "FieldValueForbidden"
        case tooLong = "FieldValueTooLong"
        case tooMany = "FieldValueTooMany"
        case typeInvalid = "FieldValueTypeInvalid"
        case `internal` = "InternalError"
    }

    /// The kind.
    public let kind: Kind
    /// `metadata.name`, `spec.ports[0].port`.
    public let field: String
    /// The text behind the field.
    public let detailText: String

    /// Makes an error of a ready text.
    public init(kind: Kind, field: String, detailText: String) {
        self.kind = kind
        self.field = field
        self.detailText = detailText
    }

    /// Field and text.
    public var description: String { "\(field): \(detailText)" }

    private static func with(_ text: String, _ detail: String) -> String { detail.isEmpty ? text : "\(text): \(detail)" }

    /// A value as Go's `%#v`-like formatting of `field.Error` shows it: strings quoted as Go does, everything else as JSON.
    private static func shown(_ value: JSON) -> String {
        if case .string(let text) = value { GoText.quoted(text) } else { value.text }
    }

    /// A value that is missing.
    public static func required(_ field: String, _ detail: String = "") -> FieldError {
        FieldError(kind: .required, field: field, detailText: with("Required value", detail))
    }

    /// A value that is not acceptable.
    public static func invalid(_ field: String, _ value: JSON, _ detail: String) -> FieldError {
        FieldError(kind: .invalid, field: field, detailText: with("Invalid value: \(shown(value))", detail))
    }

    /// A value that may not be set here.
    public static func forbidden(_ field: String, _ detail: String) -> FieldError {
        FieldError(kind: .forbidden, field: field, detailText: with("Forbidden", detail))
    }

    /// A value that occurs twice.
    public static func duplicate(_ field: String, _ value: JSON) -> FieldError {
        FieldError(kind: .duplicate, field: field, detailText: "Duplicate value: \(shown(value))")
    }

    /// A reference to something that is not there.
    public static func notFound(_ field: String, _ value: JSON) -> FieldError {
        FieldError(kind: .notFound, field: field, detailText: "Not found: \(shown(value))")
    }

    /// A value outside an enumeration.
    public static func notSupported(_ field: String, _ value: JSON, _ supported: [String]) -> FieldError {
        let list = supported.map { GoText.quoted($0) }.joined(separator: ", ")
        let tail = supported.isEmpty ? "" : ": supported values: \(list)"
        return FieldError(kind: .notSupported, field: field, detailText: "Unsupported value: \(shown(value))\(tail)")
    }

    /// A value longer than allowed, in bytes.
    public static func tooLong(_ field: String, _ limit: Int) -> FieldError {
        FieldError(kind: .tooLong, field: field, detailText: "Too long: may not be more than \(limit) bytes")
    }

    /// More elements than allowed.
    public static func tooMany(_ field: String, _ actual: Int, limit: Int) -> FieldError {
        FieldError(kind: .tooMany, field: field, detailText: "Too many: \(actual): must have at most \(limit) items")
    }
}

/// Texts as Go's `fmt` and `strconv` make them.
public enum GoText {
    /// `strconv.Quote`.
    public static func quoted(_ text: String) -> String { GoQuoting.quoted(text) }

    /// `["a" "b"]`, as `%q` prints a list.
    public static func quoted(_ texts: [String]) -> String { GoQuoting.quoted(texts) }

    /// `strings.TrimSpace`.
    public static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }

    /// Two hexadecimal digits of a byte, in lower case.
    public static func hexadecimal(_ byte: UInt8) -> String { hex(UInt32(byte), 2) }

    /// A number with so many decimals, as `%f` prints it.
    public static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return value.description }
        var scale = 1.0
        for _ in 0..<max(0, decimals) { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded(.toNearestOrEven)
        guard let units = Int64(exactly: scaled), let unit = Int64(exactly: scale) else { return value.description }
        let fraction = String(units % unit)
        let sign = value < 0 ? "-" : ""
        return "\(sign)\(units / unit)." + String(repeating: "0", count: max(0, decimals - fraction.utf8.count)) + fraction
    }

    /// Lower-case hexadecimal with leading zeros.
    static func hex(_ value: UInt32, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// The type of a decoded value as Go's `%T` prints it.
    static func typeName(_ value: JSON) -> String {
        switch value {
        case .null: "<nil>"
        case .bool: "bool"
        case .integer: "int64"
        case .number: "float64"
        case .string: "string"
        case .array: "[]interface {}"
        case .object: "map[string]interface {}"
        }
    }

    /// A value as Go's `%v` prints maps and slices of `interface{}`: `map[image:q2 name:a]`.
    public static func printed(_ value: JSON) -> String {
        switch value {
        case .null: return "<nil>"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .number(let text): return text
        case .string(let text): return text
        case .array(let elements): return "[" + elements.map(printed).joined(separator: " ") + "]"
        case .object(var object):
            object.sortKeys()
            return "map[" + object.members.map { "\($0.key):\(printed($0.value))" }.joined(separator: " ") + "]"
        }
    }
}
