import JSON

extension XMLWriter {
    /// The elements of an object; lists hold elements called `item`. Members that begin with `_` are never written.
    mutating func elements(_ json: JSON, item: String) {
        for member in json.object?.members ?? [] where !member.key.hasPrefix("_") { element(member.key, member.value, item: item) }
    }

    private mutating func element(_ name: String, _ value: JSON, item: String) {
        switch value {
        case .string(let text): element(name, text)
        case .integer(let number): element(name, String(number))
        case .number(let text): element(name, text)
        case .bool(let flag): element(name, flag ? "true" : "false")
        case .array(let items):
            element(name) { xml in
                for entry in items { xml.element(item, entry, item: item) }
            }
        case .object: element(name) { $0.elements(value, item: item) }
        case .null: return
        }
    }
}
