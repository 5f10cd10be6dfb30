extension JSON {
    /// Which characters of a string are escaped beyond those that must be.
    public enum Escaping: Sendable, Hashable {
        /// As Go's `encoding/json` by default, and so kube-apiserver: also `<`, `>`, `&`, U+2028 and U+2029.
        case go
        /// Only quotes, backslashes and control characters.
        case minimal
    }

    /// The document as compact UTF-8 bytes.
    public func serialized(escaping: Escaping = .go) -> [UInt8] {
        var writer = JSONWriter(escaping: escaping)
        writer.value(self)
        return writer.bytes
    }

    /// The document as compact text.
    public var text: String {
        var writer = JSONWriter(escaping: .go)
        writer.value(self)
        return writer.text
    }

    /// The document indented, for people; with `.go` it is what `json.MarshalIndent` and so `kubectl -o json` write.
    public func pretty(indent: Int = 2, escaping: Escaping = .minimal) -> String {
        var writer = JSONWriter(escaping: escaping)
        writer.value(self, indent: max(indent, 0), level: 0)
        return writer.text
    }

    /// Appends the compact document.
    public func write(into bytes: inout [UInt8], escaping: Escaping = .go) {
        var writer = JSONWriter(escaping: escaping)
        writer.value(self)
        writer.append(to: &bytes)
    }

    /// Appends a string with quotes and escapes.
    public static func writeString(_ text: String, into bytes: inout [UInt8], escaping: Escaping = .go) {
        var writer = JSONWriter(escaping: escaping)
        writer.string(text)
        writer.append(to: &bytes)
    }
}

/// Writes into memory of its own that only grows.
private struct JSONWriter: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity = 4096
    private var count = 0
    private let escaping: JSON.Escaping

    init(escaping: JSON.Escaping) {
        self.escaping = escaping
        base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { base.deallocate() }

    private var written: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self), count: count) }
    var bytes: [UInt8] { Array(written) }
    var text: String { String(decoding: written, as: UTF8.self) }
    func append(to bytes: inout [UInt8]) { bytes.append(contentsOf: written) }

    /// Makes room for so many more bytes.
    @inline(__always)
    private mutating func reserve(_ more: Int) { if capacity - count < more { grow(more) } }

    private mutating func grow(_ more: Int) {
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = larger
    }

    /// Puts a byte where room was made.
    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    private mutating func put(_ text: StaticString) {
        reserve(text.utf8CodeUnitCount)
        (base + count).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        count += text.utf8CodeUnitCount
    }

    mutating func value(_ value: JSON) {
        switch value {
        case .null: put("null")
        case .bool(true): put("true")
        case .bool(false): put("false")
        case .integer(let number): integer(number)
        case .number(let text): plain(text)
        case .string(let text): string(text)
        case .array(let elements): array(elements)
        case .object(let object): self.object(object.members)
        }
    }

    // Functions of their own keep the stack frames of nested values small.

    private mutating func array(_ elements: [JSON]) {
        var separator = UInt8(ascii: "[")
        for element in elements {
            reserve(1)
            put(separator)
            separator = UInt8(ascii: ",")
            value(element)
        }
        put(elements.isEmpty ? "[]" : "]")
    }

    private mutating func object(_ members: [JSONObject.Member]) {
        var separator = UInt8(ascii: "{")
        for member in members {
            reserve(1)
            put(separator)
            separator = UInt8(ascii: ",")
            string(member.key)
            reserve(1)
            put(UInt8(ascii: ":"))
            value(member.value)
        }
        put(members.isEmpty ? "{}" : "}")
    }

    mutating func value(_ value: JSON, indent: Int, level: Int) {
        switch value {
        case .array(let elements) where !elements.isEmpty: array(elements, indent, level)
        case .object(let object) where !object.isEmpty: self.object(object.members, indent, level)
        default: self.value(value)
        }
    }

    private mutating func array(_ elements: [JSON], _ indent: Int, _ level: Int) {
        for index in elements.indices {
            line(index == 0 ? "[" : ",", indent * (level + 1))
            value(elements[index], indent: indent, level: level + 1)
        }
        line("", indent * level)
        put("]")
    }

    private mutating func object(_ members: [JSONObject.Member], _ indent: Int, _ level: Int) {
        for index in members.indices {
            line(index == 0 ? "{" : ",", indent * (level + 1))
            string(members[index].key)
            put(": ")
            value(members[index].value, indent: indent, level: level + 1)
        }
        line("", indent * level)
        put("}")
    }

    /// What ends a line, and the next line's indentation.
    private mutating func line(_ end: StaticString, _ spaces: Int) {
        put(end)
        reserve(spaces + 1)
        put(0x0A)
        for _ in 0..<spaces { put(0x20) }
    }

    private mutating func integer(_ number: Int64) {
        reserve(20)
        if number < 0 { put(UInt8(ascii: "-")) }
        var rest = number.magnitude
        var digits = 1
        var bound: UInt64 = 10
        while rest >= bound {
            digits += 1
            let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
            if overflow { break }
            bound = next
        }
        for index in stride(from: digits - 1, through: 0, by: -1) {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            base.storeBytes(of: UInt8(truncatingIfNeeded: digit) &+ 0x30, toByteOffset: count + index, as: UInt8.self)
            rest = quotient
        }
        count += digits
    }

    private mutating func plain(_ text: String) {
        reserve(text.utf8.count)
        for byte in text.utf8 { put(byte) }
    }

    mutating func string(_ text: String) {
        var text = text
        reserve(2)
        put(UInt8(ascii: "\""))
        text.withUTF8 { source in
            let source = UnsafeRawBufferPointer(source)
            var position = 0
            while position < source.count {
                // An escape takes six bytes at most.
                reserve(8 * 6)
                if position + 8 <= source.count {
                    let eight = source.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                    if !EightBytes(eight).needsEscape(escaping) {
                        base.storeBytes(of: eight, toByteOffset: count, as: UInt64.self)
                        count += 8
                        position += 8
                        continue
                    }
                }
                let end = min(position + 8, source.count)
                while position < end {
                    let byte = source[position]
                    if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), !isEscapedByGo(source, position) {
                        put(byte)
                    } else {
                        position += escape(source, position)
                    }
                    position += 1
                }
            }
        }
        reserve(1)
        put(UInt8(ascii: "\""))
    }

    @inline(__always)
    private func isEscapedByGo(_ source: UnsafeRawBufferPointer, _ position: Int) -> Bool {
        guard escaping == .go else { return false }
        switch source[position] {
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"): return true
        case 0xE2: return position + 2 < source.count && source[position + 1] == 0x80 && source[position + 2] & 0xFE == 0xA8
        default: return false
        }
    }

    /// Writes the escape of the character that begins at `position`; answers how many bytes it has beyond the first.
    private mutating func escape(_ source: UnsafeRawBufferPointer, _ position: Int) -> Int {
        let byte = source[position]
        put(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(byte)
        case 0x08: put(UInt8(ascii: "b"))
        case 0x0C: put(UInt8(ascii: "f"))
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0D: put(UInt8(ascii: "r"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0xE2:
            put("u202")
            put(source[position + 2] == 0xA8 ? UInt8(ascii: "8") : UInt8(ascii: "9"))
            return 2
        default:
            put("u00")
            for digit in [byte >> 4, byte & 15] { put(digit < 10 ? digit + 0x30 : digit - 10 + UInt8(ascii: "a")) }
        }
        return 0
    }
}

extension EightBytes {
    /// Whether any byte may need an escape: control characters, `"` and `\`, for Go also `&` `<` `>` and the lead byte of U+2028.
    @inline(__always)
    fileprivate func needsEscape(_ escaping: JSON.Escaping) -> Bool {
        // `"` and `&` differ in one bit, `<` and `>` in another.
        let control = (value &- Self.all(0x20)) & ~value & Self.all(0x80)
        var marks = control | Self.zeros((value & Self.all(0xFB)) ^ Self.all(0x22)) | Self.zeros(value ^ Self.all(0x5C))
        if escaping == .go { marks |= Self.zeros((value & Self.all(0xFD)) ^ Self.all(0x3C)) | Self.zeros(value ^ Self.all(0xE2)) }
        return marks != 0
    }
}
