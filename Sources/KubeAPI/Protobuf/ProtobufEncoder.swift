import Encoding
public import JSON
import World

/// Writes objects as `application/vnd.kubernetes.protobuf`, byte for byte as gogo's generated code does
/// (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).
public struct ProtobufEncoder: Sendable {
    static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]
    private let layouts: ProtobufLayouts

    /// The encoder of the built-in kinds.
    public static let builtin = ProtobufEncoder()

    /// An encoder of the built-in kinds.
    public init() { layouts = .builtin }

    /// Whether a kind has a message. Custom resources have none.
    public func writes(_ kind: GroupVersionKind) -> Bool { layouts.place(kind) != nil }

    /// An object with its envelope; `nil` for a kind without a message.
    public func object(_ object: JSON, _ kind: GroupVersionKind) -> [UInt8]? {
        message(object, kind).map { envelope(kind, $0) }
    }

    /// An object's message without its envelope, as lists hold it; `nil` for a kind without one.
    public func message(_ object: JSON, _ kind: GroupVersionKind) -> [UInt8]? {
        guard let place = layouts.place(kind) else { return nil }
        var output = Output()
        write(place, object, &output)
        return output.bytes
    }

    /// A list whose items are already messages.
    public func list(_ kind: GroupVersionKind, metadata: JSON, items: [[UInt8]]) -> [UInt8] {
        var output = Output()
        output.bytes.reserveCapacity(items.reduce(256) { $0 + $1.count + 6 })
        let listMeta = GroupVersionKind(group: "meta.k8s.io", version: "v1", kind: "ListMeta")
        output.bytes(1, message(metadata, listMeta) ?? [])
        for item in items { output.bytes(2, item) }
        return envelope(kind, output.bytes)
    }

    /// One frame of a watch: the length in four bytes, then a WatchEvent around an object with its envelope.
    public static func frame(type: String, object: [UInt8]) -> [UInt8] {
        var raw = Output()
        raw.bytes(1, object)
        var event = Output()
        event.bytes(1, Array(type.utf8))
        event.bytes(2, raw.bytes)
        let count = UInt32(clamping: event.bytes.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + event.bytes
    }

    /// `k8s\0` and a `runtime.Unknown` around a message.
    private func envelope(_ kind: GroupVersionKind, _ message: [UInt8]) -> [UInt8] {
        var type = Output()
        type.bytes(1, Array(kind.apiVersion.utf8))
        type.bytes(2, Array(kind.kind.utf8))
        var output = Output()
        output.bytes.reserveCapacity(message.count + type.bytes.count + 32)
        output.bytes = Self.magic
        output.bytes(1, type.bytes)
        output.bytes(2, message)
        // contentEncoding and contentType.
        output.bytes(3, [])
        output.bytes(4, [])
        return output.bytes
    }

    // MARK: Values

    private func write(_ place: Int, _ object: JSON, _ output: inout Output) {
        for field in layouts[place] {
            if case .embedded(let inner) = field.type {
                output.nested(field.number) { write(inner, object, &$0) }
                continue
            }
            let value = object[field.name].flatMap { $0.isNull ? Optional.none : $0 }
            switch field.type {
            case .list(let element):
                for item in value?.array ?? [] { write(field.number, item, element, &output) }
            case .boxedList(let element):
                guard let items = value?.array else { continue }
                output.nested(field.number) { inner in for item in items { write(1, item, element, &inner) } }
            case .map(let element):
                // Keys in order, so that the same object always has the same bytes.
                for entry in (value?.object?.members ?? []).sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                    output.nested(field.number) { inner in
                        inner.bytes(1, Array(entry.key.utf8))
                        write(2, entry.value, element, &inner)
                    }
                }
            default:
                if value == nil, field.isPointer { continue }
                write(field.number, value ?? .null, field.type, &output)
            }
        }
    }

    /// One value; `null` stands for the type's zero.
    private func write(_ number: Int, _ value: JSON, _ type: ProtobufType, _ output: inout Output) {
        switch type {
        case .message(let place), .embedded(let place): output.nested(number) { write(place, value, &$0) }
        case .list(let element), .boxedList(let element), .map(let element):
            output.nested(number) { inner in for item in value.array ?? [] { write(1, item, element, &inner) } }
        case .scalar(let scalar, let is32Bit): write(number, value, scalar, is32Bit, &output)
        }
    }

    private func write(_ number: Int, _ value: JSON, _ scalar: ScalarType, _ is32Bit: Bool, _ output: inout Output) {
        switch scalar {
        case .string: output.bytes(number, Array((value.string ?? "").utf8))
        case .boolean: output.integer(number, value.bool == true ? 1 : 0)
        case .integer:
            let integer = value.integer ?? 0
            output.integer(number, is32Bit ? Int64(Int32(truncatingIfNeeded: integer)) : integer)
        case .number: output.double(number, value.double ?? 0)
        case .bytes:
            // Line feeds are allowed in base64 (`encoding/base64`).
            guard let bytes = value.string.flatMap({ Base64.decodeURL($0.filter { !$0.isNewline }) }) else { return }
            output.bytes(number, bytes)
        case .quantity: output.nested(number) { $0.bytes(1, Array((value.string ?? "0").utf8)) }
        case .time, .microTime: output.nested(number) { time(value, isMicro: scalar == .microTime, &$0) }
        case .intOrString:
            output.nested(number) { inner in
                inner.integer(1, value.string == nil ? 0 : 1)
                inner.integer(2, value.integer ?? 0)
                inner.bytes(3, Array((value.string ?? "").utf8))
            }
        case .raw, .fields, .any, .object:
            output.nested(number) { inner in if !value.isNull { inner.bytes(1, value.serialized()) } }
        case .schemaOrArray, .schemaOrBool, .schemaOrStrings: output.nested(number) { either(value, scalar, &$0) }
        }
    }

    /// An absent time is an empty message.
    private func time(_ value: JSON, isMicro: Bool, _ output: inout Output) {
        guard let instant = value.string.flatMap(Instant.init(rfc3339:)) else { return }
        output.integer(1, instant.seconds)
        output.integer(2, isMicro ? instant.subsecond / 1000 * 1000 : 0)
    }

    /// A JSON schema, or something else in its place.
    private func either(_ value: JSON, _ scalar: ScalarType, _ output: inout Output) {
        if scalar == .schemaOrBool { output.integer(1, value.object != nil || value.bool == true ? 1 : 0) }
        if value.object != nil { output.nested(scalar == .schemaOrBool ? 2 : 1) { write(layouts.jsonSchema, value, &$0) } }
        for item in value.array ?? [] {
            if scalar == .schemaOrArray {
                output.nested(2) { write(layouts.jsonSchema, item, &$0) }
            } else {
                output.bytes(2, Array((item.string ?? "").utf8))
            }
        }
    }

    // MARK: The wire

    private struct Output {
        var bytes: [UInt8] = []

        mutating func bytes(_ number: Int, _ value: [UInt8]) {
            tag(number, 2)
            varint(UInt64(value.count))
            bytes.append(contentsOf: value)
        }

        mutating func integer(_ number: Int, _ value: Int64) {
            tag(number, 0)
            varint(UInt64(bitPattern: value))
        }

        mutating func double(_ number: Int, _ value: Double) {
            tag(number, 1)
            for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift)) }
        }

        /// A message written in place; its length goes in front of it once it is known.
        mutating func nested(_ number: Int, _ content: (inout Output) -> Void) {
            tag(number, 2)
            let start = bytes.count
            content(&self)
            let count = bytes.count - start
            guard count > 0 else { return bytes.append(0) }
            var length = Output()
            length.varint(UInt64(count))
            bytes.insert(contentsOf: length.bytes, at: start)
        }

        private mutating func tag(_ number: Int, _ wireType: UInt64) { varint(UInt64(number) << 3 | wireType) }

        private mutating func varint(_ value: UInt64) {
            var rest = value
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
    }
}
