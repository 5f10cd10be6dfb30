/// Durations as Go writes and reads them: `1h30m`, `-2.5s` (`time.ParseDuration`).
public enum GoDuration {
    /// Why a text is no duration.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// It has no number where one has to be, or is too long for 64 bits.
        case invalid(String)
        /// A number without a unit.
        case missingUnit(String)
        /// A unit that does not exist.
        case unknownUnit(String, String)

        /// Go's words.
        public var description: String {
            switch self {
            case .invalid(let text): "time: invalid duration \(GoText.quoted(text))"
            case .missingUnit(let text): "time: missing unit in duration \(GoText.quoted(text))"
            case .unknownUnit(let unit, let text): "time: unknown unit \(GoText.quoted(unit)) in duration \(GoText.quoted(text))"
            }
        }
    }

    private static let units: [(String, Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// Nanoseconds.
    ///
    /// - Throws: `Problem`.
    public static func parse(_ text: String) throws(Problem) -> Int64 {
        var rest = text[...]
        let isNegative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest = rest.dropFirst() }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { throw .invalid(text) }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let name = rest.prefix { $0 != "." && !($0.isASCII && $0.isNumber) }
            guard let value = Double(number.hasPrefix(".") ? "0\(number)" : number.hasSuffix(".") ? "\(number)0" : "\(number)") else {
                throw .invalid(text)
            }
            guard !name.isEmpty else { throw .missingUnit(text) }
            guard let unit = units.first(where: { $0.0 == name }) else { throw .unknownUnit(String(name), text) }
            rest = rest.dropFirst(name.count)
            total += value * unit.1
        }
        guard total < 9.2e18 else { throw .invalid(text) }
        return Int64(isNegative ? -total : total)
    }
}
