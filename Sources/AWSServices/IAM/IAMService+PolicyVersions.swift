import HTTP
import JSON
import World

/// Versions of managed policies: at most five, one of them the default, whose document is the policy's.
extension IAMService {
    private static let versionLimit = 5

    /// The versions of a policy's record, oldest first; one that was never changed has only `v1`.
    private static func versions(_ policy: JSON) -> [JSON] {
        policy["versions"]?.array
            ?? [["id": "v1", "document": policy["PolicyDocument"] ?? "", "created": policy["CreateDate"] ?? ""]]
    }

    static func defaultVersion(_ policy: JSON) -> String { policy["defaultVersion"]?.string ?? "v1" }

    private func noVersion(_ policy: JSON, _ version: String) -> AWSError {
        AWSError(404, "NoSuchEntity", "Policy \(policy["Arn"]?.string ?? "") version \(version) does not exist or is not attachable.")
    }

    func getPolicyVersion(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let policy = try policy(call, form)
        let id = try form.required("VersionId")
        guard let version = Self.versions(policy).first(where: { $0["id"]?.string == id }) else { throw noVersion(policy, id) }
        var xml = XMLWriter()
        xml.element("PolicyVersion") {
            $0.element("Document", version["document"]?.string.map { PercentEncoding.encode($0) })
            Self.write(version, of: policy, &$0)
        }
        return xml.text
    }

    func listPolicyVersions(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let policy = try policy(call, form)
        let versions = Array(Self.versions(policy).reversed())
        return try listing(form, "Versions", versions, name: { $0["id"]?.string ?? "" }) { Self.write($1, of: policy, &$0) }
    }

    func createPolicyVersion(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let (name, arn) = try own(call, form)
        let text = try policyText(form, limit: 6144, of: "policy \(name)")
        let now = world.now.rfc3339
        let isDefault = form["SetAsDefault"] == "true"
        let changed = try await records.update(collection(call, "policies"), name, missing: missing(arn)) {
            (policy: inout JSON) throws(AWSError) in
            var versions = Self.versions(policy)
            guard versions.count < Self.versionLimit else {
                throw AWSError(
                    409, "LimitExceeded",
                    "A managed policy can have up to \(Self.versionLimit) versions. Before you create a new version, you must delete an existing version."
                )
            }
            let last = versions.compactMap { $0["id"]?.string.flatMap { Int($0.dropFirst()) } }.max() ?? 1
            // A number is never given twice, even after the newest version was deleted.
            let number = max(last, Int(policy["lastVersion"]?.integer ?? 1)) + 1
            versions.append(["id": .string("v\(number)"), "document": .string(text), "created": .string(now)])
            policy["versions"] = .array(versions)
            policy["lastVersion"] = .integer(Int64(number))
            if isDefault {
                policy["defaultVersion"] = .string("v\(number)")
                policy["PolicyDocument"] = .string(text)
            }
        }
        var xml = XMLWriter()
        if let made = Self.versions(changed).last { xml.element("PolicyVersion") { Self.write(made, of: changed, &$0) } }
        return xml.text
    }

    func setDefaultPolicyVersion(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let (name, arn) = try own(call, form)
        let id = try form.required("VersionId")
        try await records.update(collection(call, "policies"), name, missing: missing(arn)) { (policy: inout JSON) throws(AWSError) in
            guard let version = Self.versions(policy).first(where: { $0["id"]?.string == id }) else { throw noVersion(policy, id) }
            policy["versions"] = .array(Self.versions(policy))
            policy["defaultVersion"] = .string(id)
            policy["PolicyDocument"] = version["document"]
        }
        return nil
    }

    func deletePolicyVersion(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let (name, arn) = try own(call, form)
        let id = try form.required("VersionId")
        try await records.update(collection(call, "policies"), name, missing: missing(arn)) { (policy: inout JSON) throws(AWSError) in
            let versions = Self.versions(policy)
            guard versions.contains(where: { $0["id"]?.string == id }) else { throw noVersion(policy, id) }
            guard Self.defaultVersion(policy) != id else {
                throw AWSError(409, "DeleteConflict", "Cannot delete the default version of a policy.")
            }
            policy["versions"] = .array(versions.filter { $0["id"]?.string != id })
        }
        return nil
    }

    private func missing(_ arn: String) -> AWSError { AWSError(404, "NoSuchEntity", "Policy \(arn) was not found.") }

    /// The name of a policy that the account may change.
    private func own(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> (name: String, arn: String) {
        let arn = try form.required("PolicyArn")
        guard !arn.hasPrefix("arn:aws:iam::aws:") else {
            throw AWSError(403, "AccessDenied", "Policy \(arn) is managed by AWS and cannot be changed.")
        }
        return (try policy(call, form)["PolicyName"]?.string ?? "", arn)
    }

    private static func write(_ version: JSON, of policy: JSON, _ xml: inout XMLWriter) {
        let id = version["id"]?.string ?? ""
        xml.element("VersionId", id)
        xml.element("IsDefaultVersion", id == defaultVersion(policy) ? "true" : "false")
        xml.element("CreateDate", version["created"]?.string)
    }
}
