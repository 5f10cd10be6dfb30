import JSON

/// Forms of small texts and numbers (`k8s.io/apimachinery/pkg/util/validation`).
enum FormatChecks {
    static func range(_ low: Int64, _ high: Int64) -> String { "must be between \(low) and \(high), inclusive" }

    static func port(_ port: Int64) -> [String] { 1...65535 ~= port ? [] : [range(1, 65535)] }

    static func portName(_ name: String) -> [String] {
        var problems: [String] = []
        let bytes = Array(name.utf8)
        func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte }
        func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
        let dash = UInt8(ascii: "-")
        if bytes.count > 15 { problems.append("must be no more than 15 characters") }
        if bytes.isEmpty || !bytes.allSatisfy({ isLetter($0) || isDigit($0) || $0 == dash }) {
            problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        }
        if !bytes.contains(where: isLetter) { problems.append("must contain at least one letter (a-z)") }
        if name.contains("--") { problems.append("must not contain consecutive hyphens") }
        if bytes.first == dash || bytes.last == dash { problems.append("must not begin or end with a hyphen") }
        return problems
    }

    static func configKey(_ key: String) -> [String] {
        var problems: [String] = []
        if key.utf8.count > 253 { problems.append("must be no more than 253 characters") }
        if key.isEmpty || !key.unicodeScalars.allSatisfy({ isWord($0) || "-_.".unicodeScalars.contains($0) }) {
            problems.append(
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
                    + "regex used for validation is '[-._a-zA-Z0-9]+')")
        }
        switch key {
        case ".": problems.append("must not be '.'")
        case "..": problems.append("must not be '..'")
        default: if key.hasPrefix("..") { problems.append("must not start with '..'") }
        }
        return problems
    }

    static func environmentName(_ name: String) -> [String] {
        if name.isEmpty { return ["environment variable name must be non-empty"] }
        let isFine = name.unicodeScalars.allSatisfy { 0x20...0x7E ~= $0.value && $0 != "=" }
        return isFine ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    }

    static func headerName(_ name: String) -> [String] {
        if !name.isEmpty, name.unicodeScalars.allSatisfy({ isWord($0) || $0 == "-" }) { return [] }
        return [
            "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is "
                + "'[-A-Za-z0-9]+')"
        ]
    }

    static func percent(_ text: String) -> [String] {
        let digits = text.dropLast()
        if text.hasSuffix("%"), !digits.isEmpty, digits.unicodeScalars.allSatisfy({ "0"..."9" ~= $0 }) { return [] }
        return [
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is "
                + "'[0-9]+%')"
        ]
    }

    /// `IsFullyQualifiedName`: three segments at least.
    static func fullyQualifiedName(_ name: String) -> [String] {
        let problems = NameForm.subdomain.problems(name)
        if !problems.isEmpty { return [problems.joined(separator: ",")] }
        if name.split(separator: ".", omittingEmptySubsequences: false).count < 3 {
            return ["should be a domain with at least three segments separated by dots"]
        }
        return []
    }

    static func wildcardSubdomain(_ name: String) -> [String] {
        var problems: [String] = []
        if name.utf8.count > 253 { problems.append("must be no more than 253 characters") }
        if !name.hasPrefix("*.") || !NameForm.isSubdomain(String(name.dropFirst(2))) {
            problems.append(
                "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case "
                    + "alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for "
                    + "validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
        }
        return problems
    }

    static func subdomainWithUnderscore(_ name: String) -> [String] {
        var problems: [String] = []
        if name.utf8.count > 253 { problems.append("must be no more than 253 characters") }
        let isFine = name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            let label = part.hasPrefix("_") ? part.dropFirst() : part
            return NameForm.isLabel(Substring(label.replacing("_", with: "-"))) && label.last != "_" && label.first != "_"
        }
        if !isFine {
            problems.append(
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end "
                    + "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
                    + "'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')")
        }
        return problems
    }

    static func isWord(_ scalar: Unicode.Scalar) -> Bool { "a"..."z" ~= scalar || "A"..."Z" ~= scalar || "0"..."9" ~= scalar }

    /// `IsCIdentifier` and the CEL identifier share this form.
    static func isIdentifier(_ name: String) -> Bool {
        guard let first = name.unicodeScalars.first, !("0"..."9" ~= first) else { return false }
        return name.unicodeScalars.allSatisfy { isWord($0) || $0 == "_" }
    }
}

extension FieldErrorList {
    /// `ValidatePortNumOrName`.
    mutating func portNumberOrName(_ port: JSON?, _ path: @autoclosure () -> FieldPath) {
        switch port {
        case .string(let name)?: invalid(path(), .string(name), each: FormatChecks.portName(name))
        default:
            let number = port?.integer ?? 0
            invalid(path(), .integer(number), each: FormatChecks.port(number))
        }
    }

    mutating func port(_ number: Int64, _ path: @autoclosure () -> FieldPath) {
        if !(1...65535 ~= number) { invalid(path(), .integer(number), each: FormatChecks.port(number)) }
    }

    /// `IsDomainPrefixedPath`.
    mutating func domainPrefixedPath(_ text: String, _ path: @autoclosure () -> FieldPath) {
        if text.isEmpty { return required(path()) }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            return invalid(path(), .string(text), "must be a domain-prefixed path (such as \"acme.io/foo\")")
        }
        dns1123Subdomain(String(parts[0]), path())
        let allowed = "/-._~%!$&'()*+,;=:".unicodeScalars
        if !parts[1].unicodeScalars.allSatisfy({ FormatChecks.isWord($0) || allowed.contains($0) }) {
            invalid(
                path(), .string(String(parts[1])),
                "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')")
        }
    }

    /// A signed text of a count or a percentage (`ValidatePositiveIntOrPercent`).
    mutating func countOrPercent(_ value: JSON?, _ path: @autoclosure () -> FieldPath) {
        switch value {
        case .string(let text)?: invalid(path(), .string(text), each: FormatChecks.percent(text))
        case .integer(let number)?: nonnegative(number, path())
        default: break
        }
    }

    /// `IsNotMoreThan100Percent`.
    mutating func notMoreThanAll(_ value: JSON?, _ path: @autoclosure () -> FieldPath) {
        guard let percent = Self.percentage(value), percent > 100 else { return }
        invalid(path(), value ?? .null, "must not be greater than 100%")
    }

    /// The number of a percentage; `nil` for counts and for texts that are none.
    static func percentage(_ value: JSON?) -> Int64? {
        guard let text = value?.string, FormatChecks.percent(text).isEmpty else { return nil }
        return Int64(text.dropLast())
    }

    /// The number behind a count or percentage, as `getIntOrPercentValue` reads it.
    static func countOrPercentValue(_ value: JSON?) -> Int64 { percentage(value) ?? value?.integer ?? 0 }
}
