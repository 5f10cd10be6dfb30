/// The tokens of an expression, and what ANTLR says and does when the grammar wants others (`DefaultErrorStrategy`).
struct CELSyntax {
    /// Nothing can be made of the rest.
    struct Unreadable: Error {}

    /// What an expression begins with.
    static let start: Set<CELToken.Kind> = [
        .openBracket, .openBrace, .openParenthesis, .dot, .minus, .exclamation, .isTrue, .isFalse, .null, .double, .int, .uint, .string,
        .bytes, .identifier,
    ]
    /// What can follow a complete operand.
    private static let operators: Set<CELToken.Kind> = [
        .equals, .notEquals, .within, .less, .lessOrEqual, .greaterOrEqual, .greater, .and, .or, .openBracket, .dot, .minus, .question,
        .plus, .star, .slash, .percent,
    ]

    private let lexer: CELLexer
    private let tokens: [CELToken]
    private(set) var index = 0
    var issues: CELIssues
    /// What may follow an expression in each construct that is open.
    private var enclosing: [Set<CELToken.Kind>] = [[.end]]

    init(_ text: String) {
        var lexer = CELLexer(text)
        tokens = lexer.tokens()
        issues = lexer.issues
        self.lexer = lexer
    }

    var token: CELToken { tokens[min(index, tokens.count - 1)] }
    var kind: CELToken.Kind { token.kind }
    var position: Int { token.position }

    func ahead(_ count: Int) -> CELToken { tokens[min(index + count, tokens.count - 1)] }

    mutating func advance() { index = min(index + 1, tokens.count - 1) }

    mutating func take(_ wanted: CELToken.Kind) -> Bool {
        guard kind == wanted else { return false }
        advance()
        return true
    }

    private func shown(_ token: CELToken) -> String {
        token.kind == .end ? "'<EOF>'" : "'\(Self.escaped(lexer.text(token.position, token.end)))'"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\n", with: "\\n").replacing("\r", with: "\\r").replacing("\t", with: "\\t")
    }

    private static func shown(_ kinds: Set<CELToken.Kind>) -> String {
        let names = kinds.sorted().map(\.name)
        return names.count == 1 ? names[0] : "{\(names.joined(separator: ", "))}"
    }

    private mutating func note(_ text: String) { issues.note("Syntax error: \(text)", position) }

    /// A place where one of several tokens has to be; one that is too much is passed over.
    mutating func expect(_ wanted: Set<CELToken.Kind>) throws(Unreadable) {
        guard !wanted.contains(kind) else { return }
        guard kind != .end, wanted.contains(ahead(1).kind) else {
            note("mismatched input \(shown(token)) expecting \(Self.shown(wanted))")
            throw Unreadable()
        }
        note("extraneous input \(shown(token)) expecting \(Self.shown(wanted))")
        advance()
    }

    /// One token; another one before it is passed over, and a missing one is made up when what follows is there.
    mutating func match(_ wanted: CELToken.Kind, isCloser: Bool = false) throws(Unreadable) {
        if take(wanted) { return }
        if kind != .end, ahead(1).kind == wanted {
            note("extraneous input \(shown(token)) expecting \(wanted.name)")
            advance()
            advance()
            return
        }
        let following = isCloser ? Self.operators.union(enclosing.last ?? []) : wanted == .end ? [] : Self.start
        guard following.contains(kind) else {
            note("mismatched input \(shown(token)) expecting \(wanted.name)")
            throw Unreadable()
        }
        note("missing \(wanted.name) at \(shown(token))")
    }

    /// The tokens from one to the present one are the beginning of nothing.
    mutating func refuse(since start: CELToken) throws(Unreadable) -> Never {
        let end = kind == .end ? tokens[max(0, tokens.count - 2)].end : token.end
        note("no viable alternative at input '\(Self.escaped(lexer.text(start.position, end)))'")
        throw Unreadable()
    }

    mutating func open(_ following: Set<CELToken.Kind>) { enclosing.append(following) }
    mutating func close() { enclosing.removeLast() }
}
