import HTTP
import IAMPolicy
import JSON
import Store
import World

/// AWS IAM: users, access keys, roles and their policies.
struct IAMService: Sendable {
    let records: Records
    let world: World
    let authorization: CallerAuthorization

    static let namespace = "https://iam.amazonaws.com/doc/2010-05-08/"

    /// One operation's way from form to XML result; `nil` for an empty result.
    private typealias Operation = @Sendable (IAMService, AWSCall, QueryForm) async throws(AWSError) -> String?

    /// Everything that is simulated; any other action answers `InvalidAction`.
    private static let operations: [String: Operation] = [
        "CreateUser": { iam, call, form throws(AWSError) in try await iam.createUser(call, form) },
        "GetUser": { iam, call, form throws(AWSError) in try iam.getUser(call, form) },
        "DeleteUser": { iam, call, form throws(AWSError) in try await iam.deleteUser(call, form) },
        "ListUsers": { iam, call, form throws(AWSError) in try iam.listOwners(call, form, .user) },
        "TagUser": { iam, call, form throws(AWSError) in try await iam.tag(call, form, .user) },
        "UntagUser": { iam, call, form throws(AWSError) in try await iam.untag(call, form, .user) },
        "ListUserTags": { iam, call, form throws(AWSError) in try iam.listTags(call, form, .user) },
        "CreateAccessKey": { iam, call, form throws(AWSError) in try await iam.createAccessKey(call, form) },
        "ListAccessKeys": { iam, call, form throws(AWSError) in try iam.listAccessKeys(call, form) },
        "UpdateAccessKey": { iam, call, form throws(AWSError) in try await iam.updateAccessKey(call, form) },
        "DeleteAccessKey": { iam, call, form throws(AWSError) in try await iam.deleteAccessKey(call, form) },
        "ListGroupsForUser": { iam, call, form throws(AWSError) in try iam.listNothing(call, form, .user, "Groups") },
        "CreateRole": { iam, call, form throws(AWSError) in try await iam.createRole(call, form) },
        "GetRole": { iam, call, form throws(AWSError) in try iam.getRole(call, form) },
        "DeleteRole": { iam, call, form throws(AWSError) in try await iam.deleteRole(call, form) },
        "UpdateRole": { iam, call, form throws(AWSError) in try await iam.updateRole(call, form) },
        "ListRoles": { iam, call, form throws(AWSError) in try iam.listOwners(call, form, .role) },
        "UpdateAssumeRolePolicy": { iam, call, form throws(AWSError) in try await iam.updateTrust(call, form) },
        "TagRole": { iam, call, form throws(AWSError) in try await iam.tag(call, form, .role) },
        "UntagRole": { iam, call, form throws(AWSError) in try await iam.untag(call, form, .role) },
        "ListRoleTags": { iam, call, form throws(AWSError) in try iam.listTags(call, form, .role) },
        "ListInstanceProfilesForRole": { iam, call, form throws(AWSError) in try iam.listInstanceProfiles(ofRole: call, form) },
        "CreateInstanceProfile": { iam, call, form throws(AWSError) in try await iam.createInstanceProfile(call, form) },
        "GetInstanceProfile": { iam, call, form throws(AWSError) in try iam.getInstanceProfile(call, form) },
        "DeleteInstanceProfile": { iam, call, form throws(AWSError) in try await iam.deleteInstanceProfile(call, form) },
        "ListInstanceProfiles": { iam, call, form throws(AWSError) in try iam.listInstanceProfiles(call, form) },
        "AddRoleToInstanceProfile": { iam, call, form throws(AWSError) in try await iam.addRoleToProfile(call, form) },
        "RemoveRoleFromInstanceProfile": { iam, call, form throws(AWSError) in try await iam.removeRoleFromProfile(call, form) },
        "PutUserPermissionsBoundary": { iam, call, form throws(AWSError) in try await iam.putBoundary(call, form, .user) },
        "DeleteUserPermissionsBoundary": { iam, call, form throws(AWSError) in try await iam.deleteBoundary(call, form, .user) },
        "PutRolePermissionsBoundary": { iam, call, form throws(AWSError) in try await iam.putBoundary(call, form, .role) },
        "DeleteRolePermissionsBoundary": { iam, call, form throws(AWSError) in try await iam.deleteBoundary(call, form, .role) },
        "PutUserPolicy": { iam, call, form throws(AWSError) in try await iam.putInline(call, form, .user) },
        "GetUserPolicy": { iam, call, form throws(AWSError) in try iam.getInline(call, form, .user) },
        "DeleteUserPolicy": { iam, call, form throws(AWSError) in try await iam.deleteInline(call, form, .user) },
        "ListUserPolicies": { iam, call, form throws(AWSError) in try iam.listInline(call, form, .user) },
        "AttachUserPolicy": { iam, call, form throws(AWSError) in try await iam.attach(call, form, .user) },
        "DetachUserPolicy": { iam, call, form throws(AWSError) in try await iam.detach(call, form, .user) },
        "ListAttachedUserPolicies": { iam, call, form throws(AWSError) in try iam.listAttached(call, form, .user) },
        "PutRolePolicy": { iam, call, form throws(AWSError) in try await iam.putInline(call, form, .role) },
        "GetRolePolicy": { iam, call, form throws(AWSError) in try iam.getInline(call, form, .role) },
        "DeleteRolePolicy": { iam, call, form throws(AWSError) in try await iam.deleteInline(call, form, .role) },
        "ListRolePolicies": { iam, call, form throws(AWSError) in try iam.listInline(call, form, .role) },
        "AttachRolePolicy": { iam, call, form throws(AWSError) in try await iam.attach(call, form, .role) },
        "DetachRolePolicy": { iam, call, form throws(AWSError) in try await iam.detach(call, form, .role) },
        "ListAttachedRolePolicies": { iam, call, form throws(AWSError) in try iam.listAttached(call, form, .role) },
        "CreatePolicy": { iam, call, form throws(AWSError) in try await iam.createPolicy(call, form) },
        "GetPolicy": { iam, call, form throws(AWSError) in try iam.getPolicy(call, form) },
        "ListPolicies": { iam, call, form throws(AWSError) in try iam.listPolicies(call, form) },
        "GetPolicyVersion": { iam, call, form throws(AWSError) in try iam.getPolicyVersion(call, form) },
        "ListPolicyVersions": { iam, call, form throws(AWSError) in try iam.listPolicyVersions(call, form) },
        "CreatePolicyVersion": { iam, call, form throws(AWSError) in try await iam.createPolicyVersion(call, form) },
        "SetDefaultPolicyVersion": { iam, call, form throws(AWSError) in try await iam.setDefaultPolicyVersion(call, form) },
        "DeletePolicyVersion": { iam, call, form throws(AWSError) in try await iam.deletePolicyVersion(call, form) },
        "DeletePolicy": { iam, call, form throws(AWSError) in try await iam.deletePolicy(call, form) },
        "CreateOpenIDConnectProvider": { iam, call, form throws(AWSError) in try await iam.createProvider(call, form) },
        "GetOpenIDConnectProvider": { iam, call, form throws(AWSError) in try iam.getProvider(call, form) },
        "ListOpenIDConnectProviders": { iam, call, form throws(AWSError) in iam.listProviders(call) },
        "AddClientIDToOpenIDConnectProvider": { iam, call, form throws(AWSError) in try await iam.addClient(call, form) },
        "RemoveClientIDFromOpenIDConnectProvider": { iam, call, form throws(AWSError) in try await iam.removeClient(call, form) },
        "UpdateOpenIDConnectProviderThumbprint": { iam, call, form throws(AWSError) in try await iam.updateThumbprints(call, form) },
        "TagOpenIDConnectProvider": { iam, call, form throws(AWSError) in try await iam.tagProvider(call, form) },
        "UntagOpenIDConnectProvider": { iam, call, form throws(AWSError) in try await iam.untagProvider(call, form) },
        "ListOpenIDConnectProviderTags": { iam, call, form throws(AWSError) in try iam.listProviderTags(call, form) },
        "DeleteOpenIDConnectProvider": { iam, call, form throws(AWSError) in try await iam.deleteProvider(call, form) },
    ]

    func handle(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> HTTPResponse {
        guard let operation = Self.operations[form.action] else {
            throw form.unknownAction
        }
        let (resource, tags) = resource(call, form)
        try authorization.require(call, "iam:\(form.action)", on: resource, conditions: Self.conditions(form, tags))
        let result = try await operation(self, call, form)
        return AWSProtocol.queryResponse(form.action, namespace: Self.namespace, requestID: call.requestID, result: result)
    }

    /// IAM's own condition keys of a call, and those about tags.
    private static func conditions(_ form: QueryForm, _ tags: JSON?) -> [String: [String]] {
        var conditions = CallerAuthorization.requestTags(form.tags()).merging(CallerAuthorization.resourceTags(tags, alias: "iam")) { $1 }
        let keys = form.list("TagKeys")
        if !keys.isEmpty { conditions["aws:TagKeys"] = keys }
        conditions["iam:PermissionsBoundary"] = form["PermissionsBoundary"].map { [$0] }
        if form.action.hasPrefix("Attach") || form.action.hasPrefix("Detach") {
            conditions["iam:PolicyARN"] = form["PolicyArn"].map { [$0] }
        }
        return conditions
    }

    /// The ARN that a call's permission is asked for, and the tags of what it names.
    private func resource(_ call: AWSCall, _ form: QueryForm) -> (arn: String, tags: JSON?) {
        let base = "arn:aws:iam::\(call.caller.accountID):"
        if let arn = form["OpenIDConnectProviderArn"] { return (arn, nil) }
        if let name = form["InstanceProfileName"] {
            let known = records.get(collection(call, "instance-profiles"), name)?.json
            return (known?["Arn"]?.string ?? "\(base)instance-profile\(form["Path"] ?? "/")\(name)", known?["Tags"])
        }
        for owner in [PolicyOwner.role, .user] {
            guard let name = form[owner.parameter] else { continue }
            let known = records.get(collection(call, owner.collection), name)?.json
            return (known?["Arn"]?.string ?? "\(base)\(owner.word)\(form["Path"] ?? "/")\(name)", known?["Tags"])
        }
        if let arn = form["PolicyArn"] { return (arn, nil) }
        switch form.action {
        case "CreatePolicy": return ("\(base)policy\(form["Path"] ?? "/")\(form["PolicyName"] ?? "")", nil)
        case "ListUsers": return ("\(base)user/", nil)
        case "ListRoles": return ("\(base)role/", nil)
        case "ListPolicies": return ("\(base)policy/", nil)
        case "ListInstanceProfiles": return ("\(base)instance-profile/", nil)
        default: return (call.caller.userName == nil ? "*" : call.caller.arn, nil)
        }
    }
}

/// The two kinds of principals that policies hang on.
enum PolicyOwner: String, Sendable {
    case user, role

    var collection: String { self == .user ? "users" : "roles" }
    var parameter: String { self == .user ? "UserName" : "RoleName" }
    var word: String { self == .user ? "user" : "role" }
}

extension IAMService {
    func collection(_ call: AWSCall, _ kind: String) -> String { Records.collection(call.caller.accountID, "global", "iam", kind) }

    func missing(_ owner: PolicyOwner, _ name: String) -> AWSError {
        AWSError(404, "NoSuchEntity", "The \(owner.word) with name \(name) cannot be found.")
    }

    /// A user or role of the caller's account.
    func owner(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> Records.Document {
        let name = try form.required(owner.parameter)
        guard let document = records.get(collection(call, owner.collection), name) else { throw missing(owner, name) }
        return document
    }

    /// Changes a user or role.
    func change(
        _ call: AWSCall, _ owner: PolicyOwner, _ name: String, _ change: (inout JSON) throws(AWSError) -> Void
    ) async throws(AWSError) {
        try await records.update(collection(call, owner.collection), name, missing: missing(owner, name), change)
    }

    /// Deletes a record unless it is gone.
    func delete(_ collection: String, _ name: String, missing: AWSError) async throws(AWSError) {
        guard records.get(collection, name) != nil else { throw missing }
        try await records.delete([Key(collection, name)])
    }

    /// One page of a list: `MaxItems` 1 to 1000, 100 without it; `Marker` is the last item of the page before.
    func listing<Item>(
        _ form: QueryForm, _ element: String, _ items: [Item], name: (Item) -> String, _ write: (inout XMLWriter, Item) -> Void
    ) throws(AWSError) -> String {
        let text = form["MaxItems"] ?? "100"
        guard let limit = Int(text), limit >= 1 else {
            throw QueryForm.violation(text, "MaxItems", "Member must have value greater than or equal to 1")
        }
        guard limit <= 1000 else { throw QueryForm.violation(text, "MaxItems", "Member must have value less than or equal to 1000") }
        var rest = items[...]
        if let marker = form["Marker"] {
            guard let last = PageToken.decode(marker), let index = items.firstIndex(where: { name($0) == last }) else {
                throw AWSError(400, "ValidationError", "Invalid Marker.")
            }
            rest = items[(index + 1)...]
        }
        let page = rest.prefix(limit)
        var xml = XMLWriter()
        xml.element("IsTruncated", rest.count > limit ? "true" : "false")
        if rest.count > limit { xml.element("Marker", page.last.map { PageToken.encode(name($0)) }) }
        xml.list(element, Array(page), write)
        return xml.text
    }

    func listOwners(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> String {
        let prefix = form["PathPrefix"] ?? "/"
        let found = records.list(collection(call, owner.collection)).filter { $0.json["Path"]?.string?.hasPrefix(prefix) ?? true }
        return try listing(form, owner == .user ? "Users" : "Roles", found, name: { $0.name }) { xml, document in
            if owner == .user { Self.writeUser(document.json, &xml) } else { Self.writeRole(document.json, &xml) }
        }
    }

    func listNothing(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner, _ list: String) throws(AWSError) -> String {
        _ = try self.owner(call, form, owner)
        return try listing(form, list, [String](), name: { $0 }) { $0.text($1) }
    }

    /// A name of 1 to `limit` characters of IAM's set.
    func validName(_ form: QueryForm, _ parameter: String, limit: Int) throws(AWSError) -> String {
        let name = try form.required(parameter)
        let isValid =
            (1...limit).contains(name.utf8.count)
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_+=,.@-".contains($0)) }
        guard isValid else {
            throw AWSError(
                400, "ValidationError",
                "The specified value for \(parameter.prefix(1).lowercased() + parameter.dropFirst()) is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
            )
        }
        return name
    }

    func validPath(_ form: QueryForm) throws(AWSError) -> String {
        let path = form["Path"] ?? "/"
        guard path.hasPrefix("/"), path.hasSuffix("/"), path.utf8.count <= 512 else {
            throw AWSError(
                400, "ValidationError",
                "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
            )
        }
        return path
    }
}
