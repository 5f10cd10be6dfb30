/// Who signed a call.
struct Caller: Sendable, Hashable {
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
    /// The policy that the session was limited to.
    let sessionPolicy: String?

    /// The ARN that access entries and policies know the caller by.
    var principalARN: String { roleARN ?? arn }
    /// The unique id without the session.
    var principalID: String { String(userID.prefix { $0 != ":" }) }
}
