/// A parsed expression. Positions are of the operator or the first character, counted in characters.
indirect enum CELExpression: Sendable {
    /// What a macro asks of the elements of a list or the entries of a map.
    enum Comprehension: String, Sendable {
        case all, exists
        case existsOne = "exists_one"
        case map, filter
        case transformList, transformMap, transformMapEntry
    }

    /// A loop over a list or a map. With two variables the first is the index or key, the second the element or value.
    struct Loop: Sendable {
        let kind: Comprehension
        let range: CELExpression
        let variables: [String]
        let predicate: CELExpression?
        /// There for those that make something.
        let transform: CELExpression?
    }

    /// A member of a map or message literal; an optional one is left out when its value is none.
    struct Entry: Sendable {
        let key: CELExpression
        let value: CELExpression
        let isOptional: Bool
    }

    case literal(CELValue, Int)
    case identifier(String, Int)
    case select(CELExpression, field: String, isOptional: Bool, Int)
    /// `has(operand.field)`
    case test(CELExpression, field: String, Int)
    case call(String, target: CELExpression?, [CELExpression], Int)
    case list([(value: CELExpression, isOptional: Bool)], Int)
    case map([Entry], Int)
    /// `Type{field: value}`
    case message(String, [Entry], Int)
    case loop(Loop, Int)
    /// `target.optMap(variable, transform)`; flat when the transform gives an optional value itself.
    case optionalMap(CELExpression, variable: String, transform: CELExpression, isFlat: Bool, Int)

    var position: Int {
        switch self {
        case .literal(_, let position), .identifier(_, let position), .select(_, _, _, let position), .test(_, _, let position),
            .call(_, _, _, let position), .list(_, let position), .map(_, let position), .message(_, _, let position),
            .loop(_, let position), .optionalMap(_, _, _, _, let position):
            position
        }
    }

    /// `a.b.c` for a chain of names; `nil` for anything else.
    var qualifiedName: String? {
        switch self {
        case .identifier(let name, _): name
        case .select(let operand, let field, false, _): operand.qualifiedName.map { "\($0).\(field)" }
        default: nil
        }
    }

    /// Whether a name that no macro binds is used.
    func mentions(_ name: String) -> Bool {
        switch self {
        case .literal: false
        case .identifier(let identifier, _): identifier == name
        case .select(let operand, _, _, _), .test(let operand, _, _): operand.mentions(name)
        case .call(_, let target, let arguments, _): target?.mentions(name) ?? false || arguments.contains { $0.mentions(name) }
        case .list(let elements, _): elements.contains { $0.value.mentions(name) }
        case .map(let entries, _): entries.contains { $0.key.mentions(name) || $0.value.mentions(name) }
        case .message(_, let entries, _): entries.contains { $0.value.mentions(name) }
        case .loop(let loop, _):
            loop.range.mentions(name)
                || !loop.variables.contains(name) && (loop.predicate?.mentions(name) ?? false || loop.transform?.mentions(name) ?? false)
        case .optionalMap(let target, let variable, let transform, _, _):
            target.mentions(name) || variable != name && transform.mentions(name)
        }
    }
}

/// What is wrong with an expression, and where.
struct CELIssue: Error, Sendable, Hashable {
    let message: String
    /// In characters from the start.
    let position: Int

    /// The issue with its line, as cel-go prints it.
    func text(in source: String) -> String {
        let before = source.unicodeScalars.prefix(position)
        let line = before.count { $0 == "\n" } + 1
        let column = before.count - (before.lastIndex(of: "\n").map { before.distance(from: before.startIndex, to: $0) + 1 } ?? 0)
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        let shown = lines.indices.contains(line - 1) ? String(lines[line - 1]).replacing("\t", with: " ") : ""
        return "ERROR: <input>:\(line):\(column + 1): \(message)\n | \(shown)\n | \(String(repeating: ".", count: column))^"
    }
}
