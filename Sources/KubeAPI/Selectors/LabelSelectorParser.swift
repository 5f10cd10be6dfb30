import JSON

/// The grammar of label selectors, with the refusals of `labels.Parser`.
struct LabelSelectorParser {
    private enum Token: Equatable {
        case identifier(String)
        case symbol(String)
        case end

        var text: String {
            switch self {
            case .identifier(let text), .symbol(let text): text
            case .end: ""
            }
        }
    }

    private static let operators = ["in", "notin", "=", "==", "!=", "gt", "lt"].joined(separator: ", ")

    private let tokens: [Token]
    private var position = 0

    init(_ text: String) { tokens = Self.tokens(text) }

    /// The lexer goes by bytes: a NUL ends a word, as it does in Kubernetes.
    private static func tokens(_ text: String) -> [Token] {
        var tokens: [Token] = []
        var rest = Substring(text).utf8
        while let first = rest.first, first != 0 {
            if isSpace(first) {
                rest.removeFirst()
            } else if isSymbol(first) {
                let isPair = rest.starts(with: "==".utf8) || rest.starts(with: "!=".utf8)
                let symbol = rest.prefix(isPair ? 2 : 1)
                tokens.append(.symbol(String(decoding: symbol, as: UTF8.self)))
                rest.removeFirst(symbol.count)
            } else {
                let word = rest.prefix { !isSymbol($0) && !isSpace($0) && $0 != 0 }
                tokens.append(.identifier(String(decoding: word, as: UTF8.self)))
                rest.removeFirst(word.count)
                if rest.first == 0 { rest.removeFirst() }
            }
        }
        return tokens
    }

    private static func isSpace(_ byte: UInt8) -> Bool { " \t\r\n".utf8.contains(byte) }
    private static func isSymbol(_ byte: UInt8) -> Bool { "=!(),><".utf8.contains(byte) }

    private var current: Token { tokens.indices.contains(position) ? tokens[position] : .end }

    private mutating func take() -> Token {
        defer { position += 1 }
        return current
    }

    /// Parses the whole text.
    mutating func requirements() throws(SelectorError) -> [LabelSelector.Requirement] {
        var found: [LabelSelector.Requirement] = []
        while true {
            switch current {
            case .identifier, .symbol("!"): break
            case .end: return found
            case let token: throw .malformed("found '\(token.text)', expected: !, identifier, or 'end of string'")
            }
            do { found.append(try requirement()) } catch { throw .malformed("unable to parse requirement: \(error.message)") }
            switch take() {
            case .end: return found
            case .symbol(","):
                switch current {
                case .identifier, .symbol("!"): break
                case let token: throw .malformed("found '\(token.text)', expected: identifier after ','")
                }
            case let token: throw .malformed("found '\(token.text)', expected: ',' or 'end of string'")
            }
        }
    }

    private mutating func requirement() throws(SelectorError) -> LabelSelector.Requirement {
        let isNegated = current == .symbol("!")
        if isNegated { position += 1 }
        let token = take()
        guard case .identifier(let key) = token else { throw .malformed("found '\(token.text)', expected: identifier") }
        let problems = QualifiedName.labelKeyProblems(key)
        guard problems.isEmpty else {
            // Kubernetes names no field here.
            throw .malformed(FieldError.invalid("<nil>", .string(key), problems.joined(separator: "; ")).description)
        }
        if isNegated { return try LabelSelector.Requirement(key: key, .doesNotExist, []) }
        if current == .end || current == .symbol(",") { return try LabelSelector.Requirement(key: key, .exists, []) }
        let kind: LabelSelector.Operator
        switch take() {
        case .identifier("in"): kind = .isIn
        case .identifier("notin"): kind = .notIn
        case .symbol("="): kind = .equals
        case .symbol("=="): kind = .doubleEquals
        case .symbol("!="): kind = .notEquals
        case .symbol(">"): kind = .greaterThan
        case .symbol("<"): kind = .lessThan
        case let token: throw .malformed("found '\(token.text)', expected: \(Self.operators)")
        }
        let values = kind == .isIn || kind == .notIn ? try set() : [try exactValue()]
        return try LabelSelector.Requirement(key: key, kind, values)
    }

    private mutating func exactValue() throws(SelectorError) -> String {
        if current == .end || current == .symbol(",") { return "" }
        switch take() {
        case .identifier(let value): return value
        case let token: throw .malformed("found '\(token.text)', expected: identifier")
        }
    }

    private mutating func set() throws(SelectorError) -> [String] {
        let open = take()
        guard open == .symbol("(") else { throw .malformed("found '\(open.text)' expected: '('") }
        switch current {
        case .identifier, .symbol(","): return try identifiers().sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        case .symbol(")"):
            position += 1
            return [""]
        case let token: throw .malformed("found '\(token.text)', expected: ',', ')' or identifier")
        }
    }

    /// The members of a set and its `)`. An empty place between commas is the empty value.
    private mutating func identifiers() throws(SelectorError) -> Set<String> {
        var values: Set<String> = []
        while true {
            switch take() {
            case .identifier(let value):
                values.insert(value)
                guard current == .symbol(",") || current == .symbol(")") else {
                    throw .malformed("found '\(current.text)', expected: ',' or ')'")
                }
            case .symbol(","):
                if values.isEmpty || current == .symbol(",") || current == .symbol(")") { values.insert("") }
            case let token: throw .malformed("found '\(token.text)', expected: ',', or identifier")
            }
            if current == .symbol(")") {
                position += 1
                return values
            }
        }
    }
}
