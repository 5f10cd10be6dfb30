/// Durations as people write them: `90s`, `15m`, `1h30m`, `7d`.
enum DurationText {
    /// Reads a sum of whole numbers with units `s`, `m`, `h`, `d`; `nil` when it is not that or exceeds 100 years.
    static func parse(_ text: String) -> Duration? {
        var total: Int64 = 0
        var digits = ""
        guard !text.isEmpty, text.utf8.count <= 32 else { return nil }
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let number = Int64(digits), let unit = units[character], number <= limit / unit else { return nil }
            total += number * unit
            guard total <= limit else { return nil }
            digits = ""
        }
        return digits.isEmpty ? .seconds(total) : nil
    }

    private static let limit: Int64 = 100 * 366 * 86400
    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
}
