/// Functions of strings: the standard ones and cel-go's string extensions. Places are counted in characters.
enum CELStrings {
    static func add(to functions: inout CELFunctions) {
        functions.method("contains", [.string, .string], .bool, cost: .product) { (values) throws(CELError) in
            .bool(try find(values[1].string(), in: values[0].string()) != nil)
        }
        functions.method("startsWith", [.string, .string], .bool, cost: .traversal(1)) { (values) throws(CELError) in
            .bool(try values[0].string().utf8.starts(with: try values[1].string().utf8))
        }
        functions.method("endsWith", [.string, .string], .bool, cost: .traversal(1)) { (values) throws(CELError) in
            .bool(try values[0].string().utf8.reversed().starts(with: try values[1].string().utf8.reversed()))
        }
        functions.method("matches", [.string, .string], .bool, cost: .pattern, matches)
        functions.function("matches", [.string, .string], .bool, cost: .pattern, matches)
        functions.function(patchEscape, [.string], .string, cost: .traversal(0)) { (values) throws(CELError) in
            .string(try values[0].string().replacing("~", with: "~0").replacing("/", with: "~1"))
        }
        finding(&functions)
        places(&functions)
        changes(&functions)
        functions.method("format", [.string, .list(.dyn)], .string, cost: .traversal(0)) { (values) throws(CELError) in
            .string(try CELFormat.text(try values[0].string(), try values[1].elements()))
        }
    }

    /// What only expressions that make JSON patches can call (`k8s.io/apiserver/pkg/cel/library/jsonpatch.go`).
    static let patchEscape = "jsonpatch.escapeKey"

    /// `k8s.io/apiserver/pkg/cel/library/regex.go`
    private static func finding(_ functions: inout CELFunctions) {
        @Sendable func found(_ text: CELValue, _ pattern: CELValue, _ limit: Int) throws(CELError) -> [CELValue] {
            let pattern = try pattern.string()
            guard let expression = try? RegularExpression(pattern) else { throw .message("Illegal regex: `\(pattern)`") }
            return expression.allMatches(in: try text.string(), limit: limit).map(CELValue.string)
        }
        functions.method("find", [.string, .string], .string, cost: .pattern) { (values) throws(CELError) in
            try found(values[0], values[1], 1).first ?? .string("")
        }
        functions.method("findAll", [.string, .string], .list(.string), cost: .pattern) { (values) throws(CELError) in
            .list(try found(values[0], values[1], .max), .atomic)
        }
        functions.method("findAll", [.string, .string, .int], .list(.string), cost: .pattern) { (values) throws(CELError) in
            let limit = try values[2].int()
            return .list(try found(values[0], values[1], limit < 0 ? .max : Int(clamping: limit)), .atomic)
        }
    }

    @Sendable private static func matches(_ values: [CELValue]) throws(CELError) -> CELValue {
        let pattern = try values[1].string()
        guard let expression = try? RegularExpression(pattern) else { throw .message("error parsing regexp: `\(pattern)`") }
        return .bool(expression.matches(try values[0].string()))
    }

    private static func scalars(_ value: CELValue) throws(CELError) -> [Unicode.Scalar] { Array(try value.string().unicodeScalars) }

    private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> CELValue {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return .string(String(view))
    }

    /// Where a text begins in another, from a place on.
    private static func find(_ needle: String, in text: String) -> Int? {
        place(of: Array(needle.unicodeScalars), in: Array(text.unicodeScalars), from: 0)
    }

    private static func place(of needle: [Unicode.Scalar], in text: [Unicode.Scalar], from start: Int) -> Int? {
        guard needle.count <= text.count else { return nil }
        return (start...max(start, text.count - needle.count)).first {
            $0 + needle.count <= text.count && text[$0..<$0 + needle.count].elementsEqual(needle)
        }
    }

    private static func index(_ value: CELValue, upTo limit: Int) throws(CELError) -> Int {
        let wanted = try value.int()
        guard let index = Int(exactly: wanted), (0...limit).contains(index) else { throw .message("index out of range: \(wanted)") }
        return index
    }

    private static func places(_ functions: inout CELFunctions) {
        functions.method("charAt", [.string, .int], .string) { (values) throws(CELError) in
            let text = try scalars(values[0])
            let place = try index(values[1], upTo: text.count)
            return place == text.count ? .string("") : Self.text([text[place]])
        }
        functions.method("indexOf", [.string, .string], .int, cost: .product) { (values) throws(CELError) in
            .int(Int64(place(of: try scalars(values[1]), in: try scalars(values[0]), from: 0) ?? -1))
        }
        functions.method("indexOf", [.string, .string, .int], .int, cost: .product) { (values) throws(CELError) in
            let text = try scalars(values[0])
            return .int(Int64(place(of: try scalars(values[1]), in: text, from: try index(values[2], upTo: text.count)) ?? -1))
        }
        functions.method("lastIndexOf", [.string, .string], .int, cost: .product) { (values) throws(CELError) in
            let text = try scalars(values[0])
            let needle = try scalars(values[1])
            guard needle.count <= text.count else { return .int(-1) }
            let found = (0...text.count - needle.count).last { text[$0..<$0 + needle.count].elementsEqual(needle) }
            return .int(Int64(found ?? -1))
        }
        functions.method("substring", [.string, .int], .string, cost: .traversal(0)) { (values) throws(CELError) in
            let text = try scalars(values[0])
            return Self.text(text[(try index(values[1], upTo: text.count))...])
        }
        functions.method("substring", [.string, .int, .int], .string, cost: .traversal(0)) { (values) throws(CELError) in
            let text = try scalars(values[0])
            let start = try index(values[1], upTo: text.count)
            let end = try index(values[2], upTo: text.count)
            guard start <= end else { throw .message("invalid substring range. start: \(start), end: \(end)") }
            return Self.text(text[start..<end])
        }
    }

    private static func changes(_ functions: inout CELFunctions) {
        functions.method("lowerAscii", [.string], .string, cost: .traversal(0)) { (values) throws(CELError) in
            text(try scalars(values[0]).map { ("A"..."Z").contains($0) ? Unicode.Scalar(UInt8($0.value) + 32) : $0 })
        }
        functions.method("upperAscii", [.string], .string, cost: .traversal(0)) { (values) throws(CELError) in
            text(try scalars(values[0]).map { ("a"..."z").contains($0) ? Unicode.Scalar(UInt8($0.value) - 32) : $0 })
        }
        functions.method("trim", [.string], .string, cost: .traversal(0)) { (values) throws(CELError) in
            .string(GoText.trimmed(try values[0].string()))
        }
        functions.method("replace", [.string, .string, .string], .string, cost: .traversal(0)) { (values) throws(CELError) in
            .string(try values[0].string().replacing(try values[1].string(), with: try values[2].string()))
        }
        functions.method("replace", [.string, .string, .string, .int], .string, cost: .traversal(0)) { (values) throws(CELError) in
            let limit = try values[3].int()
            let most = limit < 0 ? Int.max : Int(clamping: limit)
            return .string(
                try values[0].string().replacing(try values[1].string(), with: try values[2].string(), maxReplacements: most))
        }
        functions.method("split", [.string, .string], .list(.string), cost: .traversal(0)) { (values) throws(CELError) in
            .list(pieces(try values[0].string(), try values[1].string(), .max), .atomic)
        }
        functions.method("split", [.string, .string, .int], .list(.string), cost: .traversal(0)) { (values) throws(CELError) in
            let limit = try values[2].int()
            if limit == 0 { return .list([], .atomic) }
            return .list(pieces(try values[0].string(), try values[1].string(), limit < 0 ? .max : Int(clamping: limit)), .atomic)
        }
        functions.method("join", [.list(.string)], .string, cost: .traversal(0)) { (values) throws(CELError) in
            .string(try joined(values[0], ""))
        }
        functions.method("join", [.list(.string), .string], .string, cost: .traversal(0)) { (values) throws(CELError) in
            .string(try joined(values[0], try values[1].string()))
        }
    }

    /// At most so many pieces; the last one keeps the rest.
    private static func pieces(_ text: String, _ separator: String, _ limit: Int) -> [CELValue] {
        if separator.isEmpty {
            let scalars = text.unicodeScalars.map { CELValue.string(String(Character($0))) }
            guard scalars.count > limit else { return scalars }
            return Array(scalars.prefix(limit - 1)) + [.string(String(String.UnicodeScalarView(text.unicodeScalars.dropFirst(limit - 1))))]
        }
        var pieces: [CELValue] = []
        var rest = text[...]
        while pieces.count < limit - 1, let range = rest.firstRange(of: separator) {
            pieces.append(.string(String(rest[..<range.lowerBound])))
            rest = rest[range.upperBound...]
        }
        return pieces + [.string(String(rest))]
    }

    private static func joined(_ list: CELValue, _ separator: String) throws(CELError) -> String {
        var texts: [String] = []
        for element in try list.elements() { texts.append(try element.string()) }
        return texts.joined(separator: separator)
    }
}
