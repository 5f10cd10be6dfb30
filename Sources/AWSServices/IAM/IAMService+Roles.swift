import HTTP
import IAMPolicy
import JSON
import World

extension IAMService {
    func createRole(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = try validName(form, "RoleName", limit: 64)
        let path = try validPath(form)
        let trust = try trustPolicy(form, "AssumeRolePolicyDocument")
        let duration = try sessionDuration(form) ?? 3600
        var role: JSON = [
            "RoleName": .string(name), "Path": .string(path), "RoleId": .string(world.random.principalID(prefix: "AROA")),
            "Arn": .string("arn:aws:iam::\(call.caller.accountID):role\(path)\(name)"), "CreateDate": .string(world.now.rfc3339),
            "AssumeRolePolicyDocument": .string(trust), "MaxSessionDuration": .integer(duration),
        ]
        role["Description"] = form["Description"].map(JSON.string)
        role["Tags"] = try tags(form)
        role["PermissionsBoundary"] = try boundary(call, form)
        try await records.create(
            collection(call, "roles"), name, role, exists: AWSError(409, "EntityAlreadyExists", "Role with name \(name) already exists."))
        return Self.role(role)
    }

    private func sessionDuration(_ form: QueryForm) throws(AWSError) -> Int64? {
        guard let text = form["MaxSessionDuration"] else { return nil }
        guard let seconds = Int64(text), seconds >= 3600 else {
            throw QueryForm.violation(text, "MaxSessionDuration", "Member must have value greater than or equal to 3600")
        }
        guard seconds <= 43200 else {
            throw QueryForm.violation(text, "MaxSessionDuration", "Member must have value less than or equal to 43200")
        }
        return seconds
    }

    func getRole(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String { Self.role(try owner(call, form, .role).json) }

    func updateRole(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let name = try owner(call, form, .role).name
        let duration = try sessionDuration(form)
        try await change(call, .role, name) { role throws(AWSError) in
            if let duration { role["MaxSessionDuration"] = .integer(duration) }
            if let text = form["Description"] { role["Description"] = .string(text) }
        }
        return ""
    }

    func deleteRole(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let document = try owner(call, form, .role)
        try requireBare(document)
        guard profiles(call, document.name).isEmpty else {
            throw AWSError(409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
        }
        try await delete(collection(call, "roles"), document.name, missing: missing(.role, document.name))
        return nil
    }

    /// A user or role that has policies cannot be deleted.
    func requireBare(_ document: Records.Document) throws(AWSError) {
        guard document.json["inlinePolicies"]?.object?.isEmpty ?? true else {
            throw AWSError(409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
        }
        guard document.json["attachedPolicies"]?.array?.isEmpty ?? true else {
            throw AWSError(409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
        }
    }

    func updateTrust(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let name = try owner(call, form, .role).name
        let trust = try trustPolicy(form, "PolicyDocument")
        try await change(call, .role, name) { role throws(AWSError) in role["AssumeRolePolicyDocument"] = .string(trust) }
        return nil
    }

    /// The text of a trust policy, checked. It is kept as sent, because clients compare it byte by byte.
    private func trustPolicy(_ form: QueryForm, _ parameter: String) throws(AWSError) -> String {
        let text = try form.required(parameter)
        do { _ = try PolicyDocument(parsing: text, isTrust: true) } catch {
            throw AWSError(400, "MalformedPolicyDocument", error.description)
        }
        guard text.unicodeScalars.count(where: { !$0.properties.isWhitespace }) <= 2048 else {
            throw AWSError(409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
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
        writeBoundary(role, &xml)
        writeTags(role, &xml)
    }
}
