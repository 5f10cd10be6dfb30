/// A parsed expression. Positions are of the operator or the first character, counted in characters.
indirect enum CELExpression: Sendable {
    /// What a macro asks of the elements of a list or the keys of a map.
    enum Comprehension: String, Sendable {
        case all, exists
        case existsOne = "exists_one"
        case map, filter
    }

    case literal(CELValue, Int)
    case identifier(String, Int)
    case select(CELExpression, field: String, isOptional: Bool, Int)
    /// `has(operand.field)`
    case test(CELExpression, field: String, Int)
    case call(String, target: CELExpression?, [CELExpression], Int)
    case list([CELExpression], Int)
    case map([(key: CELExpression, value: CELExpression)], Int)
    /// `transform` is there for `map` only.
    case comprehension(
        Comprehension, range: CELExpression, variable: String, predicate: CELExpression?, transform: CELExpression?, Int)

    var position: Int {
        switch self {
        case .literal(_, let position), .identifier(_, let position), .select(_, _, _, let position), .test(_, _, let position),
            .call(_, _, _, let position), .list(_, let position), .map(_, let position), .comprehension(_, _, _, _, _, let position):
            position
        }
    }

    /// Whether a name that no macro binds is used.
    func mentions(_ name: String) -> Bool {
        switch self {
        case .literal: false
        case .identifier(let identifier, _): identifier == name
        case .select(let operand, _, _, _), .test(let operand, _, _): operand.mentions(name)
        case .call(_, let target, let arguments, _): target?.mentions(name) ?? false || arguments.contains { $0.mentions(name) }
        case .list(let elements, _): elements.contains { $0.mentions(name) }
        case .map(let entries, _): entries.contains { $0.key.mentions(name) || $0.value.mentions(name) }
        case .comprehension(_, let range, let variable, let predicate, let transform, _):
            range.mentions(name)
                || variable != name && (predicate?.mentions(name) ?? false || transform?.mentions(name) ?? false)
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
