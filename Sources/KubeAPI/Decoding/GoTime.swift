import World

/// RFC 3339 as Go's `time.Parse` reads it, with its refusals.
enum GoTime {
    /// The layout of times, which have seconds.
    static let seconds = "2006-01-02T15:04:05Z07:00"
    /// The layout of times that have microseconds.
    static let microseconds = "2006-01-02T15:04:05.000000Z07:00"

    /// Whether a time has exactly six decimals, as the layout of microseconds asks.
    static func hasMicroseconds(_ text: String) -> Bool {
        let rest = text.utf8.dropFirst(19)
        let digits = rest.dropFirst().prefix { $0 >= 0x30 && $0 <= 0x39 }
        return rest.first == UInt8(ascii: ".") && digits.count == 6
    }

    /// Why a text is no time of a layout, in Go's words.
    static func refusal(_ text: String, _ layout: String = seconds) -> String {
        func cannotParse(_ text: String, _ rest: Substring, _ element: String) -> String {
            "parsing time \(GoText.quoted(text)) as \"\(layout)\": cannot parse \(GoText.quoted(String(rest))) as \"\(element)\""
        }
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
        if layout == microseconds {
            let fraction = rest.prefix(7)
            guard fraction.count == 7, fraction.first == ".", fraction.dropFirst().allSatisfy({ $0.isASCII && $0.isNumber }) else {
                return cannotParse(text, rest, ".000000")
            }
            rest = rest.dropFirst(7)
        }
        return cannotParse(text, rest, "Z07:00")
    }
}
