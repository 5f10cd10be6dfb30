import HTTP
import JSON
import PKI
import Store
import World

/// AWS STS: who am I, and sessions of roles.
struct STSService: Sendable {
    let records: Records
    let world: World
    let authentication: CallerAuthentication
    let issuers: any OpenIDIssuers

    func handle(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization, wantsJSON: Bool) async throws(AWSError)
        -> HTTPResponse
    {
        let result: JSON
        switch form.action {
        case "GetCallerIdentity":
            // Needs no permission and cannot be denied.
            let caller = call.caller
            result = ["Arn": .string(caller.arn), "UserId": .string(caller.userID), "Account": .string(caller.accountID)]
        case "AssumeRoleWithWebIdentity": result = try await assumeRoleWithWebIdentity(form, call.request.trace)
        case "AssumeRole": result = try await assumeRole(call, form, authorization)
        default: throw form.unknownAction
        }
        return Self.response(call.requestID, form.action, result, wantsJSON: wantsJSON)
    }

    /// XML, or JSON when the client asked for it.
    static func response(_ requestID: String, _ action: String, _ result: JSON, wantsJSON: Bool) -> HTTPResponse {
        guard wantsJSON else {
            var xml = XMLWriter()
            xml.members(result)
            return AWSProtocol.queryResponse(
                action, namespace: "https://sts.amazonaws.com/doc/2011-06-15/", requestID: requestID, result: xml.text)
        }
        let json: JSON = [
            "\(action)Response": ["\(action)Result": result, "ResponseMetadata": ["RequestId": .string(requestID)]]
        ]
        return HTTPResponse(
            status: 200, contentType: "application/json", json.serialized(escaping: .minimal), headers: ["x-amzn-RequestId": requestID]
        )
    }

    func sessionName(_ form: QueryForm) throws(AWSError) -> String {
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

    func duration(_ form: QueryForm, _ role: JSON, isChained: Bool) throws(AWSError) -> Int64 {
        guard let text = form["DurationSeconds"] else { return 3600 }
        let maximum = role["MaxSessionDuration"]?.integer ?? 3600
        guard let seconds = Int64(text), seconds >= 900 else {
            throw QueryForm.violation(text, "DurationSeconds", "Member must have value greater than or equal to 900")
        }
        guard seconds <= 43200 else {
            throw QueryForm.violation(text, "DurationSeconds", "Member must have value less than or equal to 43200")
        }
        if isChained, seconds > 3600 {
            throw AWSError(
                400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
        }
        guard seconds <= maximum else {
            throw AWSError(400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        }
        return seconds
    }

    /// Makes a session of a role and its credentials.
    func issue(
        role: JSON, account: String, name: String, sessionName: String, duration: Int64, session: Caller.Session
    ) async throws(AWSError) -> JSON {
        let keyID = world.random.awsUniqueID(prefix: "ASIA")
        let secret = world.random.awsSecretAccessKey()
        let token = "IQoJ" + world.random.characters(200, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        let roleID = role["RoleId"]?.string ?? ""
        let arn = "arn:aws:sts::\(account):assumed-role/\(name)/\(sessionName)"
        let expires = Instant(seconds: world.now.seconds + duration)
        var key: JSON = [
            "status": "Active", "secret": .string(secret), "sessionToken": .string(token), "expires": .integer(expires.seconds),
            "arn": .string(arn), "account": .string(account), "userId": .string("\(roleID):\(sessionName)"),
            "roleArn": .string(role["Arn"]?.string ?? ""), "roleName": .string(name),
        ]
        session.write(into: &key)
        try await authentication.keep(key, keyID)
        return [
            "AssumedRoleUser": ["AssumedRoleId": .string("\(roleID):\(sessionName)"), "Arn": .string(arn)],
            "Credentials": [
                "AccessKeyId": .string(keyID), "SecretAccessKey": .string(secret), "SessionToken": .string(token),
                "Expiration": .string(expires.rfc3339),
            ],
        ]
    }
}
