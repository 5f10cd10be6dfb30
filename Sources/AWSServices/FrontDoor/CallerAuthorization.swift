import Encoding
import HTTP
import IAMPolicy
import JSON
import World

/// Decides by IAM's policies whether a caller may make a call.
struct CallerAuthorization: Sendable {
    let records: Records
    let world: World

    /// Refuses with AWS' text unless the caller's policies allow the action on the resource.
    ///
    /// - Parameter conditions: keys of the service beside the global ones.
    /// - Throws: the protocol's access-denied error.
    func require(_ call: AWSCall, _ action: String, on resource: String, conditions: [String: [String]] = [:]) throws(AWSError) {
        let decision = decide(call, action, on: resource, conditions: conditions)
        guard !decision.isAllowed else { return call.request.trace.add(TraceStep("iam", action, actual: decision.reasons.first, .pass)) }
        explain(decision, call, action, resource)
        throw Self.refusal(decision, call, action, resource)
    }

    /// What the caller's policies say of a call.
    func decide(
        _ call: AWSCall, _ action: String, on resource: String, conditions: [String: [String]] = [:],
        granted: CallerPolicies.ResourceGrant = .none
    ) -> AccessDecision {
        let owner = owner(call.caller)
        let context = context(call, owner).merging(conditions) { _, specific in specific }
        return policies(call.caller, owner).evaluate(PolicyRequest(action: action, resource: resource, context: context), granted: granted)
    }

    /// Writes what refused a call, and the smallest statement that would not.
    func explain(_ decision: AccessDecision, _ call: AWSCall, _ action: String, _ resource: String) {
        let caller = call.caller
        let statement =
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"\(action)\",\"Resource\":\"\(resource)\"}]}"
        var fix: String?
        if decision.layer == .identity, !decision.isExplicit {
            let owner = caller.userName.map { "--user-name \($0)" } ?? "--role-name \(caller.roleName ?? "ROLE")"
            let verb = caller.userName == nil ? "put-role-policy" : "put-user-policy"
            let name = "allow-\(action.map { $0.isLetter || $0.isNumber ? $0 : "-" }.reduce("") { "\($0)\($1)" })"
            fix = "aws iam \(verb) \(owner) --policy-name \(name) --policy-document \(Shell.quoted(statement))"
        }
        let layer = decision.layer?.rawValue ?? "policy"
        call.request.trace.add(
            TraceStep(
                "iam", action, expected: "\(layer) that allows it on \(resource)",
                actual: decision.isExplicit ? "an explicit deny in a \(layer)" : "no \(layer) allows it", .fail,
                nearMisses: Array(decision.reasons.prefix(5)), fix: fix))
    }

    /// AWS' refusal of a call.
    static func refusal(_ decision: AccessDecision, _ call: AWSCall, _ action: String, _ resource: String) -> AWSError {
        // EC2 puts a sentence in front and names no resource for calls that have none.
        let isEC2 = call.service == "ec2"
        let place = isEC2 && resource == "*" ? "" : " on resource: \(resource)"
        return AWSError(
            403, call.wire.accessDeniedCode,
            "\(isEC2 ? "You are not authorized to perform this operation. " : "")User: \(call.caller.arn) is not authorized to perform: \(action)\(place)\(decision.because(action))"
        )
    }

    // MARK: The caller's policies

    /// The record of a caller's user or role; `nil` when it is gone, or made again under the same name as another one.
    func owner(_ caller: Caller) -> JSON? {
        let kind = caller.userName == nil ? "roles" : "users"
        guard let name = caller.userName ?? caller.roleName,
            let owner = records.get(Records.collection(caller.accountID, "global", "iam", kind), name)?.json,
            owner[caller.userName == nil ? "RoleId" : "UserId"]?.string == caller.principalID
        else { return nil }
        return owner
    }

    /// The policies of a caller, layer by layer.
    func policies(_ caller: Caller, _ owner: JSON?) -> CallerPolicies {
        var identity: [CallerPolicies.Named] = []
        for member in owner?["inlinePolicies"]?.object?.members ?? [] {
            if let text = member.value.string, let document = try? PolicyDocument(parsing: text) { identity.append((member.key, document)) }
        }
        identity += managed(owner?["attachedPolicies"]?.strings ?? [], caller)
        let boundary = owner?["PermissionsBoundary"]?.string.map { managed([$0], caller) }
        var session: [CallerPolicies.Named]?
        if caller.session.policy != nil || !caller.session.policyARNs.isEmpty {
            let inline = caller.session.policy.flatMap { try? PolicyDocument(parsing: $0) }
            session = (inline.map { [("session policy", $0)] } ?? []) + managed(caller.session.policyARNs, caller)
        }
        return CallerPolicies(identity: identity, boundary: boundary, session: session)
    }

    private func managed(_ arns: [String], _ caller: Caller) -> [CallerPolicies.Named] {
        arns.compactMap { arn in ManagedPolicies.document(arn, records: records, account: caller.accountID).map { (arn, $0) } }
    }

    // MARK: Condition keys

    /// The global condition keys of a call (IAM User Guide, "AWS global condition context keys"); absent ones have no value here.
    func context(_ call: AWSCall, _ owner: JSON?) -> [String: [String]] {
        let connection = call.request.connection
        let now = world.now
        var context = principalContext(call.caller, owner)
        context["aws:RequestedRegion"] = [call.region]
        context["aws:SourceIp"] = [connection.remoteAddress]
        context["aws:SecureTransport"] = [connection.isTLS ? "true" : "false"]
        context["aws:CurrentTime"] = [now.rfc3339]
        context["aws:EpochTime"] = [String(now.seconds)]
        context["aws:ViaAWSService"] = ["false"]
        context["aws:UserAgent"] = call.request.headers["User-Agent"].map { [$0] }
        return context
    }

    /// The keys that tell of the caller, whatever it calls.
    func principalContext(_ caller: Caller, _ owner: JSON?) -> [String: [String]] {
        var context = [
            "aws:PrincipalArn": [caller.principalARN], "aws:PrincipalAccount": [caller.accountID], "aws:userid": [caller.userID],
            "aws:PrincipalType": [caller.userName == nil ? "AssumedRole" : "User"], "aws:PrincipalIsAWSService": ["false"],
        ]
        context["aws:username"] = caller.userName.map { [$0] }
        context["aws:SourceIdentity"] = caller.session.sourceIdentity.map { [$0] }
        if let issued = caller.session.issued {
            context["aws:TokenIssueTime"] = [issued.rfc3339]
            context["aws:MultiFactorAuthPresent"] = ["false"]
        }
        var tags = Dictionary((owner?["Tags"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }) { $1 }
        tags.merge(caller.session.tags) { _, session in session }
        for (key, value) in tags { context["aws:PrincipalTag/\(key)"] = [value] }
        return context
    }

    /// The keys that tell of the tags that a request sends.
    static func requestTags(_ tags: [(key: String, value: String)]) -> [String: [String]] {
        guard !tags.isEmpty else { return [:] }
        var context = Dictionary(tags.map { ("aws:RequestTag/\($0.key)", [$0.value]) }) { $1 }
        context["aws:TagKeys"] = tags.map(\.key)
        return context
    }

    /// The keys that tell of the tags that a resource has.
    static func resourceTags(_ tags: JSON?, alias: String? = nil) -> [String: [String]] {
        var context: [String: [String]] = [:]
        for member in tags?.object?.members ?? [] {
            context["aws:ResourceTag/\(member.key)"] = [member.value.string ?? ""]
            if let alias { context["\(alias):ResourceTag/\(member.key)"] = [member.value.string ?? ""] }
        }
        return context
    }
}
