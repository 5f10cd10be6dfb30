public import JSON

/// The JSON paths of printer columns (`k8s.io/client-go/util/jsonpath`, without templates): `.spec.size`, `.a['b.c']`, `.list[0:2].x`,
/// `.status.conditions[?(@.type=="Ready")].status`, `..name`.
public struct ColumnPath: Sendable {
    private indirect enum Step: Sendable {
        case field(String)
        case fields([String])
        case wildcard
        case recursive
        case items(start: Int?, end: Int?, step: Int)
        case filter(left: Operand, comparison: String, right: Operand)
    }
    private enum Operand: Sendable {
        case path([Step])
        case literal(JSON)
        case absent
    }

    /// Matches of one path are never more than this, however often `..` and `*` are repeated.
    private static let limit = 10_000
    private let steps: [Step]

    /// Reads a path; `nil` when it breaks the grammar.
    public init?(parsing text: String) {
        guard text.utf8.count <= 4096, let steps = Self.steps(text[...]) else { return nil }
        self.steps = steps
    }

    /// What the path finds, in order; nothing where members are missing. `nil` when it does not fit the object.
    public func values(in object: JSON) -> [JSON]? { Self.values(steps, [object]) }

    // MARK: Reading

    private static func steps(_ text: Substring) -> [Step]? {
        var rest = text
        var steps: [Step] = []
        while let first = rest.first {
            switch first {
            case "$", "@": rest = rest.dropFirst()
            case ".":
                rest = rest.dropFirst()
                if rest.first == "." { steps.append(.recursive) } else if rest.first == "[" || rest.isEmpty { continue }
                if rest.first == "." { rest = rest.dropFirst() }
                if rest.first == "[" { continue }
                steps.append(rest.first == "*" ? .wildcard : .field(name(&rest)))
                if rest.first == "*" { rest = rest.dropFirst() }
            case "[":
                guard let end = closing(rest), let step = bracket(rest[rest.index(after: rest.startIndex)..<end]) else { return nil }
                steps.append(step)
                rest = rest[rest.index(after: end)...]
            default:
                guard !isTerminator(first) else { return nil }
                steps.append(.field(name(&rest)))
            }
        }
        return steps
    }

    private static func isTerminator(_ character: Character) -> Bool { " .,[]$@{}".contains(character) }

    private static func name(_ rest: inout Substring) -> String {
        var name = ""
        while let next = rest.first, !isTerminator(next) {
            rest = rest.dropFirst()
            if next == "\\", let escaped = rest.popFirst() { name.append(escaped) } else { name.append(next) }
        }
        return name
    }

    /// The bracket that closes the one at the start, quotes respected.
    private static func closing(_ text: Substring) -> Substring.Index? {
        var depth = 0
        var quote: Character?
        for index in text.indices {
            let character = text[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "[" {
                depth += 1
            } else if character == "]" {
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return nil
    }

    private static func bracket(_ text: Substring) -> Step? {
        if text == "*" { return .wildcard }
        if text.hasPrefix("?("), text.hasSuffix(")") { return filter(text.dropFirst(2).dropLast()) }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
        if let names = unquotedAll(parts) { return .fields(names) }
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false)
        guard numbers.count <= 3, numbers.allSatisfy({ $0.isEmpty || Int($0) != nil }), !text.isEmpty else { return nil }
        guard numbers.count > 1 else { return Int(numbers[0]).map { .items(start: $0, end: $0 == -1 ? nil : $0 &+ 1, step: 1) } }
        let step = numbers.count == 3 ? Int(numbers[2]) ?? 1 : 1
        guard step > 0 else { return nil }
        return .items(start: Int(numbers[0]), end: Int(numbers[1]), step: step)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return text
    }

    private static func unquoted(_ text: Substring) -> String? {
        guard text.count >= 2, let first = text.first, first == "'" || first == "\"", text.last == first else { return nil }
        return String(text.dropFirst().dropLast())
    }

    private static func unquotedAll(_ parts: [Substring]) -> [String]? {
        let names = parts.compactMap(unquoted)
        return names.count == parts.count ? names : nil
    }

    private static func filter(_ text: Substring) -> Step? {
        var quote: Character?
        var index = text.startIndex
        while index < text.endIndex {
            let character = text[index]
            if let open = quote { if character == open { quote = nil } } else if "'\"".contains(character) { quote = character }
            if quote == nil, let comparison = ["==", "!=", "<=", ">=", "<", ">"].first(where: { text[index...].hasPrefix($0) }) {
                let right = text[text.index(index, offsetBy: comparison.count)...]
                guard let left = operand(text[..<index]), let other = operand(right) else { return nil }
                return .filter(left: left, comparison: comparison, right: other)
            }
            index = text.index(after: index)
        }
        return operand(text).map { .filter(left: $0, comparison: "exists", right: .absent) }
    }

    private static func operand(_ text: Substring) -> Operand? {
        let text = trimmed(text)
        if let string = unquoted(text) { return .literal(.string(string)) }
        if text.first == "@" || text.first == "$" || text.first == "." {
            return steps(text.drop { $0 == "@" || $0 == "$" }).map(Operand.path)
        }
        return (try? JSON(parsing: String(text))).map(Operand.literal)
    }

    // MARK: Finding

    private static func values(_ steps: [Step], _ start: [JSON]) -> [JSON]? {
        var current = start
        for step in steps {
            var next: [JSON] = []
            for value in current {
                guard let found = apply(step, to: value) else { return nil }
                next += found
                guard next.count <= limit else { return nil }
            }
            current = next
        }
        return current
    }

    private static func apply(_ step: Step, to value: JSON) -> [JSON]? {
        switch step {
        case .field(let name): return value[name].map { [$0] } ?? []
        case .fields(let names): return names.compactMap { value[$0] }
        case .wildcard: return value.array ?? value.object?.members.map(\.value) ?? []
        case .recursive: return descendants(value)
        case .items(let start, let end, let step):
            if value.isNull { return [] }
            guard let items = value.array else { return nil }
            func place(_ index: Int) -> Int { index < 0 ? items.count &+ index : index }
            let from = place(start ?? 0)
            let to = min(place(end ?? items.count), items.count)
            guard from >= 0, from < to else { return from < items.count || items.isEmpty ? [] : nil }
            return stride(from: from, to: to, by: step).map { items[$0] }
        case .filter(let left, let comparison, let right):
            if value.isNull { return [] }
            guard let items = value.array else { return nil }
            return items.filter { holds(left, comparison, right, $0) }
        }
    }

    private static func descendants(_ value: JSON) -> [JSON] {
        let children = value.array ?? value.object?.members.map(\.value) ?? []
        return [value] + children.flatMap(descendants)
    }

    private static func holds(_ left: Operand, _ comparison: String, _ right: Operand, _ item: JSON) -> Bool {
        func value(_ operand: Operand) -> JSON? {
            switch operand {
            case .literal(let literal): literal
            case .path(let steps): values(steps, [item])?.first
            case .absent: nil
            }
        }
        guard let first = value(left) else { return false }
        if comparison == "exists" { return true }
        guard let second = value(right) else { return false }
        if let a = first.double, let b = second.double { return compared(a, comparison, b) }
        if let a = first.string, let b = second.string { return compared(a, comparison, b) }
        return comparison == "==" ? first == second : comparison == "!=" && first != second
    }

    private static func compared<Value: Comparable>(_ left: Value, _ comparison: String, _ right: Value) -> Bool {
        switch comparison {
        case "==": left == right
        case "!=": left != right
        case "<": left < right
        case "<=": left <= right
        case ">": left > right
        default: left >= right
        }
    }
}
