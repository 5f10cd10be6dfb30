/// Reads an expression (CEL's grammar, `cel-go/parser/gen/CEL.g4`), its macros included.
struct CELParser {
    private static let depthLimit = 100
    private static let sizeLimit = 100_000
    private static let reserved: Set<String> = [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return",
        "var", "void", "while",
    ]

    private var syntax: CELSyntax
    private var depth = 0

    /// - Throws: everything that is wrong with the text.
    static func parse(_ text: String) throws(CELIssues) -> CELExpression {
        guard text.unicodeScalars.count <= sizeLimit else {
            throw CELIssues([
                CELIssue(
                    message: "expression code point size exceeds limit: size: \(text.unicodeScalars.count), limit \(sizeLimit)", position: 0
                )
            ])
        }
        var parser = CELParser(syntax: CELSyntax(text))
        var expression: CELExpression?
        do throws(CELSyntax.Unreadable) {
            let found = try parser.expression()
            try parser.syntax.match(.end)
            expression = found
        } catch {
            expression = nil
        }
        guard let expression, parser.syntax.issues.isEmpty else { throw parser.syntax.issues }
        return expression
    }

    private init(syntax: CELSyntax) { self.syntax = syntax }

    private mutating func descend() throws(CELSyntax.Unreadable) {
        depth += 1
        guard depth > Self.depthLimit else { return }
        syntax.issues.note("expression recursion limit exceeded: \(Self.depthLimit)", syntax.position)
        throw CELSyntax.Unreadable()
    }

    private mutating func expression() throws(CELSyntax.Unreadable) -> CELExpression {
        try descend()
        defer { depth -= 1 }
        let condition = try binary(0)
        let place = syntax.position
        guard syntax.take(.question) else { return condition }
        syntax.open([.colon])
        let first = try binary(0)
        syntax.close()
        try syntax.match(.colon)
        return .call("_?_:_", target: nil, [condition, first, try expression()], place)
    }

    /// Operators from the weakest, with their function names.
    private static let levels: [[CELToken.Kind: String]] = [
        [.or: "_||_"], [.and: "_&&_"],
        [
            .less: "_<_", .lessOrEqual: "_<=_", .greater: "_>_", .greaterOrEqual: "_>=_", .equals: "_==_", .notEquals: "_!=_",
            .within: "@in",
        ], [.plus: "_+_", .minus: "_-_"], [.star: "_*_", .slash: "_/_", .percent: "_%_"],
    ]

    private mutating func binary(_ level: Int) throws(CELSyntax.Unreadable) -> CELExpression {
        guard level < Self.levels.count else { return try unary() }
        var left = try binary(level + 1)
        var count = 0
        while let name = Self.levels[level][syntax.kind] {
            count += 1
            if count > Self.depthLimit * 10 { try descend() }
            let place = syntax.position
            syntax.advance()
            left = .call(name, target: nil, [left, try binary(level + 1)], place)
        }
        return left
    }

    private mutating func unary() throws(CELSyntax.Unreadable) -> CELExpression {
        try syntax.expect(CELSyntax.start)
        for (kind, name) in [(CELToken.Kind.exclamation, "!_"), (.minus, "-_")] where syntax.kind == kind {
            let place = syntax.position
            let next = syntax.ahead(1)
            // A minus belongs to the number behind it.
            if kind == .minus, next.kind == .int || next.kind == .double {
                syntax.advance()
                syntax.advance()
                return try member(.literal(negative(next), place))
            }
            syntax.advance()
            try descend()
            defer { depth -= 1 }
            return .call(name, target: nil, [try unary()], place)
        }
        return try member(try primary())
    }

    private mutating func negative(_ token: CELToken) -> CELValue {
        switch token.value {
        case .int(let value)?: return .int(-value)
        case .double(let value)?: return .double(-value)
        default:
            if token.name == "9223372036854775808" || token.name.lowercased() == "0x8000000000000000" { return .int(.min) }
            syntax.issues.note("invalid int literal", token.position)
            return .int(0)
        }
    }

    private mutating func member(_ start: CELExpression) throws(CELSyntax.Unreadable) -> CELExpression {
        var operand = start
        var count = 0
        while true {
            count += 1
            if count > Self.depthLimit * 4 { try descend() }
            let mark = syntax.token
            if syntax.take(.dot) {
                operand = try selection(of: operand, behind: mark)
            } else if syntax.take(.openBracket) {
                let isOptional = syntax.take(.question)
                syntax.open([.closeBracket])
                operand = .call(isOptional ? "_[?_]" : "_[_]", target: nil, [operand, try expression()], mark.position)
                syntax.close()
                try syntax.match(.closeBracket, isCloser: true)
            } else {
                return operand
            }
        }
    }

    /// `.field`, `.?field`, `.method(…)`.
    private mutating func selection(of operand: CELExpression, behind dot: CELToken) throws(CELSyntax.Unreadable) -> CELExpression {
        if syntax.take(.question) {
            try syntax.expect([.identifier, .escapedIdentifier])
            return .select(operand, field: name(), isOptional: true, dot.position)
        }
        guard syntax.kind == .identifier || syntax.kind == .escapedIdentifier else { try syntax.refuse(since: dot) }
        let name = name()
        let open = syntax.position
        guard syntax.kind == .openParenthesis else { return .select(operand, field: name, isOptional: false, dot.position) }
        let arguments = try arguments()
        return CELMacros.call(name, target: operand, arguments, open, &syntax.issues)
    }

    private mutating func name() -> String {
        if syntax.kind == .escapedIdentifier { syntax.issues.note("unsupported syntax: '`'", syntax.position) }
        defer { syntax.advance() }
        return syntax.token.name
    }

    private mutating func arguments() throws(CELSyntax.Unreadable) -> [CELExpression] {
        syntax.advance()
        var arguments: [CELExpression] = []
        try syntax.expect(CELSyntax.start.union([.closeParenthesis]))
        if syntax.take(.closeParenthesis) { return arguments }
        syntax.open([.comma, .closeParenthesis])
        repeat { arguments.append(try expression()) } while syntax.take(.comma)
        syntax.close()
        try syntax.match(.closeParenthesis, isCloser: true)
        return arguments
    }

    private mutating func primary() throws(CELSyntax.Unreadable) -> CELExpression {
        let token = syntax.token
        switch token.kind {
        case .openParenthesis:
            syntax.advance()
            syntax.open([.closeParenthesis])
            let inner = try expression()
            syntax.close()
            try syntax.match(.closeParenthesis, isCloser: true)
            return inner
        case .openBracket: return try list(token.position)
        case .openBrace: return .map(try entries(isMessage: false), token.position)
        case .dot, .identifier:
            if syntax.take(.dot), syntax.kind != .identifier { try syntax.refuse(since: token) }
            if let message = try message() { return message }
            return try plainName(token.position)
        default:
            syntax.advance()
            if token.value == nil { syntax.issues.note("invalid int literal", token.position) }
            return .literal(token.value ?? .int(0), token.position)
        }
    }

    private mutating func plainName(_ place: Int) throws(CELSyntax.Unreadable) -> CELExpression {
        let name = name()
        guard syntax.kind != .openParenthesis else {
            let open = syntax.position
            let arguments = try arguments()
            return CELMacros.call(name, target: nil, arguments, open, &syntax.issues)
        }
        if Self.reserved.contains(name) { syntax.issues.note("reserved identifier: \(name)", place) }
        return .identifier(name, place)
    }

    /// `a.b.C{…}`, when names and a brace follow.
    private mutating func message() throws(CELSyntax.Unreadable) -> CELExpression? {
        var names = [syntax.token.name]
        var count = 1
        while syntax.ahead(count).kind == .dot, syntax.ahead(count + 1).kind == .identifier {
            names.append(syntax.ahead(count + 1).name)
            count += 2
        }
        guard syntax.ahead(count).kind == .openBrace else { return nil }
        for _ in 0..<count { syntax.advance() }
        let place = syntax.position
        return .message(names.joined(separator: "."), try entries(isMessage: true), place)
    }

    private mutating func list(_ place: Int) throws(CELSyntax.Unreadable) -> CELExpression {
        syntax.advance()
        var elements: [(value: CELExpression, isOptional: Bool)] = []
        try syntax.expect(CELSyntax.start.union([.closeBracket, .comma, .question]))
        syntax.open([.comma, .closeBracket])
        while syntax.kind != .closeBracket, syntax.kind != .comma {
            let isOptional = syntax.take(.question)
            elements.append((try expression(), isOptional))
            guard syntax.kind == .comma, syntax.ahead(1).kind != .closeBracket else { break }
            syntax.advance()
        }
        syntax.close()
        if !elements.isEmpty { try syntax.expect([.closeBracket, .comma]) }
        _ = syntax.take(.comma)
        try syntax.match(.closeBracket, isCloser: true)
        return .list(elements, place)
    }

    private mutating func entries(isMessage: Bool) throws(CELSyntax.Unreadable) -> [CELExpression.Entry] {
        syntax.advance()
        var entries: [CELExpression.Entry] = []
        let first: Set<CELToken.Kind> = isMessage ? [.identifier, .escapedIdentifier] : CELSyntax.start
        try syntax.expect(first.union([.closeBrace, .comma, .question]))
        while syntax.kind != .closeBrace, syntax.kind != .comma {
            let isOptional = syntax.take(.question)
            let key: CELExpression
            if isMessage {
                try syntax.expect([.identifier, .escapedIdentifier])
                let place = syntax.position
                key = .literal(.string(name()), place)
            } else {
                syntax.open([.colon])
                key = try expression()
                syntax.close()
            }
            try syntax.match(.colon)
            syntax.open([.comma, .closeBrace])
            entries.append(CELExpression.Entry(key: key, value: try expression(), isOptional: isOptional))
            syntax.close()
            guard syntax.kind == .comma, syntax.ahead(1).kind != .closeBrace else { break }
            syntax.advance()
        }
        if !entries.isEmpty { try syntax.expect([.closeBrace, .comma]) }
        _ = syntax.take(.comma)
        try syntax.match(.closeBrace, isCloser: true)
        return entries
    }
}
