/// Finds what differs from run to run inside texts, byte by byte: the regular expressions of `clients/replay.py`.
enum VolatileText {
    /// Replaces every match, from left to right. `match` answers the end of a match at a place and what stands for it.
    static func replacing(_ text: String, _ match: ([UInt8], Int) -> (end: Int, replacement: String)?) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        var isChanged = false
        while index < bytes.count {
            if let (end, replacement) = match(bytes, index), end > index {
                result += replacement.utf8
                index = end
                isChanged = true
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return isChanged ? String(decoding: result, as: UTF8.self) : text
    }

    /// The end of `pattern` at a place: `9` a digit, `h` a lower-case hexadecimal digit, `A` a capital, everything else itself.
    static func end(of pattern: StaticString, _ bytes: [UInt8], _ start: Int) -> Int? {
        var index = start
        let count = pattern.utf8CodeUnitCount
        guard start + count <= bytes.count else { return nil }
        for offset in 0..<count {
            let byte = bytes[index]
            let holds =
                switch pattern.utf8Start[offset] {
                case UInt8(ascii: "9"): isDigit(byte)
                case UInt8(ascii: "h"): isDigit(byte) || 0x61...0x66 ~= byte
                case UInt8(ascii: "A"): 0x41...0x5A ~= byte
                case let wanted: wanted == byte
                }
            guard holds else { return nil }
            index += 1
        }
        return index
    }

    static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

    static func digits(_ bytes: [UInt8], _ start: Int) -> Int {
        var index = start
        while index < bytes.count, isDigit(bytes[index]) { index += 1 }
        return index
    }

    /// A UUID.
    static func uuid(_ bytes: [UInt8], _ start: Int) -> Int? { end(of: "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", bytes, start) }

    /// An RFC 3339 time, and how many fractional digits it has.
    static func time(_ bytes: [UInt8], _ start: Int) -> (end: Int, fraction: Int)? {
        guard var index = end(of: "9999-99-99T99:99:99", bytes, start) else { return nil }
        var fraction = 0
        if index < bytes.count, bytes[index] == UInt8(ascii: "."), case let after = digits(bytes, index + 1), after > index + 1 {
            fraction = after - index - 1
            index = after
        }
        guard index < bytes.count else { return nil }
        if bytes[index] == UInt8(ascii: "Z") { return (index + 1, fraction) }
        return (end(of: "+99:99", bytes, index) ?? end(of: "-99:99", bytes, index)).map { ($0, fraction) }
    }

    /// A time as Go's `Time.String` writes it.
    static func goTime(_ bytes: [UInt8], _ start: Int) -> Int? {
        guard var index = end(of: "9999-99-99 99:99:99", bytes, start) else { return nil }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") { index = digits(bytes, index + 1) }
        guard var zone = end(of: " +9999 AAA", bytes, index) ?? end(of: " -9999 AAA", bytes, index) else { return nil }
        if zone < bytes.count, 0x41...0x5A ~= bytes[zone] { zone += 1 }
        if let monotonic = end(of: " m=+", bytes, zone) ?? end(of: " m=-", bytes, zone) {
            var after = monotonic
            while after < bytes.count, isDigit(bytes[after]) || bytes[after] == UInt8(ascii: ".") { after += 1 }
            if after > monotonic { return after }
        }
        return zone
    }

    /// What stands before a resourceVersion in the server's messages, and how many digits it has at least.
    private static let versionPrefixes: [(text: [UInt8], digits: Int)] = [
        ("ResourceVersion in object meta: ", 1), ("ResourceVersion in precondition: ", 1), ("in record (", 1),
        ("ResourceVersion in the precondition (", 2),
    ].map { (Array($0.0.utf8), $0.1) }

    /// A message's resourceVersion: where its digits begin and end.
    static func resourceVersion(_ bytes: [UInt8], _ start: Int) -> (digits: Int, end: Int)? {
        func ends(_ begin: Int, atLeast count: Int = 1) -> (Int, Int)? {
            let end = digits(bytes, begin)
            return end - begin >= count ? (begin, end) : nil
        }
        func starts(_ prefix: [UInt8], _ place: Int) -> Bool {
            place + prefix.count <= bytes.count && bytes[place..<place + prefix.count].elementsEqual(prefix)
        }
        for prefix in versionPrefixes where starts(prefix.text, start) {
            return ends(start + prefix.text.count, atLeast: prefix.digits)
        }
        for (head, tail) in [("Too large resource version: ", ", current: "), ("too old resource version: ", " (")]
        where starts(Array(head.utf8), start) {
            guard let first = ends(start + head.utf8.count), starts(Array(tail.utf8), first.1) else { return nil }
            return ends(first.1 + tail.utf8.count)
        }
        guard starts(Array("resourceVersion\\".utf8), start) else { return nil }
        // A quoted document inside a message: one or more backslashes before each quotation mark.
        var index = start + "resourceVersion".utf8.count
        for part in ["\":", "\""] {
            while index < bytes.count, bytes[index] == UInt8(ascii: "\\") { index += 1 }
            guard starts(Array(part.utf8), index) else { return nil }
            index += part.utf8.count
        }
        return ends(index)
    }

    /// `kube-api-access-` with its five random characters.
    static func apiAccess(_ bytes: [UInt8], _ start: Int) -> Int? {
        guard let tail = end(of: "kube-api-access-", bytes, start), let end = randomSuffix(bytes, tail) else { return nil }
        return end < bytes.count && isWord(bytes[end]) ? nil : end
    }

    /// The end of five characters that generated names end in (`k8s.io/apimachinery/pkg/util/rand`).
    static func randomSuffix(_ bytes: [UInt8], _ start: Int) -> Int? {
        guard start + 5 <= bytes.count, bytes[start..<start + 5].allSatisfy({ alphabet.contains($0) }) else { return nil }
        return start + 5
    }

    private static let alphabet = Set("bcdfghjklmnpqrstvwxz2456789".utf8)

    static func isLowerOrDigit(_ byte: UInt8) -> Bool { isDigit(byte) || 0x61...0x7A ~= byte }
    private static func isWord(_ byte: UInt8) -> Bool { isLowerOrDigit(byte) || 0x41...0x5A ~= byte || byte == UInt8(ascii: "_") }

    /// Whether a text is an age as a Table shows it.
    static func isAge(_ text: String) -> Bool {
        if text == "<invalid>" { return true }
        let bytes = Array(text.utf8)
        let first = digits(bytes, 0)
        guard first > 0, first < bytes.count, "smhdy".utf8.contains(bytes[first]) else { return false }
        if first + 1 == bytes.count { return true }
        let second = digits(bytes, first + 1)
        return second > first + 1 && second + 1 == bytes.count && "smhd".utf8.contains(bytes[second])
    }
}
