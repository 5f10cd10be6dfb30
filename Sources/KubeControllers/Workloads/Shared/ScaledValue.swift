import JSON

/// A number, or a share of another one (`intstr.GetScaledValueFromIntOrPercent`).
enum ScaledValue {
    static func of(_ value: JSON?, _ total: Int64, roundsUp: Bool, default fallback: Int64 = 0) -> Int64 {
        if let number = value?.integer { return number }
        guard let text = value?.string, text.hasSuffix("%"), let percent = Int64(text.dropLast()) else { return fallback }
        let (product, overflow) = total.multipliedReportingOverflow(by: percent)
        guard !overflow else { return .max }
        return roundsUp ? product / 100 + (product % 100 > 0 ? 1 : 0) : product / 100
    }
}
