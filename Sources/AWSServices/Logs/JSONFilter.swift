import JSON

/// A condition on events that are JSON: `{ ($.user.username = "jane*") && ($.responseStatus.code >= 400) }`.
struct JSONFilter: Sendable {
    /// `$.items[0]["a.b"]`
    typealias Selector = [Step]

    enum Step: Sendable, Hashable {
        case member(String)
        case element(Int)
        /// Any element of an array.
        case any
    }

    enum Comparison: Sendable, Hashable {
        /// Equal as a number, or as a text in which `*` stands for any.
        case equals(String)
        case differs(String)
        case less(Double)
        case atMost(Double)
        case more(Double)
        case atLeast(Double)
        case isNull, isTrue, isFalse, exists, isMissing
    }

    indirect enum Expression: Sendable {
        case test(Selector, Comparison)
        case all([Expression])
        case any([Expression])
    }

    private static let limits = JSON.Limits(depth: 128, bytes: 1 << 20)
    private let expression: Expression

    /// Reads a pattern with its braces.
    init(_ bytes: [UInt8]) throws(FilterPattern.Problem) {
        var parser = JSONFilterParser(bytes)
        expression = try parser.pattern()
    }

    /// Whether a message is JSON that satisfies the condition.
    func matches(_ message: String) -> Bool {
        guard let json = try? JSON(parsing: message, limits: Self.limits), json.object != nil || json.array != nil else { return false }
        return Self.holds(expression, json)
    }

    private static func holds(_ expression: Expression, _ json: JSON) -> Bool {
        switch expression {
        case .all(let parts): parts.allSatisfy { holds($0, json) }
        case .any(let parts): parts.contains { holds($0, json) }
        case .test(let selector, let comparison): holds(comparison, values(json, selector[...]))
        }
    }

    private static func values(_ json: JSON, _ selector: ArraySlice<Step>) -> [JSON] {
        guard let step = selector.first else { return [json] }
        let rest = selector.dropFirst()
        switch step {
        case .member(let name): return json[name].map { values($0, rest) } ?? []
        case .element(let index): return json[index].map { values($0, rest) } ?? []
        case .any: return (json.array ?? []).flatMap { values($0, rest) }
        }
    }

    /// Of several values one is enough; a value that is missing satisfies nothing but that it is missing.
    private static func holds(_ comparison: Comparison, _ values: [JSON]) -> Bool {
        func number(_ holds: (Double) -> Bool) -> Bool { values.contains { $0.double.map(holds) ?? false } }
        switch comparison {
        case .exists: return !values.isEmpty
        case .isMissing: return values.isEmpty
        case .isNull: return values.contains(where: \.isNull)
        case .isTrue: return values.contains { $0.bool == true }
        case .isFalse: return values.contains { $0.bool == false }
        case .equals(let text): return values.contains { isEqual($0, text) }
        case .differs(let text): return values.contains { $0.object == nil && $0.array == nil && !$0.isNull && !isEqual($0, text) }
        case .less(let limit): return number { $0 < limit }
        case .atMost(let limit): return number { $0 <= limit }
        case .more(let limit): return number { $0 > limit }
        case .atLeast(let limit): return number { $0 >= limit }
        }
    }

    private static func isEqual(_ value: JSON, _ text: String) -> Bool {
        switch value {
        case .string(let string): isMatch(string, text)
        case .bool(let flag): text == (flag ? "true" : "false")
        default: value.double.map { number in Double(text).map { $0 == number } ?? isMatch(value.text, text) } ?? false
        }
    }

    private static func isMatch(_ text: String, _ pattern: String) -> Bool {
        let pieces = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = pieces.first, let last = pieces.last, pieces.count > 1 else { return text == pattern }
        guard text.hasPrefix(first), text.utf8.count >= first.utf8.count + last.utf8.count else { return false }
        var rest = text.dropFirst(first.count)
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let found = rest.firstRange(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}

/// Reads conditions: `||` binds less than `&&`, parentheses bind most.
struct JSONFilterParser {
    /// Deepest nesting of parentheses.
    private static let maximumDepth = 32

    private var rest: ArraySlice<UInt8>
    private var depth = 0

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func pattern() throws(FilterPattern.Problem) -> JSONFilter.Expression {
        guard take("{") else { throw .invalid }
        let expression = try any()
        guard take("}") else { throw .invalid }
        skipSpace()
        guard rest.isEmpty else { throw .invalid }
        return expression
    }

    private mutating func any() throws(FilterPattern.Problem) -> JSONFilter.Expression {
        var parts = [try all()]
        while take("||") { parts.append(try all()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func all() throws(FilterPattern.Problem) -> JSONFilter.Expression {
        var parts = [try part()]
        while take("&&") { parts.append(try part()) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func part() throws(FilterPattern.Problem) -> JSONFilter.Expression {
        guard take("(") else { return try test() }
        depth += 1
        guard depth <= Self.maximumDepth else { throw .invalid }
        let expression = try any()
        depth -= 1
        guard take(")") else { throw .invalid }
        return expression
    }

    private mutating func test() throws(FilterPattern.Problem) -> JSONFilter.Expression {
        let selector = try selector()
        if takeWord("IS") {
            for (word, comparison) in [("NULL", JSONFilter.Comparison.isNull), ("TRUE", .isTrue), ("FALSE", .isFalse)] where takeWord(word)
            {
                return .test(selector, comparison)
            }
            throw .invalid
        }
        if takeWord("NOT") {
            guard takeWord("EXISTS") else { throw .invalid }
            return .test(selector, .isMissing)
        }
        if takeWord("EXISTS") { return .test(selector, .exists) }
        if take("!=") { return .test(selector, .differs(try value())) }
        if take("<=") { return .test(selector, .atMost(try number())) }
        if take(">=") { return .test(selector, .atLeast(try number())) }
        if take("<") { return .test(selector, .less(try number())) }
        if take(">") { return .test(selector, .more(try number())) }
        guard take("=") else { throw .invalid }
        return .test(selector, .equals(try value()))
    }

    // MARK: Selectors

    private mutating func selector() throws(FilterPattern.Problem) -> JSONFilter.Selector {
        guard take("$") else { throw .invalid }
        var steps: JSONFilter.Selector = []
        while let next = rest.first {
            if next == UInt8(ascii: ".") {
                rest.removeFirst()
                let name = rest.prefix(while: Self.isNameByte)
                guard !name.isEmpty else { throw .invalid }
                rest = rest.dropFirst(name.count)
                steps.append(.member(String(decoding: name, as: UTF8.self)))
            } else if next == UInt8(ascii: "[") {
                rest.removeFirst()
                steps.append(try subscripted())
            } else {
                break
            }
        }
        return steps
    }

    private mutating func subscripted() throws(FilterPattern.Problem) -> JSONFilter.Step {
        skipSpace()
        let step: JSONFilter.Step
        if rest.first == UInt8(ascii: "\"") || rest.first == UInt8(ascii: "'") {
            guard let name = PatternText.quoted(&rest) else { throw .invalid }
            step = .member(name)
        } else if take("*") {
            step = .any
        } else {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            rest = rest.dropFirst(digits.count)
            guard let index = Int(String(decoding: digits, as: UTF8.self)) else { throw .invalid }
            step = .element(index)
        }
        guard take("]") else { throw .invalid }
        return step
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...0xFF:
            true
        default: false
        }
    }

    // MARK: Values

    /// A text in quotes, or one without that ends with the condition.
    private mutating func value() throws(FilterPattern.Problem) -> String {
        skipSpace()
        if rest.first == UInt8(ascii: "\"") {
            guard let text = PatternText.quoted(&rest) else { throw .invalid }
            return text
        }
        let word = rest.prefix { byte in !FilterPattern.isSpace(byte) && !"(){}&|=<>!%\"".utf8.contains(byte) }
        guard !word.isEmpty else { throw .invalid }
        rest = rest.dropFirst(word.count)
        return String(decoding: word, as: UTF8.self)
    }

    private mutating func number() throws(FilterPattern.Problem) -> Double {
        guard let number = Double(try value()) else { throw .invalid }
        return number
    }

    // MARK: Tokens

    private mutating func skipSpace() { rest = rest.drop(while: FilterPattern.isSpace) }

    private mutating func take(_ token: StaticString) -> Bool {
        skipSpace()
        let bytes = UnsafeBufferPointer(start: token.utf8Start, count: token.utf8CodeUnitCount)
        guard rest.starts(with: bytes) else { return false }
        rest = rest.dropFirst(bytes.count)
        return true
    }

    private mutating func takeWord(_ word: String) -> Bool {
        skipSpace()
        guard rest.starts(with: word.utf8), rest.dropFirst(word.utf8.count).first.map({ !Self.isNameByte($0) }) ?? true else {
            return false
        }
        rest = rest.dropFirst(word.utf8.count)
        return true
    }
}
