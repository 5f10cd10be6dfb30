import Encoding
import JSON

extension CELValue {
    /// The value as JSON, members in order of their names (cel-go's conversion to `structpb.Value`).
    ///
    /// - Throws: for values that JSON does not have.
    func json() throws(CELError) -> JSON {
        switch self {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .int(let value): return .integer(value)
        case .uint(let value): return Int64(exactly: value).map(JSON.integer) ?? .number(String(value))
        case .double(let value):
            guard value.isFinite else { throw unconvertible }
            return Int64(exactly: value).map(JSON.integer) ?? .number(GoNumber.generalText(value))
        case .string(let value): return .string(value)
        case .bytes(let bytes): return .string(Base64.encode(bytes))
        case .duration, .timestamp: return .string(try CELConversions.string([self]).string())
        case .list(let elements, _):
            var items: [JSON] = []
            for element in elements { items.append(try element.json()) }
            return .array(items)
        case .map(let entries):
            var members: [(String, JSON)] = []
            for (key, value) in entries { members.append((CELFormat.text(of: key.value), try value.json())) }
            return Self.object(members)
        case .object(let fields, _), .message(_, let fields):
            var members: [(String, JSON)] = []
            for (name, value) in fields { members.append((name, try value.json())) }
            return Self.object(members)
        case .optional(let value):
            guard let value else { throw unconvertible }
            return try value.json()
        case .opaque, .type: throw unconvertible
        }
    }

    private static func object(_ members: [(String, JSON)]) -> JSON { .object(JSONObject(members.sorted { $0.0 < $1.0 })) }

    private var unconvertible: CELError { .message("type conversion error from '\(typeName)' to 'google.protobuf.Value'") }
}
