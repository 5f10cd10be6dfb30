/// The forms of names (`k8s.io/apimachinery/pkg/util/validation`).
public enum NameForm: Sendable, Hashable {
    case subdomain
    case label
    case label1035
    /// Anything that fits a path segment: RBAC objects.
    case pathSegment
    /// An IP address in its canonical text.
    case address

    /// What is wrong with a name; empty when nothing. With `isPrefix` a final `-` is allowed, as before a generated suffix.
    public func problems(_ name: String, isPrefix: Bool = false) -> [String] {
        let name = isPrefix ? Self.masked(name) : name
        switch self {
        case .subdomain:
            return Self.lengthProblem(name, 253)
                + (Self.isSubdomain(name)
                    ? []
                    : [
                        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
                            + "alphanumeric character (e.g. 'example.com', regex used for validation is "
                            + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                    ])
        case .label:
            return Self.lengthProblem(name, 63)
                + (Self.isLabel(Substring(name))
                    ? []
                    : Self.isSubdomain(name)
                        ? ["must not contain dots"]
                        : [
                            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
                                + "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                        ])
        case .label1035:
            return Self.lengthProblem(name, 63)
                + (Self.isLabel(Substring(name)) && name.first?.isLetter == true
                    ? []
                    : [
                        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
                            + "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                    ])
        case .pathSegment:
            if name == "." { return ["may not be '.'"] }
            if name == ".." { return ["may not be '..'"] }
            return ["/", "%"].filter { name.contains($0) }.map { "may not contain '\($0)'" }
        case .address: return AddressText.problems(name)
        }
    }

    /// A trailing dash stands for a generated suffix.
    private static func masked(_ name: String) -> String { name.count > 1 && name.hasSuffix("-") ? name.dropLast() + "a" : name }

    private static func lengthProblem(_ name: String, _ limit: Int) -> [String] {
        name.utf8.count > limit ? ["must be no more than \(limit) characters"] : []
    }

    static func isSubdomain(_ name: String) -> Bool {
        isSubdomain(name.utf8)
    }

    /// Labels between dots, each of which begins and ends with a letter or digit.
    fileprivate static func isSubdomain(_ bytes: some Collection<UInt8>) -> Bool {
        var last = UInt8(ascii: ".")
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "."): guard isAlphanumeric(last) else { return false }
            case UInt8(ascii: "-"): guard last != UInt8(ascii: ".") else { return false }
            default: guard isAlphanumeric(byte) else { return false }
            }
            last = byte
        }
        return isAlphanumeric(last)
    }

    static func isLabel(_ part: Substring) -> Bool {
        let bytes = part.utf8
        guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first), isAlphanumeric(last) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}

/// Names of labels and annotations (`validation.IsQualifiedName`), and label values.
public enum QualifiedName {
    private static let namePattern =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
        + "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

    /// What is wrong with a key; empty when nothing.
    public static func problems(_ key: String) -> [String] {
        if isValid(key.utf8) { return [] }
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        var problems: [String] = []
        let name: Substring
        switch parts.count {
        case 1: name = parts[0]
        case 2:
            name = parts[1]
            if parts[0].isEmpty {
                problems.append("prefix part must be non-empty")
            } else {
                problems += NameForm.subdomain.problems(String(parts[0])).map { "prefix part \($0)" }
            }
        default:
            return [
                "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
                    + "'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional "
                    + "DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
        }
        if name.isEmpty {
            problems.append("name part must be non-empty")
        } else if name.utf8.count > 63 {
            problems.append("name part must be no more than 63 bytes")
        }
        if !isNamePart(name.utf8) { problems.append(namePattern) }
        return problems
    }

    /// What is wrong with a label's value; empty when nothing.
    public static func valueProblems(_ value: String) -> [String] {
        var problems: [String] = []
        if value.utf8.count > 63 { problems.append("must be no more than 63 bytes") }
        if !value.isEmpty, !isNamePart(value.utf8) {
            problems.append(
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
                    + "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
                    + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
        }
        return problems
    }

    /// Whether nothing is wrong with a key.
    private static func isValid(_ key: String.UTF8View) -> Bool {
        guard let slash = key.firstIndex(of: UInt8(ascii: "/")) else { return key.count <= 63 && isNamePart(key) }
        let prefix = key[..<slash]
        let name = key[key.index(after: slash)...]
        return prefix.count <= 253 && name.count <= 63 && NameForm.isSubdomain(prefix) && isNamePart(name)
    }

    private static func isNamePart(_ part: some BidirectionalCollection<UInt8>) -> Bool {
        guard let first = part.first, let last = part.last, isAlphanumeric(first), isAlphanumeric(last) else { return false }
        return part.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
