extension JSON {
    /// A number value holding `value`, written as Go's `encoding/json` writes a `float64`: shortest digits that read back as the same
    /// value, exponent form only below 1e-6 and from 1e21 on.
    ///
    /// `nil` for infinities and NaN, which JSON cannot hold.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        let text = GoNumber.jsonText(value)
        if text != "-0", let integer = Int64(text) { self = .integer(integer) } else { self = .number(text) }
    }
}

/// Texts of floating-point numbers as Go writes them.
public enum GoNumber {
    /// The text of a finite value as `encoding/json` writes it (`strconv` format `f`, or `e` for very small and very large values).
    public static func jsonText(_ value: Double) -> String {
        let decimal = Decimal(value.description)
        let magnitude = value.magnitude
        return magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)
            ? decimal.scientific(exponentDigits: 1) : decimal.positional
    }

    /// The text of a finite value in `strconv` format `g` with the fewest digits, as `fmt` prints a `float64` with `%v`.
    public static func generalText(_ value: Double) -> String {
        let decimal = Decimal(value.description)
        let exponent = decimal.point - 1
        // Zero has no digits, and no exponent.
        return value != 0 && (exponent < -4 || exponent >= 6) ? decimal.scientific(exponentDigits: 2) : decimal.positional
    }

    /// The text of a finite value in `strconv` format `g` with the fewest digits, 32 bits wide: how sigs.k8s.io/yaml names a number
    /// used as a map key.
    public static func shortestText(_ value: Float) -> String {
        let decimal = Decimal(value.description)
        let exponent = decimal.point - 1
        return exponent < -4 || exponent >= 6 ? decimal.scientific(exponentDigits: 2) : decimal.positional
    }

    /// Decimal digits without zeros at either end, and where the point stands: 0.`digits` × 10^`point`.
    private struct Decimal {
        var negative = false
        var digits: [UInt8] = []
        var point = 0

        /// Takes apart Swift's description of a floating-point value (`12.5`, `1e-07`).
        init(_ description: String) {
            var seenPoint = false
            var exponentText = ""
            var inExponent = false
            for byte in description.utf8 {
                switch byte {
                case _ where inExponent: exponentText.unicodeScalars.append(Unicode.Scalar(byte))
                case UInt8(ascii: "-"): negative = true
                case UInt8(ascii: "."): seenPoint = true
                case UInt8(ascii: "e"): inExponent = true
                default:
                    if byte != UInt8(ascii: "0") || !digits.isEmpty {
                        digits.append(byte)
                        if !seenPoint { point += 1 }
                    } else if seenPoint {
                        point -= 1
                    }
                }
            }
            point += Int(exponentText) ?? 0
            while digits.last == UInt8(ascii: "0") { digits.removeLast() }
            if digits.isEmpty { point = 1 }
        }

        private var sign: String { negative ? "-" : "" }

        var positional: String {
            guard !digits.isEmpty else { return sign + "0" }
            func text(_ part: ArraySlice<UInt8>) -> String { String(decoding: part, as: UTF8.self) }
            if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + text(digits[...]) }
            if point >= digits.count { return sign + text(digits[...]) + String(repeating: "0", count: point - digits.count) }
            return sign + text(digits[..<point]) + "." + text(digits[point...])
        }

        func scientific(exponentDigits: Int) -> String {
            let exponent = point - 1
            var power = String(exponent.magnitude)
            if power.utf8.count < exponentDigits { power = String(repeating: "0", count: exponentDigits - power.utf8.count) + power }
            let fraction = digits.count > 1 ? "." + String(decoding: digits[1...], as: UTF8.self) : ""
            return sign + String(decoding: digits.prefix(1), as: UTF8.self) + fraction + "e" + (exponent < 0 ? "-" : "+") + power
        }
    }
}
