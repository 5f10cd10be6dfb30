import JSON
import World

/// Why a document does not fit its Go type; the text is `encoding/json`'s.
struct DecodingError: Error {
    let message: String
}

/// Reads a document into its type and writes it again as the server would: fields in the type's order, empty ones left out, times and
/// quantities in their canonical form. What the type does not know is dropped and noted.
struct Canonicalizer {
    private let schema: Schema
    /// Names of the fields from the root, with indices, for notes on unknown fields.
    private var path: [(name: String, index: Int?)] = []
    /// `spec.foo`: what was dropped, in document order.
    private(set) var unknownFields: [String] = []

    init(schema: Schema) { self.schema = schema }

    /// The canonical form of a document of the type at `index`. Parts that it shares with `known`, which is canonical, stay as they are.
    ///
    /// - Throws: `DecodingError`.
    mutating func canonical(_ document: JSON, type index: Int, known: JSON? = nil) throws(DecodingError) -> JSON {
        try structure(document, schema[index], parent: "", known: known)
    }

    private mutating func structure(_ value: JSON, _ type: SchemaType, parent: String, known: JSON?) throws(DecodingError) -> JSON {
        guard case .object(let object) = value else {
            if value.isNull { return zero(type) }
            throw mismatch(value, parent, Self.goName(type))
        }
        var slots = [JSON?](repeating: nil, count: type.fields.count)
        for member in object.members {
            guard let position = type.positions[member.key] else {
                let steps = path.map { step in step.index.map { "\(step.name)[\($0)]" } ?? step.name }
                unknownFields.append((steps + [member.key]).joined(separator: "."))
                continue
            }
            path.append((member.key, nil))
            slots[position] = try self.value(member.value, type.fields[position].type, owner: type, known: known?[member.key])
            path.removeLast()
        }
        return assembled(type, slots)
    }

    /// An object of a type's fields: `nil` slots get their zero value where one is written.
    private func assembled(_ type: SchemaType, _ slots: [JSON?]) -> JSON {
        var members: [JSONObject.Member] = []
        members.reserveCapacity(slots.count)
        for (position, slot) in slots.enumerated() {
            let field = type.fields[position]
            let value: JSON
            if let slot {
                if isDropped(slot, field) { continue }
                value = isZero(slot, field) ? zero(field.type) : slot
            } else {
                guard isWrittenWhenAbsent(field) else { continue }
                value = field.isPointer ? .null : zero(field.type)
            }
            members.append(JSONObject.Member(key: field.name, value: value))
        }
        return .object(JSONObject(unique: members))
    }

    private func isWrittenWhenAbsent(_ field: SchemaField) -> Bool {
        if field.omitsZero { return false }
        if !field.omitsEmpty { return true }
        return isStruct(field)
    }

    /// Objects are stored as protobuf, which does not tell an empty list or map from none.
    private func isZero(_ value: JSON, _ field: SchemaField) -> Bool {
        guard !field.isPointer else { return false }
        switch (value, field.type) {
        case (.null, _): return true
        case (.array(let elements), .array): return elements.isEmpty
        case (.object(let object), .map): return object.isEmpty
        default: return false
        }
    }

    /// Go's omitempty does not leave out structs, times and quantities among them.
    private func isStruct(_ field: SchemaField) -> Bool {
        guard !field.isPointer else { return false }
        return switch field.type {
        case .reference(let index): schema[index].scalar == nil
        case .scalar(.time, _), .scalar(.microTime, _), .scalar(.quantity, _): true
        default: false
        }
    }

    private func isDropped(_ value: JSON, _ field: SchemaField) -> Bool {
        guard field.omitsEmpty || field.omitsZero else { return false }
        if field.isPointer { return value.isNull }
        if isStruct(field), !field.omitsZero { return false }
        if field.omitsZero, value == zero(field.type) { return true }
        switch value {
        case .null, .bool(false), .integer(0): return true
        case .string(let text):
            // A time or quantity is a struct: only the zero value of omitzero goes.
            return text.isEmpty
        case .array(let elements): return elements.isEmpty
        case .object(let object): return object.isEmpty && field.omitsEmpty
        default: return false
        }
    }

    /// What is written for a field of a type that says nothing: an empty object, or one of the zero values that are always written.
    func zero(field: String, of type: SchemaType) -> JSON? { type.field(field).map { zero($0.type) } }

    private func zero(_ type: ValueType) -> JSON {
        switch type {
        case .reference(let index): zero(schema[index])
        case .array, .map: .null
        case .scalar(let scalar, _):
            switch scalar {
            case .string: ""
            case .integer, .number, .intOrString: 0
            case .boolean: false
            case .quantity: "0"
            default: .null
            }
        }
    }

    private func zero(_ type: SchemaType) -> JSON {
        type.scalar == nil ? assembled(type, [JSON?](repeating: nil, count: type.fields.count)) : .null
    }

    private mutating func value(
        _ value: JSON, _ type: ValueType, owner: SchemaType, known: JSON? = nil
    ) throws(DecodingError) -> JSON {
        if let known, value.sharesStorage(with: known) { return value }
        switch type {
        case .reference(let index):
            let target = schema[index]
            if let name = target.scalar { return try scalar(value, ScalarType(rawValue: name) ?? .any, false, owner) }
            if value.isNull { return .null }
            guard value.object != nil else { throw mismatch(value, owner.shortName, Self.goName(target)) }
            return try structure(value, target, parent: owner.shortName, known: known)
        case .array(let element):
            if value.isNull { return .null }
            guard case .array(let elements) = value else { throw mismatch(value, owner.shortName, goName(type)) }
            var result: [JSON] = []
            result.reserveCapacity(elements.count)
            let last = path.count - 1
            let known = known?.array ?? []
            for (index, item) in elements.enumerated() {
                path[last].index = index
                let canonical = try self.value(item, element, owner: owner, known: index < known.count ? known[index] : nil)
                result.append(canonical.isNull ? zero(element) : canonical)
            }
            path[last].index = nil
            return .array(result)
        case .map(let element):
            if value.isNull { return .null }
            guard case .object(let object) = value else { throw mismatch(value, owner.shortName, goName(type)) }
            var members: [JSONObject.Member] = []
            members.reserveCapacity(object.count)
            var isSorted = true
            for member in object.members {
                let canonical = try self.value(member.value, element, owner: owner)
                if let last = members.last, !last.key.utf8.lexicographicallyPrecedes(member.key.utf8) { isSorted = false }
                members.append(JSONObject.Member(key: member.key, value: canonical.isNull ? zero(element) : canonical))
            }
            var result = JSONObject(unique: members)
            if !isSorted { result.sortKeys() }
            return .object(result)
        case .scalar(let scalar, let is32Bit): return try self.scalar(value, scalar, is32Bit, owner)
        }
    }

    private func scalar(_ value: JSON, _ type: ScalarType, _ is32Bit: Bool, _ owner: SchemaType) throws(DecodingError) -> JSON {
        if value.isNull { return .null }
        let parent = owner.shortName
        switch type {
        case .string:
            guard value.string != nil else { throw mismatch(value, parent, "string") }
            return value
        case .boolean:
            guard value.bool != nil else { throw mismatch(value, parent, "bool") }
            return value
        case .integer:
            let name = is32Bit ? "int32" : "int64"
            guard let number = value.integer else { throw mismatch(value, parent, name, showsNumber: true) }
            guard !is32Bit || Int32(exactly: number) != nil else { throw mismatch(value, parent, name, showsNumber: true) }
            return value
        case .number:
            guard value.double != nil else { throw mismatch(value, parent, "float64") }
            return value
        case .intOrString:
            if value.string != nil { return value }
            guard let number = value.integer, Int32(exactly: number) != nil else {
                throw mismatch(value, parent, "int32", showsNumber: true)
            }
            return value
        case .quantity:
            let text: String
            switch value {
            case .string(let string): text = string
            case .integer(let number): text = String(number)
            case .number(let number): text = number
            default: throw DecodingError(message: Quantity.formatError)
            }
            guard let canonical = Quantity.canonical(text) else { throw DecodingError(message: Quantity.formatError) }
            return .string(canonical)
        case .time, .microTime:
            guard case .string(let text) = value else { throw mismatch(value, parent, "string") }
            guard let instant = Instant(rfc3339: text), type == .time || GoTime.hasMicroseconds(text) else {
                throw DecodingError(
                    message: GoTime.refusal(text, type == .time ? GoTime.seconds : GoTime.microseconds))
            }
            return .string(type == .time ? instant.rfc3339 : instant.rfc3339Micro)
        case .bytes:
            guard case .string(let text) = value else { throw mismatch(value, parent, "[]uint8") }
            if let offset = Self.base64Fault(text) { throw DecodingError(message: "illegal base64 data at input byte \(offset)") }
            return value
        default: return value
        }
    }

    /// Where Go's standard base64 decoder stops; `nil` for valid text.
    static func base64Fault(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        var count = 0
        for (offset, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "+"), UInt8(ascii: "/"):
                count += 1
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): continue
            case UInt8(ascii: "="):
                let padding = bytes[offset...].filter { $0 == UInt8(ascii: "=") }.count
                let isOnlyPadding = bytes[offset...].allSatisfy {
                    $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
                }
                return count % 4 >= 2 && padding == 4 - count % 4 && isOnlyPadding ? nil : offset
            default: return offset
            }
        }
        return count % 4 == 0 ? nil : bytes.count - bytes.count % 4
    }

    private func mismatch(_ value: JSON, _ parent: String, _ goType: String, showsNumber: Bool = false) -> DecodingError {
        let kind: String =
            switch value {
            case .bool: "bool"
            case .integer(let number): showsNumber ? "number \(number)" : "number"
            case .number(let text): showsNumber ? "number \(text)" : "number"
            case .string: "string"
            case .array: "array"
            case .object: "object"
            case .null: "null"
            }
        let names = path.map(\.name).joined(separator: ".")
        return DecodingError(message: "json: cannot unmarshal \(kind) into Go struct field \(parent).\(names) of type \(goType)")
    }

    private static func goName(_ type: SchemaType) -> String { type.goName }

    private func goName(_ type: ValueType) -> String {
        switch type {
        case .reference(let index): schema[index].goName
        case .array(let element): "[]" + goName(element)
        case .map(let element): "map[string]" + goName(element)
        case .scalar(let scalar, let is32Bit):
            switch scalar {
            case .string: "string"
            case .boolean: "bool"
            case .integer: is32Bit ? "int32" : "int64"
            case .number: "float64"
            case .bytes: "[]uint8"
            case .quantity: "resource.Quantity"
            case .intOrString: "intstr.IntOrString"
            case .time: "v1.Time"
            case .microTime: "v1.MicroTime"
            default: "interface {}"
            }
        }
    }
}
