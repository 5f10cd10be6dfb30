import Encoding
import JSON
import World

/// Reads `application/vnd.kubernetes.protobuf` bodies into JSON trees by the field numbers of the schema
/// (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).
struct ProtobufReader {
    /// Why a body could not be read.
    enum Failure: Error, Sendable, Hashable {
        case malformed(String)
    }

    private static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]
    private static let maximumDepth = 128
    private let schema: Schema

    init(schema: Schema) { self.schema = schema }

    /// The object of a body: `k8s\0`, then a `runtime.Unknown` that names the type and holds the message.
    func object(_ body: [UInt8]) throws(Failure) -> JSON {
        guard body.starts(with: Self.magic) else {
            throw .malformed("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
        }
        var apiVersion = ""
        var kind = ""
        var raw: ArraySlice<UInt8> = []
        for field in try fields(body.dropFirst(Self.magic.count)) {
            switch field.number {
            case 1:
                for part in try fields(field.bytes) {
                    if part.number == 1 { apiVersion = try text(part.bytes) } else if part.number == 2 { kind = try text(part.bytes) }
                }
            case 2: raw = field.bytes
            default: break
            }
        }
        guard let gvk = GroupVersionKind(apiVersion: apiVersion, kind: kind),
            let type = schema.index(gvk) ?? schema.index(named: "meta.v1.\(kind)")
        else { throw .malformed("no kind \(GoText.quoted(kind)) is registered for version \(GoText.quoted(apiVersion))") }
        guard case .object(var object) = try message(raw, type, depth: 0) else { throw .malformed("not a message") }
        object["apiVersion"] = .string(apiVersion)
        object["kind"] = .string(kind)
        return .object(object)
    }

    private func message(_ bytes: ArraySlice<UInt8>, _ type: Int, depth: Int) throws(Failure) -> JSON {
        guard depth < Self.maximumDepth else { throw .malformed("proto: nesting too deep") }
        // `kind` and `apiVersion` come first and share their numbers with the message's own fields; the envelope carries them.
        let declared = schema[type].fields
        var object: JSONObject = [:]
        for field in try fields(bytes) {
            guard field.number > 0, let known = declared.last(where: { $0.protobufNumber == field.number }) else { continue }
            switch known.type {
            case .array(let element):
                object[known.name] = .array((object[known.name]?.array ?? []) + [try value(field, element, depth: depth + 1)])
            case .map(let element):
                let (key, item) = try entry(field.bytes, element, depth: depth + 1)
                var map = object[known.name]?.object ?? [:]
                map[key] = item
                object[known.name] = .object(map)
            default: object[known.name] = try value(field, known.type, depth: depth + 1)
            }
        }
        return .object(object)
    }

    /// A map's entry: key 1, value 2. A list as value is a message with the items in field 1 (`ExtraValue`).
    private func entry(_ bytes: ArraySlice<UInt8>, _ element: ValueType, depth: Int) throws(Failure) -> (String, JSON) {
        var key = ""
        var item: Field?
        for field in try fields(bytes) {
            if field.number == 1 { key = try text(field.bytes) } else if field.number == 2 { item = field }
        }
        let present = item ?? Field(number: 2, varint: 0, bytes: [])
        guard case .array(let inner) = element else { return (key, try value(present, element, depth: depth)) }
        var items: [JSON] = []
        for field in try fields(present.bytes) where field.number == 1 { items.append(try value(field, inner, depth: depth)) }
        return (key, .array(items))
    }

    private func value(_ field: Field, _ type: ValueType, depth: Int) throws(Failure) -> JSON {
        switch type {
        case .reference(let place): return try message(field.bytes, place, depth: depth)
        case .array, .map: throw .malformed("proto: a list or map where a value is wanted")
        case .scalar(let scalar, let is32Bit):
            switch scalar {
            case .string: return .string(try text(field.bytes))
            case .boolean: return .bool(field.varint != 0)
            case .integer:
                return .integer(is32Bit ? Int64(Int32(truncatingIfNeeded: field.varint)) : Int64(bitPattern: field.varint))
            case .bytes: return .string(Base64.encode(Array(field.bytes)))
            case .quantity:
                return .string(try fields(field.bytes).first { $0.number == 1 }.map { f throws(Failure) in try text(f.bytes) } ?? "0")
            case .time, .microTime: return try time(field.bytes, isMicro: scalar == .microTime)
            case .intOrString: return try intOrString(field.bytes)
            case .raw, .fields, .any:
                let raw = try fields(field.bytes).first { $0.number == 1 }?.bytes ?? []
                guard !raw.isEmpty else { return .null }
                do { return try JSON(parsing: Array(raw)) } catch { throw .malformed("embedded JSON: \(error.goMessage)") }
            case .number, .object, .schemaOrArray, .schemaOrBool, .schemaOrStrings:
                throw .malformed("proto: a field of this type is read only from JSON or YAML")
            }
        }
    }

    private func time(_ bytes: ArraySlice<UInt8>, isMicro: Bool) throws(Failure) -> JSON {
        var seconds: Int64 = 0
        var nanos: Int64 = 0
        for field in try fields(bytes) {
            if field.number == 1 {
                seconds = Int64(bitPattern: field.varint)
            } else if field.number == 2 {
                nanos = Int64(bitPattern: field.varint)
            }
        }
        // An absent time is an empty message.
        if bytes.isEmpty { return .null }
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, (0..<1_000_000_000).contains(nanos), !scaled.addingReportingOverflow(nanos).overflow else {
            throw .malformed("proto: a time out of range")
        }
        let instant = Instant(nanoseconds: scaled + nanos)
        return .string(isMicro ? instant.rfc3339Micro : instant.rfc3339)
    }

    private func intOrString(_ bytes: ArraySlice<UInt8>) throws(Failure) -> JSON {
        var isString = false
        var number: Int64 = 0
        var string = ""
        for field in try fields(bytes) {
            switch field.number {
            case 1: isString = field.varint == 1
            case 2: number = Int64(Int32(truncatingIfNeeded: field.varint))
            case 3: string = try text(field.bytes)
            default: break
            }
        }
        return isString ? .string(string) : .integer(number)
    }

    // MARK: The wire

    private struct Field {
        let number: Int
        let varint: UInt64
        let bytes: ArraySlice<UInt8>
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(Failure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed("proto: invalid UTF-8") }
        return text
    }

    private func fields(_ bytes: ArraySlice<UInt8>) throws(Failure) -> [Field] {
        var rest = bytes
        var found: [Field] = []
        while !rest.isEmpty {
            let tag = try varint(&rest)
            let number = Int(clamping: tag >> 3)
            switch tag & 7 {
            case 0: found.append(Field(number: number, varint: try varint(&rest), bytes: []))
            case 1: found.append(Field(number: number, varint: 0, bytes: try take(8, &rest)))
            case 2: found.append(Field(number: number, varint: 0, bytes: try take(Int(clamping: try varint(&rest)), &rest)))
            case 5: found.append(Field(number: number, varint: 0, bytes: try take(4, &rest)))
            default: throw .malformed("proto: illegal wireType \(tag & 7)")
            }
        }
        return found
    }

    private func take(_ count: Int, _ rest: inout ArraySlice<UInt8>) throws(Failure) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw .malformed("unexpected EOF") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private func varint(_ rest: inout ArraySlice<UInt8>) throws(Failure) -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw .malformed("unexpected EOF") }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
        }
        throw .malformed("proto: integer overflow")
    }
}
