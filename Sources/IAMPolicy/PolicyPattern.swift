/// A pattern or value of a policy after its variables are filled in: what came out of a variable is never a wildcard.
struct PolicyPattern: Sendable, Hashable {
    private enum Token: Sendable, Hashable {
        case byte(UInt8)
        /// `?`: exactly one character.
        case one
        /// `*`: any text.
        case any
    }

    private var tokens: [Token] = []
    /// The pattern as text.
    private(set) var text = ""

    /// Reads a pattern without variables.
    init(_ text: some StringProtocol) { append(pattern: text) }

    /// Reads a pattern and fills in `${key}`, `${key, 'default'}`, `${*}`, `${?}` and `${$}`; `nil` when a variable has no value, and then
    /// nothing matches.
    init?(_ text: String, _ context: [String: [String]]) {
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            append(pattern: rest[..<start.lowerBound])
            let inner = rest[start.upperBound..<end]
            if ["*", "?", "$"].contains(String(inner)) {
                append(literal: String(inner))
            } else {
                let parts = inner.split(separator: ",", maxSplits: 1).map { $0.trimmingPrefix(" ") }
                // A key of several values fills in nothing.
                let values = context[parts.first.map { $0.lowercased() } ?? ""] ?? []
                guard let value = values.count == 1 ? values.first : parts.count > 1 ? String(parts[1].filter { $0 != "'" }) : nil else {
                    return nil
                }
                append(literal: value)
            }
            rest = rest[rest.index(after: end)...]
        }
        append(pattern: rest)
    }

    private mutating func append(pattern: some StringProtocol) {
        text += pattern
        for byte in pattern.utf8 {
            switch byte {
            case UInt8(ascii: "*"): tokens.append(.any)
            case UInt8(ascii: "?"): tokens.append(.one)
            default: tokens.append(.byte(byte))
            }
        }
    }

    private mutating func append(literal: String) {
        text += literal
        tokens += literal.utf8.map { .byte($0) }
    }

    /// Whether a text matches, in time at most the product of the lengths.
    func matches(_ text: String) -> Bool { Self.matches(Array(text.utf8)[...], tokens[...]) }

    /// Whether an ARN matches section by section: a `*` does not cross the first five colons.
    func matchesARN(_ text: String) -> Bool {
        let sections = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 5, omittingEmptySubsequences: false)
        let patterns = tokens.split(separator: .byte(UInt8(ascii: ":")), maxSplits: 5, omittingEmptySubsequences: false)
        guard sections.count == 6 else { return false }
        guard patterns.count == 6 else { return tokens == [.any] }
        return zip(sections, patterns).allSatisfy { Self.matches(Array($0.0)[...], $0.1) }
    }

    private static func matches(_ text: ArraySlice<UInt8>, _ pattern: ArraySlice<Token>) -> Bool {
        var (t, p) = (text.startIndex, pattern.startIndex)
        var star: (pattern: Int, text: Int)?
        while t < text.endIndex {
            switch p < pattern.endIndex ? pattern[p] : nil {
            case .any?:
                star = (p, t)
                p += 1
            case .one?:
                // One character, which may be several bytes.
                t += 1
                while t < text.endIndex, text[t] & 0xC0 == 0x80 { t += 1 }
                p += 1
            case .byte(text[t])?:
                t += 1
                p += 1
            default:
                guard let last = star else { return false }
                (t, p) = (last.text + 1, last.pattern + 1)
                star = (last.pattern, last.text + 1)
            }
        }
        return pattern[p...].allSatisfy { $0 == .any }
    }
}

/// `*` for any text and `?` for exactly one character.
public enum Wildcard {
    /// Whether a text matches a pattern, in time at most the product of the lengths.
    public static func matches(_ text: String, _ pattern: String) -> Bool { PolicyPattern(pattern).matches(text) }
}
