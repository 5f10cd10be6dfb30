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
            let result = json.at("GetCallerIdentityResponse", "GetCallerIdentityResult")
        else { throw .sts("invalid character in the answer") }
        let arn = result["Arn"]?.string ?? ""
        let userID = result["UserId"]?.string ?? ""
        let canonical: ARN
        do { canonical = try ARN(canonicalizing: arn) } catch { throw .sts("\(error)") }
        let parts = userID.split(separator: ":", omittingEmptySubsequences: false)
        if canonical.kind == .assumedRole || canonical.kind == .role {
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
