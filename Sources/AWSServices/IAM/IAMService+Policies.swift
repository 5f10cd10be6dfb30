import HTTP
import IAMPolicy
import JSON
import World

/// Policies that hang on users and roles: inline documents and attached ARNs.
extension IAMService {
    private static let attachedLimit = 10

    func putInline(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let name = try validName(form, "PolicyName", limit: 128)
        let text = try policyText(form, limit: owner == .user ? 2048 : 10240, of: "\(owner.word) \(document.name)")
        try await change(call, owner, document.name) { json throws(AWSError) in
            json["inlinePolicies", default: [:]][name] = .string(text)
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
        let missing = noPolicy(owner, name)
        try await change(call, owner, document.name) { json throws(AWSError) in
            guard json["inlinePolicies"]?[name] != nil else { throw missing }
            json["inlinePolicies"]?[name] = nil
        }
        return nil
    }

    func listInline(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> String {
        let names = try self.owner(call, form, owner).json["inlinePolicies"]?.object?.keys ?? []
        return try listing(form, "PolicyNames", names.sorted(), name: { $0 }) { $0.text($1) }
    }

    func attach(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let arn = try form.required("PolicyArn")
        guard arn.hasPrefix("arn:") else { throw AWSError(400, "InvalidInput", "ARN \(arn) is not valid.") }
        guard ManagedPolicies.find(arn, records: records, account: call.caller.accountID) != nil else {
            throw AWSError(404, "NoSuchEntity", "Policy \(arn) does not exist or is not attachable.")
        }
        let quota = "PoliciesPer\(owner == .user ? "User" : "Role")"
        try await change(call, owner, document.name) { json throws(AWSError) in
            let attached = json["attachedPolicies"]?.array ?? []
            guard !attached.contains(.string(arn)) else { return }
            guard attached.count < Self.attachedLimit else {
                throw AWSError(409, "LimitExceeded", "Cannot exceed quota for \(quota): \(Self.attachedLimit)")
            }
            json["attachedPolicies"] = .array(attached + [.string(arn)])
        }
        return nil
    }

    func detach(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let document = try self.owner(call, form, owner)
        let arn = try form.required("PolicyArn")
        try await change(call, owner, document.name) { json throws(AWSError) in
            let attached = json["attachedPolicies"]?.array ?? []
            guard attached.contains(.string(arn)) else { throw AWSError(404, "NoSuchEntity", "Policy \(arn) was not found.") }
            json["attachedPolicies"] = .array(attached.filter { $0 != .string(arn) })
        }
        return nil
    }

    func listAttached(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> String {
        let arns = try self.owner(call, form, owner).json["attachedPolicies"]?.strings ?? []
        return try listing(form, "AttachedPolicies", arns, name: { $0 }) { xml, arn in
            xml.element("PolicyName", arn.split(separator: "/").last.map(String.init) ?? arn)
            xml.element("PolicyArn", arn)
        }
    }
}
