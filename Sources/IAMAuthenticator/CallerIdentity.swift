import JSON

/// Who STS says signed a token (`pkg/arn`, `pkg/token`).
public struct CallerIdentity: Sendable, Hashable {
    /// The ARN that STS answered.
    public let arn: String
    /// The ARN that mappings are compared with: an assumed role becomes its role, without the session.
    public let canonicalARN: String
    /// Twelve digits.
    public let accountID: String
    /// The unique id: `AROA…` without the session, `AIDA…`, or the account of root.
    public let userID: String
    /// The session of an assumed role, else empty.
    public let sessionName: String
    /// The access key that signed.
    public let accessKeyID: String

    /// Makes an identity.
    public init(arn: String, canonicalARN: String, accountID: String, userID: String, sessionName: String, accessKeyID: String) {
        self.arn = arn
        self.canonicalARN = canonicalARN
        self.accountID = accountID
        self.userID = userID
        self.sessionName = sessionName
        self.accessKeyID = accessKeyID
    }

    /// Reads STS' JSON answer of status 200.
    ///
    /// - Throws: `TokenError.sts` when it is no identity.
    public init(stsAnswer body: [UInt8], accessKeyID: String) throws(TokenError) {
        guard let json = try? JSON(parsing: body),
            let result = json.at("GetCallerIdentityResponse", "GetCallerIdentityResult"), let arn = result["Arn"]?.string
        else { throw .sts("invalid character in the answer") }
        let userID = result["UserId"]?.string ?? ""
        let canonical: ARN
        do { canonical = try ARN(canonicalizing: arn) } catch { throw .sts("\(error)") }
        let parts = userID.split(separator: ":", omittingEmptySubsequences: false)
        if canonical.isAssumedRole || canonical.text.contains(":role/") {
            guard parts.count == 2 else { throw .sts("malformed UserID \"\(userID)\"") }
            self.init(
                arn: arn, canonicalARN: canonical.text, accountID: result["Account"]?.string ?? "", userID: String(parts[0]),
                sessionName: String(parts[1]), accessKeyID: accessKeyID)
        } else {
            self.init(
                arn: arn, canonicalARN: canonical.text, accountID: result["Account"]?.string ?? "", userID: userID, sessionName: "",
                accessKeyID: accessKeyID)
        }
    }
}

/// ARNs as the authenticator canonicalizes them.
public struct ARN: Sendable, Hashable {
    /// Why a text is no ARN that can be mapped.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        case malformed(String)
        case unknownPartition(String)
        case unsupported(String)

        /// The text for messages.
        public var description: String {
            switch self {
            case .malformed(let text): "arn '\(text)' is invalid: 'arn: invalid prefix'"
            case .unknownPartition(let text): "partition for arn \"\(text)\" is not recognized"
            case .unsupported(let text): "service in arn \"\(text)\" is not a valid service for identities"
            }
        }
    }

    /// The canonical text.
    public let text: String
    /// Whether the original named a session of a role.
    public let isAssumedRole: Bool

    /// Canonicalizes (`pkg/arn.Canonicalize`).
    public init(canonicalizing arn: String) throws(Problem) {
        let sections = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard sections.count == 6, sections[0] == "arn" else { throw .malformed(arn) }
        guard Partition.named(sections[1]) != nil else { throw .unknownPartition(arn) }
        let resource = sections[5].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (sections[2], resource.first) {
        case ("sts", "federated-user"):
            text = arn
            isAssumedRole = false
        case ("sts", "assumed-role"):
            guard resource.count >= 3 else { throw .malformed(arn) }
            // Everything between the kind and the session is the role's name; STS never sends a path here.
            text = "arn:\(sections[1]):iam::\(sections[4]):role/" + resource[1..<(resource.count - 1)].joined(separator: "/")
            isAssumedRole = true
        case ("iam", "role"), ("iam", "user"), ("iam", "root"):
            text = arn
            isAssumedRole = false
        default: throw .unsupported(arn)
        }
    }

    /// Removes the path of a role: `role/a/b/NAME` becomes `role/NAME`. Users keep theirs (`pkg/arn.StripPath`).
    public static func strippingPath(_ arn: String) -> String {
        let sections = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard sections.count == 6 else { return arn }
        let resource = sections[5].split(separator: "/", omittingEmptySubsequences: false)
        guard resource.count > 2, resource[0] == "role", let last = resource.last else { return arn }
        return sections[0..<5].joined(separator: ":") + ":role/" + last
    }
}
