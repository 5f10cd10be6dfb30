import JSON

/// `'%s has %d'.format([…])` (cel-go's `ext/formatting.go`).
enum CELFormat {
    static func text(_ template: String, _ arguments: [CELValue]) throws(CELError) -> String {
        var result = ""
        var rest = template[...]
        var next = 0
        while let percent = rest.firstIndex(of: "%") {
            result += rest[..<percent]
            rest = rest[rest.index(after: percent)...]
            if rest.first == "%" {
                result += "%"
                rest = rest.dropFirst()
                continue
            }
            var precision = 6
            if rest.first == "." {
                let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
                guard let wanted = Int(digits), wanted <= 1000 else {
                    throw .message("could not parse formatting clause: invalid precision")
                }
                precision = wanted
                rest = rest.dropFirst(1 + digits.count)
            }
            guard let verb = rest.popFirst() else { throw .message("could not parse formatting clause: unexpected end of format string") }
            guard arguments.indices.contains(next) else { throw .message("index \(next) out of range") }
            result += try formatted(arguments[next], verb, precision)
            next += 1
        }
        return result + rest
    }

    private static func formatted(_ value: CELValue, _ verb: Character, _ precision: Int) throws(CELError) -> String {
        switch (verb, value) {
        case ("s", _): return shown(value)
        case ("d", .int(let number)): return String(number)
        case ("d", .uint(let number)): return String(number)
        case ("f", .double(let number)): return fixed(number, precision)
        case ("b", .int(let number)): return String(number, radix: 2)
        case ("b", .uint(let number)): return String(number, radix: 2)
        case ("b", .bool(let flag)): return flag ? "1" : "0"
        case ("o", .int(let number)): return String(number, radix: 8)
        case ("x", .int(let number)): return String(number, radix: 16)
        case ("X", .int(let number)): return String(number, radix: 16, uppercase: true)
        case ("x", .uint(let number)): return String(number, radix: 16)
        case ("X", .uint(let number)): return String(number, radix: 16, uppercase: true)
        default: throw .message("error during formatting: \(value.typeName) cannot be formatted with %\(verb)")
        }
    }

    private static func fixed(_ value: Double, _ precision: Int) -> String {
        guard value.isFinite, value.magnitude < 1e15, precision <= 3 else {
            return (value.isFinite ? GoNumber.generalText(value) : value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
        }
        var scale = 1.0
        for _ in 0..<precision { scale *= 10 }
        let whole = String(Int64((value.magnitude * scale).rounded(.toNearestOrEven)))
        let padded = String(repeating: "0", count: max(0, precision + 1 - whole.count)) + whole
        let text = precision == 0 ? padded : "\(padded.dropLast(precision)).\(padded.suffix(precision))"
        return value < 0 ? "-\(text)" : text
    }

    /// A value as `%s` shows it.
    static func text(of value: CELValue) -> String { shown(value) }

    private static func shown(_ value: CELValue) -> String {
        switch value {
        case .null: return "null"
        case .list(let elements, _): return "[\(elements.map(shown).joined(separator: ", "))]"
        case .map(let entries):
            let pairs = entries.map { "\(shown($0.key.value)): \(shown($0.value))" }.sorted()
            return "{\(pairs.joined(separator: ", "))}"
        case .object(let fields, _):
            return "{\(fields.map { "\($0.key): \(shown($0.value))" }.sorted().joined(separator: ", "))}"
        case .optional(let inner): return inner.map { "optional(\(shown($0)))" } ?? "optional.none()"
        case .type(let name): return name
        default:
            if case .string(let text)? = try? CELConversions.string([value]) { return text }
            return value.typeName
        }
    }
}
