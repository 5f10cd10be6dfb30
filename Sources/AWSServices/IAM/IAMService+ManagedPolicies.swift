import IAMPolicy
import JSON
import World

/// Managed policies: documents of their own.
extension IAMService {
    /// The text of an identity policy, checked and within IAM's limit.
    func policyText(_ form: QueryForm, limit: Int, of owner: String) throws(AWSError) -> String {
        let text = try form.required("PolicyDocument")
        do { _ = try PolicyDocument(parsing: text) } catch { throw AWSError(400, "MalformedPolicyDocument", error.description) }
        // White space does not count.
        guard text.unicodeScalars.count(where: { !$0.properties.isWhitespace }) <= limit else {
            throw AWSError(409, "LimitExceeded", "Maximum policy size of \(limit) bytes exceeded for \(owner)")
        }
        return text
    }

    func policy(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> JSON {
        let arn = try form.required("PolicyArn")
        guard let policy = ManagedPolicies.find(arn, records: records, account: call.caller.accountID) else {
            throw AWSError(404, "NoSuchEntity", "Policy \(arn) was not found.")
        }
        return policy
    }

    func createPolicy(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = try validName(form, "PolicyName", limit: 128)
        let path = try validPath(form)
        let text = try policyText(form, limit: 6144, of: "policy \(name)")
        var policy: JSON = [
            "PolicyName": .string(name), "PolicyId": .string(world.random.principalID(prefix: "ANPA")),
            "Arn": .string("arn:aws:iam::\(call.caller.accountID):policy\(path)\(name)"), "Path": .string(path),
            "PolicyDocument": .string(text), "CreateDate": .string(world.now.rfc3339),
        ]
        policy["Description"] = form["Description"].map(JSON.string)
        policy["Tags"] = try tags(form)
        try await records.create(
            collection(call, "policies"), name, policy,
            exists: AWSError(409, "EntityAlreadyExists", "A policy called \(name) already exists. Duplicate names are not allowed."))
        var xml = XMLWriter()
        xml.element("Policy") { write(policy, attachments: 0, &$0) }
        return xml.text
    }

    func getPolicy(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let policy = try policy(call, form)
        var xml = XMLWriter()
        xml.element("Policy") { write(policy, attachments: attachments(call)[policy["Arn"]?.string ?? ""] ?? 0, &$0) }
        return xml.text
    }

    func listPolicies(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let scope = form["Scope"] ?? "All"
        guard ["All", "AWS", "Local"].contains(scope) else {
            throw QueryForm.violation(scope, "Scope", "Member must satisfy enum value set: [All, AWS, Local]")
        }
        let counts = attachments(call)
        let prefix = form["PathPrefix"] ?? "/"
        var found = scope == "AWS" ? [] : records.list(collection(call, "policies")).map(\.json)
        if scope != "Local" { found += ManagedPolicies.all }
        found = found.filter { policy in
            (policy["Path"]?.string ?? "/").hasPrefix(prefix)
                && (form["OnlyAttached"] != "true" || counts[policy["Arn"]?.string ?? ""] != nil)
        }
        return try listing(form, "Policies", found, name: { $0["Arn"]?.string ?? "" }) { xml, policy in
            write(policy, attachments: counts[policy["Arn"]?.string ?? ""] ?? 0, &xml)
        }
    }

    func deletePolicy(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let arn = try form.required("PolicyArn")
        guard !arn.hasPrefix("arn:aws:iam::aws:") else {
            throw AWSError(403, "AccessDenied", "Policy \(arn) is managed by AWS and cannot be deleted.")
        }
        let name = try policy(call, form)["PolicyName"]?.string ?? ""
        guard attachments(call)[arn] == nil else { throw AWSError(409, "DeleteConflict", "Cannot delete a policy attached to entities.") }
        guard (try policy(call, form))["versions"]?.array?.count ?? 1 <= 1 else {
            throw AWSError(
                409, "DeleteConflict",
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
            )
        }
        try await delete(collection(call, "policies"), name, missing: AWSError(404, "NoSuchEntity", "Policy \(arn) was not found."))
        return nil
    }

    /// How many principals of the account each policy is attached to.
    private func attachments(_ call: AWSCall) -> [String: Int] {
        var counts: [String: Int] = [:]
        for owner in records.list(collection(call, "users")) + records.list(collection(call, "roles")) {
            for arn in owner.json["attachedPolicies"]?.strings ?? [] { counts[arn, default: 0] += 1 }
        }
        return counts
    }

    private func write(_ policy: JSON, attachments: Int, _ xml: inout XMLWriter) {
        for field in ["PolicyName", "PolicyId", "Arn", "Path", "Description", "CreateDate"] { xml.element(field, policy[field]?.string) }
        xml.element("UpdateDate", policy["CreateDate"]?.string)
        xml.element("DefaultVersionId", Self.defaultVersion(policy))
        xml.element("AttachmentCount", String(attachments))
        xml.element("PermissionsBoundaryUsageCount", "0")
        xml.element("IsAttachable", "true")
        Self.writeTags(policy, &xml)
    }
}
