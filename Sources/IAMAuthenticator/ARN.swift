/// ARNs as the authenticator canonicalizes and compares them (`pkg/arn`).
public struct ARN: Sendable, Hashable {
    /// Why a text is no ARN of an identity.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// It does not begin with `arn:`.
        case prefix(String)
        /// It has fewer than six sections.
        case sections(String)
        /// No such partition.
        case partition(String)
        /// An assumed role without role or session.
        case noRole(String)
        /// A resource that is no identity.
        case resource(String, service: String)
        /// A service other than IAM and STS.
        case service(String, arn: String)

        /// The authenticator's words.
        public var description: String {
            switch self {
            case .prefix(let text): "arn '\(text)' is invalid: 'arn: invalid prefix'"
            case .sections(let text): "arn '\(text)' is invalid: 'arn: not enough sections'"
            case .partition(let text): "arn '\(text)' does not have a recognized partition"
            case .noRole(let text): "assumed-role arn '\(text)' does not have a role"
            case .resource(let resource, let service): "unrecognized resource \(resource) for service \(service)"
            case .service(let service, let arn): "service \(service) in arn \(arn) is not a valid service for identities"
            }
        }
    }

    /// What kind of principal an ARN names.
    public enum Kind: String, Sendable, Hashable {
        case role = "ROLE"
        case assumedRole = "ASSUMED_ROLE"
        case user = "USER"
        case root = "ROOT"
        case federatedUser = "FEDERATED_USER"
    }

    /// The canonical text: an assumed role becomes its role, everything else stays.
    public let text: String
    /// What the original named.
    public let kind: Kind

    /// Whether the original named a session of a role.
    public var isAssumedRole: Bool { kind == .assumedRole }

    /// Canonicalizes (`Canonicalize`).
    ///
    /// - Throws: `Problem`.
    public init(canonicalizing arn: String) throws(Problem) {
        guard arn.hasPrefix("arn:") else { throw .prefix(arn) }
        let sections = Self.sections(of: arn)
        guard sections.count == 6 else { throw .sections(arn) }
        guard Partition.named(sections[1]) != nil else { throw .partition(arn) }
        let resource = sections[5].utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
        switch (sections[2], resource.first) {
        case ("sts", "federated-user"): (text, kind) = (arn, .federatedUser)
        case ("sts", "assumed-role"):
            guard resource.count >= 3 else { throw .noRole(arn) }
            // Everything between the kind and the session is the role's name; STS never sends a path here.
            let role = resource[1..<(resource.count - 1)].joined(separator: "/")
            (text, kind) = ("arn:\(sections[1]):iam::\(sections[4]):role/\(role)", .assumedRole)
        case ("iam", "role"): (text, kind) = (arn, .role)
        case ("iam", "user"): (text, kind) = (arn, .user)
        case ("iam", "root"): (text, kind) = (arn, .root)
        case ("sts", _), ("iam", _): throw .resource(sections[5], service: sections[2])
        default: throw .service(sections[2], arn: arn)
        }
    }

    /// Removes the path of a role: `role/a/b/NAME` becomes `role/NAME`. Users keep theirs (`StripPath`).
    public static func strippingPath(_ arn: String) -> String {
        // Without two slashes there is no path.
        let slash = UInt8(ascii: "/")
        guard let first = arn.utf8.firstIndex(of: slash), arn.utf8.lastIndex(of: slash) != first else { return arn }
        let sections = Self.sections(of: arn)
        guard sections.count == 6 else { return arn }
        let resource = sections[5].split(separator: "/", omittingEmptySubsequences: false)
        guard resource.count > 2, resource[0] == "role", let last = resource.last else { return arn }
        return sections[0..<5].joined(separator: ":") + ":role/" + last
    }

    /// Whether an ARN matches a pattern section by section: `*` is any text, `?` none or one character (`ArnLike`; IAM's own `?` is
    /// exactly one).
    public static func isLike(_ arn: String, _ pattern: String) -> Bool {
        let sections = Self.sections(of: arn)
        let patterns = Self.sections(of: pattern)
        guard sections.count == 6, patterns.count == 6 else { return false }
        return zip(sections, patterns).allSatisfy { matches(Array($0.0.utf8), Array($0.1.utf8)) }
    }

    /// Follows all readings of the pattern at once, so that no pattern takes longer than text times pattern.
    private static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var places: Set<Int> = [0]
        func widen() {
            for place in places.sorted() {
                var place = place
                while place < pattern.count, pattern[place] == UInt8(ascii: "*") || pattern[place] == UInt8(ascii: "?") {
                    place += 1
                    places.insert(place)
                }
            }
        }
        widen()
        for byte in text {
            var next: Set<Int> = []
            for place in places where place < pattern.count {
                switch pattern[place] {
                case UInt8(ascii: "*"): next.insert(place)
                case UInt8(ascii: "?"), byte: next.insert(place + 1)
                default: continue
                }
            }
            places = next
            widen()
        }
        return places.contains(pattern.count)
    }

    static func sections(of arn: String) -> [String] {
        arn.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 5, omittingEmptySubsequences: false).map { String(Substring($0)) }
    }
}
