import HTTP
import JSON
import KubeAPI
import RBAC
import World

/// `Impersonate-*` headers (`k8s.io/apiserver/pkg/endpoints/filters/impersonation`).
struct Impersonation: Sendable {
    private static let extraPrefix = "impersonate-extra-"

    let authorizer: any RequestAuthorizer

    /// The user to act as: the impersonated one when the headers ask for it and the caller may, else the caller.
    ///
    /// - Throws: 400 for headers without a user, 403 when the caller may not.
    func user(of request: HTTPRequest, as caller: UserInfo) async throws(KubeStatus) -> UserInfo {
        let name = request.headers["Impersonate-User"] ?? ""
        let groups = request.headers.all("Impersonate-Group").filter { !$0.isEmpty }
        let uid = request.headers["Impersonate-Uid"] ?? ""
        var extra: [UserInfo.Extra] = []
        for field in request.headers where field.name.lowercased().hasPrefix(Self.extraPrefix) {
            let raw = field.name.lowercased().dropFirst(Self.extraPrefix.count)
            let key = (PercentEncoding.decode(raw) ?? String(raw)).lowercased()
            if let place = extra.firstIndex(where: { $0.key == key }) {
                extra[place].values.append(field.value)
            } else {
                extra.append(.init(key: key, values: [field.value]))
            }
        }
        guard !name.isEmpty else {
            guard !groups.isEmpty || !uid.isEmpty || !extra.isEmpty else { return caller }
            throw .badRequest("requested \(Self.goText(uid, groups, extra)) without impersonating a user name")
        }
        var wishes: [Attributes] = []
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let isServiceAccount = parts.count == 4 && parts[0] == "system" && parts[1] == "serviceaccount"
        if isServiceAccount {
            wishes.append(
                Attributes(
                    user: caller, verb: "impersonate", namespace: parts[2], apiVersion: "v1", resource: "serviceaccounts", name: parts[3]))
        } else {
            wishes.append(Attributes(user: caller, verb: "impersonate", apiVersion: "v1", resource: "users", name: name))
        }
        for group in groups {
            wishes.append(Attributes(user: caller, verb: "impersonate", apiVersion: "v1", resource: "groups", name: group))
        }
        let authentication = "authentication.k8s.io"
        for item in extra {
            for value in item.values {
                wishes.append(
                    Attributes(
                        user: caller, verb: "impersonate", apiGroup: authentication, apiVersion: "v1", resource: "userextras",
                        subresource: item.key,
                        name: value))
            }
        }
        if !uid.isEmpty {
            wishes.append(
                Attributes(user: caller, verb: "impersonate", apiGroup: authentication, apiVersion: "v1", resource: "uids", name: uid))
        }
        for wish in wishes {
            let decision = await authorizer.authorize(wish, trace: nil)
            guard decision.isAllowed else {
                // Asked again with the trace, so that the reasons of the one refusal are written down.
                _ = await authorizer.authorize(wish, trace: request.trace)
                throw Forbidden.status(wish, decision.reason)
            }
        }
        request.trace.add(TraceStep("authn", "impersonation", actual: "\(caller.username) acts as \(name)", .pass))
        return Self.user(name, uid, groups, extra, isServiceAccount ? parts[2] : nil)
    }

    private static func user(_ name: String, _ uid: String, _ groups: [String], _ extra: [UserInfo.Extra], _ namespace: String?) -> UserInfo
    {
        var groups = groups
        if let namespace, groups.isEmpty { groups = ["system:serviceaccounts", "system:serviceaccounts:\(namespace)"] }
        let isAnonymous = name == "system:anonymous"
        let own = isAnonymous ? "system:unauthenticated" : "system:authenticated"
        if !groups.contains("system:authenticated"), !groups.contains("system:unauthenticated") { groups.append(own) }
        return UserInfo(username: name, uid: uid, groups: groups, extra: extra)
    }

    /// As Go prints the user.
    private static func goText(_ uid: String, _ groups: [String], _ extra: [UserInfo.Extra]) -> String {
        func list(_ values: [String]) -> String { "[]string{" + values.map { GoText.quoted($0) }.joined(separator: ", ") + "}" }
        let groupText = groups.isEmpty ? "[]string(nil)" : list(groups)
        let pairs = extra.sorted { $0.key < $1.key }.map { "\(GoText.quoted($0.key)):\(list($0.values))" }.joined(separator: ", ")
        let extraText = extra.isEmpty ? "map[string][]string(nil)" : "map[string][]string{\(pairs)}"
        return "&user.DefaultInfo{Name:\"\", UID:\(GoText.quoted(uid)), Groups:\(groupText), Extra:\(extraText)}"
    }
}

/// The 403 of the authorizer (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters.Forbidden`).
enum Forbidden {
    static func status(_ attributes: Attributes, _ reason: String) -> KubeStatus {
        let user = GoText.quoted(attributes.user.username)
        var text: String
        if attributes.isResourceRequest {
            let resource = attributes.subresource.isEmpty ? attributes.resource : "\(attributes.resource)/\(attributes.subresource)"
            text =
                "User \(user) cannot \(attributes.verb) resource \(GoText.quoted(resource)) in API group \(GoText.quoted(attributes.apiGroup)) "
            text += attributes.namespace.isEmpty ? "at the cluster scope" : "in the namespace \(GoText.quoted(attributes.namespace))"
        } else {
            text = "User \(user) cannot \(attributes.verb) path \(GoText.quoted(attributes.path))"
        }
        text = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        if !reason.isEmpty { text += ": \(reason)" }
        guard attributes.isResourceRequest else {
            return KubeStatus(code: 403, reason: "Forbidden", message: "forbidden: \(text)", details: [:])
        }
        let qualified = attributes.apiGroup.isEmpty ? attributes.resource : "\(attributes.resource).\(attributes.apiGroup)"
        let subject = attributes.name.isEmpty ? qualified : "\(qualified) \(GoText.quoted(attributes.name))"
        return .forbidden(
            group: attributes.apiGroup, resource: attributes.resource, name: attributes.name, message: "\(subject) is forbidden: \(text)")
    }
}
