/// The names of field managers (`k8s.io/apiserver/pkg/endpoints/handlers`, `metav1/validation`).
public enum FieldManagerName {
    /// Longest name in bytes (`FieldManagerMaxLength`).
    static let maximumBytes = 128

    /// The name that a request gives, else what its `User-Agent` says before the first `/`; empty when neither says anything.
    public static func of(_ given: String, userAgent: String?) -> String {
        guard given.isEmpty else { return given }
        var name = ""
        var bytes = 0
        for scalar in (userAgent ?? "").unicodeScalars {
            if scalar == "/" { break }
            guard isPrintable(scalar) else { continue }
            bytes += UTF8.width(scalar)
            if bytes > maximumBytes { break }
            name.unicodeScalars.append(scalar)
        }
        return name
    }

    /// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }

    /// What of a name cannot be printed, with its place in bytes.
    static func unprintable(_ name: String) -> [(offset: Int, scalar: Unicode.Scalar)] {
        var found: [(offset: Int, scalar: Unicode.Scalar)] = []
        var offset = 0
        for scalar in name.unicodeScalars {
            if !isPrintable(scalar) { found.append((offset, scalar)) }
            offset += UTF8.width(scalar)
        }
        return found
    }
}
