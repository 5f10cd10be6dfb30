import World

/// RFC 3339 as Go's `time.Parse` reads it, with its refusals.
enum GoTime {
    private static let layout = "2006-01-02T15:04:05Z07:00"

    /// Why a text is no time, in Go's words; `nil` when the first wrong element cannot be told.
    static func refusal(_ text: String) -> String {
        var rest = Substring(text)
        for (element, width) in [
            ("2006", 4), ("-", 0), ("01", 2), ("-", 0), ("02", 2), ("T", 0), ("15", 2), (":", 0), ("04", 2), (":", 0), ("05", 2),
        ] {
            if width == 0 {
                guard rest.hasPrefix(element) else { return cannotParse(text, rest, element) }
                rest = rest.dropFirst()
            } else {
                let digits = rest.prefix(width)
                guard digits.count == width, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else {
                    return cannotParse(text, rest, element)
                }
                rest = rest.dropFirst(width)
            }
        }
        return cannotParse(text, rest, "Z07:00")
    }

    private static func cannotParse(_ text: String, _ rest: Substring, _ element: String) -> String {
        "parsing time \(GoText.quoted(text)) as \"\(layout)\": cannot parse \(GoText.quoted(String(rest))) as \"\(element)\""
    }
}
