import Encoding
import JSON
import World

/// A value while an expression is evaluated.
indirect enum CELValue: Sendable {
    /// How a list compares and adds: by position, as a set, or by the keys of its elements.
    enum ListKind: Sendable, Hashable {
        case atomic, set
        case map([String])
    }

    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    /// In nanoseconds.
    case duration(Int64)
    case timestamp(Instant)
    case list([CELValue], ListKind)
    case map([CELKey: CELValue])
    /// The fields that are there, by their plain names.
    case object([String: CELValue], CELObjectType)
    /// What `Type{…}` made.
    case message(String, [String: CELValue])
    case opaque(CELOpaque)
    case optional(CELValue?)
    case type(String)
}

/// A key of a map.
enum CELKey: Sendable, Hashable {
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case string(String)

    /// `nil` for what cannot be a key. Whole numbers are the same key whatever their type.
    init?(_ value: CELValue) {
        switch value {
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .uint(let value): self = Int64(exactly: value).map(CELKey.int) ?? .uint(value)
        case .double(let value):
            guard let whole = Int64(exactly: value) else { return nil }
            self = .int(whole)
        case .string(let value): self = .string(value)
        default: return nil
        }
    }

    var value: CELValue {
        switch self {
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .uint(let value): .uint(value)
        case .string(let value): .string(value)
        }
    }
}

extension CELValue {
    /// A value of an object, as its schema makes it.
    init(_ json: JSON, _ schema: StructuralSchema?, isResource: Bool = false) {
        let type = schema.map { CELType($0, isResource: isResource) } ?? .dyn
        switch (json, type) {
        case (.null, _): self = .null
        case (.bool(let value), _): self = .bool(value)
        case (.integer(let value), .double): self = .double(Double(value))
        case (.integer(let value), _): self = .int(value)
        case (.number, .int): self = json.double.flatMap { Int64(exactly: $0) }.map(CELValue.int) ?? .double(json.double ?? 0)
        case (.number, _): self = .double(json.double ?? 0)
        case (.string(let text), .bytes): self = .bytes(Self.decoded(text) ?? Array(text.utf8))
        case (.string(let text), .duration): self = CELTime.duration(text).map(CELValue.duration) ?? .string(text)
        case (.string(let text), .timestamp):
            self = (Instant(rfc3339: text) ?? Instant(rfc3339: text + "T00:00:00Z")).map(CELValue.timestamp) ?? .string(text)
        case (.string(let text), _): self = .string(text)
        case (.array(let elements), _):
            let kind: ListKind =
                switch schema?.listType {
                case "set": .set
                case "map": .map(schema?.listMapKeys ?? [])
                default: .atomic
                }
            self = .list(elements.map { CELValue($0, schema?.items) }, kind)
        case (.object(let object), .object(let type)):
            var fields: [String: CELValue] = [:]
            for member in object {
                guard let field = type.field(member.key) ?? schema?.property(member.key).map({ (member.key, $0) }) else { continue }
                fields[member.key] = CELValue(member.value, field.1)
            }
            self = .object(fields, type)
        case (.object(let object), _):
            var entries: [CELKey: CELValue] = [:]
            for member in object { entries[.string(member.key)] = CELValue(member.value, schema?.additionalProperties?.schema) }
            self = .map(entries)
        }
    }

    /// Standard base64.
    private static func decoded(_ text: String) -> [UInt8]? {
        Base64.decodeURL(text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: ""))
    }

    /// The name of the type, as `type()` gives it and errors show it.
    var typeName: String {
        switch self {
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .duration: "google.protobuf.Duration"
        case .timestamp: "google.protobuf.Timestamp"
        case .list: "list"
        case .map: "map"
        case .object: "object"
        case .message(let name, _): name
        case .opaque(let value): value.typeName
        case .optional: "optional_type"
        case .type: "type"
        }
    }

    /// Whether two values are equal; values of different types are not.
    func equals(_ other: CELValue) -> Bool {
        switch (self, other) {
        case (.null, .null): return true
        case (.bool(let left), .bool(let right)): return left == right
        case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
        case (.bytes(let left), .bytes(let right)): return left == right
        case (.duration(let left), .duration(let right)): return left == right
        case (.timestamp(let left), .timestamp(let right)): return left == right
        case (.type(let left), .type(let right)): return left == right
        case (.list(let left, let kind), .list(let right, _)):
            guard left.count == right.count else { return false }
            if kind != .atomic { return left.allSatisfy { element in right.contains { $0.equals(element) } } }
            return zip(left, right).allSatisfy { $0.equals($1) }
        case (.map(let left), .map(let right)):
            return left.count == right.count && left.allSatisfy { key, value in right[key]?.equals(value) ?? false }
        case (.object(let left, _), .object(let right, _)):
            return left.count == right.count && left.allSatisfy { name, value in right[name]?.equals(value) ?? false }
        case (.message(let name, let left), .message(let other, let right)):
            return name == other && left.count == right.count && left.allSatisfy { right[$0]?.equals($1) ?? false }
        case (.opaque(let left), .opaque(let right)): return left == right
        case (.optional(let left), .optional(let right)):
            guard let left, let right else { return left == nil && right == nil }
            return left.equals(right)
        default: return compare(other) == 0
        }
    }

    /// -1, 0 or 1; `nil` for values that have no order, and for numbers that are none.
    func compare(_ other: CELValue) -> Int? {
        func order<Value: Comparable>(_ left: Value, _ right: Value) -> Int? {
            left < right ? -1 : left > right ? 1 : left == right ? 0 : nil
        }
        switch (self, other) {
        case (.int(let left), .int(let right)): return order(left, right)
        case (.uint(let left), .uint(let right)): return order(left, right)
        case (.double(let left), .double(let right)): return order(left, right)
        case (.int(let left), .uint(let right)): return left < 0 ? -1 : order(UInt64(left), right)
        case (.uint(let left), .int(let right)): return right < 0 ? 1 : order(left, UInt64(right))
        case (.int(let left), .double(let right)): return order(Double(left), right)
        case (.double(let left), .int(let right)): return order(left, Double(right))
        case (.uint(let left), .double(let right)): return order(Double(left), right)
        case (.double(let left), .uint(let right)): return order(left, Double(right))
        case (.bool(let left), .bool(let right)): return left == right ? 0 : left ? 1 : -1
        case (.string(let left), .string(let right)):
            if left.utf8.elementsEqual(right.utf8) { return 0 }
            return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
        case (.bytes(let left), .bytes(let right)): return left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
        case (.duration(let left), .duration(let right)): return order(left, right)
        case (.timestamp(let left), .timestamp(let right)): return order(left, right)
        default: return nil
        }
    }

    /// What a traversal of the value costs at most: characters or elements.
    var size: Int {
        switch self {
        case .string(let text): text.unicodeScalars.count
        case .bytes(let bytes): bytes.count
        case .list(let elements, _): elements.count
        case .map(let entries): entries.count
        case .object(let fields, _): fields.count
        case .message(_, let fields): fields.count
        case .opaque(let value): value.size
        default: 1
        }
    }
}

/// Durations in Go's text.
enum CELTime {
    /// The nanoseconds of `1h30m`, `-2.5s`.
    static func duration(_ text: String) -> Int64? { try? GoDuration.parse(text) }

    /// Seconds with their fraction, as `string(duration)` writes them.
    static func text(_ nanoseconds: Int64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        let fraction = (nanoseconds % 1_000_000_000).magnitude
        guard fraction != 0 else { return "\(seconds)s" }
        let digits = String(fraction)
        var padded = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
        while padded.hasSuffix("0") { padded.removeLast() }
        return "\(nanoseconds < 0 && seconds == 0 ? "-" : "")\(seconds).\(padded)s"
    }
}
