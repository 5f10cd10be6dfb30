import JSON
import World

/// Who signed a call.
struct Caller: Sendable, Hashable {
    /// What a session of a role brings along besides the role's own policies.
    struct Session: Sendable, Hashable {
        /// Inline session policy.
        var policy: String?
        /// Managed policies that limit the session.
        var policyARNs: [String] = []
        /// Session tags, inherited ones included.
        var tags: [String: String] = [:]
        /// The tags that go on to the next session of a chain.
        var transitiveKeys: [String] = []
        /// `aws:SourceIdentity`, which stays the same along a chain.
        var sourceIdentity: String?
        /// When the credentials were made.
        var issued: Instant?
    }

    /// `arn:aws:iam::…:user/NAME` or `arn:aws:sts::…:assumed-role/NAME/SESSION`.
    let arn: String
    /// The account.
    let accountID: String
    /// `AIDA…` or `AROA…:SESSION`.
    let userID: String
    /// The role of a session, with its path.
    let roleARN: String?
    /// The role's name, for its policies; `nil` for a user.
    let roleName: String?
    /// The user's name; `nil` for a session.
    let userName: String?
    /// What the session is limited to and tagged with; empty for a user.
    var session = Session()

    /// The ARN that access entries and policies know the caller by.
    var principalARN: String { roleARN ?? arn }
    /// The unique id without the session.
    var principalID: String { String(userID.prefix { $0 != ":" }) }
}

extension Caller {
    /// The caller of an access key's or session's record.
    init(key: JSON) {
        self.init(
            arn: key["arn"]?.string ?? "", accountID: key["account"]?.string ?? "", userID: key["userId"]?.string ?? "",
            roleARN: key["roleArn"]?.string, roleName: key["roleName"]?.string, userName: key["userName"]?.string,
            session: Session(
                policy: key["sessionPolicy"]?.string, policyARNs: key["sessionPolicyArns"]?.strings ?? [],
                tags: Dictionary((key["sessionTags"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }) { $1 },
                transitiveKeys: key["transitiveTagKeys"]?.strings ?? [], sourceIdentity: key["sourceIdentity"]?.string,
                issued: key["issued"]?.integer.map { Instant(seconds: $0) }))
    }
}

extension Caller.Session {
    /// Writes what is set into a session's record.
    func write(into key: inout JSON) {
        key["sessionPolicy"] = policy.map(JSON.string)
        if !policyARNs.isEmpty { key["sessionPolicyArns"] = JSON(strings: policyARNs) }
        if !tags.isEmpty {
            key["sessionTags"] = .object(JSONObject(tags.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        }
        if !transitiveKeys.isEmpty { key["transitiveTagKeys"] = JSON(strings: transitiveKeys) }
        key["sourceIdentity"] = sourceIdentity.map(JSON.string)
        key["issued"] = issued.map { .integer($0.seconds) }
    }
}
