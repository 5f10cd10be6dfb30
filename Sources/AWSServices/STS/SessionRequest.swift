import IAMPolicy
import JSON

/// What an AssumeRole call wants of the session beside its name: policies that limit it, tags, an identity that stays (STS API reference).
struct SessionRequest: Sendable {
    private static let tagLimit = 50
    private static let policyLimit = 10
    /// The plain text of policies and tags that one session may carry.
    private static let plainTextLimit = 2048

    /// The inline session policy.
    let policy: String?
    /// Managed session policies.
    let policyARNs: [String]
    /// The tags of the call.
    let tags: [(key: String, value: String)]
    /// The keys of `tags` that go on along a chain.
    let transitiveKeys: [String]
    /// `SourceIdentity`
    let sourceIdentity: String?

    /// Reads and checks the parameters.
    ///
    /// - Throws: `ValidationError`, `InvalidParameterValue`, `MalformedPolicyDocument` or `PackedPolicyTooLarge`.
    init(_ form: QueryForm) throws(AWSError) {
        for parameter in ["ProvidedContexts.", "SerialNumber", "TokenCode"] where form.contains(prefix: parameter) {
            throw AWSError(400, "ValidationError", "\(parameter.prefix { $0 != "." }) is not simulated.")
        }
        policy = form["Policy"]
        if let policy, (try? PolicyDocument(parsing: policy)) == nil {
            throw AWSError(400, "MalformedPolicyDocument", "This policy contains invalid Json")
        }
        policyARNs = Self.members(form, "PolicyArns", "arn")
        guard policyARNs.count <= Self.policyLimit else {
            throw QueryForm.violation(nil, "PolicyArns", "Member must have length less than or equal to \(Self.policyLimit)")
        }
        for arn in policyARNs where !arn.hasPrefix("arn:") { throw AWSError(400, "ValidationError", "ARN \(arn) is not valid.") }
        tags = form.tags()
        transitiveKeys = form.list("TransitiveTagKeys")
        sourceIdentity = form["SourceIdentity"]
        if let sourceIdentity, !Self.isName(sourceIdentity) {
            throw QueryForm.violation(
                sourceIdentity, "SourceIdentity", "Member must satisfy regular expression pattern: [\\w+=,.@-]*")
        }
        try checkTags()
        guard plainText <= Self.plainTextLimit else {
            throw AWSError(
                400, "PackedPolicyTooLarge",
                "Packed policy consumes \(packedPercent)% of allotted space, please use smaller policy.")
        }
    }

    private static func members(_ form: QueryForm, _ name: String, _ field: String) -> [String] {
        var found: [String] = []
        while let value = form["\(name).member.\(found.count + 1).\(field)"] { found.append(value) }
        return found
    }

    private static func isName(_ text: String) -> Bool {
        (2...64).contains(text.utf8.count) && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_+=,.@-".contains($0)) }
    }

    private func checkTags() throws(AWSError) {
        guard tags.count <= Self.tagLimit else {
            throw QueryForm.violation(nil, "Tags", "Member must have length less than or equal to \(Self.tagLimit)")
        }
        for tag in tags {
            guard (1...128).contains(tag.key.count), tag.value.count <= 256 else {
                throw QueryForm.violation(tag.key, "Tags", "Member must have a key of 1 to 128 and a value of at most 256 characters")
            }
            guard !tag.key.lowercased().hasPrefix("aws:") else {
                throw AWSError(400, "InvalidParameterValue", "Tag keys starting with aws: are reserved for system use")
            }
        }
        guard Set(tags.map { $0.key.lowercased() }).count == tags.count else {
            throw AWSError(
                400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        }
        for key in transitiveKeys where !tags.contains(where: { $0.key.lowercased() == key.lowercased() }) {
            throw AWSError(
                400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
        }
    }

    /// The characters of policies and tags. AWS packs them into a binary form that it does not publish; here the plain text counts.
    private var plainText: Int {
        (policy?.count ?? 0) + policyARNs.reduce(0) { $0 + $1.count } + tags.reduce(0) { $0 + $1.key.count + $1.value.count }
    }

    /// `PackedPolicySize`, `nil` when nothing was passed.
    var packedSize: Int? { plainText == 0 ? nil : packedPercent }

    private var packedPercent: Int { max(1, plainText * 100 / Self.plainTextLimit) }

    /// The session that comes out of it for a caller: transitive tags and the source identity of a chain go on.
    ///
    /// - Throws: `InvalidParameterValue` for a tag that the chain has fixed.
    func session(after caller: Caller.Session) throws(AWSError) -> Caller.Session {
        let inherited = caller.tags.filter { tag in caller.transitiveKeys.contains { $0.lowercased() == tag.key.lowercased() } }
        guard !tags.contains(where: { tag in inherited.keys.contains { $0.lowercased() == tag.key.lowercased() } }) else {
            throw AWSError(
                400, "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
            )
        }
        return Caller.Session(
            policy: policy, policyARNs: policyARNs, tags: inherited.merging(tags.map { ($0.key, $0.value) }) { $1 },
            transitiveKeys: caller.transitiveKeys + transitiveKeys, sourceIdentity: sourceIdentity ?? caller.sourceIdentity)
    }

    /// The condition keys that the call brings.
    var conditions: [String: [String]] {
        var context = CallerAuthorization.requestTags(tags)
        if !transitiveKeys.isEmpty { context["sts:TransitiveTagKeys"] = transitiveKeys }
        context["sts:SourceIdentity"] = sourceIdentity.map { [$0] }
        return context
    }

    /// The actions that the trust policy has to allow for this call.
    var actions: [String] {
        ["sts:AssumeRole"] + (tags.isEmpty ? [] : ["sts:TagSession"]) + (sourceIdentity == nil ? [] : ["sts:SetSourceIdentity"])
    }
}
