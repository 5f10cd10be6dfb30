/// Reads an expression (CEL's grammar), its macros included.
struct CELParser {
    private static let depthLimit = 100
    private static let sizeLimit = 100_000
    private static let reserved: Set<String> = [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return",
        "var",
        "void", "while",
    ]

    private let tokens: [(token: CELLexer.Token, position: Int)]
    private var index = 0
    private var depth = 0

    /// - Throws: `CELIssue`.
    static func parse(_ text: String) throws(CELIssue) -> CELExpression {
        guard text.unicodeScalars.count <= sizeLimit else {
            throw CELIssue(
                message: "expression code point size exceeds limit: size: \(text.unicodeScalars.count), limit \(sizeLimit)", position: 0)
        }
        var parser = CELParser(tokens: try CELLexer.tokens(text))
        let expression = try parser.expression()
        guard parser.token == .end else { throw parser.unexpected() }
        return expression
    }

    private init(tokens: [(token: CELLexer.Token, position: Int)]) { self.tokens = tokens }

    private var token: CELLexer.Token { tokens[index].token }
    private var position: Int { tokens[index].position }

    private func unexpected() -> CELIssue {
        let shown: String =
            switch token {
            case .identifier(let name): name
            case .symbol(let symbol): symbol
            case .string(let text): "\"\(text)\""
            case .int(let value): String(value)
            case .end: "<EOF>"
            default: "literal"
            }
        return CELIssue(message: "Syntax error: unexpected input '\(shown)'", position: position)
    }

    private func isSymbol(_ symbol: String) -> Bool { token == .symbol(symbol) }

    private mutating func take(_ symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ symbol: String) throws(CELIssue) { if !take(symbol) { throw unexpected() } }

    private mutating func expression() throws(CELIssue) -> CELExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else {
            throw CELIssue(message: "expression recursion limit exceeded: \(Self.depthLimit)", position: position)
        }
        let condition = try binary(0)
        let place = position
        guard take("?") else { return condition }
        let first = try binary(0)
        try expect(":")
        return .call("_?_:_", target: nil, [condition, first, try expression()], place)
    }

    /// Operators from the weakest, with their function names.
    private static let levels: [[String: String]] = [
        ["||": "_||_"], ["&&": "_&&_"],
        ["<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", "==": "_==_", "!=": "_!=_", "in": "@in"],
        ["+": "_+_", "-": "_-_"], ["*": "_*_", "/": "_/_", "%": "_%_"],
    ]

    private mutating func binary(_ level: Int) throws(CELIssue) -> CELExpression {
        guard level < Self.levels.count else { return try unary() }
        var left = try binary(level + 1)
        var count = 0
        while let name = operation(level) {
            count += 1
            guard count <= Self.depthLimit * 10 else { throw CELIssue(message: "expression recursion limit exceeded", position: position) }
            let place = position
            index += 1
            left = .call(name, target: nil, [left, try binary(level + 1)], place)
        }
        return left
    }

    private func operation(_ level: Int) -> String? {
        switch token {
        case .symbol(let symbol): Self.levels[level][symbol]
        case .identifier("in"): Self.levels[level]["in"]
        default: nil
        }
    }

    private mutating func unary() throws(CELIssue) -> CELExpression {
        for (symbol, name) in [("!", "!_"), ("-", "-_")] where isSymbol(symbol) {
            let place = position
            index += 1
            depth += 1
            defer { depth -= 1 }
            guard depth <= Self.depthLimit else { throw CELIssue(message: "expression recursion limit exceeded", position: place) }
            if symbol == "-" {
                switch token {
                case .minimum:
                    index += 1
                    return .literal(.int(.min), place)
                case .int(let value):
                    index += 1
                    return try member(.literal(.int(-value), place))
                case .double(let value):
                    index += 1
                    return try member(.literal(.double(-value), place))
                default: break
                }
            }
            return .call(name, target: nil, [try unary()], place)
        }
        return try member(try primary())
    }

    private mutating func member(_ start: CELExpression) throws(CELIssue) -> CELExpression {
        var operand = start
        var count = 0
        while true {
            count += 1
            guard count <= Self.depthLimit * 4 else { throw CELIssue(message: "expression recursion limit exceeded", position: position) }
            let place = position
            if take(".") {
                let name = try name()
                let open = position
                operand = isSymbol("(") ? try methodCall(name, operand, open) : .select(operand, field: name, isOptional: false, place)
            } else if take(".?") {
                operand = .select(operand, field: try name(), isOptional: true, place)
            } else if take("[") {
                operand = .call("_[_]", target: nil, [operand, try expression()], place)
                try expect("]")
            } else if take("[?") {
                operand = .call("_[?_]", target: nil, [operand, try expression()], place)
                try expect("]")
            } else {
                return operand
            }
        }
    }

    private mutating func name() throws(CELIssue) -> String {
        guard case .identifier(let name) = token else { throw unexpected() }
        index += 1
        return name
    }

    private mutating func arguments() throws(CELIssue) -> [CELExpression] {
        try expect("(")
        var arguments: [CELExpression] = []
        if take(")") { return arguments }
        repeat { arguments.append(try expression()) } while take(",")
        try expect(")")
        return arguments
    }

    private mutating func methodCall(_ name: String, _ target: CELExpression, _ place: Int) throws(CELIssue) -> CELExpression {
        let arguments = try arguments()
        // `optional.of`, `sets.contains`: functions with a name of two parts.
        if case .identifier(let space, _) = target, CELFunctions.table["\(space).\(name)"] != nil {
            return .call("\(space).\(name)", target: nil, arguments, place)
        }
        let kind = CELExpression.Comprehension(rawValue: name == "existsOne" ? "exists_one" : name)
        guard let kind, arguments.count == 2 || (kind == .map && arguments.count == 3) else {
            return .call(name, target: target, arguments, place)
        }
        guard case .identifier(let variable, _) = arguments[0] else {
            throw CELIssue(message: "argument must be a simple name", position: arguments[0].position)
        }
        let last = arguments[arguments.count - 1]
        return .comprehension(
            kind, range: target, variable: variable, predicate: kind != .map ? last : arguments.count == 3 ? arguments[1] : nil,
            transform: kind == .map ? last : nil, place)
    }

    private mutating func primary() throws(CELIssue) -> CELExpression {
        let place = position
        switch token {
        case .int(let value): return literal(.int(value), place)
        case .uint(let value): return literal(.uint(value), place)
        case .double(let value): return literal(.double(value), place)
        case .string(let text): return literal(.string(text), place)
        case .bytes(let bytes): return literal(.bytes(bytes), place)
        case .identifier("true"): return literal(.bool(true), place)
        case .identifier("false"): return literal(.bool(false), place)
        case .identifier("null"): return literal(.null, place)
        case .identifier(let name):
            index += 1
            guard !Self.reserved.contains(name), name != "in" else {
                throw CELIssue(message: "reserved identifier: \(name)", position: place)
            }
            return isSymbol("(") ? try functionCall(name, position) : .identifier(name, place)
        case .symbol("("):
            index += 1
            let inner = try expression()
            try expect(")")
            return inner
        case .symbol("["): return try list(place)
        case .symbol("{"): return try map(place)
        default: throw unexpected()
        }
    }

    private mutating func literal(_ value: CELValue, _ place: Int) -> CELExpression {
        index += 1
        return .literal(value, place)
    }

    private mutating func functionCall(_ name: String, _ place: Int) throws(CELIssue) -> CELExpression {
        let arguments = try arguments()
        guard name == "has" else { return .call(name, target: nil, arguments, place) }
        guard arguments.count == 1, case .select(let operand, let field, false, _) = arguments[0] else {
            throw CELIssue(message: "invalid argument to has() macro", position: arguments.first?.position ?? place)
        }
        return .test(operand, field: field, place)
    }

    private mutating func list(_ place: Int) throws(CELIssue) -> CELExpression {
        index += 1
        var elements: [CELExpression] = []
        while !isSymbol("]") {
            elements.append(try expression())
            if !take(",") { break }
        }
        try expect("]")
        return .list(elements, place)
    }

    private mutating func map(_ place: Int) throws(CELIssue) -> CELExpression {
        index += 1
        var entries: [(key: CELExpression, value: CELExpression)] = []
        while !isSymbol("}") {
            let key = try expression()
            try expect(":")
            entries.append((key, try expression()))
            if !take(",") { break }
        }
        try expect("}")
        return .map(entries, place)
    }
}
