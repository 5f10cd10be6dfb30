/// Parts of a document: of who needs little of a large one, and knows what.
public indirect enum JSONProjection: Sendable, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
    /// All of a value.
    case whole
    /// Some members of an object, or of each object in a list.
    case members([(name: [UInt8], part: JSONProjection)])

    /// Members with what is wanted of each.
    public init(dictionaryLiteral members: (String, JSONProjection)...) {
        self = .members(members.map { (Array($0.0.utf8), $0.1) })
    }

    /// Members that are wanted as they are.
    public init(arrayLiteral names: String...) { self = .members(names.map { (Array($0.utf8), .whole) }) }
}

extension JSON {
    /// Reads parts of a document; the rest is passed over, and only checked for where it ends. Members keep their order.
    ///
    /// - Throws: `JSONError`, when what is passed over has no end, or a part is no JSON.
    public init(parsing bytes: [UInt8], only projection: JSONProjection) throws(JSONError) {
        var result: Result<JSON, JSONError> = .success(.null)
        bytes.withUnsafeBytes { buffer in
            var reader = PartReader(bytes: buffer)
            do throws(JSONError) { result = .success(try reader.value(projection)) } catch { result = .failure(error) }
        }
        self = try result.get()
    }
}

/// Walks a document without building what is not wanted.
private struct PartReader {
    /// Below this, parts are left to the parser.
    private static let depth = 16

    let bytes: UnsafeRawBufferPointer
    var position = 0
    var level = 0

    /// The next byte that is no white space, not consumed; 0 at the end.
    @inline(__always)
    private mutating func peek() -> UInt8 {
        while position < bytes.count {
            let byte = bytes[position]
            if byte > 0x20 { return byte }
            position += 1
        }
        return 0
    }

    mutating func value(_ projection: JSONProjection) throws(JSONError) -> JSON {
        switch (peek(), projection) {
        case (UInt8(ascii: "{"), .members(let members)) where level < Self.depth: return try object(members)
        case (UInt8(ascii: "["), .members) where level < Self.depth: return try array(projection)
        default: return try whole()
        }
    }

    private mutating func whole() throws(JSONError) -> JSON {
        let isText = peek() == UInt8(ascii: "\"")
        let start = position
        try skip()
        let value = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        if isText, !value.contains(UInt8(ascii: "\\")) { return .string(String(decoding: value[1..<(value.count - 1)], as: UTF8.self)) }
        var parser = JSONParser(buffer: value, limits: JSON.Limits())
        return try parser.document()
    }

    private mutating func object(_ wanted: [(name: [UInt8], part: JSONProjection)]) throws(JSONError) -> JSON {
        position += 1
        level += 1
        defer { level -= 1 }
        var members: [JSONObject.Member] = []
        members.reserveCapacity(wanted.count)
        if peek() == UInt8(ascii: "}") {
            position += 1
            return .object(JSONObject(unique: members))
        }
        while true {
            guard peek() == UInt8(ascii: "\"") else { throw fault(.name) }
            let start = position + 1
            try skip()
            let name = UnsafeRawBufferPointer(rebasing: bytes[start..<(position - 1)])
            guard peek() == UInt8(ascii: ":") else { throw fault(.colon) }
            position += 1
            if let member = wanted.first(where: { $0.name.count == name.count && $0.name.elementsEqual(name) }) {
                members.append(.init(key: String(decoding: name, as: UTF8.self), value: try value(member.part)))
            } else {
                try skip()
            }
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(JSONObject(unique: members))
            default: throw fault(.commaOrEndOfObject)
            }
        }
    }

    private mutating func array(_ projection: JSONProjection) throws(JSONError) -> JSON {
        position += 1
        level += 1
        defer { level -= 1 }
        var elements: [JSON] = []
        if peek() == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(projection))
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw fault(.commaOrEndOfArray)
            }
        }
    }

    /// Passes over a value.
    private mutating func skip() throws(JSONError) {
        var open = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                    position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard position < bytes.count else { throw fault(.stringCharacter) }
                position += 1
                if open == 0 { return }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                open += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // The end of what is around a number or a word.
                if open == 0 { return }
                open -= 1
                position += 1
                if open == 0 { return }
            case UInt8(ascii: ",") where open == 0: return
            default: position += 1
            }
        }
        guard open == 0 else { throw fault(.value) }
    }

    private func fault(_ expected: JSONError.Expectation) -> JSONError {
        let place = min(position, bytes.count)
        return JSONParser(buffer: bytes, limits: JSON.Limits()).error(
            place < bytes.count ? .unexpectedByte(bytes[place]) : .unexpectedEnd, at: place, expected)
    }
}
