import JSON

/// Permissions boundaries: the managed policy that a user or role can do no more than.
extension IAMService {
    /// The boundary that a create call asks for; `nil` without one.
    func boundary(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> JSON? {
        guard let arn = form["PermissionsBoundary"] else { return nil }
        guard arn.hasPrefix("arn:"), ManagedPolicies.find(arn, records: records, account: call.caller.accountID) != nil else {
            throw AWSError(400, "InvalidInput", "Policy \(arn) is invalid or does not exist and cannot be set as a permissions boundary.")
        }
        return .string(arn)
    }

    func putBoundary(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let name = try self.owner(call, form, owner).name
        _ = try form.required("PermissionsBoundary")
        let arn = try boundary(call, form)
        try await change(call, owner, name) { json throws(AWSError) in json["PermissionsBoundary"] = arn }
        return nil
    }

    func deleteBoundary(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let name = try self.owner(call, form, owner).name
        try await change(call, owner, name) { json throws(AWSError) in
            guard json["PermissionsBoundary"] != nil else {
                throw AWSError(404, "NoSuchEntity", "\(owner == .user ? "User" : "Role") \(name) does not have a permissions boundary.")
            }
            json["PermissionsBoundary"] = nil
        }
        return nil
    }

    static func writeBoundary(_ json: JSON, _ xml: inout XMLWriter) {
        guard let arn = json["PermissionsBoundary"]?.string else { return }
        xml.element("PermissionsBoundary") {
            $0.element("PermissionsBoundaryType", "Policy")
            $0.element("PermissionsBoundaryArn", arn)
        }
    }
}
