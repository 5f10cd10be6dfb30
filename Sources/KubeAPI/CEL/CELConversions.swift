import JSON
import World

/// Conversions between types.
enum CELConversions {
    static func add(to functions: inout CELFunctions) {
        functions.function("type", [.dyn], .type) { (values) throws(CELError) in .type(values[0].typeName) }
        functions.function("dyn", [.parameter("A")], .dyn) { (values) throws(CELError) in values[0] }
        for type in [CELType.bool, .string] {
            functions.function("bool", [type], .bool) { (values) throws(CELError) in
                switch values[0] {
                case .bool: return values[0]
                case .string("true"), .string("True"), .string("TRUE"), .string("t"), .string("1"): return .bool(true)
                case .string("false"), .string("False"), .string("FALSE"), .string("f"), .string("0"): return .bool(false)
                case .string: throw .message("type conversion error from 'string' to 'bool'")
                default: throw CELFunctions.none
                }
            }
        }
        for type in [CELType.int, .uint, .double, .string, .timestamp, .duration] {
            functions.function("int", [type], .int, cost: .traversal(0), int)
            functions.function("uint", [type], .uint, cost: .traversal(0), uint)
            functions.function("double", [type], .double, cost: .traversal(0), double)
        }
        for type in [CELType.int, .uint, .double, .string, .bytes, .bool, .timestamp, .duration] {
            functions.function("string", [type], .string, cost: .traversal(0), string)
        }
        for type in [CELType.string, .bytes] {
            functions.function("bytes", [type], .bytes, cost: .traversal(0)) { (values) throws(CELError) in
                if case .bytes = values[0] { return values[0] }
                return .bytes(Array(try values[0].string().utf8))
            }
        }
        times(&functions)
    }

    private static func times(_ functions: inout CELFunctions) {
        for type in [CELType.string, .duration, .int] {
            functions.function("duration", [type], .duration) { (values) throws(CELError) in
                switch values[0] {
                case .duration: return values[0]
                case .int(let nanoseconds): return .duration(nanoseconds)
                case .string(let text):
                    guard let duration = CELTime.duration(text) else {
                        throw .message("time: invalid duration \(GoText.quoted(text))")
                    }
                    return .duration(duration)
                default: throw CELFunctions.none
                }
            }
        }
        for type in [CELType.string, .timestamp, .int] {
            functions.function("timestamp", [type], .timestamp) { (values) throws(CELError) in
                switch values[0] {
                case .timestamp: return values[0]
                case .int(let seconds): return .timestamp(Instant(seconds: seconds))
                case .string(let text):
                    guard let instant = Instant(rfc3339: text) else { throw .message(GoTime.refusal(text)) }
                    return .timestamp(instant)
                default: throw CELFunctions.none
                }
            }
        }
    }

    @Sendable private static func int(_ values: [CELValue]) throws(CELError) -> CELValue {
        switch values[0] {
        case .int: return values[0]
        case .uint(let value):
            guard let result = Int64(exactly: value) else { throw .message("integer overflow") }
            return .int(result)
        case .double(let value):
            guard value.isFinite, let result = Int64(exactly: value.rounded(.towardZero)) else { throw .message("integer overflow") }
            return .int(result)
        case .string(let text):
            guard let result = Int64(text) else { throw .message("strconv.ParseInt: parsing \(GoText.quoted(text)): invalid syntax") }
            return .int(result)
        case .timestamp(let instant): return .int(instant.seconds)
        case .duration(let nanoseconds): return .int(nanoseconds)
        default: throw CELFunctions.none
        }
    }

    @Sendable private static func uint(_ values: [CELValue]) throws(CELError) -> CELValue {
        switch values[0] {
        case .uint: return values[0]
        case .int(let value):
            guard let result = UInt64(exactly: value) else { throw .message("unsigned integer overflow") }
            return .uint(result)
        case .double(let value):
            guard value.isFinite, let result = UInt64(exactly: value.rounded(.towardZero)) else {
                throw .message("unsigned integer overflow")
            }
            return .uint(result)
        case .string(let text):
            guard let result = UInt64(text) else { throw .message("strconv.ParseUint: parsing \(GoText.quoted(text)): invalid syntax") }
            return .uint(result)
        default: throw CELFunctions.none
        }
    }

    @Sendable private static func double(_ values: [CELValue]) throws(CELError) -> CELValue {
        switch values[0] {
        case .double: return values[0]
        case .int(let value): return .double(Double(value))
        case .uint(let value): return .double(Double(value))
        case .string(let text):
            guard let result = Double(text) else { throw .message("strconv.ParseFloat: parsing \(GoText.quoted(text)): invalid syntax") }
            return .double(result)
        default: throw CELFunctions.none
        }
    }

    @Sendable static func string(_ values: [CELValue]) throws(CELError) -> CELValue {
        switch values[0] {
        case .string: return values[0]
        case .int(let value): return .string(String(value))
        case .uint(let value): return .string(String(value))
        case .double(let value):
            return .string(value.isFinite ? GoNumber.generalText(value) : value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf")
        case .bool(let value): return .string(value ? "true" : "false")
        case .bytes(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .message("invalid UTF-8 in bytes, cannot convert to string")
            }
            return .string(text)
        case .timestamp(let instant): return .string(instant.rfc3339)
        case .duration(let nanoseconds): return .string(CELTime.text(nanoseconds))
        default: throw CELFunctions.none
        }
    }
}
