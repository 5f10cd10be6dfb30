import JSON

/// Writes JSON values as YAML in block style, the way kubectl and the AWS CLI lay out a kubeconfig: two spaces a level, list items at the
/// column of their key.
public enum YAMLEncoder {
    /// The text of one document, with a final line feed. Members keep their order. What is written reads back as the same value in
    /// YAML 1.1 and 1.2, except that numbers lose digits beyond a `Double`.
    public static func encode(_ value: JSON) -> String {
        var writer = Writer()
        switch value {
        case .object(let object) where !object.isEmpty: writer.mapping(object, column: 0)
        case .array(let elements) where !elements.isEmpty: writer.sequence(elements, column: 0)
        default:
            writer.scalar(value, column: 0)
            writer.text += "\n"
        }
        return writer.text
    }

    private struct Writer {
        var text = ""

        private mutating func indent(_ column: Int) { text += String(repeating: " ", count: column) }

        /// Writes members; the first one starts where the text ends now.
        mutating func mapping(_ object: JSONObject, column: Int, inline: Bool = false) {
            for (index, member) in object.members.enumerated() {
                if index > 0 || !inline { indent(column) }
                let key = Quoting.key(member.key)
                // A reader looks for the colon of a simple key only so far.
                if key.utf8.count > 1000 {
                    text += "? " + key + "\n"
                    indent(column)
                } else {
                    text += key
                }
                text += ":"
                switch member.value {
                case .object(let inner) where !inner.isEmpty:
                    text += "\n"
                    mapping(inner, column: column + 2)
                case .array(let elements) where !elements.isEmpty:
                    text += "\n"
                    sequence(elements, column: column)
                default:
                    text += " "
                    scalar(member.value, column: column)
                    text += "\n"
                }
            }
        }

        mutating func sequence(_ elements: [JSON], column: Int, inline: Bool = false) {
            for (index, element) in elements.enumerated() {
                if index > 0 || !inline { indent(column) }
                text += "- "
                switch element {
                case .object(let inner) where !inner.isEmpty: mapping(inner, column: column + 2, inline: true)
                case .array(let inner) where !inner.isEmpty: sequence(inner, column: column + 2, inline: true)
                default:
                    scalar(element, column: column)
                    text += "\n"
                }
            }
        }

        mutating func scalar(_ value: JSON, column: Int) {
            switch value {
            case .string(let string):
                if let block = Quoting.block(string, column: column + 2) { text += block } else { text += Quoting.inline(string) }
            case .object: text += "{}"
            case .array: text += "[]"
            default: text += value.text
            }
        }
    }
}

/// Chooses how a string is written.
private enum Quoting {
    static func key(_ text: String) -> String { inline(text) }

    /// Plain where that is safe, single quotes where only the syntax is in the way, else double quotes.
    static func inline(_ text: String) -> String {
        guard text.unicodeScalars.allSatisfy(isPrintable), !text.isEmpty, YAMLScalarResolver.isText(text) else { return double(text) }
        return isPlainSafe(text) ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    /// A literal block for texts of several lines, `nil` when the text has none or cannot be written so.
    static func block(_ text: String, column: Int) -> String? {
        guard text.utf8.contains(0x0A), text.unicodeScalars.allSatisfy({ $0 == "\n" || isPrintable($0) }) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // The first line sets the indentation, so it must have text and no space before it; trailing blank lines need care: quote those.
        guard let first = lines.first?.first, first != " ", !text.hasSuffix("\n\n") else { return nil }
        let ends = text.hasSuffix("\n")
        let body = (ends ? lines.dropLast() : lines[...])
            .map { $0.isEmpty ? "" : String(repeating: " ", count: column) + $0 }
        guard !body.contains(where: { $0.allSatisfy { $0 == " " } && !$0.isEmpty }) else { return nil }
        return (ends ? "|\n" : "|-\n") + body.joined(separator: "\n")
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    private static func isPlainSafe(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, first != 0x20, last != 0x20, last != UInt8(ascii: ":") else { return false }
        if "-?:".utf8.contains(first), bytes.count == 1 || bytes[1] == 0x20 { return false }
        if ",[]{}#&*!|>'\"%@`".utf8.contains(first) || text.hasPrefix("---") || text.hasPrefix("...") { return false }
        for (byte, next) in zip(bytes, bytes.dropFirst()) {
            if byte == UInt8(ascii: ":") && next == 0x20 || byte == 0x20 && next == UInt8(ascii: "#") { return false }
        }
        return true
    }

    private static func double(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where isPrintable(scalar): result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                let width = digits.utf8.count <= 2 ? 2 : 4
                result += (width == 2 ? "\\x" : "\\u") + String(repeating: "0", count: width - digits.utf8.count) + digits
            }
        }
        return result + "\""
    }
}
