import HTTP
import IAMPolicy
import JSON
import Store
import World

/// AWS IAM: users, access keys, roles and their policies.
struct IAMService: Sendable {
    let records: Records
    let world: World

    static let namespace = "https://iam.amazonaws.com/doc/2010-05-08/"

    /// One operation's way from form to XML result; `nil` for an empty result.
    private typealias Operation = @Sendable (IAMService, AWSCall, QueryForm) async throws(AWSError) -> String?

    /// Everything that is simulated; any other action answers `InvalidAction`.
    private static let operations: [String: Operation] = [
        "CreateUser": { iam, call, form throws(AWSError) in try await iam.createUser(call, form) },
        "GetUser": { iam, call, form throws(AWSError) in try iam.getUser(call, form) },
        "DeleteUser": { iam, call, form throws(AWSError) in try await iam.deleteUser(call, form) },
        "ListUsers": { iam, call, form throws(AWSError) in iam.listOwners(call, form, .user) },
        "CreateAccessKey": { iam, call, form throws(AWSError) in try await iam.createAccessKey(call, form) },
        "ListAccessKeys": { iam, call, form throws(AWSError) in try iam.listAccessKeys(call, form) },
        "UpdateAccessKey": { iam, call, form throws(AWSError) in try await iam.updateAccessKey(call, form) },
        "DeleteAccessKey": { iam, call, form throws(AWSError) in try await iam.deleteAccessKey(call, form) },
        "ListGroupsForUser": { iam, call, form throws(AWSError) in try iam.listNothing(call, form, .user, "Groups") },
        "CreateRole": { iam, call, form throws(AWSError) in try await iam.createRole(call, form) },
        "GetRole": { iam, call, form throws(AWSError) in try iam.getRole(call, form) },
        "DeleteRole": { iam, call, form throws(AWSError) in try await iam.deleteRole(call, form) },
        "ListRoles": { iam, call, form throws(AWSError) in iam.listOwners(call, form, .role) },
        "UpdateAssumeRolePolicy": { iam, call, form throws(AWSError) in try await iam.updateTrust(call, form) },
        "TagRole": { iam, call, form throws(AWSError) in try await iam.tag(call, form, .role) },
        "ListInstanceProfilesForRole": { iam, call, form throws(AWSError) in try iam.listNothing(call, form, .role, "InstanceProfiles") },
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
        "DeletePolicy": { iam, call, form throws(AWSError) in try await iam.deletePolicy(call, form) },
    ]

    func handle(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization) async throws(AWSError) -> HTTPResponse {
        guard let operation = Self.operations[form.action] else {
            throw AWSError(
                400, "InvalidAction", "Could not find operation \(form.action) for version \(form["Version"] ?? "NO_VERSION_SPECIFIED")")
        }
        try authorization.require(call.caller, "iam:\(form.action)", on: resource(call, form), call.wire, trace: call.request.trace)
        let result = try await operation(self, call, form)
        return AWSProtocol.queryResponse(form.action, namespace: Self.namespace, requestID: call.requestID, result: result)
    }

    private func resource(_ call: AWSCall, _ form: QueryForm) -> String {
        let account = call.caller.accountID
        if let role = form["RoleName"] { return "arn:aws:iam::\(account):role/\(role)" }
        if let user = form["UserName"] { return "arn:aws:iam::\(account):user/\(user)" }
        return form["PolicyArn"] ?? "*"
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

    func listOwners(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) -> String {
        let prefix = form["PathPrefix"] ?? "/"
        let found = records.list(collection(call, owner.collection)).filter { $0.json["Path"]?.string?.hasPrefix(prefix) ?? true }
        var xml = XMLWriter()
        xml.element("IsTruncated", "false")
        xml.list(owner == .user ? "Users" : "Roles", found) { xml, document in
            if owner == .user { Self.writeUser(document.json, &xml) } else { Self.writeRole(document.json, &xml) }
        }
        return xml.text
    }

    func listNothing(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner, _ list: String) throws(AWSError) -> String {
        _ = try self.owner(call, form, owner)
        var xml = XMLWriter()
        xml.element("IsTruncated", "false")
        xml.element(list) { _ in }
        return xml.text
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
                "The specified value for \(QueryForm.lowerFirst(parameter)) is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
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
