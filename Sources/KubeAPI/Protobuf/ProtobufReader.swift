import Encoding
import JSON
import World

/// Reads `application/vnd.kubernetes.protobuf` bodies into JSON trees by the field numbers of the schema
/// (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).
struct ProtobufReader {
    /// Why a body could not be read.
    enum Failure: Error, Sendable, Hashable {
        /// In the words of the generated `Unmarshal` methods.
        case malformed(String)
    }

    /// Why a body could not be read, by how far it was understood.
    enum BodyFailure: Error, Sendable, Hashable {
        /// What is inside could not be found out.
        case envelope(String)
        /// The object of a known type could not be read.
        case content(GroupVersionKind, String)
    }

    private static let maximumDepth = 128
    private let layouts = ProtobufLayouts.builtin

    /// The object of a body: `k8s\0`, then a `runtime.Unknown` that names the type and holds the message. Where it names none,
    /// `expected` is meant.
    func object(_ body: [UInt8], expected: GroupVersionKind?) throws(BodyFailure) -> JSON {
        guard !body.isEmpty else { throw .envelope("empty data") }
        guard body.starts(with: ProtobufEncoder.magic) else {
            throw .envelope("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
        }
        guard body.count > ProtobufEncoder.magic.count else { throw .envelope("empty body") }
        let named: (apiVersion: String, kind: String, raw: ArraySlice<UInt8>)
        do { named = try envelope(body.dropFirst(ProtobufEncoder.magic.count)) } catch { throw .envelope(error.text) }
        let kind = named.kind.isEmpty ? expected?.kind ?? "" : named.kind
        let apiVersion = named.apiVersion.isEmpty ? expected?.apiVersion ?? "" : named.apiVersion
        guard let type = GroupVersionKind(apiVersion: apiVersion, kind: kind) else { throw .envelope("Object 'Kind' is missing") }
        guard let place = layouts.place(type) else {
            throw .content(
                type,
                "no kind \(GoText.quoted(kind)) is registered for version \(GoText.quoted(apiVersion)) in scheme "
                    + "\"pkg/api/legacyscheme/scheme.go:30\"")
        }
        var object: JSONObject
        do { object = try message(named.raw, place, depth: 0) } catch { throw .content(type, error.text) }
        object["apiVersion"] = .string(apiVersion)
        object["kind"] = .string(kind)
        return .object(object)
    }

    private func envelope(_ bytes: ArraySlice<UInt8>) throws(Failure) -> (apiVersion: String, kind: String, raw: ArraySlice<UInt8>) {
        var apiVersion = ""
        var kind = ""
        var raw: ArraySlice<UInt8> = []
        for field in try fields(bytes) {
            switch field.number {
            case 1:
                guard field.wireType == 2 else { throw .malformed("proto: wrong wireType = \(field.wireType) for field TypeMeta") }
                for part in try fields(field.bytes) {
                    if part.number == 1 { apiVersion = try text(part.bytes) } else if part.number == 2 { kind = try text(part.bytes) }
                }
            case 2:
                guard field.wireType == 2 else { throw .malformed("proto: wrong wireType = \(field.wireType) for field Raw") }
                raw = field.bytes
            default: break
            }
        }
        return (apiVersion, kind, raw)
    }

    private func message(_ bytes: ArraySlice<UInt8>, _ place: Int, depth: Int) throws(Failure) -> JSONObject {
        var object: JSONObject = [:]
        try read(bytes, layouts[place], into: &object, depth: depth)
        // Schemas that stand where something else may stand are not looked at again: their zeros go here.
        if place == layouts.jsonSchema { object.removeAll { ($0.value == "" || $0.value == false) && !isPointer($0.key, place) } }
        return object
    }

    private func read(
        _ bytes: ArraySlice<UInt8>, _ declared: [ProtobufField], into object: inout JSONObject, depth: Int
    ) throws(Failure) {
        guard depth < Self.maximumDepth else { throw .malformed("proto: nesting too deep") }
        for field in try fields(bytes) {
            guard let known = declared.first(where: { $0.number == field.number }) else {
                if field.number <= 0 { throw .malformed("proto: illegal tag \(field.number) (wire type \(field.wireType))") }
                continue
            }
            switch known.type {
            case .embedded(let inner): try read(field.message(known), layouts[inner], into: &object, depth: depth + 1)
            case .list(let element):
                object[known.name, default: []].append(try value(field, element, known, depth: depth + 1))
            case .map(let element):
                let (key, item) = try entry(field.message(known), element, known, depth: depth + 1)
                object[known.name, default: [:]][key] = item
            default: object[known.name] = try value(field, known.type, known, depth: depth + 1)
            }
        }
    }

    private func isPointer(_ name: String, _ place: Int) -> Bool { layouts[place].first { $0.name == name }?.isPointer ?? false }

    /// A map's entry: key 1, value 2.
    private func entry(
        _ bytes: ArraySlice<UInt8>, _ element: ProtobufType, _ known: ProtobufField, depth: Int
    ) throws(Failure) -> (String, JSON) {
        var key = ""
        var item = Field(number: 2, wireType: element.wireType, varint: 0, bytes: [])
        for field in try fields(bytes) {
            if field.number == 1 { key = try text(field.message(known)) } else if field.number == 2 { item = field }
        }
        return (key, try value(item, element, known, depth: depth))
    }

    private func value(_ field: Field, _ type: ProtobufType, _ known: ProtobufField, depth: Int) throws(Failure) -> JSON {
        guard field.wireType == type.wireType else {
            throw .malformed(
                "proto: wrong wireType = \(field.wireType) for field \(known.name.prefix(1).uppercased())\(known.name.dropFirst())")
        }
        switch type {
        case .message(let place), .embedded(let place): return .object(try message(field.bytes, place, depth: depth))
        case .boxedList(let element), .list(let element), .map(let element):
            var items: [JSON] = []
            for item in try fields(field.bytes) where item.number == 1 { items.append(try value(item, element, known, depth: depth + 1)) }
            return .array(items)
        case .scalar(let scalar, let is32Bit):
            switch scalar {
            case .string: return .string(try text(field.bytes))
            case .boolean: return .bool(field.varint != 0)
            case .integer:
                return .integer(is32Bit ? Int64(Int32(truncatingIfNeeded: field.varint)) : Int64(bitPattern: field.varint))
            case .number:
                let bits = field.bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard let number = JSON(Double(bitPattern: bits)) else { throw .malformed("json: unsupported value") }
                return number
            case .bytes: return .string(Base64.encode(Array(field.bytes)))
            case .quantity:
                return .string(try fields(field.bytes).first { $0.number == 1 }.map { f throws(Failure) in try text(f.bytes) } ?? "0")
            case .time, .microTime: return try time(field.bytes, isMicro: scalar == .microTime)
            case .intOrString: return try intOrString(field.bytes)
            case .raw, .fields, .any, .object:
                let raw = try fields(field.bytes).first { $0.number == 1 }?.bytes ?? []
                guard !raw.isEmpty else { return .null }
                do { return try JSON(parsing: Array(raw)) } catch { throw .malformed("embedded JSON: \(error.goMessage)") }
            case .schemaOrArray, .schemaOrBool, .schemaOrStrings: return try either(field.bytes, scalar, known, depth: depth)
            }
        }
    }

    /// A JSON schema, or something else in its place.
    private func either(
        _ bytes: ArraySlice<UInt8>, _ scalar: ScalarType, _ known: ProtobufField, depth: Int
    ) throws(Failure) -> JSON {
        var schema: JSON?
        var items: [JSON] = []
        var allows = false
        for field in try fields(bytes) {
            switch (scalar, field.number) {
            case (.schemaOrBool, 1): allows = field.varint != 0
            case (.schemaOrBool, 2), (_, 1): schema = .object(try message(field.message(known), layouts.jsonSchema, depth: depth + 1))
            case (.schemaOrArray, 2): items.append(.object(try message(field.message(known), layouts.jsonSchema, depth: depth + 1)))
            case (.schemaOrStrings, 2): items.append(.string(try text(field.message(known))))
            default: break
            }
        }
        return schema ?? (scalar == .schemaOrBool ? .bool(allows) : .array(items))
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
        let wireType: Int
        let varint: UInt64
        let bytes: ArraySlice<UInt8>

        /// The bytes of a field that has to be a message or text.
        func message(_ known: ProtobufField) throws(Failure) -> ArraySlice<UInt8> {
            guard wireType == 2 else { throw .malformed("proto: wrong wireType = \(wireType) for field \(known.name)") }
            return bytes
        }
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
            case 0: found.append(Field(number: number, wireType: 0, varint: try varint(&rest), bytes: []))
            case 1: found.append(Field(number: number, wireType: 1, varint: 0, bytes: try take(8, &rest)))
            case 2: found.append(Field(number: number, wireType: 2, varint: 0, bytes: try take(try length(&rest), &rest)))
            case 5: found.append(Field(number: number, wireType: 5, varint: 0, bytes: try take(4, &rest)))
            default: throw .malformed("proto: illegal wireType \(tag & 7)")
            }
        }
        return found
    }

    private func length(_ rest: inout ArraySlice<UInt8>) throws(Failure) -> Int {
        guard let length = Int(exactly: try varint(&rest)) else {
            throw .malformed("proto: negative length found during unmarshaling")
        }
        return length
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

extension ProtobufReader.Failure {
    fileprivate var text: String {
        switch self {
        case .malformed(let text): text
        }
    }
}

extension ProtobufType {
    /// 0 for varints, 1 for eight bytes, 2 for everything with a length.
    fileprivate var wireType: Int {
        switch self {
        case .scalar(.boolean, _), .scalar(.integer, _): 0
        case .scalar(.number, _): 1
        default: 2
        }
    }
}

extension JSON {
    /// Appends to an array, in place.
    fileprivate mutating func append(_ element: JSON) {
        guard case .array(var elements) = self else { return }
        self = .null
        elements.append(element)
        self = .array(elements)
    }
}
