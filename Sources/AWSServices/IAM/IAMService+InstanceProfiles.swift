import JSON
import World

/// Instance profiles: what hands a role to EC2 instances.
extension IAMService {
    private func noProfile(_ name: String) -> AWSError { AWSError(404, "NoSuchEntity", "Instance Profile \(name) cannot be found.") }

    private func profile(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> Records.Document {
        let name = try form.required("InstanceProfileName")
        guard let found = records.get(collection(call, "instance-profiles"), name) else { throw noProfile(name) }
        return found
    }

    func createInstanceProfile(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = try validName(form, "InstanceProfileName", limit: 128)
        let path = try validPath(form)
        var profile: JSON = [
            "InstanceProfileName": .string(name), "Path": .string(path),
            "InstanceProfileId": .string(world.random.principalID(prefix: "AIPA")),
            "Arn": .string("arn:aws:iam::\(call.caller.accountID):instance-profile\(path)\(name)"),
            "CreateDate": .string(world.now.rfc3339),
            "Roles": [],
        ]
        profile["Tags"] = try tags(form)
        try await records.create(
            collection(call, "instance-profiles"), name, profile,
            exists: AWSError(409, "EntityAlreadyExists", "Instance Profile \(name) already exists."))
        return written(call, profile)
    }

    func getInstanceProfile(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String { written(call, try profile(call, form).json) }

    func deleteInstanceProfile(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let found = try profile(call, form)
        guard found.json["Roles"]?.array?.isEmpty ?? true else {
            throw AWSError(409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
        }
        try await delete(collection(call, "instance-profiles"), found.name, missing: noProfile(found.name))
        return nil
    }

    func addRoleToProfile(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let found = try profile(call, form)
        let role = try owner(call, form, .role)
        try authorization.require(
            call, "iam:PassRole", on: role.json["Arn"]?.string ?? "", conditions: ["iam:PassedToService": ["ec2.amazonaws.com"]])
        try await records.update(collection(call, "instance-profiles"), found.name, missing: noProfile(found.name)) {
            (json: inout JSON) throws(AWSError) in
            guard json["Roles"]?.array?.isEmpty ?? true else {
                throw AWSError(409, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
            }
            json["Roles"] = [.string(role.name)]
        }
        return nil
    }

    func removeRoleFromProfile(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let found = try profile(call, form)
        let role = try form.required("RoleName")
        let missing = missing(.role, role)
        try await records.update(collection(call, "instance-profiles"), found.name, missing: noProfile(found.name)) {
            (json: inout JSON) throws(AWSError) in
            guard json["Roles"]?.strings?.contains(role) == true else { throw missing }
            json["Roles"] = []
        }
        return nil
    }

    func listInstanceProfiles(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let prefix = form["PathPrefix"] ?? "/"
        let found = records.list(collection(call, "instance-profiles")).filter { $0.json["Path"]?.string?.hasPrefix(prefix) ?? true }
        return try listing(form, "InstanceProfiles", found, name: { $0.name }) { write(call, $1.json, &$0) }
    }

    func listInstanceProfiles(ofRole call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let role = try owner(call, form, .role).name
        let found = profiles(call, role)
        return try listing(form, "InstanceProfiles", found, name: { $0.name }) { write(call, $1.json, &$0) }
    }

    /// The instance profiles that hold a role.
    func profiles(_ call: AWSCall, _ role: String) -> [Records.Document] {
        records.list(collection(call, "instance-profiles")).filter { $0.json["Roles"]?.strings?.contains(role) == true }
    }

    private func written(_ call: AWSCall, _ profile: JSON) -> String {
        var xml = XMLWriter()
        xml.element("InstanceProfile") { write(call, profile, &$0) }
        return xml.text
    }

    private func write(_ call: AWSCall, _ profile: JSON, _ xml: inout XMLWriter) {
        for field in ["Path", "InstanceProfileName", "InstanceProfileId", "Arn", "CreateDate"] {
            xml.element(field, profile[field]?.string)
        }
        let roles = (profile["Roles"]?.strings ?? []).compactMap { records.get(collection(call, "roles"), $0)?.json }
        xml.list("Roles", roles) { Self.writeRole($1, &$0) }
        Self.writeTags(profile, &xml)
    }
}
