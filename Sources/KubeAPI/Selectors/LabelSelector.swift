public import JSON

/// Why a selector is not one, in the server's words.
public struct SelectorError: Error, Sendable, Hashable {
    /// The message of the 400.
    public let message: String
}

/// A label selector (`k8s.io/apimachinery/pkg/labels`).
public struct LabelSelector: Sendable, Hashable {
    /// How a label is compared.
    public enum Operator: Sendable, Hashable {
        case exists, doesNotExist, isIn, notIn, greaterThan, lessThan
    }

    /// One condition.
    public struct Requirement: Sendable, Hashable {
        /// The label's key.
        public let key: String
        /// How it is compared.
        public let `operator`: Operator
        /// What it is compared with.
        public let values: [String]
    }

    /// All have to hold.
    public let requirements: [Requirement]

    /// Whether everything is selected.
    public var isEmpty: Bool { requirements.isEmpty }

    /// Parses the text of `labelSelector`.
    ///
    /// - Throws: `SelectorError`.
    public init(parsing text: String) throws(SelectorError) {
        var parser = LabelSelectorParser(text)
        requirements = try parser.requirements()
    }

    /// Reads a `metav1.LabelSelector`; an absent one selects nothing and gives `nil`.
    public init?(_ selector: JSON?) {
        guard let selector, !selector.isNull else { return nil }
        var found: [Requirement] = []
        for member in selector["matchLabels"]?.object?.members ?? [] {
            found.append(Requirement(key: member.key, operator: .isIn, values: [member.value.string ?? ""]))
        }
        for expression in selector["matchExpressions"]?.array ?? [] {
            let kind: Operator
            switch expression["operator"]?.string {
            case "In": kind = .isIn
            case "NotIn": kind = .notIn
            case "Exists": kind = .exists
            case "DoesNotExist": kind = .doesNotExist
            default: return nil
            }
            found.append(
                Requirement(
                    key: expression["key"]?.string ?? "", operator: kind, values: expression["values"]?.array?.compactMap(\.string) ?? []))
        }
        requirements = found
    }

    /// Whether labels satisfy every requirement.
    public func matches(_ labels: JSONObject?) -> Bool {
        requirements.allSatisfy { requirement in
            let value = labels?[requirement.key]?.string
            switch requirement.operator {
            case .exists: return value != nil
            case .doesNotExist: return value == nil
            case .isIn: return value.map(requirement.values.contains) ?? false
            case .notIn: return value.map { !requirement.values.contains($0) } ?? true
            case .greaterThan, .lessThan:
                guard let value, let number = Int64(value), let bound = requirement.values.first.flatMap({ Int64($0) }) else { return false }
                return requirement.operator == .greaterThan ? number > bound : number < bound
            }
        }
    }
}

/// The grammar of label selectors, with the lexer's and parser's refusals (`labels.Parser`).
private struct LabelSelectorParser {
    private enum Token: Equatable {
        case identifier(String)
        case symbol(String)
        case end

        var literal: String {
            switch self {
            case .identifier(let text), .symbol(let text): text
            case .end: ""
            }
        }
    }

    private var tokens: [Token]
    private var position = 0

    init(_ text: String) {
        tokens = []
        let special: Set<Character> = ["=", "!", "(", ")", ",", ">", "<"]
        var rest = Substring(text)
        while let first = rest.first {
            if first == " " || first == "\t" || first == "\r" || first == "\n" {
                rest = rest.dropFirst()
            } else if special.contains(first) {
                let symbol = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"].first { rest.hasPrefix($0) } ?? String(first)
                tokens.append(.symbol(symbol))
                rest = rest.dropFirst(symbol.count)
            } else {
                let word = rest.prefix { !special.contains($0) && !" \t\r\n".contains($0) }
                tokens.append(.identifier(String(word)))
                rest = rest.dropFirst(word.count)
            }
        }
        tokens.append(.end)
    }

    private var current: Token { tokens[min(position, tokens.count - 1)] }

    private mutating func take() -> Token {
        defer { position += 1 }
        return current
    }

    mutating func requirements() throws(SelectorError) -> [LabelSelector.Requirement] {
        var found: [LabelSelector.Requirement] = []
        while true {
            switch current {
            case .identifier, .symbol("!"):
                found.append(try requirement())
                switch take() {
                case .end: return found
                case .symbol(","):
                    if case .identifier = current { continue }
                    if current == .symbol("!") { continue }
                    throw SelectorError(message: "found '\(current.literal)', expected: identifier after ','")
                case let token: throw SelectorError(message: "found '\(token.literal)', expected: ',' or 'end of string'")
                }
            case .end: return found
            case let token: throw SelectorError(message: "found '\(token.literal)', expected: !, identifier, or 'end of string'")
            }
        }
    }

    private func failure(_ text: String) -> SelectorError { SelectorError(message: "unable to parse requirement: \(text)") }

    private mutating func requirement() throws(SelectorError) -> LabelSelector.Requirement {
        var isNegated = false
        if current == .symbol("!") {
            isNegated = true
            position += 1
        }
        guard case .identifier(let key) = take() else {
            position -= 1
            throw failure("found '\(current.literal)', expected: identifier")
        }
        let problems = QualifiedName.problems(key)
        guard problems.isEmpty else { throw invalid("<nil>", key, problems) }
        if isNegated || current == .end || current == .symbol(",") {
            return LabelSelector.Requirement(key: key, operator: isNegated ? .doesNotExist : .exists, values: [])
        }
        let kind: LabelSelector.Operator
        switch take() {
        case .identifier("in"): kind = .isIn
        case .identifier("notin"): kind = .notIn
        case .symbol("="), .symbol("=="): kind = .isIn
        case .symbol("!="): kind = .notIn
        case .symbol(">"): kind = .greaterThan
        case .symbol("<"): kind = .lessThan
        case let token:
            throw failure("found '\(token.literal)', expected: in, notin, =, ==, !=, gt, lt")
        }
        let isSet: Bool = if case .identifier = tokens[position - 1] { true } else { false }
        let values = isSet ? try set() : [exactValue()]
        if kind == .greaterThan || kind == .lessThan {
            guard let value = values.first, Int64(value) != nil else {
                throw failure("values[0]: Invalid value: \(GoText.quoted(values.first ?? "")): for 'Gt', 'Lt' operators, the value must be an integer")
            }
        }
        for (index, value) in values.enumerated() {
            let problems = QualifiedName.valueProblems(value)
            guard problems.isEmpty else { throw invalid("values[\(index)][\(key)]", value, problems) }
        }
        return LabelSelector.Requirement(key: key, operator: kind, values: values)
    }

    private func invalid(_ field: String, _ value: String, _ problems: [String]) -> SelectorError {
        failure("\(field): Invalid value: \(GoText.quoted(value)): \(problems.joined(separator: "; "))")
    }

    private mutating func exactValue() -> String {
        guard case .identifier(let value) = current else { return "" }
        position += 1
        return value
    }

    private mutating func set() throws(SelectorError) -> [String] {
        guard take() == .symbol("(") else {
            position -= 1
            throw failure("found '\(current.literal)' expected: '('")
        }
        var values: [String] = []
        var wantsValue = true
        while true {
            switch take() {
            case .identifier(let value):
                guard wantsValue else { throw failure("found '\(value)', expected: ',' or ')'") }
                values.append(value)
                wantsValue = false
            case .symbol(","):
                if wantsValue { values.append("") }
                wantsValue = true
            case .symbol(")"):
                if wantsValue { values.append("") }
                return values.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
            case let token: throw failure("found '\(token.literal)', expected: ',', ')' or identifier")
            }
        }
    }
}
