import World

/// The formats of strings that custom resources are checked against (`kube-openapi/pkg/validation/strfmt`,
/// `apiextensions-apiserver/pkg/apiserver/validation/formats.go`); others have no meaning.
enum StringFormat {
    private static let checks: [String: @Sendable (String) -> Bool] = [
        "bsonobjectid": { hasOnly($0, count: 24, isHex) },
        "byte": { Canonicalizer.base64Fault($0) == nil },
        "cidr": isCIDR, "creditcard": isCreditCard, "date": isDate, "datetime": isDateTime, "duration": isDuration, "email": isEmail,
        "hexcolor": { $0.hasPrefix("#") ? isHexColor($0.dropFirst()) : isHexColor($0[...]) },
        "hostname": isHostname, "ipv4": isIPv4, "ipv6": isIPv6,
        "isbn": { isISBN10($0) || isISBN13($0) }, "isbn10": isISBN10, "isbn13": isISBN13,
        "k8slongname": { $0.utf8.count <= 253 && NameForm.isSubdomain($0) },
        "k8sshortname": { $0.utf8.count <= 63 && NameForm.isLabel($0[...]) },
        "mac": isMAC, "password": { _ in true }, "rgbcolor": isRGBColor, "ssn": { matches($0, #"^\d{3}[- ]?\d{2}[- ]?\d{4}$"#) },
        "uri": isURI, "uuid": { isUUID($0, version: nil) }, "uuid3": { isUUID($0, version: "3") },
        "uuid4": { isUUID($0, version: "4") }, "uuid5": { isUUID($0, version: "5") },
    ]

    /// Format names are compared without dashes.
    static func isSupported(_ format: String) -> Bool { !format.isEmpty && checks[format.replacing("-", with: "")] != nil }

    /// Whether a text has a format; every text has an unknown one.
    static func accepts(_ text: String, _ format: String) -> Bool { checks[format.replacing("-", with: "")]?(text) ?? true }

    /// Compiled once; there are only those of this file.
    private static let compiled = Lock<[String: RegularExpression]>([:])

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        let known = compiled.withLock { $0[pattern] }
        guard let expression = known ?? (try? RegularExpression(pattern)) else { return false }
        if known == nil { compiled.withLock { $0[pattern] = expression } }
        return expression.matches(text)
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    private static func hasOnly(_ text: some StringProtocol, count: Int, _ isWanted: (UInt8) -> Bool) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy(isWanted)
    }

    private static func isHexColor(_ text: Substring) -> Bool { hasOnly(text, count: 3, isHex) || hasOnly(text, count: 6, isHex) }

    private static func isDate(_ text: String) -> Bool { matches(text, #"^\d{4}-\d{2}-\d{2}$"#) && isDateTime(text + "T00:00:00Z") }

    /// RFC 3339, and the forms without zone that strfmt takes besides.
    private static func isDateTime(_ text: String) -> Bool {
        let upper = text.replacing("t", with: "T").replacing("z", with: "Z")
        return Instant(rfc3339: upper) != nil || Instant(rfc3339: upper + "Z") != nil
    }

    /// Go's durations, and numbers with units in words.
    private static func isDuration(_ text: String) -> Bool {
        matches(text, #"^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$"#)
            || matches(text, #"^0$"#)
            || matches(
                text,
                #"^(\d+\s*(ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hr|hours?|d|days?|w|wks?|weeks?)\s*)+$"#
            )
    }

    private static func isEmail(_ text: String) -> Bool {
        matches(text, #"^[^\s@<>",;:\\()\[\]]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"#)
    }

    private static func isHostname(_ text: String) -> Bool {
        guard text.utf8.count <= 255, !text.isEmpty else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            part.utf8.count <= 63 && matches(String(part), #"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$"#)
        }
    }

    private static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { $0 &- 0x30 < 10 } && (part == "0" || part.first != "0")
                    && UInt8(part) != nil
            }
    }

    private static func isIPv6(_ text: String) -> Bool {
        guard text.contains(":"), !text.contains("%") else { return false }
        let halves = text.ranges(of: "::")
        guard halves.count <= 1, !text.contains(":::") else { return false }
        func groups(_ part: Substring) -> Int? {
            if part.isEmpty { return 0 }
            var count = 0
            let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
            for (index, piece) in pieces.enumerated() {
                if index == pieces.count - 1, piece.contains(".") {
                    guard isIPv4(String(piece)) else { return nil }
                    count += 2
                } else {
                    guard (1...4).contains(piece.utf8.count), piece.utf8.allSatisfy(isHex) else { return nil }
                    count += 1
                }
            }
            return count
        }
        guard let gap = halves.first else { return groups(text[...]) == 8 }
        guard let before = groups(text[..<gap.lowerBound]), let after = groups(text[gap.upperBound...]) else { return false }
        return before + after < 8
    }

    private static func isCIDR(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = UInt8(parts[1]), String(length) == parts[1] else { return false }
        let address = String(parts[0])
        return isIPv4(address) && length <= 32 || isIPv6(address) && length <= 128
    }

    private static func isMAC(_ text: String) -> Bool {
        matches(text, #"^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$"#) || matches(text, #"^([0-9A-Fa-f]{2}[:-]){7}[0-9A-Fa-f]{2}$"#)
            || matches(text, #"^([0-9A-Fa-f]{4}\.){2,3}[0-9A-Fa-f]{4}$"#)
    }

    private static func isUUID(_ text: String, version: Character?) -> Bool {
        let third = version.map { "\($0)[0-9a-f]{3}" } ?? "[0-9a-f]{4}"
        let fourth = version == "4" || version == "5" ? "[89ab][0-9a-f]{3}" : "[0-9a-f]{4}"
        return matches(text, "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?\(third)-?\(fourth)-?[0-9a-f]{12}$")
    }

    /// An absolute URI or an absolute path (`url.ParseRequestURI`).
    private static func isURI(_ text: String) -> Bool {
        guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F }) else { return false }
        return text.hasPrefix("/") || matches(text, #"^[A-Za-z][A-Za-z0-9+.-]*:.+$"#)
    }

    private static func isRGBColor(_ text: String) -> Bool {
        let byte = #"(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])"#
        return matches(text, #"^rgb\(\s*"# + byte + #"\s*,\s*"# + byte + #"\s*,\s*"# + byte + #"\s*\)$"#)
    }

    private static func isISBN10(_ text: String) -> Bool {
        let digits = text.filter { $0 != "-" && $0 != " " }
        guard matches(digits, "^[0-9]{9}[0-9X]$") else { return false }
        let sum = digits.enumerated().reduce(0) { $0 + ($1.element == "X" ? 10 : $1.element.wholeNumberValue ?? 0) * ($1.offset + 1) }
        return sum % 11 == 0
    }

    private static func isISBN13(_ text: String) -> Bool {
        let digits = text.filter { $0 != "-" && $0 != " " }
        guard matches(digits, "^[0-9]{13}$") else { return false }
        return digits.enumerated().reduce(0) { $0 + ($1.element.wholeNumberValue ?? 0) * ($1.offset % 2 == 0 ? 1 : 3) } % 10 == 0
    }

    /// Luhn's sum over the digits.
    private static func isCreditCard(_ text: String) -> Bool {
        let digits = text.filter { $0.isASCII && $0.isNumber }.compactMap(\.wholeNumberValue)
        guard (13...19).contains(digits.count) else { return false }
        let sum = digits.reversed().enumerated().reduce(0) { sum, digit in
            let doubled = digit.offset % 2 == 1 ? digit.element * 2 : digit.element
            return sum + (doubled > 9 ? doubled - 9 : doubled)
        }
        return sum % 10 == 0
    }
}
