/// Texts as Go's `%q` prints them, in names as they occur in users and roles.
enum GoQuoting {
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{00}"..<"\u{20}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// `["a" "b"]`
    static func quoted(_ texts: [String]) -> String { "[\(texts.map(quoted).joined(separator: " "))]" }
}

/// Errors taken together as Kubernetes prints them (`utilerrors.NewAggregate`): equal ones once, several in brackets.
enum AggregateError {
    static func text(_ errors: [String]) -> String {
        var seen: [String] = []
        for error in errors where !seen.contains(error) { seen.append(error) }
        return seen.count == 1 ? seen[0] : "[\(seen.joined(separator: ", "))]"
    }
}
