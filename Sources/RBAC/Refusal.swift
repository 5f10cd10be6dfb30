import Encoding

extension Attributes {
    /// What the API server says of a refused request, without the object in front and the authorizers' reasons behind
    /// (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters forbiddenMessage`).
    public var refusal: String {
        let user = GoQuoting.quoted(user.username)
        guard isResourceRequest else { return "User \(user) cannot \(verb) path \(GoQuoting.quoted(path))" }
        let resource = GoQuoting.quoted(subresource.isEmpty ? resource : "\(resource)/\(subresource)")
        let place = namespace.isEmpty ? "at the cluster scope" : "in the namespace \(GoQuoting.quoted(namespace))"
        return "User \(user) cannot \(verb) resource \(resource) in API group \(GoQuoting.quoted(apiGroup)) \(place)"
    }

    /// The whole message of the 403, with what the authorizers said.
    public func forbiddenMessage(reason: String = "") -> String {
        Attributes.forbiddenMessage(
            group: apiGroup, resource: isResourceRequest ? resource : "", name: name, refusal + (reason.isEmpty ? "" : ": \(reason)"))
    }

    /// The message of a 403 for another cause than the authorizers, such as escalation (`NewForbidden`).
    public static func forbiddenMessage(group: String, resource: String, name: String, _ text: String) -> String {
        guard !resource.isEmpty else { return "forbidden: \(text)" }
        let qualified = group.isEmpty ? resource : "\(resource).\(group)"
        return name.isEmpty ? "\(qualified) is forbidden: \(text)" : "\(qualified) \(GoQuoting.quoted(name)) is forbidden: \(text)"
    }
}

extension UserInfo {
    /// The group whose members may do everything, whatever the authorizers say.
    public static let mastersGroup = "system:masters"

    /// Whether this is a member of `system:masters`.
    public var isPrivileged: Bool { groups.contains(UserInfo.mastersGroup) }

    /// The user with `system:authenticated` behind the other groups, unless they say already whether it is authenticated
    /// (`k8s.io/apiserver/pkg/authentication/group`).
    public var authenticated: UserInfo {
        guard username != "system:anonymous", !groups.contains("system:authenticated"), !groups.contains("system:unauthenticated") else {
            return self
        }
        var user = self
        user.groups.append("system:authenticated")
        return user
    }
}
