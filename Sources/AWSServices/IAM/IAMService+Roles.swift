import HTTP
import IAMPolicy
import JSON
import Store
import World

extension IAMService {
    func createRole(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = try validName(form, "RoleName", limit: 64)
        let path = try validPath(form)
        let trust = try trustPolicy(form, "AssumeRolePolicyDocument")
        let duration = form["MaxSessionDuration"].flatMap { Int64($0) } ?? 3600
        guard (3600...43200).contains(duration) else {
            throw AWSError(
                400, "ValidationError",
                "1 validation error detected: Value '\(duration)' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200"
            )
        }
        var role: JSON = [
            "RoleName": .string(name), "Path": .string(path), "RoleId": .string(world.random.awsUniqueID(prefix: "AROA")),
            "Arn": .string("arn:aws:iam::\(call.caller.accountID):role\(path)\(name)"), "CreateDate": .string(world.now.rfc3339),
            "AssumeRolePolicyDocument": .string(trust), "MaxSessionDuration": .integer(duration),
        ]
        role["Description"] = form["Description"].map(JSON.string)
        let tags = form.tags()
        if !tags.isEmpty { role["Tags"] = .object(JSONObject(tags.map { ($0.key, .string($0.value)) })) }
        try await records.create(
            collection(call, "roles"), name, role, exists: AWSError(409, "EntityAlreadyExists", "Role with name \(name) already exists."))
        return Self.role(role)
    }

    func getRole(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String { Self.role(try owner(call, form, .role).json) }

    func deleteRole(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let document = try owner(call, form, .role)
        guard document.json["inlinePolicies"]?.object?.isEmpty ?? true else {
            throw AWSError(409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
        }
        guard document.json["attachedPolicies"]?.array?.isEmpty ?? true else {
            throw AWSError(409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
        }
        try await records.delete([Key(collection(call, "roles"), document.name)])
        return nil
    }

    func updateTrust(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let document = try owner(call, form, .role)
        let trust = try trustPolicy(form, "PolicyDocument")
        try await records.update(collection(call, "roles"), document.name, missing: missing(.role, document.name)) {
            (role: inout JSON) throws(AWSError) in role["AssumeRolePolicyDocument"] = .string(trust)
        }
        return nil
    }

    func tag(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let tags = form.tags()
        try await records.update(collection(call, owner.collection), document.name, missing: missing(owner, document.name)) {
            (json: inout JSON) throws(AWSError) in
            var object = json["Tags"]?.object ?? JSONObject()
            for tag in tags { object[tag.key] = .string(tag.value) }
            json["Tags"] = .object(object)
        }
        return nil
    }

    /// The text of a trust policy, checked. It is kept as sent, because clients compare it byte by byte.
    private func trustPolicy(_ form: QueryForm, _ parameter: String) throws(AWSError) -> String {
        let text = try form.required(parameter)
        do { _ = try PolicyDocument(parsing: text, isTrust: true) } catch {
            throw AWSError(400, "MalformedPolicyDocument", error.description)
        }
        return text
    }

    private static func role(_ role: JSON) -> String {
        var xml = XMLWriter()
        xml.element("Role") { writeRole(role, &$0) }
        return xml.text
    }

    static func writeRole(_ role: JSON, _ xml: inout XMLWriter) {
        for name in ["Path", "RoleName", "RoleId", "Arn", "CreateDate"] { xml.element(name, role[name]?.string) }
        xml.element("AssumeRolePolicyDocument", role["AssumeRolePolicyDocument"]?.string.map { PercentEncoding.encode($0) })
        xml.element("Description", role["Description"]?.string)
        xml.element("MaxSessionDuration", role["MaxSessionDuration"]?.integer.map(String.init))
        if let tags = role["Tags"]?.object, !tags.isEmpty {
            xml.list("Tags", tags.members) { xml, tag in
                xml.element("Key", tag.key)
                xml.element("Value", tag.value.string ?? "")
            }
        }
    }
}
