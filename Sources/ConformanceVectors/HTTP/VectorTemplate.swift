import JSON

/// Fills variables into what vectors send: `{name}` a variable, `{x*N}` a character repeated.
struct VectorTemplate {
    /// The variables' values.
    var variables: [String: String]

    /// The longest repetition that is made.
    private static let maximumRepetition = 8 << 20

    func fill(_ value: JSON) -> JSON {
        switch value {
        case .string(let text): .string(fill(text))
        case .array(let elements): .array(elements.map(fill))
        case .object(let object): .object(JSONObject(object.members.map { (fill($0.key), fill($0.value)) }))
        default: value
        }
    }

    func fill(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
        var result = ""
        var rest = text[...]
        while let open = rest.utf8.firstIndex(of: UInt8(ascii: "{")) {
            result += rest[..<open]
            let after = rest.utf8.index(after: open)
            guard let close = rest[after...].utf8.firstIndex(of: UInt8(ascii: "}")), let value = value(of: rest[after..<close]) else {
                result += "{"
                rest = rest[after...]
                continue
            }
            result += value
            rest = rest[rest.utf8.index(after: close)...]
        }
        return result + rest
    }

    private func value(of name: Substring) -> String? {
        if let value = variables[String(name)] { return value }
        let parts = name.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 1, let count = Int(parts[1]), 0...Self.maximumRepetition ~= count else { return nil }
        return String(repeating: String(parts[0]), count: count)
    }

    /// A saved value as it is filled in.
    static func text(of value: JSON) -> String { value.string ?? value.text }
}

/// Pointers as the vectors write them: like RFC 6901, but `/` also means the whole, and `*` every child where something is removed.
enum VectorPointer {
    static func tokens(_ pointer: String) -> [String] {
        var trimmed = pointer[...]
        while trimmed.first == "/" { trimmed = trimmed.dropFirst() }
        return trimmed.split(separator: "/", omittingEmptySubsequences: false).map {
            String($0).replacing("~1", with: "/").replacing("~0", with: "~")
        }
    }

    static func value(_ document: JSON?, _ pointer: String) -> JSON? {
        guard let document else { return nil }
        if pointer.isEmpty || pointer == "/" { return document }
        return tokens(pointer).reduce(Optional(document)) { value, token in
            switch value {
            case .object(let object)?: object[token]
            case .array(let elements)?: Int(token).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            default: nil
            }
        }
    }

    static func remove(_ pointer: String, from document: inout JSON) { remove(tokens(pointer)[...], from: &document) }

    private static func remove(_ tokens: ArraySlice<String>, from value: inout JSON) {
        guard let token = tokens.first else { return }
        switch value {
        case .object(let object):
            for key in object.keys where token == "*" || key == token {
                if tokens.count == 1 {
                    value[key] = nil
                } else if var child = value[key] {
                    remove(tokens.dropFirst(), from: &child)
                    value[key] = child
                }
            }
        case .array(let elements):
            for index in elements.indices where (token == "*" || String(index) == token) && tokens.count > 1 {
                var child = elements[index]
                remove(tokens.dropFirst(), from: &child)
                value[index] = child
            }
        default: break
        }
    }
}
