import HTTP
import IAMPolicy
import JSON
import Store
import World

/// AWS STS: who am I, and sessions of roles.
struct STSService: Sendable {
    let records: Records
    let world: World
    let authentication: CallerAuthentication

    func handle(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization, wantsJSON: Bool) async throws(AWSError)
        -> HTTPResponse
    {
        let result: JSON
        switch form.action {
        case "GetCallerIdentity":
            // Needs no permission and cannot be denied.
            let caller = call.caller
            result = ["Arn": .string(caller.arn), "UserId": .string(caller.userID), "Account": .string(caller.accountID)]
        case "AssumeRole": result = try await assumeRole(call, form, authorization)
        default: throw form.unknownAction
        }
        return Self.response(call, form.action, result, wantsJSON: wantsJSON)
    }

    /// XML, or JSON when the client asked for it.
    private static func response(_ call: AWSCall, _ action: String, _ result: JSON, wantsJSON: Bool) -> HTTPResponse {
        guard wantsJSON else {
            var xml = XMLWriter()
            xml.members(result)
            return AWSProtocol.queryResponse(
                action, namespace: "https://sts.amazonaws.com/doc/2011-06-15/", requestID: call.requestID, result: xml.text)
        }
        let json: JSON = [
            "\(action)Response": ["\(action)Result": result, "ResponseMetadata": ["RequestId": .string(call.requestID)]]
        ]
        return HTTPResponse(
            status: 200, contentType: "application/json", json.serialized(escaping: .minimal), headers: ["x-amzn-RequestId": call.requestID]
        )
    }

    private func assumeRole(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization) async throws(AWSError) -> JSON {
        for parameter in ["Tags.", "PolicyArns.", "ProvidedContexts.", "SourceIdentity", "SerialNumber"]
        where form.contains(prefix: parameter) {
            throw AWSError(400, "ValidationError", "\(parameter.prefix { $0 != "." }) is not simulated yet.")
        }
        let roleARN = try form.required("RoleArn")
        let session = try sessionName(form)
        let sections = roleARN.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard sections.count == 6, sections[0] == "arn", sections[2] == "iam", sections[5].hasPrefix("role/") else {
            throw AWSError(400, "ValidationError", "\(roleARN) is invalid")
        }
        let account = String(sections[4])
        let name = roleARN.split(separator: "/").last.map(String.init) ?? ""
        let denied = AWSError(
            403, "AccessDenied", "User: \(call.caller.arn) is not authorized to perform: sts:AssumeRole on resource: \(roleARN)")
        guard let role = records.get(Records.collection(account, "global", "iam", "roles"), name)?.json, role["Arn"]?.string == roleARN
        else {
            call.request.trace.add(
                TraceStep(
                    "sts", "role", expected: "an existing role of this path and name", actual: roleARN, .fail, fix: "aws iam list-roles"))
            throw denied
        }
        try requireTrust(call, form, role, roleARN, authorization, denied)
        let duration = try duration(call, form, role)
        let policy = form["Policy"]
        if let policy, (try? PolicyDocument(parsing: policy)) == nil {
            throw AWSError(400, "MalformedPolicyDocument", "This policy contains invalid Json")
        }
        return try await issue(call, role: role, account: account, name: name, session: session, duration: duration, policy: policy)
    }

    private func sessionName(_ form: QueryForm) throws(AWSError) -> String {
        let session = try form.required("RoleSessionName")
        let isValid =
            (2...64).contains(session.utf8.count)
            && session.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_+=,.@-".contains($0)) }
        guard isValid else {
            throw QueryForm.violation(
                session, "RoleSessionName", "Member must satisfy regular expression pattern: [\\w+=,.@-]*")
        }
        return session
    }

    /// The trust policy must allow the caller; where it trusts the whole account, the caller's own policies must allow it too.
    private func requireTrust(
        _ call: AWSCall, _ form: QueryForm, _ role: JSON, _ roleARN: String, _ authorization: CallerAuthorization, _ denied: AWSError
    ) throws(AWSError) {
        let caller = call.caller
        guard let text = role["AssumeRolePolicyDocument"]?.string, let trust = try? PolicyDocument(parsing: text, isTrust: true) else {
            throw denied
        }
        var context = ["aws:PrincipalArn": [caller.principalARN], "aws:PrincipalAccount": [caller.accountID]]
        context["sts:ExternalId"] = form["ExternalId"].map { [$0] }
        context["sts:RoleSessionName"] = form["RoleSessionName"].map { [$0] }
        let decision = PolicyEvaluation.evaluate(
            [("trust policy of \(roleARN)", trust)],
            PolicyRequest(
                action: "sts:AssumeRole", resource: "*",
                principal: .aws(arn: caller.arn, roleARN: caller.roleARN, accountID: caller.accountID), context: context))
        guard decision.outcome == .allowed else {
            call.request.trace.add(
                TraceStep(
                    "sts", "trust policy", expected: "a statement that trusts \(caller.principalARN)",
                    actual: decision.outcome == .explicitlyDenied ? "an explicit deny" : "none", .fail,
                    nearMisses: Array(decision.reasons.prefix(5)), fix: decision.outcome == .explicitlyDenied ? nil : trustFix(role, caller)
                ))
            throw denied
        }
        call.request.trace.add(TraceStep("sts", "trust policy", actual: decision.reasons.first, .pass))
        let namesCaller = trust.statements.contains { statement in
            guard statement.isAllow, let principals = statement.principals, !principals.isNegated else { return false }
            return principals.members.contains { $0.values.contains(caller.principalARN) || $0.values.contains(caller.arn) }
        }
        if !namesCaller || role["Arn"]?.string?.contains("::\(caller.accountID):") == false {
            do { try authorization.require(call, "sts:AssumeRole", on: roleARN) } catch { throw denied }
        }
    }

    /// The command that makes a role trust a caller, and nobody else.
    private func trustFix(_ role: JSON, _ caller: Caller) -> String {
        let trust: JSON = [
            "Version": "2012-10-17",
            "Statement": [["Effect": "Allow", "Principal": ["AWS": .string(caller.principalARN)], "Action": "sts:AssumeRole"]],
        ]
        return "aws iam update-assume-role-policy --role-name \(role["RoleName"]?.string ?? "") --policy-document '\(trust.text)'"
    }

    private func duration(_ call: AWSCall, _ form: QueryForm, _ role: JSON) throws(AWSError) -> Int64 {
        guard let text = form["DurationSeconds"] else { return 3600 }
        let maximum = role["MaxSessionDuration"]?.integer ?? 3600
        guard let seconds = Int64(text), seconds >= 900 else {
            throw QueryForm.violation(text, "DurationSeconds", "Member must have value greater than or equal to 900")
        }
        guard seconds <= 43200 else {
            throw QueryForm.violation(text, "DurationSeconds", "Member must have value less than or equal to 43200")
        }
        if call.caller.roleARN != nil, seconds > 3600 {
            throw AWSError(
                400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
        }
        guard seconds <= maximum else {
            throw AWSError(400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        }
        return seconds
    }

    private func issue(
        _ call: AWSCall, role: JSON, account: String, name: String, session: String, duration: Int64, policy: String?
    ) async throws(AWSError) -> JSON {
        let keyID = world.random.awsUniqueID(prefix: "ASIA")
        let secret = world.random.awsSecretAccessKey()
        let token = "IQoJ" + world.random.characters(200, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        let roleID = role["RoleId"]?.string ?? ""
        let arn = "arn:aws:sts::\(account):assumed-role/\(name)/\(session)"
        let expires = Instant(seconds: world.now.seconds + duration)
        var key: JSON = [
            "status": "Active", "secret": .string(secret), "sessionToken": .string(token), "expires": .integer(expires.seconds),
            "arn": .string(arn), "account": .string(account), "userId": .string("\(roleID):\(session)"),
            "roleArn": .string(role["Arn"]?.string ?? ""), "roleName": .string(name),
        ]
        key["sessionPolicy"] = policy.map(JSON.string)
        try await authentication.keep(key, keyID)
        return [
            "AssumedRoleUser": ["AssumedRoleId": .string("\(roleID):\(session)"), "Arn": .string(arn)],
            "Credentials": [
                "AccessKeyId": .string(keyID), "SecretAccessKey": .string(secret), "SessionToken": .string(token),
                "Expiration": .string(expires.rfc3339),
            ],
        ]
    }
}
