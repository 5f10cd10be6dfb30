/// Takes the text of an expression apart (CEL's language definition, "Syntax").
struct CELLexer {
    enum Token: Sendable, Hashable {
        case identifier(String)
        case int(Int64)
        /// One more than the greatest integer, which only a minus makes an integer.
        case minimum
        case uint(UInt64)
        case double(Double)
        case string(String)
        case bytes([UInt8])
        /// Operators and punctuation.
        case symbol(String)
        case end
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// All tokens with their positions, `end` last.
    static func tokens(_ text: String) throws(CELIssue) -> [(token: Token, position: Int)] {
        var lexer = CELLexer(text)
        var tokens: [(token: Token, position: Int)] = []
        while true {
            lexer.skipBlanks()
            let start = lexer.position
            let token = try lexer.next()
            tokens.append((token, start))
            if token == .end { return tokens }
        }
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? { position + offset < scalars.count ? scalars[position + offset] : nil }

    private mutating func skipBlanks() {
        while let scalar = peek() {
            if scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" || scalar == "\u{0C}" {
                position += 1
            } else if scalar == "/", peek(1) == "/" {
                while let other = peek(), other != "\n" { position += 1; _ = other }
            } else {
                return
            }
        }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool { ScalarSet.word.contains(scalar) && !ScalarSet.digit.contains(scalar) }

    private mutating func next() throws(CELIssue) -> Token {
        guard let scalar = peek() else { return .end }
        if let text = try string() { return text }
        if Self.isLetter(scalar) {
            var name = String.UnicodeScalarView()
            while let next = peek(), ScalarSet.word.contains(next) {
                name.append(next)
                position += 1
            }
            return .identifier(String(name))
        }
        if ScalarSet.digit.contains(scalar) || (scalar == "." && peek(1).map(ScalarSet.digit.contains) == true) { return try number() }
        for symbol in ["&&", "||", "==", "!=", "<=", ">=", ".?", "[?"] where matches(symbol) {
            position += 2
            return .symbol(symbol)
        }
        guard "+-*/%<>!?:.,()[]{}".unicodeScalars.contains(scalar) else {
            throw CELIssue(message: "Syntax error: token recognition error at: '\(scalar)'", position: position)
        }
        position += 1
        return .symbol(String(Character(scalar)))
    }

    private func matches(_ text: String) -> Bool { scalars[position...].starts(with: text.unicodeScalars) }

    private mutating func number() throws(CELIssue) -> Token {
        let start = position
        var text = ""
        func digits() -> String { text }
        if peek() == "0", peek(1) == "x" || peek(1) == "X" {
            position += 2
            while let next = peek(), next.properties.isASCIIHexDigit {
                text.unicodeScalars.append(next)
                position += 1
            }
            if peek() == "u" || peek() == "U" {
                position += 1
                if let value = UInt64(text, radix: 16) { return .uint(value) }
            } else if let value = Int64(text, radix: 16) {
                return .int(value)
            }
            throw CELIssue(message: "invalid int literal", position: start)
        }
        var isDouble = false
        while let next = peek() {
            let isExponent = next == "e" || next == "E"
            let isSign = (next == "+" || next == "-") && (text.last == "e" || text.last == "E")
            let isPoint = next == "." && !isDouble && peek(1).map(ScalarSet.digit.contains) == true
            guard ScalarSet.digit.contains(next) || isExponent || isSign || isPoint else { break }
            if isExponent || isPoint { isDouble = true }
            text.unicodeScalars.append(next)
            position += 1
        }
        if isDouble {
            guard let value = Double(text) else { throw CELIssue(message: "invalid double literal", position: start) }
            return .double(value)
        }
        if peek() == "u" || peek() == "U" {
            position += 1
            guard let value = UInt64(text) else { throw CELIssue(message: "invalid uint literal", position: start) }
            return .uint(value)
        }
        if let value = Int64(text) { return .int(value) }
        if text == "9223372036854775808" { return .minimum }
        throw CELIssue(message: "invalid int literal", position: start)
    }

    /// A string or bytes literal, when one begins here.
    private mutating func string() throws(CELIssue) -> Token? {
        let start = position
        var isRaw = false
        var isBytes = false
        var offset = 0
        while let prefix = peek(offset), offset < 2 {
            if (prefix == "r" || prefix == "R") && !isRaw {
                isRaw = true
            } else if (prefix == "b" || prefix == "B") && !isBytes {
                isBytes = true
            } else {
                break
            }
            offset += 1
        }
        guard let quote = peek(offset), quote == "'" || quote == "\"" else { return nil }
        position += offset
        let isTriple = peek(1) == quote && peek(2) == quote
        position += isTriple ? 3 : 1
        var bytes: [UInt8] = []
        while let scalar = peek() {
            if scalar == quote, !isTriple || (peek(1) == quote && peek(2) == quote) {
                position += isTriple ? 3 : 1
                return isBytes ? .bytes(bytes) : .string(String(decoding: bytes, as: UTF8.self))
            }
            if scalar == "\n", !isTriple { break }
            position += 1
            if scalar == "\\", !isRaw {
                try escape(into: &bytes, isBytes: isBytes)
            } else {
                bytes.append(contentsOf: String(Character(scalar)).utf8)
            }
        }
        throw CELIssue(message: "Syntax error: token recognition error at: '\(quote)'", position: start)
    }

    private mutating func escape(into bytes: inout [UInt8], isBytes: Bool) throws(CELIssue) {
        let start = position - 1
        guard let scalar = peek() else { throw CELIssue(message: "invalid escape sequence", position: start) }
        position += 1
        let simple: [Unicode.Scalar: UInt8] = [
            "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, "\"": 34, "`": 96, "?": 63,
        ]
        if let byte = simple[scalar] {
            bytes.append(byte)
            return
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
        default: throw CELIssue(message: "invalid escape sequence", position: start)
        }
        var digits = ""
        for _ in 0..<length {
            guard let digit = peek() else { break }
            digits.unicodeScalars.append(digit)
            position += 1
        }
        guard digits.unicodeScalars.count == length, let value = UInt32(digits, radix: radix) else {
            throw CELIssue(message: "invalid escape sequence", position: start)
        }
        if isBytes, length <= 3, let byte = UInt8(exactly: value) {
            bytes.append(byte)
        } else if let scalar = Unicode.Scalar(value) {
            bytes.append(contentsOf: String(Character(scalar)).utf8)
        } else {
            throw CELIssue(message: "invalid escape sequence", position: start)
        }
    }
}
