/// Parses UTF-8 bytes. Nesting is kept on a stack of its own, so that depth costs no thread stack; members and elements gather on
/// scratch stacks, so that every finished collection is allocated once, in its size.
struct JSONParser: ~Copyable {
    /// An open array or object.
    struct Frame {
        var isObject = false
        /// Where its members or elements begin on their scratch stack.
        var start = 0
        /// The member whose value comes next, as a place on the stack of members.
        var pending = 0
        /// Whether that member has a value already, of an earlier occurrence of its name.
        var isRepeat = false
        /// One bit for the hash of each name so far: most names are known to be new without a search.
        var seen: UInt64 = 0
    }

    let bytes: UnsafeRawBufferPointer
    let limits: JSON.Limits
    var position = 0
    var names = NameCache()
    private var members = ScratchStack<JSONObject.Member>()
    private var elements = ScratchStack<JSON>()
    private var frames: [Frame] = []
    /// The innermost open collection; those around it are in `frames`.
    private var frame = Frame()
    /// Positions of the names of an object with many members, by depth.
    private var indexes: [Int: [ByteText: Int]] = [:]
    private(set) var duplicates: [JSON.DuplicatePath] = []

    init(buffer: UnsafeRawBufferPointer, limits: JSON.Limits) {
        self.bytes = buffer
        self.limits = limits
    }

    func error(_ reason: JSONError.Reason, at offset: Int? = nil, _ expected: JSONError.Expectation) -> JSONError {
        let offset = min(offset ?? position, bytes.count)
        var line = 1
        var column = 1
        for byte in bytes[..<offset] {
            if byte == 0x0A {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        let found = offset < bytes.count ? bytes[offset] : nil
        return JSONError(reason: reason, expected: expected, found: found, offset: offset, line: line, column: column)
    }

    /// Whatever is wrong with the byte at the position, or with there being none.
    private func unexpected(_ expected: JSONError.Expectation) -> JSONError {
        position < bytes.count ? error(.unexpectedByte(bytes[position]), expected) : error(.unexpectedEnd, expected)
    }

    /// The next byte that is no white space, not consumed; 0 at the end, which fits nowhere either.
    @inline(__always)
    private mutating func peek() -> UInt8 {
        while position < bytes.count {
            let byte = bytes[position]
            if byte > 0x20 { return byte }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return 0 }
            position += 1
        }
        return 0
    }

    mutating func document() throws(JSONError) -> JSON {
        guard bytes.count <= limits.bytes else { throw error(.tooLarge(limit: limits.bytes), at: 0, .value) }
        while true {
            var value: JSON
            switch peek() {
            case UInt8(ascii: "\""): value = .string(try string())
            case UInt8(ascii: "{"):
                try open(isObject: true)
                guard peek() == UInt8(ascii: "}") else {
                    try name()
                    continue
                }
                value = close()
            case UInt8(ascii: "["):
                try open(isObject: false)
                guard peek() == UInt8(ascii: "]") else { continue }
                value = close()
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): value = try number()
            case UInt8(ascii: "t"): value = try literal("true", .bool(true))
            case UInt8(ascii: "f"): value = try literal("false", .bool(false))
            case UInt8(ascii: "n"): value = try literal("null", .null)
            default: throw unexpected(.value)
            }
            // A value ends as many collections as closing brackets follow it.
            while true {
                if frames.isEmpty {
                    guard peek() == 0, position == bytes.count else { throw error(.trailingData, .endOfDocument) }
                    return value
                }
                let next: UInt8
                if frame.isObject {
                    if frame.isRepeat {
                        frame.isRepeat = false
                        if limits.mergesRepeatedNames { value = Self.merged(members[frame.pending].value, value) }
                    }
                    members[frame.pending].value = value
                    next = peek()
                    if next == UInt8(ascii: ",") {
                        position += 1
                        try name()
                        break
                    }
                    guard next == UInt8(ascii: "}") else { throw unexpected(.commaOrEndOfObject) }
                } else {
                    elements.push(value)
                    next = peek()
                    if next == UInt8(ascii: ",") {
                        position += 1
                        break
                    }
                    guard next == UInt8(ascii: "]") else { throw unexpected(.commaOrEndOfArray) }
                }
                value = close()
            }
        }
    }

    private mutating func open(isObject: Bool) throws(JSONError) {
        guard frames.count < limits.depth else { throw error(.tooDeep(limit: limits.depth), .value) }
        position += 1
        frames.append(frame)
        frame = Frame(isObject: isObject, start: isObject ? members.count : elements.count)
    }

    /// Consumes the closing bracket of the innermost collection and makes its value.
    private mutating func close() -> JSON {
        position += 1
        let value: JSON
        if frame.isObject {
            let count = members.count - frame.start
            let own = members.pop(from: frame.start)
            if count > JSONObject.searchLimit, let index = indexes.removeValue(forKey: frames.count) {
                value = .object(JSONObject(unique: own, index: index))
            } else {
                value = .object(JSONObject(unique: own))
            }
        } else {
            value = .array(elements.pop(from: frame.start))
        }
        frame = frames.removeLast()
        return value
    }

    /// Reads a name and its colon, and makes its member the pending one.
    private mutating func name() throws(JSONError) {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected(.name) }
        let start = position + 1
        let key = try string(isName: true)
        let end = position - 1
        guard peek() == UInt8(ascii: ":") else { throw unexpected(.colon) }
        position += 1
        // The first, middle and last byte and the length, spread over 64 bits.
        var hash = UInt32(truncatingIfNeeded: end - start)
        if end > start {
            hash = hash &* 31 &+ UInt32(bytes[start])
            hash = hash &* 31 &+ UInt32(bytes[start + (end - start) / 2])
            hash = hash &* 31 &+ UInt32(bytes[end - 1])
        }
        let bit = UInt64(1) << UInt64((hash &* 0x9E37_79B9) >> 26)
        // An escape may spell a name in another way; then the bit says nothing.
        let mayBeKnown = frame.seen & bit != 0 || key.utf8.count != end - start
        frame.seen |= key.utf8.count == end - start ? bit : .max
        let count = members.count - frame.start
        if count >= JSONObject.searchLimit {
            if let known = insertIntoIndex(key, count: count) { return repeated(key, at: known) }
        } else if mayBeKnown {
            for place in frame.start..<members.count where members[place].key.hasSameBytes(as: key) { return repeated(key, at: place) }
        }
        frame.pending = members.count
        members.push(JSONObject.Member(key: key, value: .null))
    }

    /// Looks a name of a large object up, adding it if it is new.
    private mutating func insertIntoIndex(_ key: String, count: Int) -> Int? {
        let depth = frames.count
        if indexes[depth] == nil || count == JSONObject.searchLimit {
            var index: [ByteText: Int] = [:]
            for place in 0..<count { index[ByteText(members[frame.start + place].key)] = place }
            indexes[depth] = index
        }
        if let known = indexes[depth]?[ByteText(key)] { return frame.start + known }
        indexes[depth]?[ByteText(key)] = count
        return nil
    }

    /// Notes a repeated name; its value goes where the first one stands.
    private mutating func repeated(_ key: String, at place: Int) {
        frame.pending = place
        frame.isRepeat = true
        let path = path()
        if duplicates.count < 100, !duplicates.contains(path) { duplicates.append(path) }
    }

    /// What Go's decoder makes of a second value for the same variable: objects and elements of lists are written over, not replaced.
    private static func merged(_ old: JSON, _ new: JSON) -> JSON {
        switch (old, new) {
        case (.object(var before), .object(let after)):
            for member in after { before[member.key] = before[member.key].map { merged($0, member.value) } ?? member.value }
            return .object(before)
        case (.array(let before), .array(let after)):
            return .array(after.enumerated().map { $0.offset < before.count ? merged(before[$0.offset], $0.element) : $0.element })
        default: return new
        }
    }

    /// The path of the pending member, in Kubernetes' notation.
    private func path() -> String {
        var path = ""
        // What each open array holds lies between its own start and that of the next array inside it.
        var arrayEnds = elements.count
        var parts: [String] = []
        for (depth, open) in ([frame] + frames.dropFirst().reversed()).enumerated() {
            if open.isObject {
                let key = members[open.pending].key
                parts.append(depth == frames.count - 1 ? key : "." + key)
            } else {
                parts.append("[\(arrayEnds - open.start)]")
                arrayEnds = open.start
            }
        }
        for part in parts.reversed() { path += part }
        return path
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        for index in 0..<text.utf8CodeUnitCount {
            let expected = JSONError.Expectation.letter(text.description, text.utf8Start[index])
            guard position + index < bytes.count else { throw error(.unexpectedEnd, at: bytes.count, expected) }
            let byte = bytes[position + index]
            guard byte == text.utf8Start[index] else { throw error(.unexpectedByte(byte), at: position + index, expected) }
        }
        position += text.utf8CodeUnitCount
        return value
    }

    /// Consumes digits; answers how many.
    @inline(__always)
    private mutating func digits() -> Int {
        let start = position
        while position < bytes.count, bytes[position] &- 0x30 < 10 { position += 1 }
        return position - start
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        let isNegative = bytes[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let first = position
        let count = digits()
        guard count > 0 else { throw error(.invalidNumber, .digit) }
        guard count == 1 || bytes[first] != UInt8(ascii: "0") else {
            // To Go, a number that begins with zero ends there.
            let next: JSONError.Expectation = frame.isObject ? .commaOrEndOfObject : frames.isEmpty ? .endOfDocument : .commaOrEndOfArray
            throw error(.invalidNumber, at: first + 1, next)
        }
        var isInteger = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard digits() > 0 else { throw error(.invalidNumber, .fractionDigit) }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw error(.invalidNumber, .exponentDigit) }
        }
        if isInteger, count < 19, !isNegative || count > 1 || bytes[first] != UInt8(ascii: "0") {
            var value: Int64 = 0
            for index in first..<first + count { value = value &* 10 &+ Int64(bytes[index] &- 0x30) }
            return .integer(isNegative ? 0 &- value : value)
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, text != "-0", let value = Int64(text) { return .integer(value) }
        return .number(text)
    }
}
