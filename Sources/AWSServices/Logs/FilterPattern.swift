import JSON

/// A filter pattern of CloudWatch Logs: terms, or a condition on JSON (CloudWatch Logs User Guide, "Filter pattern syntax").
///
/// Space-delimited patterns in brackets and regular expressions between percent signs are not understood, and are refused.
struct FilterPattern: Sendable {
    /// Why a text is no pattern.
    struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        let description: String

        static let invalid = Problem(description: "Invalid filter pattern")
        static func characters(_ term: String) -> Problem { Problem(description: "Invalid character(s) in term '\(term)'") }
    }

    private enum Form: Sendable {
        case everything
        case terms(required: [[UInt8]], optional: [[UInt8]], excluded: [[UInt8]])
        case json(JSONFilter)
    }

    private let form: Form

    /// Reads a pattern; one without terms matches everything.
    init(_ text: String) throws(Problem) {
        let bytes = Array(text.utf8)
        let first = bytes.first { !Self.isSpace($0) }
        switch first {
        case nil: form = .everything
        case UInt8(ascii: "{"): form = .json(try JSONFilter(bytes))
        case UInt8(ascii: "["), UInt8(ascii: "%"): throw .invalid
        default: form = try Self.terms(bytes)
        }
    }

    /// Whether an event's message has what the pattern asks for, with case.
    func matches(_ message: String) -> Bool {
        switch form {
        case .everything: return true
        case .json(let filter): return filter.matches(message)
        case .terms(let required, let optional, let excluded):
            func contains(_ term: [UInt8]) -> Bool { Self.contains(message, term) }
            guard required.allSatisfy(contains), !excluded.contains(where: contains) else { return false }
            // Beside other terms, those that are optional do not count.
            return optional.isEmpty || !required.isEmpty || !excluded.isEmpty || optional.contains(where: contains)
        }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func contains(_ text: String, _ term: [UInt8]) -> Bool {
        guard let first = term.first else { return true }
        var text = text
        return text.withUTF8 { bytes in
            guard bytes.count >= term.count else { return false }
            for start in 0...(bytes.count - term.count) where bytes[start] == first {
                if bytes[start..<(start + term.count)].elementsEqual(term) { return true }
            }
            return false
        }
    }

    private static func terms(_ bytes: [UInt8]) throws(Problem) -> Form {
        var lists: (required: [[UInt8]], optional: [[UInt8]], excluded: [[UInt8]]) = ([], [], [])
        var rest = bytes[...]
        while true {
            rest = rest.drop(while: isSpace)
            guard let mark = rest.first else { break }
            let isMarked = mark == UInt8(ascii: "?") || mark == UInt8(ascii: "-")
            if isMarked { rest.removeFirst() }
            let term: [UInt8]
            if rest.first == UInt8(ascii: "\"") {
                guard let text = PatternText.quoted(&rest) else { throw .invalid }
                term = Array(text.utf8)
            } else {
                let word = rest.prefix { !isSpace($0) }
                rest = rest.dropFirst(word.count)
                guard !word.isEmpty, word.allSatisfy(isWordByte) else { throw .characters(String(decoding: word, as: UTF8.self)) }
                term = Array(word)
            }
            guard !term.isEmpty else { throw .characters("\"\"") }
            switch mark {
            case UInt8(ascii: "?"): lists.optional.append(term)
            case UInt8(ascii: "-"): lists.excluded.append(term)
            default: lists.required.append(term)
            }
        }
        return .terms(required: lists.required, optional: lists.optional, excluded: lists.excluded)
    }

    /// Terms without quotes are of letters, digits and underscores.
    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), 0x80...0xFF:
            true
        default: false
        }
    }
}

/// Texts inside patterns.
enum PatternText {
    /// Takes a text in double quotes, in which a backslash keeps what follows; `nil` when its end is missing.
    static func quoted(_ rest: inout ArraySlice<UInt8>) -> String? {
        let mark = rest.removeFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == mark { return String(decoding: bytes, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), let next = rest.popFirst() { bytes.append(next) } else { bytes.append(byte) }
        }
        return nil
    }
}
