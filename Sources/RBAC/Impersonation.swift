import Encoding

/// What a request asks for with `Impersonate-` headers (`k8s.io/apiserver/pkg/endpoints/filters/impersonation`).
public struct Impersonation: Sendable, Hashable {
    /// Why the headers mean nothing.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// Groups, uid or extra of nobody.
        case withoutUser(String)

        /// The text of the 400.
        public var description: String {
            switch self {
            case .withoutUser(let asked): "requested \(asked) without impersonating a user name"
            }
        }
    }

    /// Who the request goes on as: nothing of the original user stays, not even what access policies look at.
    public let user: UserInfo
    /// What the original user must be allowed, in this order; the first refusal is the answer.
    public let checks: [Attributes]

    /// Reads headers; `nil` when they ask for nothing.
    ///
    /// - Throws: `Problem`.
    public init?(headers: some Sequence<(name: String, value: String)>, by original: UserInfo) throws(Problem) {
        var username = ""
        var uid = ""
        var groups: [String] = []
        var extra: [UserInfo.Extra] = []
        for (name, value) in headers {
            let name = name.lowercased()
            switch name {
            case "impersonate-user": if username.isEmpty { username = value }
            case "impersonate-uid": if uid.isEmpty { uid = value }
            case "impersonate-group": if !value.isEmpty { groups.append(value) }
            case _ where name.hasPrefix(Self.extraPrefix):
                let key = Self.unescaped(name.dropFirst(Self.extraPrefix.count))
                if let place = extra.firstIndex(where: { $0.key == key }) {
                    extra[place].values.append(value)
                } else {
                    extra.append(UserInfo.Extra(key: key, values: [value]))
                }
            default: continue
            }
        }
        guard !username.isEmpty else {
            guard groups.isEmpty, uid.isEmpty, extra.isEmpty else {
                throw .withoutUser(Self.goText(uid, groups, extra))
            }
            return nil
        }
        var checks: [Attributes] = []
        func check(_ resource: String, _ name: String, namespace: String = "", group: String = "", subresource: String = "") {
            checks.append(
                Attributes(
                    user: original, verb: "impersonate", namespace: namespace, apiGroup: group, apiVersion: "v1", resource: resource,
                    subresource: subresource, name: name))
        }
        let account = Self.serviceAccount(username)
        if let account { check("serviceaccounts", account.name, namespace: account.namespace) } else { check("users", username) }
        for group in groups { check("groups", group) }
        for item in extra {
            for value in item.values { check("userextras", value, group: "authentication.k8s.io", subresource: item.key) }
        }
        if !uid.isEmpty { check("uids", uid, group: "authentication.k8s.io") }
        if groups.isEmpty, let account { groups = ["system:serviceaccounts", "system:serviceaccounts:\(account.namespace)"] }
        var user = UserInfo(username: username, uid: uid, groups: groups, extra: extra)
        if username == "system:anonymous", !groups.contains("system:unauthenticated") { user.groups.append("system:unauthenticated") }
        self.user = user.authenticated
        self.checks = checks
    }

    private static let extraPrefix = "impersonate-extra-"

    /// Namespace and name of `system:serviceaccount:NAMESPACE:NAME`.
    private static func serviceAccount(_ username: String) -> (namespace: String, name: String)? {
        let parts = username.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == "system", parts[1] == "serviceaccount", !parts[2].isEmpty, !parts[3].isEmpty else { return nil }
        return (parts[2], parts[3])
    }

    /// As Go prints the user that was asked for.
    private static func goText(_ uid: String, _ groups: [String], _ extra: [UserInfo.Extra]) -> String {
        func list(_ values: [String]) -> String { "[]string{" + values.map { GoQuoting.quoted($0) }.joined(separator: ", ") + "}" }
        let groupText = groups.isEmpty ? "[]string(nil)" : list(groups)
        let pairs = extra.sorted { $0.key < $1.key }.map { "\(GoQuoting.quoted($0.key)):\(list($0.values))" }.joined(separator: ", ")
        let extraText = extra.isEmpty ? "map[string][]string(nil)" : "map[string][]string{\(pairs)}"
        return "&user.DefaultInfo{Name:\"\", UID:\(GoQuoting.quoted(uid)), Groups:\(groupText), Extra:\(extraText)}"
    }

    /// Keys may carry `%XX`, as header names cannot hold everything; a malformed escape stays as it is.
    private static func unescaped(_ key: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(key.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else { return String(key) }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self) ?? String(key)
    }
}
