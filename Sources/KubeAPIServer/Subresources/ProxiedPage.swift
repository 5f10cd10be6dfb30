/// An HTML page that a proxy passes on, with its links led through the proxy (`k8s.io/apimachinery/pkg/util/proxy/transport.go`).
///
/// Start tags are written anew as Go's `html.Token` writes them: names in lower case, values in double quotes; everything else stays as it is.
struct ProxiedPage {
    /// Attributes that hold addresses, by tag.
    private static let links: [String: Set<String>] = [
        "a": ["href"], "applet": ["codebase"], "area": ["href"], "audio": ["src"], "base": ["href"], "blockquote": ["cite"],
        "body": ["background"], "button": ["formaction"], "command": ["icon"], "del": ["cite"], "embed": ["src"], "form": ["action"],
        "frame": ["longdesc", "src"], "head": ["profile"], "html": ["manifest"], "iframe": ["longdesc", "src"],
        "img": ["longdesc", "src", "usemap"], "input": ["src", "usemap", "formaction"], "ins": ["cite"], "link": ["href"],
        "object": ["classid", "codebase", "data", "usemap"], "q": ["cite"], "script": ["src"], "source": ["src"],
        "video": ["poster", "src"],
    ]
    /// Tags in which nothing is markup but their own end.
    private static let opaque: Set<String> = [
        "iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp",
    ]

    private let bytes: [UInt8]
    private var position = 0
    private var output: [UInt8] = []

    /// The page `bytes`, with each address as `rewrite` says.
    static func rewritten(_ bytes: [UInt8], _ rewrite: (String) -> String) -> [UInt8] {
        var page = ProxiedPage(bytes)
        page.run(rewrite)
        return page.output
    }

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        output.reserveCapacity(bytes.count + bytes.count / 8)
    }

    private mutating func run(_ rewrite: (String) -> String) {
        while let current = peek() {
            guard current == UInt8(ascii: "<"), let next = peek(1) else {
                output.append(current)
                position += 1
                continue
            }
            switch next {
            case _ where Self.isLetter(next): startTag(rewrite)
            case UInt8(ascii: "/") where peek(2).map(Self.isLetter) == true: endTag()
            case UInt8(ascii: "!") where starts(with: "<!--"): copy(through: "-->")
            case UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: "/"): copy(through: ">")
            default:
                output.append(current)
                position += 1
            }
        }
    }

    // MARK: Tags

    private struct Attribute {
        let name: String
        var value: String
    }

    /// Reads and writes a start tag; one that does not end is left out, as Go's tokenizer does.
    private mutating func startTag(_ rewrite: (String) -> String) {
        position += 1
        let name = word { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ">") || Self.isBlank($0) }.lowercased()
        var attributes: [Attribute] = []
        var isEmpty = false
        while true {
            skipBlanks()
            guard let current = peek() else { return }
            if current == UInt8(ascii: ">") { break }
            if current == UInt8(ascii: "/") {
                isEmpty = peek(1) == UInt8(ascii: ">")
                position += 1
                continue
            }
            guard let attribute = attribute() else { return }
            if !attribute.name.isEmpty { attributes.append(attribute) }
        }
        position += 1
        write(name, attributes, isEmpty: isEmpty, rewrite)
        if Self.opaque.contains(name) { copyContent(of: name) }
    }

    private mutating func write(_ name: String, _ attributes: [Attribute], isEmpty: Bool, _ rewrite: (String) -> String) {
        let links = Self.links[name] ?? []
        var text = "<\(name)"
        for attribute in attributes {
            let value = links.contains(attribute.name) ? rewrite(attribute.value) : attribute.value
            text += " \(attribute.name)=\"\(HTMLText.escaped(value))\""
        }
        output += Array((text + (isEmpty ? "/>" : ">")).utf8)
    }

    /// `nil` at the end of the page.
    private mutating func attribute() -> Attribute? {
        let isFirstSign = peek() == UInt8(ascii: "=")
        if isFirstSign { position += 1 }
        let rest = word { [UInt8(ascii: "="), UInt8(ascii: "/"), UInt8(ascii: ">")].contains($0) || Self.isBlank($0) }
        let name = (isFirstSign ? "=" : "") + rest.lowercased()
        skipBlanks()
        guard let current = peek() else { return nil }
        guard current == UInt8(ascii: "=") else { return Attribute(name: name, value: "") }
        position += 1
        skipBlanks()
        guard let quote = peek() else { return nil }
        if quote == UInt8(ascii: ">") { return Attribute(name: name, value: "") }
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            let value = word { $0 == UInt8(ascii: ">") || Self.isBlank($0) }
            return Attribute(name: name, value: HTMLText.unescaped(value))
        }
        position += 1
        let value = word { $0 == quote }
        guard peek() != nil else { return nil }
        position += 1
        return Attribute(name: name, value: HTMLText.unescaped(value))
    }

    private mutating func endTag() {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: ">")) else {
            position = bytes.count
            return
        }
        output += bytes[position...end]
        position = end + 1
    }

    // MARK: What is not looked at

    private mutating func copy(through end: StaticString) {
        let from = position
        while position < bytes.count, !starts(with: end) { position += 1 }
        position = min(position + end.utf8CodeUnitCount, bytes.count)
        output += bytes[from..<position]
    }

    /// Copies up to the end tag of an opaque tag.
    private mutating func copyContent(of name: String) {
        let from = position
        let length = name.utf8.count + 2
        while position < bytes.count {
            let next = peek(length)
            if name != "plaintext", bytes[position] == UInt8(ascii: "<"), peek(1) == UInt8(ascii: "/"),
                next == UInt8(ascii: ">") || next == UInt8(ascii: "/") || next.map(Self.isBlank) == true,
                String(decoding: bytes[(position + 2)..<(position + length)], as: UTF8.self).lowercased() == name
            {
                break
            }
            position += 1
        }
        output += bytes[from..<position]
    }

    // MARK: Bytes

    private func peek(_ offset: Int = 0) -> UInt8? { position + offset < bytes.count ? bytes[position + offset] : nil }

    private func starts(with text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    }

    private mutating func word(until isEnd: (UInt8) -> Bool) -> String {
        let from = position
        while let current = peek(), !isEnd(current) { position += 1 }
        return String(decoding: bytes[from..<position], as: UTF8.self)
    }

    private mutating func skipBlanks() {
        while let current = peek(), Self.isBlank(current) { position += 1 }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0a, 0x0c, 0x0d].contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte & 0xdf) }
}

/// Values of attributes. Of named characters only those that escaping writes are known; others stay as they are, so that they mean the same.
private enum HTMLText {
    private static let named: [Substring: Character] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'",
    ]

    static func unescaped(_ text: String) -> String {
        guard text.contains("&") else { return text }
        var result = ""
        var rest = text[...]
        while let ampersand = rest.firstIndex(of: "&") {
            result += rest[..<ampersand]
            let after = rest[rest.index(after: ampersand)...]
            if let end = after.prefix(10).firstIndex(of: ";"), let character = character(after[..<end]) {
                result.append(character)
                rest = after[after.index(after: end)...]
            } else {
                result.append("&")
                rest = after
            }
        }
        return result + rest
    }

    private static func character(_ name: Substring) -> Character? {
        if let character = named[name] { return character }
        guard name.first == "#" else { return nil }
        let digits = name.dropFirst()
        let isHexadecimal = digits.first == "x" || digits.first == "X"
        let code = isHexadecimal ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return code.flatMap(Unicode.Scalar.init).flatMap { $0.value == 0 ? nil : Character($0) }
    }

    static func escaped(_ text: String) -> String {
        let scalars = text.unicodeScalars
        var result = ""
        for index in scalars.indices {
            switch scalars[index] {
            case "&" where isNamed(text[scalars.index(after: index)...]): result += "&"
            case "&": result += "&amp;"
            case "'": result += "&#39;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&#34;"
            case "\r": result += "&#13;"
            default: result.unicodeScalars.append(scalars[index])
            }
        }
        return result
    }

    /// Whether a named character that is not known here begins after an ampersand.
    private static func isNamed(_ rest: Substring) -> Bool {
        let name = rest.prefix { $0.isASCII && $0.isLetter }
        return !name.isEmpty && named[name] == nil && rest.dropFirst(name.count).first == ";"
    }
}
