/// A resource quantity to compute with: an amount in billionths, and the form in which it is written.
///
/// Amounts beyond 64 bits of whole units are cut off there, as in `k8s.io/apimachinery/pkg/api/resource`.
public struct QuantityValue: Sendable, Hashable, Comparable {
    /// How a quantity is written: `1500m`, `1Gi`, `1e3`.
    public enum Format: Sendable, Hashable { case decimalSI, binarySI, exponent }

    /// The amount in billionths.
    public private(set) var nanos: Int128
    /// The form in which sums are written.
    public private(set) var format: Format

    private static let unit: Int128 = 1_000_000_000
    private static let limit = Int128(Int64.max) * unit

    /// Nothing.
    public static let zero = QuantityValue(nanos: 0, format: .decimalSI)

    private init(nanos: Int128, format: Format) {
        self.nanos = min(max(nanos, -Self.limit), Self.limit)
        self.format = format
    }

    /// A whole number.
    public init(_ value: Int64) { self.init(nanos: Int128(value) * Self.unit, format: .decimalSI) }

    /// Reads a quantity; `nil` when the text is none.
    public init?(_ text: String) {
        guard let (value, scale, format) = Quantity.parse(text) else { return nil }
        var nanos = value
        var exponent = scale + 9
        while exponent < 0 {
            nanos = nanos / 10 + (nanos % 10 > 0 ? 1 : 0)
            exponent += 1
        }
        while exponent > 0, nanos.magnitude <= Self.limit.magnitude {
            nanos *= 10
            exponent -= 1
        }
        self.init(nanos: nanos, format: format)
    }

    /// The canonical text.
    public var text: String { Quantity.written(nanos, -9, format) }
    /// Whole units, rounded up (`Value()`).
    public var value: Int64 { Int64(clamping: Self.roundedUp(nanos, Self.unit)) }
    /// Thousandths, rounded up (`MilliValue()`).
    public var milliValue: Int64 { Int64(clamping: Self.roundedUp(nanos, 1_000_000)) }
    /// Whether this is a whole number of units.
    public var isWhole: Bool { nanos % Self.unit == 0 }

    private static func roundedUp(_ nanos: Int128, _ unit: Int128) -> Int128 { nanos / unit + (nanos % unit > 0 ? 1 : 0) }

    /// Rounded up to thousandths (`RoundUp(Milli)`).
    public var roundedToMilli: QuantityValue { QuantityValue(nanos: Self.roundedUp(nanos, 1_000_000) * 1_000_000, format: format) }

    /// By amount.
    public static func < (left: QuantityValue, right: QuantityValue) -> Bool { left.nanos < right.nanos }
    /// By amount, whatever the form.
    public static func == (left: QuantityValue, right: QuantityValue) -> Bool { left.nanos == right.nanos }
    /// Feeds the amount to a hasher.
    public func hash(into hasher: inout Hasher) { hasher.combine(nanos) }

    /// The sum, in the form of the first that is not nothing.
    public static func + (left: QuantityValue, right: QuantityValue) -> QuantityValue {
        QuantityValue(nanos: left.nanos + right.nanos, format: left.nanos == 0 ? right.format : left.format)
    }

    /// The difference, in the form of the first that is not nothing.
    public static func - (left: QuantityValue, right: QuantityValue) -> QuantityValue {
        QuantityValue(nanos: left.nanos - right.nanos, format: left.nanos == 0 ? right.format : left.format)
    }
}
