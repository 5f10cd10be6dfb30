/// A version of semver.org 2.0 (`github.com/blang/semver`).
struct SemanticVersion: Sendable, Hashable {
    /// Why a text is no version, in the library's words.
    struct Refusal: Error { let text: String }

    let major: UInt64
    let minor: UInt64
    let patch: UInt64
    private let prerelease: [String]
    private let build: [String]

    /// Reads a version; with `isLenient` a leading `v`, missing parts and leading zeros are put right first.
    init(_ text: String, isLenient: Bool = false) throws(Refusal) {
        let text = isLenient ? Self.normalized(text) : text
        guard !text.isEmpty else { throw Refusal(text: "Version string empty") }
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { throw Refusal(text: "No Major.Minor.Patch elements found") }
        major = try Self.number(parts[0], "major")
        minor = try Self.number(parts[1], "minor")
        var rest = parts[2][...]
        var builds: [String] = []
        var prereleases: [String] = []
        if let mark = rest.firstIndex(of: "+") {
            builds = rest[rest.index(after: mark)...].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            rest = rest[..<mark]
        }
        if let mark = rest.firstIndex(of: "-") {
            prereleases = rest[rest.index(after: mark)...].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            rest = rest[..<mark]
        }
        patch = try Self.number(String(rest), "patch")
        for part in prereleases {
            guard !part.isEmpty else { throw Refusal(text: "Prerelease is empty") }
            let isNumber = part.utf8.allSatisfy { $0 &- 0x30 < 10 }
            if isNumber, part.count > 1, part.hasPrefix("0") {
                throw Refusal(text: "Numeric PreRelease version must not contain leading zeroes \(GoText.quoted(part))")
            }
            guard Self.isPlain(part) else { throw Refusal(text: "Invalid character(s) found in prerelease \(GoText.quoted(part))") }
        }
        for part in builds {
            guard !part.isEmpty else { throw Refusal(text: "Build meta data is empty") }
            guard Self.isPlain(part) else { throw Refusal(text: "Invalid character(s) found in build meta data \(GoText.quoted(part))") }
        }
        prerelease = prereleases
        build = builds
    }

    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    private static func number(_ text: String, _ part: String) throws(Refusal) -> UInt64 {
        let name = part.prefix(1).uppercased() + part.dropFirst()
        guard text.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else {
            throw Refusal(text: "Invalid character(s) found in \(part) number \(GoText.quoted(text))")
        }
        guard text.count == 1 || !text.hasPrefix("0") else {
            throw Refusal(text: "\(name) number must not contain leading zeroes \(GoText.quoted(text))")
        }
        guard let value = UInt64(text) else { throw Refusal(text: "strconv.ParseUint: parsing \(GoText.quoted(text)): invalid syntax") }
        return value
    }

    private static func normalized(_ text: String) -> String {
        var text = GoText.trimmed(text)
        if text.hasPrefix("v") { text.removeFirst() }
        var parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        for (index, part) in parts.enumerated() where part.count > 1 {
            let digits = part.drop { $0 == "0" }
            parts[index] = digits.isEmpty || digits.first?.isNumber != true ? "0\(digits)" : String(digits)
        }
        if parts.count < 3, let last = parts.last, !last.contains(where: { "+-".contains($0) }) {
            while parts.count < 3 { parts.append("0") }
        }
        return parts.joined(separator: ".")
    }

    /// -1, 0 or 1; build metadata have no say.
    func compare(_ other: SemanticVersion) -> Int64 {
        for (left, right) in [(major, other.major), (minor, other.minor), (patch, other.patch)] where left != right {
            return left < right ? -1 : 1
        }
        switch (prerelease.isEmpty, other.prerelease.isEmpty) {
        case (true, true): return 0
        case (true, false): return 1
        case (false, true): return -1
        case (false, false): break
        }
        for (left, right) in zip(prerelease, other.prerelease) where left != right {
            switch (UInt64(left), UInt64(right)) {
            case (let left?, let right?): return left < right ? -1 : 1
            case (_?, nil): return -1
            case (nil, _?): return 1
            case (nil, nil): return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
            }
        }
        return prerelease.count < other.prerelease.count ? -1 : prerelease.count > other.prerelease.count ? 1 : 0
    }
}

/// Versions in expressions (`k8s.io/apiserver/pkg/cel/library/semver.go`).
enum CELVersions {
    private static let type = CELOpaque.semverType

    static func add(to functions: inout CELFunctions) {
        for parameters in [[CELType.string], [.string, .bool]] {
            functions.function("semver", parameters, type, cost: .traversal(0)) { (values) throws(CELError) in
                let isLenient = values.count > 1 ? try values[1].bool() : false
                do throws(SemanticVersion.Refusal) {
                    return .opaque(.semver(try SemanticVersion(Self.text(values[0]), isLenient: isLenient)))
                } catch { throw .message(error.text) }
            }
            functions.function("isSemver", parameters, .bool, cost: .traversal(0)) { (values) throws(CELError) in
                let isLenient = values.count > 1 ? try values[1].bool() : false
                return .bool((try? SemanticVersion(Self.text(values[0]), isLenient: isLenient)) != nil)
            }
        }
        let parts: [(String, @Sendable (SemanticVersion) -> UInt64)] = [
            ("major", { $0.major }), ("minor", { $0.minor }), ("patch", { $0.patch }),
        ]
        for (name, part) in parts {
            functions.method(name, [type], .int) { (values) throws(CELError) in .int(Int64(clamping: part(try version(values[0])))) }
        }
        functions.method("isGreaterThan", [type, type], .bool) { (values) throws(CELError) in
            .bool(try version(values[0]).compare(try version(values[1])) > 0)
        }
        functions.method("isLessThan", [type, type], .bool) { (values) throws(CELError) in
            .bool(try version(values[0]).compare(try version(values[1])) < 0)
        }
        functions.method("compareTo", [type, type], .int) { (values) throws(CELError) in
            .int(try version(values[0]).compare(try version(values[1])))
        }
    }

    private static func text(_ value: CELValue) -> String { if case .string(let text) = value { text } else { "" } }

    private static func version(_ value: CELValue) throws(CELError) -> SemanticVersion {
        guard case .opaque(.semver(let version)) = value else { throw CELFunctions.none }
        return version
    }
}
