import HTTP
import IAMPolicy
import JSON
import Store
import World

/// AWS STS: who am I, and sessions of roles.
struct STSService: Sendable {
    let records: Records
    let world: World

    func handle(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization, wantsJSON: Bool) async throws(AWSError)
        -> HTTPResponse
    {
        switch form.action {
        case "GetCallerIdentity": return identity(call, wantsJSON: wantsJSON)
        case "AssumeRole": return try await assumeRole(call, form, authorization)
        default:
            throw AWSError(
                400, "InvalidAction", "Could not find operation \(form.action) for version \(form["Version"] ?? "NO_VERSION_SPECIFIED")")
        }
    }

    private static let namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

    /// GetCallerIdentity needs no permission and cannot be denied.
    private func identity(_ call: AWSCall, wantsJSON: Bool) -> HTTPResponse {
        let caller = call.caller
        if wantsJSON {
            let json: JSON = [
                "GetCallerIdentityResponse": [
                    "GetCallerIdentityResult": [
                        "Account": .string(caller.accountID), "Arn": .string(caller.arn), "UserId": .string(caller.userID),
                    ], "ResponseMetadata": ["RequestId": .string(call.requestID)],
                ]
            ]
            return HTTPResponse(
                status: 200, contentType: "application/json", json.serialized(), headers: ["x-amzn-RequestId": call.requestID])
        }
        var xml = XMLWriter()
        xml.element("Arn", caller.arn)
        xml.element("UserId", caller.userID)
        xml.element("Account", caller.accountID)
        return AWSProtocol.queryResponse("GetCallerIdentity", namespace: Self.namespace, requestID: call.requestID, result: xml.text)
    }

    private func assumeRole(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization) async throws(AWSError) -> HTTPResponse
    {
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
            call.request.trace.add(TraceStep("sts", "role", expected: "an existing role", actual: roleARN, .fail))
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
            throw AWSError(
                400, "ValidationError",
                "1 validation error detected: Value '\(session)' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            )
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
                    nearMisses: Array(decision.reasons.prefix(5))))
            throw denied
        }
        call.request.trace.add(TraceStep("sts", "trust policy", actual: decision.reasons.first, .pass))
        let namesCaller = trust.statements.contains { statement in
            statement.principals?.members.contains { $0.values.contains(caller.principalARN) || $0.values.contains(caller.arn) } ?? false
        }
        if !namesCaller || role["Arn"]?.string?.contains("::\(caller.accountID):") == false {
            do { try authorization.require(caller, "sts:AssumeRole", on: roleARN, call.wire, trace: call.request.trace) } catch {
                throw denied
            }
        }
    }

    private func duration(_ call: AWSCall, _ form: QueryForm, _ role: JSON) throws(AWSError) -> Int64 {
        guard let text = form["DurationSeconds"] else { return 3600 }
        let maximum = role["MaxSessionDuration"]?.integer ?? 3600
        guard let seconds = Int64(text), seconds >= 900, seconds <= 43200 else {
            throw AWSError(
                400, "ValidationError",
                "1 validation error detected: Value '\(text)' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
            )
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
    ) async throws(AWSError) -> HTTPResponse {
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
        try await records.create(CallerAuthentication.keys, keyID, key, exists: AWSError(500, "InternalFailure", "key exists"))
        var xml = XMLWriter()
        xml.element("AssumedRoleUser") {
            $0.element("AssumedRoleId", "\(roleID):\(session)")
            $0.element("Arn", arn)
        }
        xml.element("Credentials") {
            $0.element("AccessKeyId", keyID)
            $0.element("SecretAccessKey", secret)
            $0.element("SessionToken", token)
            $0.element("Expiration", expires.rfc3339)
        }
        return AWSProtocol.queryResponse("AssumeRole", namespace: Self.namespace, requestID: call.requestID, result: xml.text)
    }
}
