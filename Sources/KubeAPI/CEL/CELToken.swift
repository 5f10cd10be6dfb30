/// A word of an expression, with its place.
struct CELToken: Sendable {
    /// What tokens are, in the order of CEL's grammar, which is the order in which refusals list them.
    enum Kind: Int, Sendable, Hashable, Comparable {
        case equals, notEquals, within, less, lessOrEqual, greaterOrEqual, greater, and, or
        case openBracket, closeBracket, openBrace, closeBrace, openParenthesis, closeParenthesis
        case dot, comma, minus, exclamation, question, colon, plus, star, slash, percent
        case isTrue, isFalse, null, double, int, uint, string, bytes, identifier, escapedIdentifier
        case end

        static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }

        /// Operators and punctuation, the longer ones first.
        static let symbols: [(text: String, kind: Kind)] = [
            ("&&", .and), ("||", .or), ("==", .equals), ("!=", .notEquals), ("<=", .lessOrEqual), (">=", .greaterOrEqual), ("<", .less),
            (">", .greater), ("[", .openBracket), ("]", .closeBracket), ("{", .openBrace), ("}", .closeBrace), ("(", .openParenthesis),
            (")", .closeParenthesis), (".", .dot), (",", .comma), ("-", .minus), ("!", .exclamation), ("?", .question), (":", .colon),
            ("+", .plus), ("*", .star), ("/", .slash), ("%", .percent),
        ]

        static let words: [String: Kind] = ["in": .within, "true": .isTrue, "false": .isFalse, "null": .null]

        /// The name in lists of what was expected.
        var name: String {
            switch self {
            case .double: return "NUM_FLOAT"
            case .int: return "NUM_INT"
            case .uint: return "NUM_UINT"
            case .string: return "STRING"
            case .bytes: return "BYTES"
            case .identifier: return "IDENTIFIER"
            case .escapedIdentifier: return "ESC_IDENTIFIER"
            case .end: return "<EOF>"
            default:
                let text = Self.symbols.first { $0.kind == self }?.text ?? Self.words.first { $0.value == self }?.key ?? ""
                return "'\(text)'"
            }
        }
    }

    let kind: Kind
    /// The value of a literal.
    var value: CELValue?
    /// An identifier's name.
    var name = ""
    /// Where it begins and ends, in characters.
    let position: Int
    let end: Int
}

/// What is wrong with an expression altogether.
struct CELIssues: Error, Sendable {
    private static let limit = 100

    private(set) var issues: [CELIssue] = []

    init(_ issues: [CELIssue] = []) { self.issues = issues }

    var isEmpty: Bool { issues.isEmpty }

    mutating func note(_ message: String, _ position: Int) {
        guard issues.count < Self.limit else { return }
        issues.append(CELIssue(message: message, position: position))
    }

    /// The issues from left to right, as cel-go prints them.
    func text(in source: String) -> String {
        issues.sorted { $0.position < $1.position }.map { $0.text(in: source) }.joined(separator: "\n")
    }
}
