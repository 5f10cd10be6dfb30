/// A resource quantity in its canonical text (`k8s.io/apimachinery/pkg/api/resource`): `1000m` is `1`, `1024Ki` is `1Mi`.
public enum Quantity {
    /// The refusal of a text that is no quantity.
    static let formatError =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

    private static let decimal: [(suffix: String, exponent: Int)] = [
        ("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18),
    ]
    private static let binary: [(suffix: String, exponent: Int)] = [
        ("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60),
    ]

    /// The canonical text of a quantity; `nil` when it is none.
    public static func canonical(_ text: String) -> String? {
        if text == "0" { return "0" }
        guard let (value, scale, format) = parse(text) else { return nil }
        return written(value, scale, format)
    }

    /// `value` × 10^`scale` (for binary suffixes the factor is already multiplied in).
    static func parse(_ text: String) -> (Int128, Int, QuantityValue.Format)? {
        var rest = Substring(text)
        var isNegative = false
        if let sign = rest.first, sign == "+" || sign == "-" {
            isNegative = sign == "-"
            rest = rest.dropFirst()
        }
        let number = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
        let suffix = String(rest.dropFirst(number.count))
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, number.contains(where: { $0 != "." }), number.utf8.count <= 34 else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard let digits = Int128(String(parts[0]) + String(fraction)) else { return nil }
        var value = isNegative ? -digits : digits
        var scale = -fraction.count
        if let unit = decimal.first(where: { $0.suffix == suffix }) { return (value, scale + unit.exponent, .decimalSI) }
        if let unit = binary.first(where: { $0.suffix == suffix }) {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: Int128(1) << Int128(unit.exponent))
            guard !overflow else { return nil }
            value = scaled
            // Below one 1024th nothing is kept; the division is exact or rounded up, as the limit of a nano is.
            while scale < -9 {
                value = value / 10 + (value % 10 > 0 ? 1 : 0)
                scale += 1
            }
            return (value, scale, .binarySI)
        }
        guard let mark = suffix.first, mark == "e" || mark == "E", let exponent = Int(suffix.dropFirst()), abs(exponent) <= 27 else {
            return nil
        }
        return (value, scale + exponent, .exponent)
    }

    static func written(_ value: Int128, _ scale: Int, _ format: QuantityValue.Format) -> String {
        guard value != 0 else { return "0" }
        var value = value
        var scale = scale
        while scale < -9 {
            value = value / 10 + (value % 10 > 0 ? 1 : 0)
            scale += 1
        }
        while value % 10 == 0 {
            value /= 10
            scale += 1
        }
        if format == .binarySI, let text = binaryText(value, scale) { return text }
        let remainder = ((scale % 3) + 3) % 3
        for _ in 0..<remainder { value *= 10 }
        scale -= remainder
        if format == .exponent { return scale == 0 ? "\(value)" : "\(value)e\(scale)" }
        guard let unit = decimal.first(where: { $0.exponent == scale }) else { return "\(value)e\(scale)" }
        return "\(value)\(unit.suffix)"
    }

    /// The binary form; `nil` when the amount is below 1024 and is therefore written in decimal.
    private static func binaryText(_ value: Int128, _ scale: Int) -> String? {
        var whole = value
        var step = scale
        while step < 0 {
            whole = whole / 10 + (whole % 10 > 0 ? 1 : 0)
            step += 1
        }
        while step > 0 {
            let (scaled, overflow) = whole.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            whole = scaled
            step -= 1
        }
        guard whole >= 1024 || whole <= -1024 else { return nil }
        var exponent = 0
        while whole % 1024 == 0, exponent < 60 {
            whole /= 1024
            exponent += 10
        }
        return "\(whole)\(binary.first { $0.exponent == exponent }?.suffix ?? "")"
    }
}
