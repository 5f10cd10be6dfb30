/// Takes the text of an expression apart (CEL's language definition, "Syntax").
struct CELLexer {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    /// What is no token, or no value.
    private(set) var issues = CELIssues()

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// All tokens, the end last; what is none is noted and left out, as ANTLR does.
    mutating func tokens() -> [CELToken] {
        var tokens: [CELToken] = []
        while true {
            skipBlanks()
            guard let scalar = peek() else {
                tokens.append(CELToken(kind: .end, position: position, end: position))
                return tokens
            }
            if let token = next(scalar) { tokens.append(token) }
        }
    }

    /// The text between two places.
    func text(_ start: Int, _ end: Int) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[min(start, scalars.count)..<min(end, scalars.count)])
        return String(view)
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? { position + offset < scalars.count ? scalars[position + offset] : nil }

    private mutating func skipBlanks() {
        while let scalar = peek() {
            if scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" || scalar == "\u{0C}" {
                position += 1
            } else if scalar == "/", peek(1) == "/" {
                while peek().map({ $0 != "\n" }) == true { position += 1 }
            } else {
                return
            }
        }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool { ScalarSet.word.contains(scalar) && !ScalarSet.digit.contains(scalar) }

    private mutating func next(_ scalar: Unicode.Scalar) -> CELToken? {
        let start = position
        if let literal = string() { return literal }
        position = start
        if Self.isLetter(scalar) {
            while let next = peek(), ScalarSet.word.contains(next) { position += 1 }
            let name = text(start, position)
            let kind = CELToken.Kind.words[name] ?? .identifier
            let values: [CELToken.Kind: CELValue] = [.isTrue: .bool(true), .isFalse: .bool(false), .null: .null]
            return CELToken(kind: kind, value: values[kind], name: name, position: start, end: position)
        }
        if ScalarSet.digit.contains(scalar) || (scalar == "." && peek(1).map(ScalarSet.digit.contains) == true) { return number() }
        if scalar == "`" { return escaped() }
        if scalar == "'" || scalar == "\"" { return unrecognized(upTo: scalars.count) }
        for symbol in CELToken.Kind.symbols where matches(symbol.text) {
            position += symbol.text.unicodeScalars.count
            return CELToken(kind: symbol.kind, position: start, end: position)
        }
        // Half of an operator takes what follows with it.
        return unrecognized(upTo: start + ("=&|".unicodeScalars.contains(scalar) ? 2 : 1))
    }

    private mutating func unrecognized(upTo end: Int) -> CELToken? {
        issues.note("Syntax error: token recognition error at: '\(text(position, end))'", position)
        position = min(end, scalars.count)
        return nil
    }

    /// A name in back quotes.
    private mutating func escaped() -> CELToken? {
        let start = position
        var place = start + 1
        while place < scalars.count, ScalarSet.word.contains(scalars[place]) || "./- ".unicodeScalars.contains(scalars[place]) {
            place += 1
        }
        guard place > start + 1, place < scalars.count, scalars[place] == "`" else { return unrecognized(upTo: place + 1) }
        position = place + 1
        return CELToken(kind: .escapedIdentifier, name: text(start + 1, place), position: start, end: position)
    }

    private func matches(_ text: String) -> Bool { scalars[position...].starts(with: text.unicodeScalars) }

    private mutating func number() -> CELToken {
        let start = position
        func token(_ kind: CELToken.Kind, _ value: CELValue?) -> CELToken {
            CELToken(kind: kind, value: value, position: start, end: position)
        }
        var text = ""
        if peek() == "0", peek(1) == "x", peek(2).map(\.properties.isASCIIHexDigit) == true {
            position += 2
            while let next = peek(), next.properties.isASCIIHexDigit {
                text.unicodeScalars.append(next)
                position += 1
            }
            return whole(text, radix: 16, start)
        }
        var isDouble = false
        while let next = peek() {
            let isExponent = (next == "e" || next == "E") && !text.contains("e") && exponentFollows()
            let isSign = (next == "+" || next == "-") && text.last == "e"
            let isPoint = next == "." && !isDouble && peek(1).map(ScalarSet.digit.contains) == true
            guard ScalarSet.digit.contains(next) || isExponent || isSign || isPoint else { break }
            if isExponent || isPoint { isDouble = true }
            text.unicodeScalars.append(isExponent ? "e" : next)
            position += 1
        }
        guard isDouble else { return whole(text, radix: 10, start) }
        let value = Double(text.hasPrefix(".") ? "0\(text)" : text)
        if value?.isFinite != true { issues.note("invalid double literal", start) }
        return token(.double, .double(value ?? 0))
    }

    private func exponentFollows() -> Bool {
        let offset = peek(1) == "+" || peek(1) == "-" ? 2 : 1
        return peek(offset).map(ScalarSet.digit.contains) == true
    }

    private mutating func whole(_ digits: String, radix: Int, _ start: Int) -> CELToken {
        if peek() == "u" || peek() == "U" {
            position += 1
            let value = UInt64(digits, radix: radix)
            if value == nil { issues.note("invalid uint literal", start) }
            return CELToken(kind: .uint, value: .uint(value ?? 0), position: start, end: position)
        }
        // One more than the greatest integer is one only behind a minus, which the parser sees.
        return CELToken(
            kind: .int, value: Int64(digits, radix: radix).map(CELValue.int), name: radix == 16 ? "0x\(digits)" : digits, position: start,
            end: position)
    }

    /// A string or bytes literal, when one begins here.
    private mutating func string() -> CELToken? {
        let start = position
        var isRaw = false
        var isBytes = false
        while let prefix = peek(), position < start + 2 {
            if (prefix == "r" || prefix == "R") && !isRaw {
                isRaw = true
            } else if (prefix == "b" || prefix == "B") && !isBytes && !isRaw {
                isBytes = true
            } else {
                break
            }
            position += 1
        }
        guard let quote = peek(), quote == "'" || quote == "\"" else { return nil }
        let isTriple = peek(1) == quote && peek(2) == quote
        position += isTriple ? 3 : 1
        var bytes: [UInt8] = []
        while let scalar = peek() {
            if scalar == quote, !isTriple || (peek(1) == quote && peek(2) == quote) {
                position += isTriple ? 3 : 1
                let value: CELValue = isBytes ? .bytes(bytes) : .string(String(decoding: bytes, as: UTF8.self))
                return CELToken(kind: isBytes ? .bytes : .string, value: value, position: start, end: position)
            }
            if scalar == "\n" || scalar == "\r", !isTriple { return nil }
            position += 1
            if scalar == "\\", !isRaw {
                guard escape(into: &bytes, isBytes: isBytes) else { return nil }
            } else {
                bytes.append(contentsOf: String(Character(scalar)).utf8)
            }
        }
        return nil
    }

    /// Whether an escape sequence is one.
    private mutating func escape(into bytes: inout [UInt8], isBytes: Bool) -> Bool {
        guard let scalar = peek() else { return false }
        position += 1
        let simple: [Unicode.Scalar: UInt8] = [
            "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, "\"": 34, "`": 96, "?": 63,
        ]
        if let byte = simple[scalar] {
            bytes.append(byte)
            return true
        }
        let length: Int
        var radix = 16
        switch scalar {
        case "x", "X": length = 2
        case "u": length = 4
        case "U": length = 8
        case "0"..."3":
            position -= 1
            length = 3
            radix = 8
        default: return false
        }
        var digits = ""
        for _ in 0..<length {
            guard let digit = peek() else { break }
            digits.unicodeScalars.append(digit)
            position += 1
        }
        guard digits.unicodeScalars.count == length, let value = UInt32(digits, radix: radix) else { return false }
        if isBytes, length <= 3, let byte = UInt8(exactly: value) {
            bytes.append(byte)
        } else if let scalar = Unicode.Scalar(value) {
            bytes.append(contentsOf: String(Character(scalar)).utf8)
        } else {
            return false
        }
        return true
    }
}
