import JSON

/// Builds the XML answers of query services.
struct XMLWriter {
    private(set) var text = ""

    /// An element with text.
    mutating func element(_ name: String, _ value: String) { text += "<\(name)>\(Self.escape(value))</\(name)>" }

    /// An element with text, left out when there is none.
    mutating func element(_ name: String, _ value: String?) {
        if let value { element(name, value) }
    }

    /// An element with others inside.
    mutating func element(_ name: String, _ body: (inout XMLWriter) -> Void) {
        text += "<\(name)>"
        body(&self)
        text += "</\(name)>"
    }

    /// Text between the tags of the element that is being written.
    mutating func text(_ value: String) { text += Self.escape(value) }

    /// A list whose items are elements named `member` (or `item`, as EC2 writes them).
    mutating func list<Item>(_ name: String, _ items: [Item], item: String = "member", _ body: (inout XMLWriter, Item) -> Void) {
        element(name) { xml in
            for value in items { xml.element(item) { body(&$0, value) } }
        }
    }

    /// An element for each member of an object of texts, numbers and objects.
    mutating func members(_ json: JSON) {
        for member in json.object?.members ?? [] {
            switch member.value {
            case .string(let text): element(member.key, text)
            case .integer(let number): element(member.key, String(number))
            default: element(member.key) { $0.members(member.value) }
            }
        }
    }

    static func escape(_ value: String) -> String {
        var result = ""
        for character in value.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // A reader would turn a bare one into a line feed.
            case "\r": result += "&#xD;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
