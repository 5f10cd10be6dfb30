import JSON
import Store
import World

extension IAMService {
    func createUser(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = try validName(form, "UserName", limit: 64)
        let path = try validPath(form)
        var user: JSON = [
            "UserName": .string(name), "Path": .string(path), "UserId": .string(world.random.principalID(prefix: "AIDA")),
            "Arn": .string("arn:aws:iam::\(call.caller.accountID):user\(path)\(name)"), "CreateDate": .string(world.now.rfc3339),
        ]
        user["Tags"] = try tags(form)
        user["PermissionsBoundary"] = try boundary(call, form)
        try await records.create(
            collection(call, "users"), name, user, exists: AWSError(409, "EntityAlreadyExists", "User with name \(name) already exists."))
        return Self.user(user)
    }

    /// The user of a call that may leave the name out: then the caller.
    private func selfOrNamed(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> Records.Document {
        guard let name = form["UserName"] ?? call.caller.userName else {
            throw AWSError(400, "ValidationError", "Must specify userName when calling with non-User credentials")
        }
        guard let document = records.get(collection(call, "users"), name) else { throw missing(.user, name) }
        return document
    }

    func getUser(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String { Self.user(try selfOrNamed(call, form).json) }

    func deleteUser(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let document = try owner(call, form, .user)
        guard keys(of: document.json).isEmpty else {
            throw AWSError(409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
        }
        try requireBare(document)
        try await delete(collection(call, "users"), document.name, missing: missing(.user, document.name))
        return nil
    }

    func createAccessKey(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let user = try selfOrNamed(call, form)
        guard keys(of: user.json).count < 2 else {
            throw AWSError(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
        }
        let keyID = world.random.awsUniqueID(prefix: "AKIA")
        let secret = world.random.awsSecretAccessKey()
        let key = Self.accessKey(secret: secret, user: user.json, account: call.caller.accountID, created: world.now)
        try await records.create(CallerAuthentication.keys, keyID, key, exists: AWSError(500, "ServiceFailure", "The key exists."))
        var xml = XMLWriter()
        xml.element("AccessKey") {
            $0.element("UserName", user.name)
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
        records.list(CallerAuthentication.keys).filter { $0.json["userId"] == user["UserId"] }
    }

    func listAccessKeys(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let user = try selfOrNamed(call, form)
        return try listing(form, "AccessKeyMetadata", keys(of: user.json), name: { $0.name }) { xml, key in
            xml.element("UserName", user.name)
            xml.element("AccessKeyId", key.name)
            xml.element("Status", key.json["status"]?.string)
            xml.element("CreateDate", key.json["created"]?.string)
        }
    }

    private static func noKey(_ keyID: String) -> AWSError {
        AWSError(404, "NoSuchEntity", "The Access Key with id \(keyID) cannot be found.")
    }

    private func key(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let keyID = try form.required("AccessKeyId")
        let user = try selfOrNamed(call, form)
        guard let key = records.get(CallerAuthentication.keys, keyID)?.json, key["userId"] == user.json["UserId"] else {
            throw Self.noKey(keyID)
        }
        return keyID
    }

    func updateAccessKey(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let keyID = try key(call, form)
        let status = try form.required("Status")
        guard status == "Active" || status == "Inactive" else {
            throw QueryForm.violation(status, "Status", "Member must satisfy enum value set: [Active, Inactive]")
        }
        try await records.update(CallerAuthentication.keys, keyID, missing: Self.noKey(keyID)) { (key: inout JSON) throws(AWSError) in
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
        writeBoundary(user, &xml)
        writeTags(user, &xml)
    }
}
