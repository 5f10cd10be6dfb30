import JSON
import Store
import World

extension IAMService {
    func createUser(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = try validName(form, "UserName", limit: 64)
        let path = try validPath(form)
        let user: JSON = [
            "UserName": .string(name), "Path": .string(path), "UserId": .string(world.random.awsUniqueID(prefix: "AIDA")),
            "Arn": .string("arn:aws:iam::\(call.caller.accountID):user\(path)\(name)"), "CreateDate": .string(world.now.rfc3339),
        ]
        try await records.create(
            collection(call, "users"), name, user, exists: AWSError(409, "EntityAlreadyExists", "User with name \(name) already exists."))
        return Self.user(user)
    }

    func getUser(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let name = form["UserName"] ?? call.caller.userName ?? ""
        guard let document = records.get(collection(call, "users"), name) else { throw missing(.user, name) }
        return Self.user(document.json)
    }

    func deleteUser(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let document = try owner(call, form, .user)
        func refuse(_ what: String) -> AWSError { AWSError(409, "DeleteConflict", "Cannot delete entity, must \(what) first.") }
        guard keys(of: document.json).isEmpty else { throw refuse("delete access keys") }
        guard document.json["inlinePolicies"]?.object?.isEmpty ?? true else { throw refuse("delete policies") }
        guard document.json["attachedPolicies"]?.array?.isEmpty ?? true else { throw refuse("detach all policies") }
        try await records.delete([Key(collection(call, "users"), document.name)])
        return nil
    }

    func createAccessKey(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = form["UserName"] ?? call.caller.userName ?? ""
        guard let user = records.get(collection(call, "users"), name)?.json else { throw missing(.user, name) }
        guard keys(of: user).count < 2 else {
            throw AWSError(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
        }
        let keyID = world.random.awsUniqueID(prefix: "AKIA")
        let secret = world.random.awsSecretAccessKey()
        let key = Self.accessKey(secret: secret, user: user, account: call.caller.accountID, created: world.now)
        try await records.create(CallerAuthentication.keys, keyID, key, exists: AWSError(500, "ServiceFailure", "key exists"))
        var xml = XMLWriter()
        xml.element("AccessKey") {
            $0.element("UserName", name)
            $0.element("AccessKeyId", keyID)
            $0.element("Status", "Active")
            $0.element("SecretAccessKey", secret)
            $0.element("CreateDate", world.now.rfc3339)
        }
        return xml.text
    }

    /// The record of a user's key.
    static func accessKey(secret: String, user: JSON, account: String, created: Instant) -> JSON {
        [
            "status": "Active", "secret": .string(secret), "arn": user["Arn"] ?? "", "account": .string(account),
            "userId": user["UserId"] ?? "", "userName": user["UserName"] ?? "", "created": .string(created.rfc3339),
        ]
    }

    private func keys(of user: JSON) -> [Records.Document] {
        records.list(CallerAuthentication.keys).filter { $0.json["userId"] == user["UserId"] && $0.json["roleArn"] == nil }
    }

    func listAccessKeys(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let name = form["UserName"] ?? call.caller.userName ?? ""
        guard let user = records.get(collection(call, "users"), name)?.json else { throw missing(.user, name) }
        var xml = XMLWriter()
        xml.element("IsTruncated", "false")
        xml.list("AccessKeyMetadata", keys(of: user)) { xml, key in
            xml.element("UserName", name)
            xml.element("AccessKeyId", key.name)
            xml.element("Status", key.json["status"]?.string)
            xml.element("CreateDate", key.json["created"]?.string)
        }
        return xml.text
    }

    private func key(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let keyID = try form.required("AccessKeyId")
        let name = form["UserName"] ?? call.caller.userName
        guard let key = records.get(CallerAuthentication.keys, keyID)?.json, key["userName"]?.string == name,
            key["account"]?.string == call.caller.accountID
        else { throw AWSError(404, "NoSuchEntity", "The Access Key with id \(keyID) cannot be found.") }
        return keyID
    }

    func updateAccessKey(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let keyID = try key(call, form)
        let status = try form.required("Status")
        guard status == "Active" || status == "Inactive" else {
            throw AWSError(
                400, "ValidationError",
                "1 validation error detected: Value '\(status)' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]"
            )
        }
        let gone = AWSError(404, "NoSuchEntity", "The Access Key with id \(keyID) cannot be found.")
        try await records.update(CallerAuthentication.keys, keyID, missing: gone) { (key: inout JSON) throws(AWSError) in
            key["status"] = .string(status)
        }
        return nil
    }

    func deleteAccessKey(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        try await records.delete([Key(CallerAuthentication.keys, try key(call, form))])
        return nil
    }

    private static func user(_ user: JSON) -> String {
        var xml = XMLWriter()
        xml.element("User") { writeUser(user, &$0) }
        return xml.text
    }

    static func writeUser(_ user: JSON, _ xml: inout XMLWriter) {
        for name in ["Path", "UserName", "UserId", "Arn", "CreateDate"] { xml.element(name, user[name]?.string) }
    }
}
