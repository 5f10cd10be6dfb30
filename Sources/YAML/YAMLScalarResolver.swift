import JSON

/// What a scalar means: go-yaml v2's rules of YAML 1.1, carried over to JSON as sigs.k8s.io/yaml does.
enum YAMLScalarResolver {
    private static let tagPrefix = "tag:yaml.org,2002:"
    private static let words: [String: JSON] = {
        var table: [String: JSON] = ["": .null, "~": .null, "null": .null, "Null": .null, "NULL": .null]
        for word in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"] { table[word] = .bool(true) }
        for word in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"] { table[word] = .bool(false) }
        return table
    }()
    private static let notFinite: Set<String> = [
        ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
    ]

    static func resolve(_ scalar: YAMLScalar, line: Int) throws(YAMLError) -> JSON {
        guard let tag = scalar.tag else { return scalar.isPlain ? try plain(scalar.text, line: line) : .string(scalar.text) }
        // Tags outside YAML's own are ignored, and the scalar is its text.
        guard tag.hasPrefix(tagPrefix) else { return .string(scalar.text) }
        let name = String(tag.dropFirst(tagPrefix.count))
        let refusal = YAMLError(.unsupportedTag("!!" + name, text: scalar.text), line: line)
        switch name {
        case "str", "timestamp": return .string(scalar.text)
        case "bool", "int", "null", "float":
            let value = try plain(scalar.text, line: line)
            switch (name, value) {
            case ("bool", .bool), ("null", .null), ("int", .integer), ("float", .integer), ("float", .number): return value
            case ("int", .number(let text)) where UInt64(text) != nil: return value
            default: throw refusal
            }
        case "binary": throw refusal
        default: return .string(scalar.text)
        }
    }

    /// The name that a key's value has in JSON.
    static func key(_ value: JSON, line: Int) throws(YAMLError) -> String {
        switch value {
        case .string(let text): return text
        case .bool(let flag): return flag ? "true" : "false"
        case .integer(let number): return String(number)
        case .number(let text):
            guard UInt64(text) == nil, let number = Float(text) else { throw YAMLError(.unsupportedKey("uint64"), line: line) }
            return number.isFinite ? GoNumber.shortestText(number) : (number < 0 ? "-.inf" : ".inf")
        case .null: throw YAMLError(.unsupportedKey("null"), line: line)
        case .array: throw YAMLError(.unsupportedKey("sequence"), line: line)
        case .object: throw YAMLError(.unsupportedKey("mapping"), line: line)
        }
    }

    /// Whether a scalar without quotes would be read as exactly this text by YAML 1.1 readers of either kind.
    static func isText(_ text: String) -> Bool {
        guard let value = try? plain(text, line: 0), case .string = value else { return false }
        return text != "<<" && text != "=" && !isSexagesimal(text) && !isDateLike(text)
    }

    private static func plain(_ text: String, line: Int) throws(YAMLError) -> JSON {
        if let word = words[text] { return word }
        guard let first = text.utf8.first else { return .null }
        switch first {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"):
            if notFinite.contains(text) { throw YAMLError(.notFinite(text), line: line) }
            let digits = text.utf8.contains(UInt8(ascii: "_")) ? String(text.filter { $0 != "_" }) : text
            return integer(digits) ?? float(digits) ?? .string(text)
        case UInt8(ascii: "."):
            if notFinite.contains(text) { throw YAMLError(.notFinite(text), line: line) }
            return float(text) ?? .string(text)
        default: return .string(text)
        }
    }

    /// Go's `strconv.ParseInt` with base 0: `0x`, `0o`, `0b`, and a leading zero for octal.
    private static func integer(_ text: String) -> JSON? {
        var body = Substring(text)
        let isNegative = body.first == "-"
        let isSigned = isNegative || body.first == "+"
        if isSigned { body = body.dropFirst() }
        var radix = 10
        if body.utf8.count > 1, body.first == "0" {
            switch body.dropFirst().first {
            case "x", "X": radix = 16
            case "o", "O": radix = 8
            case "b", "B": radix = 2
            default: radix = 0
            }
            body = body.dropFirst(radix == 0 ? 1 : 2)
            if radix == 0 { radix = 8 }
        }
        guard body.first != "+", body.first != "-", let magnitude = UInt64(body, radix: radix) else { return nil }
        if isNegative {
            return magnitude <= Int64.min.magnitude ? .integer(Int64(truncatingIfNeeded: 0 &- magnitude)) : nil
        }
        if let value = Int64(exactly: magnitude) { return .integer(value) }
        return isSigned ? nil : .number(String(magnitude))
    }

    /// A decimal with digits on at least one side of the point; out of range it is no number.
    private static func float(_ text: String) -> JSON? {
        var rest = Substring(text).utf8
        func digits() -> Int {
            let run = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            rest = rest.dropFirst(run.count)
            return run.count
        }
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let whole = digits()
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard digits() > 0 || whole > 0 else { return nil }
        } else if whole == 0 {
            return nil
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard digits() > 0 else { return nil }
        }
        guard rest.isEmpty, let value = Double(text), value.isFinite else { return nil }
        return JSON(value)
    }

    /// YAML 1.1's base 60 (`12:30:45`), which go-yaml does not read but others do.
    private static func isSexagesimal(_ text: String) -> Bool {
        guard text.utf8.contains(UInt8(ascii: ":")), let first = text.utf8.first else { return false }
        guard first < UInt8(ascii: ":") else { return false }
        return text.utf8.allSatisfy { ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: ":")) || "+-._".utf8.contains($0) }
    }

    /// Begins like a date (`2026-01-02`), which other readers turn into one.
    private static func isDateLike(_ text: String) -> Bool {
        let head = Array(text.utf8.prefix(5))
        return head.count == 5 && head[4] == UInt8(ascii: "-")
            && head[..<4].allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}
