/// Reads RE2's syntax with Perl's classes, as `regexp/syntax` does with its flag `Perl`.
struct RegularExpressionParser {
    private typealias Failure = RegularExpression.ParseError
    private static let depthLimit = 200
    private static let repeatLimit = 1000

    private struct Flags {
        var foldsCase = false
        var isMultiline = false
        var dotMatchesNewline = false
    }

    private let pattern: String
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var flags = Flags()
    private var depth = 0

    init(_ pattern: String) {
        self.pattern = pattern
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws(RegularExpression.ParseError) -> RegularExpressionNode {
        let node = try alternatives()
        guard position == scalars.count else { throw failure("unexpected )", 0..<scalars.count) }
        return node
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }
    private func peek(_ offset: Int) -> Unicode.Scalar? { position + offset < scalars.count ? scalars[position + offset] : nil }

    private func failure(_ reason: String, _ range: Range<Int>) -> RegularExpression.ParseError {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[range.clamped(to: 0..<scalars.count)])
        return RegularExpression.ParseError(reason: reason, expression: String(text))
    }

    private mutating func alternatives() throws(RegularExpression.ParseError) -> RegularExpressionNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw failure("expression nests too deeply", 0..<scalars.count) }
        var branches = [try sequence()]
        while next == "|" {
            position += 1
            branches.append(try sequence())
        }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(RegularExpression.ParseError) -> RegularExpressionNode {
        var parts: [RegularExpressionNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let start = position
            if scalar == "*" || scalar == "+" || scalar == "?" {
                throw failure("missing argument to repetition operator", position..<position + 1)
            }
            guard let atom = try atom() else { continue }
            parts.append(try repeated(atom, start))
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    /// An atom with the repetitions behind it.
    private mutating func repeated(_ atom: RegularExpressionNode, _ start: Int) throws(RegularExpression.ParseError)
        -> RegularExpressionNode
    {
        var node = atom
        var previous: Int?
        while let (minimum, maximum, length) = try repetition() {
            if let previous { throw failure("invalid nested repetition operator", previous..<position + length) }
            previous = position
            position += length
            let isLazy = next == "?"
            if isLazy { position += 1 }
            if minimum > Self.repeatLimit || (maximum ?? 0) > Self.repeatLimit || (maximum.map { $0 < minimum } ?? false) {
                throw failure("invalid repeat count", position - length..<position)
            }
            node = .repetition(node, minimum: minimum, maximum: maximum, isLazy: isLazy)
        }
        return node
    }

    /// The repetition that follows, and its length; `{` that begins none is a character.
    private mutating func repetition() throws(RegularExpression.ParseError) -> (Int, Int?, Int)? {
        switch next {
        case "*": return (0, nil, 1)
        case "+": return (1, nil, 1)
        case "?": return (0, 1, 1)
        case "{":
            guard let end = scalars[position...].firstIndex(of: "}") else { return nil }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars[position + 1..<end])
            let bounds = String(text).split(separator: ",", omittingEmptySubsequences: false)
            let areNumbers = bounds.allSatisfy { $0.utf8.allSatisfy { $0 &- 0x30 < 10 } && $0.utf8.count <= 9 }
            guard (1...2).contains(bounds.count), areNumbers, let minimum = Int(bounds[0]) else { return nil }
            return (minimum, bounds.count == 1 ? minimum : Int(bounds[1]), end - position + 1)
        default: return nil
        }
    }

    private mutating func atom() throws(RegularExpression.ParseError) -> RegularExpressionNode? {
        guard let scalar = next else { return nil }
        position += 1
        switch scalar {
        case "(": return try group()
        case "[": return .set(try characterClass())
        case ".": return .set(flags.dotMatchesNewline ? .any : .anyButNewline)
        case "^": return .assertion(flags.isMultiline ? .beginLine : .beginText)
        case "$": return .assertion(flags.isMultiline ? .endLine : .endText)
        case "\\": return try escape()
        default: return .set(folded(ScalarSet(scalar)))
        }
    }

    private func folded(_ set: ScalarSet) -> ScalarSet { flags.foldsCase ? set.foldingCase : set }

    private mutating func group() throws(RegularExpression.ParseError) -> RegularExpressionNode? {
        let outer = flags
        if next == "?" {
            guard try groupHead() else { return nil }
        }
        let node = try alternatives()
        guard next == ")" else { throw failure("missing closing )", 0..<scalars.count) }
        position += 1
        flags = outer
        return node
    }

    /// Reads `?:`, `?P<name>`, `?i:` …; whether a group follows, not just flags.
    private mutating func groupHead() throws(RegularExpression.ParseError) -> Bool {
        let start = position - 1
        position += 1
        if next == "P" || (next == "<" && peek(1) != "=" && peek(1) != "!") {
            if next == "P" { position += 1 }
            guard next == "<", let end = scalars[position...].firstIndex(of: ">"), end > position + 1 else {
                throw failure("invalid named capture", start..<scalars.count)
            }
            position = end + 1
            return true
        }
        var isNegative = false
        while let scalar = next {
            position += 1
            switch scalar {
            case "i": flags.foldsCase = !isNegative
            case "m": flags.isMultiline = !isNegative
            case "s": flags.dotMatchesNewline = !isNegative
            case "U": break
            case "-" where !isNegative: isNegative = true
            case ":": return true
            case ")": return false
            default: throw failure("invalid or unsupported Perl syntax", start..<position)
            }
        }
        throw failure("missing closing )", 0..<scalars.count)
    }

    private mutating func escape() throws(RegularExpression.ParseError) -> RegularExpressionNode {
        switch next {
        case "A": return taking(.assertion(.beginText))
        case "z": return taking(.assertion(.endText))
        case "b": return taking(.assertion(.wordBoundary))
        case "B": return taking(.assertion(.noWordBoundary))
        case "Q":
            position += 1
            var parts: [RegularExpressionNode] = []
            while let scalar = next {
                if scalar == "\\", peek(1) == "E" {
                    position += 2
                    break
                }
                parts.append(.set(folded(ScalarSet(scalar))))
                position += 1
            }
            return .sequence(parts)
        default: break
        }
        if let set = try classEscape() { return .set(set) }
        return .set(folded(ScalarSet(try characterEscape())))
    }

    private mutating func taking(_ node: RegularExpressionNode) -> RegularExpressionNode {
        position += 1
        return node
    }

    /// `\d`, `\pL`, `\p{Lu}` …; the backslash is read.
    private mutating func classEscape() throws(RegularExpression.ParseError) -> ScalarSet? {
        guard let scalar = next else { throw failure("trailing backslash at end of expression", 0..<0) }
        let start = position - 1
        let set: ScalarSet
        switch scalar {
        case "d": set = .digit
        case "D": set = ScalarSet.digit.inverted
        case "w": set = .word
        case "W": set = ScalarSet.word.inverted
        case "s": set = .space
        case "S": set = ScalarSet.space.inverted
        case "p", "P":
            position += 1
            var name = ""
            if next == "{" {
                guard let end = scalars[position...].firstIndex(of: "}") else {
                    throw failure("invalid character class range", start..<scalars.count)
                }
                for scalar in scalars[position + 1..<end] { name.unicodeScalars.append(scalar) }
                position = end
            } else if let scalar = next {
                name = String(Character(scalar))
            }
            let isNegative = name.hasPrefix("^")
            guard let category = ScalarSet.category(isNegative ? String(name.dropFirst()) : name) else {
                throw failure("invalid character class range", start..<position + 1)
            }
            set = (scalar == "P") != isNegative ? category.inverted : category
        default: return nil
        }
        position += 1
        return set
    }

    /// A single character after a backslash.
    private mutating func characterEscape() throws(RegularExpression.ParseError) -> Unicode.Scalar {
        let start = position - 1
        guard let scalar = next else { throw failure("trailing backslash at end of expression", 0..<0) }
        position += 1
        switch scalar {
        case "a": return "\u{07}"
        case "f": return "\u{0C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{0B}"
        case "x":
            var digits = ""
            if next == "{", let end = scalars[position...].firstIndex(of: "}"), end - position <= 9 {
                for scalar in scalars[position + 1..<end] { digits.unicodeScalars.append(scalar) }
                position = end + 1
            } else if let first = next, let second = peek(1) {
                digits.unicodeScalars.append(first)
                digits.unicodeScalars.append(second)
                position += 2
            }
            guard let value = UInt32(digits, radix: 16), let result = Unicode.Scalar(value) else {
                throw failure("invalid escape sequence", start..<position)
            }
            return result
        default:
            let isPunctuation = scalar.isASCII && ScalarSet.posix("punct")?.contains(scalar) == true
            guard isPunctuation else { throw failure("invalid escape sequence", start..<position) }
            return scalar
        }
    }

    private mutating func characterClass() throws(RegularExpression.ParseError) -> ScalarSet {
        let start = position - 1
        var set = ScalarSet()
        let isNegative = next == "^"
        if isNegative { position += 1 }
        var isFirst = true
        while let scalar = next {
            if scalar == "]", !isFirst {
                position += 1
                let all = flags.foldsCase ? set.foldingCase : set
                return isNegative ? all.inverted : all
            }
            isFirst = false
            if scalar == "[", peek(1) == ":", let named = posixClass() {
                set.formUnion(named)
                continue
            }
            let itemStart = position
            position += 1
            if scalar == "\\", let escaped = try classEscape() {
                set.formUnion(escaped)
                continue
            }
            let low = scalar == "\\" ? try characterEscape() : scalar
            var high = low
            if next == "-", let end = peek(1), end != "]" {
                position += 2
                high = end == "\\" ? try characterEscape() : end
                guard low.value <= high.value else { throw failure("invalid character class range", itemStart..<position) }
            }
            set.formUnion(ScalarSet([low.value...high.value]))
        }
        throw failure("missing closing ]", start..<scalars.count)
    }

    private mutating func posixClass() -> ScalarSet? {
        guard let close = scalars[position...].firstIndex(of: "]"), close > position + 3, scalars[close - 1] == ":" else { return nil }
        var name = ""
        for scalar in scalars[position + 2..<close - 1] { name.unicodeScalars.append(scalar) }
        let isNegative = name.hasPrefix("^")
        guard let set = ScalarSet.posix(isNegative ? String(name.dropFirst()) : name) else { return nil }
        position = close + 1
        return isNegative ? set.inverted : set
    }
}
