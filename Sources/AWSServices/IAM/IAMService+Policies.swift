import HTTP
import IAMPolicy
import JSON
import Store
import World

extension IAMService {
    private func checked(_ form: QueryForm) throws(AWSError) -> String {
        let text = try form.required("PolicyDocument")
        do { _ = try PolicyDocument(parsing: text) } catch { throw AWSError(400, "MalformedPolicyDocument", error.description) }
        return text
    }

    func putInline(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let name = try validName(form, "PolicyName", limit: 128)
        let text = try checked(form)
        try await records.update(collection(call, owner.collection), document.name, missing: missing(owner, document.name)) {
            (json: inout JSON) throws(AWSError) in
            var policies = json["inlinePolicies"]?.object ?? JSONObject()
            policies[name] = .string(text)
            json["inlinePolicies"] = .object(policies)
        }
        return nil
    }

    func getInline(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> String {
        let document = try self.owner(call, form, owner)
        let name = try form.required("PolicyName")
        guard let text = document.json["inlinePolicies"]?[name]?.string else { throw noPolicy(owner, name) }
        var xml = XMLWriter()
        xml.element(owner.parameter, document.name)
        xml.element("PolicyName", name)
        xml.element("PolicyDocument", PercentEncoding.encode(text))
        return xml.text
    }

    private func noPolicy(_ owner: PolicyOwner, _ name: String) -> AWSError {
        AWSError(404, "NoSuchEntity", "The \(owner.word) policy with name \(name) cannot be found.")
    }

    func deleteInline(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let name = try form.required("PolicyName")
        guard document.json["inlinePolicies"]?[name] != nil else { throw noPolicy(owner, name) }
        try await records.update(collection(call, owner.collection), document.name, missing: missing(owner, document.name)) {
            (json: inout JSON) throws(AWSError) in
            var policies = json["inlinePolicies"]?.object ?? JSONObject()
            policies[name] = nil
            json["inlinePolicies"] = .object(policies)
        }
        return nil
    }

    func listInline(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> String {
        let document = try self.owner(call, form, owner)
        var xml = XMLWriter()
        xml.element("IsTruncated", "false")
        xml.element("PolicyNames") { xml in
            for member in document.json["inlinePolicies"]?.object?.members ?? [] { xml.element("member", member.key) }
        }
        return xml.text
    }

    func attach(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let arn = try form.required("PolicyArn")
        guard ManagedPolicies.exists(arn, records: records, account: call.caller.accountID) else {
            throw AWSError(404, "NoSuchEntity", "Policy \(arn) does not exist or is not attachable.")
        }
        try await records.update(collection(call, owner.collection), document.name, missing: missing(owner, document.name)) {
            (json: inout JSON) throws(AWSError) in
            let attached = json["attachedPolicies"]?.array ?? []
            if !attached.contains(.string(arn)) { json["attachedPolicies"] = .array(attached + [.string(arn)]) }
        }
        return nil
    }

    func detach(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let arn = try form.required("PolicyArn")
        guard document.json["attachedPolicies"]?.array?.contains(.string(arn)) ?? false else {
            throw AWSError(404, "NoSuchEntity", "Policy \(arn) was not found.")
        }
        try await records.update(collection(call, owner.collection), document.name, missing: missing(owner, document.name)) {
            (json: inout JSON) throws(AWSError) in
            json["attachedPolicies"] = .array((json["attachedPolicies"]?.array ?? []).filter { $0 != .string(arn) })
        }
        return nil
    }

    func listAttached(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> String {
        let document = try self.owner(call, form, owner)
        var xml = XMLWriter()
        xml.element("IsTruncated", "false")
        xml.list("AttachedPolicies", document.json["attachedPolicies"]?.array?.compactMap(\.string) ?? []) { xml, arn in
            xml.element("PolicyName", arn.split(separator: "/").last.map(String.init) ?? arn)
            xml.element("PolicyArn", arn)
        }
        return xml.text
    }

    func createPolicy(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let name = try validName(form, "PolicyName", limit: 128)
        let path = try validPath(form)
        let text = try checked(form)
        let policy: JSON = [
            "PolicyName": .string(name), "PolicyId": .string(world.random.awsUniqueID(prefix: "ANPA")),
            "Arn": .string("arn:aws:iam::\(call.caller.accountID):policy\(path)\(name)"), "Path": .string(path),
            "PolicyDocument": .string(text), "CreateDate": .string(world.now.rfc3339),
        ]
        try await records.create(
            collection(call, "policies"), name, policy,
            exists: AWSError(409, "EntityAlreadyExists", "A policy called \(name) already exists. Duplicate names are not allowed."))
        var xml = XMLWriter()
        xml.element("Policy") { xml in
            for field in ["PolicyName", "PolicyId", "Arn", "Path", "CreateDate"] { xml.element(field, policy[field]?.string) }
            xml.element("DefaultVersionId", "v1")
            xml.element("IsAttachable", "true")
        }
        return xml.text
    }

    func deletePolicy(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let arn = try form.required("PolicyArn")
        let name = arn.split(separator: "/").last.map(String.init) ?? arn
        guard let policy = records.get(collection(call, "policies"), name), policy.json["Arn"]?.string == arn else {
            throw AWSError(404, "NoSuchEntity", "Policy \(arn) was not found.")
        }
        let owners = records.list(collection(call, "users")) + records.list(collection(call, "roles"))
        guard !owners.contains(where: { $0.json["attachedPolicies"]?.array?.contains(.string(arn)) ?? false }) else {
            throw AWSError(409, "DeleteConflict", "Cannot delete a policy attached to entities.")
        }
        try await records.delete([Key(collection(call, "policies"), name)])
        return nil
    }
}
