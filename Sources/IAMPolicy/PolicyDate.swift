/// Times in conditions: W3C's ISO 8601 profile, or seconds since 1970.
enum PolicyDate {
    /// Seconds since 1970; `nil` when the text is no time.
    static func seconds(_ text: String) -> Double? {
        if let epoch = Double(text), !text.contains("-") || text.hasPrefix("-") { return epoch }
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let days = days(parts[0]) else { return nil }
        guard parts.count == 2 else { return Double(days) * 86400 }
        guard let (clock, offset) = zone(parts[1]), let time = time(clock) else { return nil }
        return Double(days) * 86400 + time - offset
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text) else {
            return nil
        }
        return range.contains(value) ? value : nil
    }

    /// Days since 1970-01-01 of `YYYY[-MM[-DD]]`.
    private static func days(_ text: Substring) -> Int? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count), let year = number(parts[0], 1...9999) else { return nil }
        guard let month = parts.count > 1 ? number(parts[1], 1...12) : 1, let day = parts.count > 2 ? number(parts[2], 1...31) : 1 else {
            return nil
        }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        guard day <= [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] else { return nil }
        // Years begin in March, so that the leap day is a year's last.
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    /// The clock's text and the zone's offset in seconds; `nil` without a zone.
    private static func zone(_ text: Substring) -> (Substring, Double)? {
        if text.hasSuffix("Z") { return (text.dropLast(), 0) }
        guard let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return nil }
        let parts = text[text.index(after: sign)...].split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let hours = number(parts[0], 0...23), let minutes = number(parts[1], 0...59) else { return nil }
        return (text[..<sign], Double(hours * 3600 + minutes * 60) * (text[sign] == "-" ? -1 : 1))
    }

    /// Seconds of `hh:mm[:ss[.fraction]]`.
    private static func time(_ text: Substring) -> Double? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let hours = number(parts[0], 0...23), let minutes = number(parts[1], 0...59) else {
            return nil
        }
        guard parts.count == 3 else { return Double(hours * 3600 + minutes * 60) }
        let seconds = parts[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = number(seconds[0], 0...59) else { return nil }
        guard let fraction = seconds.count == 2 ? number(seconds[1], 0...999_999_999).flatMap({ _ in Double("0.\(seconds[1])") }) : 0 else {
            return nil
        }
        return Double(hours * 3600 + minutes * 60 + whole) + fraction
    }
}
