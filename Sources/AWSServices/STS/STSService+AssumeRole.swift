import Encoding
import HTTP
import IAMPolicy
import JSON
import World

/// `sts:AssumeRole`: the role's trust policy, the caller's own policies, and what the session brings along.
extension STSService {
    func assumeRole(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization) async throws(AWSError) -> JSON {
        let roleARN = try form.required("RoleArn")
        let name = try sessionName(form)
        let wish = try SessionRequest(form)
        let sections = roleARN.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard sections.count == 6, sections[0] == "arn", sections[2] == "iam", sections[5].hasPrefix("role/") else {
            throw AWSError(400, "ValidationError", "\(roleARN) is invalid")
        }
        let account = String(sections[4])
        let roleName = roleARN.split(separator: "/").last.map(String.init) ?? ""
        guard let role = records.get(Records.collection(account, "global", "iam", "roles"), roleName)?.json, role["Arn"]?.string == roleARN
        else {
            call.request.trace.add(
                TraceStep(
                    "sts", "role", expected: "an existing role of this path and name", actual: roleARN, .fail, fix: "aws iam list-roles"))
            throw Self.denied(call, "sts:AssumeRole", roleARN)
        }
        for action in wish.actions { try requireTrust(call, form, wish, action, role, authorization) }
        let duration = try duration(form, role, isChained: call.caller.roleARN != nil)
        var session = try wish.session(after: call.caller.session)
        session.issued = world.now
        var answer = try await issue(role: role, account: account, name: roleName, sessionName: name, duration: duration, session: session)
        answer["PackedPolicySize"] = wish.packedSize.map { .integer(Int64($0)) }
        answer["SourceIdentity"] = session.sourceIdentity.map(JSON.string)
        return answer
    }

    static func denied(_ call: AWSCall, _ action: String, _ roleARN: String, because: String = "") -> AWSError {
        AWSError(403, "AccessDenied", "User: \(call.caller.arn) is not authorized to perform: \(action) on resource: \(roleARN)\(because)")
    }

    /// The trust policy must allow the caller; where it trusts the whole account, or another one, the caller's own policies must allow it too.
    private func requireTrust(
        _ call: AWSCall, _ form: QueryForm, _ wish: SessionRequest, _ action: String, _ role: JSON, _ authorization: CallerAuthorization
    ) throws(AWSError) {
        let caller = call.caller
        let roleARN = role["Arn"]?.string ?? ""
        guard let text = role["AssumeRolePolicyDocument"]?.string, let trust = try? PolicyDocument(parsing: text, isTrust: true) else {
            throw Self.denied(call, action, roleARN)
        }
        var conditions = wish.conditions.merging(CallerAuthorization.resourceTags(role["Tags"], alias: "iam")) { $1 }
        conditions["sts:ExternalId"] = form["ExternalId"].map { [$0] }
        conditions["sts:RoleSessionName"] = form["RoleSessionName"].map { [$0] }
        let context = authorization.context(call, authorization.owner(caller)).merging(conditions) { $1 }
        let principal = PolicyRequest.Principal.aws(arn: caller.arn, roleARN: caller.roleARN, accountID: caller.accountID)
        let request = PolicyRequest(action: action, resource: "*", principal: principal, context: context)
        let decision = PolicyEvaluation.evaluate([("trust policy of \(roleARN)", trust)], request)
        guard decision.outcome == .allowed else {
            let isExplicit = decision.outcome == .explicitlyDenied
            call.request.trace.add(
                TraceStep(
                    "sts", "trust policy", expected: "a statement that lets \(caller.principalARN) \(action)",
                    actual: isExplicit ? "an explicit deny" : "none", .fail, nearMisses: Array(decision.reasons.prefix(5)),
                    fix: isExplicit ? nil : trustFix(role, caller, wish.actions)))
            throw Self.denied(call, action, roleARN)
        }
        call.request.trace.add(TraceStep("sts", "trust policy", actual: decision.reasons.first, .pass))
        let isSameAccount = roleARN.contains("::\(caller.accountID):")
        let own = authorization.decide(
            call, action, on: roleARN, conditions: conditions, granted: isSameAccount ? trust.grant(to: principal, request) : .account)
        guard own.isAllowed else {
            authorization.explain(own, call, action, roleARN)
            throw Self.denied(call, action, roleARN, because: own.isExplicit ? own.because(action) : "")
        }
    }

    /// The command that makes a role trust a caller besides whom it trusts already.
    private func trustFix(_ role: JSON, _ caller: Caller, _ actions: [String]) -> String {
        var trust = role["AssumeRolePolicyDocument"]?.string.flatMap { try? JSON(parsing: $0) } ?? ["Version": "2012-10-17"]
        let before = trust["Statement"].map { $0.array ?? [$0] } ?? []
        let statement: JSON = [
            "Effect": "Allow", "Principal": ["AWS": .string(caller.principalARN)],
            "Action": actions.count == 1 ? .string(actions[0]) : JSON(strings: actions),
        ]
        trust["Statement"] = .array(before + [statement])
        let name = Shell.word(role["RoleName"]?.string ?? "")
        return "aws iam update-assume-role-policy --role-name \(name) --policy-document \(Shell.quoted(trust.text))"
    }
}
