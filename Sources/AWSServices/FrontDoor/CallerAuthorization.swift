import HTTP
import IAMPolicy
import JSON
import World

/// Decides by IAM's identity policies whether a caller may make a call.
struct CallerAuthorization: Sendable {
    let records: Records

    /// Refuses with AWS' text unless a policy allows the action on the resource.
    ///
    /// - Throws: the protocol's access-denied error.
    func require(_ call: AWSCall, _ action: String, on resource: String, conditions: [String: [String]] = [:]) throws(AWSError) {
        let caller = call.caller
        let trace = call.request.trace
        let context = Self.context(call).merging(conditions) { _, specific in specific }
        let request = PolicyRequest(action: action, resource: resource, context: context)
        var decision = PolicyEvaluation.evaluate(identityPolicies(caller), request)
        if decision.outcome == .allowed, let text = caller.sessionPolicy, let document = try? PolicyDocument(parsing: text) {
            decision = PolicyEvaluation.evaluate([("session policy", document)], request)
        }
        if decision.outcome == .allowed {
            return trace.add(TraceStep("iam", action, actual: decision.reasons.first, .pass))
        }
        let isExplicit = decision.outcome == .explicitlyDenied
        let owner = caller.userName.map { "--user-name \($0)" } ?? "--role-name \(caller.roleName ?? "ROLE")"
        let verb = caller.userName == nil ? "put-role-policy" : "put-user-policy"
        let statement =
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"\(action)\",\"Resource\":\"\(resource)\"}]}"
        trace.add(
            TraceStep(
                "iam", action, expected: "an identity policy that allows it on \(resource)",
                actual: isExplicit ? "explicit deny" : "no policy allows it", .fail, nearMisses: Array(decision.reasons.prefix(5)),
                fix: isExplicit ? nil : "aws iam \(verb) \(owner) --policy-name allow --policy-document '\(statement)'"))
        let because =
            isExplicit
            ? " with an explicit deny in an identity-based policy"
            : " because no identity-based policy allows the \(action) action"
        throw AWSError(
            403, call.wire.accessDeniedCode,
            "User: \(caller.arn) is not authorized to perform: \(action) on resource: \(resource)\(because)")
    }

    /// The inline and attached policies of a caller.
    func identityPolicies(_ caller: Caller) -> [(name: String, document: PolicyDocument)] {
        let kind = caller.userName == nil ? "roles" : "users"
        guard let name = caller.userName ?? caller.roleName,
            let owner = records.get(Records.collection(caller.accountID, "global", "iam", kind), name)?.json
        else { return [] }
        // A principal made again under the same name is another one.
        guard owner[caller.userName == nil ? "RoleId" : "UserId"]?.string == caller.principalID else { return [] }
        var policies: [(name: String, document: PolicyDocument)] = []
        for member in owner["inlinePolicies"]?.object?.members ?? [] {
            if let text = member.value.string, let document = try? PolicyDocument(parsing: text) { policies.append((member.key, document)) }
        }
        for arn in owner["attachedPolicies"]?.array?.compactMap(\.string) ?? [] {
            if let document = ManagedPolicies.document(arn, records: records, account: caller.accountID) {
                policies.append((arn, document))
            }
        }
        return policies
    }

    /// The global condition keys that the simulator knows the values of.
    private static func context(_ call: AWSCall) -> [String: [String]] {
        let caller = call.caller
        let connection = call.request.connection
        var context = [
            "aws:PrincipalArn": [caller.principalARN], "aws:PrincipalAccount": [caller.accountID], "aws:userid": [caller.userID],
            "aws:PrincipalType": [caller.userName == nil ? "AssumedRole" : "User"], "aws:RequestedRegion": [call.region],
            "aws:SourceIp": [connection.remoteAddress], "aws:SecureTransport": [connection.isTLS ? "true" : "false"],
        ]
        context["aws:username"] = caller.userName.map { [$0] }
        context["aws:UserAgent"] = call.request.headers["User-Agent"].map { [$0] }
        return context
    }
}
