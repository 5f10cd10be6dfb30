/// Media types as Go's `mime.ParseMediaType` reads them.
enum MediaType {
    /// The type of a `Content-Type` in lower case; `nil` for a text that is none, wrong parameters included.
    static func type(_ text: String) -> String? {
        let pieces = quotedSplit(text)
        let type = trimmed(pieces[0]).lowercased()
        let sides = type.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.allSatisfy({ isToken($0) }) else { return nil }
        var seen: Set<String> = []
        for (index, piece) in pieces.enumerated().dropFirst() {
            let parameter = trimmed(piece)
            // One semicolon may end the text.
            if parameter.isEmpty, index == pieces.count - 1 { continue }
            let halves = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, isToken(halves[0]), seen.insert(halves[0].lowercased()).inserted, isValue(halves[1]) else {
                return nil
            }
        }
        return type
    }

    /// Split at semicolons outside quotes.
    private static func quotedSplit(_ text: String) -> [Substring] {
        var pieces: [Substring] = []
        var start = text.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in text.indices {
            if isEscaped {
                isEscaped = false
            } else if isQuoted, text[index] == "\\" {
                isEscaped = true
            } else if text[index] == "\"" {
                isQuoted.toggle()
            } else if text[index] == ";", !isQuoted {
                pieces.append(text[start..<index])
                start = text.index(after: index)
            }
        }
        return pieces + [text[start...]]
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return text
    }

    private static func isValue(_ text: Substring) -> Bool {
        isToken(text) || (text.count >= 2 && text.first == "\"" && text.last == "\"")
    }

    private static func isToken(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"()<>@,;:\\\"/[]?=".utf8.contains($0) }
    }
}
