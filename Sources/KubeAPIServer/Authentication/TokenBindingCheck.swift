import Encoding
import JSON
import KubeAPI
import RBAC
import Store
import World

/// Whether what a signed ServiceAccount token names is still there: its time, its account, and what it is bound to
/// (`pkg/serviceaccount/claims.go`, `legacy.go`).
struct TokenBindingCheck: Sendable {
    private typealias Refusal = ServiceAccountTokens.Refusal
    /// `jwt.DefaultLeeway`, for clocks that differ and for deletions that have only just begun.
    private static let leeway: Int64 = 60
    private static let extraPrefix = "authentication.kubernetes.io/"

    let cluster: ClusterState

    /// The user of a bound token.
    ///
    /// - Throws: `ServiceAccountTokens.Refusal`.
    func user(_ claims: JSON) throws(ServiceAccountTokens.Refusal) -> UserInfo {
        try checkTime(claims)
        let bound = claims["kubernetes.io"] ?? [:]
        let namespace = bound["namespace"]?.string ?? ""
        let account = Self.identity(bound["serviceaccount"]) ?? ObjectIdentity(name: "", uid: "")
        try checkAccount(namespace, account)
        if let secret = Self.identity(bound["secret"]) {
            try check("secrets", namespace, secret) { "secret UID (\($0)) does not match service account secret ref claim (\(secret.uid))" }
        }
        let pod = Self.identity(bound["pod"])
        if let pod {
            try check("pods", namespace, pod) { "pod UID (\($0)) does not match service account pod ref claim (\(pod.uid))" }
        }
        let node = Self.identity(bound["node"])
        // The node of a pod is told, not checked: the pod ends with it.
        if let node, pod == nil {
            try check("nodes", "", node) { "node UID (\($0)) does not match service account node ref claim (\(node.uid))" }
        }
        var extra: [UserInfo.Extra] = []
        func add(_ key: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            extra.append(.init(key: Self.extraPrefix + key, values: [value]))
        }
        add("credential-id", claims["jti"]?.string.map { "JTI=\($0)" })
        add("node-name", node?.name)
        add("node-uid", node?.uid)
        add("pod-name", pod?.name)
        add("pod-uid", pod?.uid)
        return Self.user(namespace, account, extra)
    }

    /// The user of a token that a Secret holds.
    ///
    /// - Throws: `ServiceAccountTokens.Refusal`.
    func legacyUser(_ claims: JSON, _ token: String) throws(ServiceAccountTokens.Refusal) -> UserInfo {
        func claim(_ name: String) -> String { claims["kubernetes.io/serviceaccount/\(name)"]?.string ?? "" }
        let subject = claims["sub"]?.string ?? ""
        let namespace = claim("namespace")
        let account = ObjectIdentity(name: claim("service-account.name"), uid: claim("service-account.uid"))
        let secretName = claim("secret.name")
        for (name, value) in [
            ("sub", subject), ("namespace", namespace), ("secretName", secretName), ("serviceAccountName", account.name),
            ("serviceAccountUID", account.uid),
        ] where value.isEmpty { throw Refusal("\(name) claim is missing") }
        guard subject == "system:serviceaccount:\(namespace):\(account.name)" else { throw Refusal("sub claim is invalid") }
        guard let secret = object("secrets", namespace, secretName), !secret.isBeingDeleted else {
            throw Refusal("Token has been invalidated")
        }
        guard secret.at("data", "token")?.string == Base64.encode(Array(token.utf8)) else {
            throw Refusal("Token does not match server's copy")
        }
        guard let present = object("serviceaccounts", namespace, account.name) else {
            throw Refusal("serviceaccounts \(GoText.quoted(account.name)) not found")
        }
        guard !present.isBeingDeleted else { throw Refusal("ServiceAccount \(namespace)/\(account.name) has been deleted") }
        guard present.objectUID == account.uid else {
            throw Refusal("ServiceAccount UID (\(present.objectUID)) does not match claim (\(account.uid))")
        }
        return Self.user(namespace, account, [])
    }

    private static func user(_ namespace: String, _ account: ObjectIdentity, _ extra: [UserInfo.Extra]) -> UserInfo {
        UserInfo(
            username: "system:serviceaccount:\(namespace):\(account.name)", uid: account.uid,
            groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)"], extra: extra)
    }

    private static func identity(_ claims: JSON?) -> ObjectIdentity? {
        guard let claims, !claims.isNull else { return nil }
        return ObjectIdentity(name: claims["name"]?.string ?? "", uid: claims["uid"]?.string ?? "")
    }

    private func checkTime(_ claims: JSON) throws(ServiceAccountTokens.Refusal) {
        let now = cluster.world.now.seconds
        func time(_ name: String) -> Int64? { claims[name]?.integer }
        guard let expires = time("exp"), now - Self.leeway <= expires else { throw Refusal("service account token has expired") }
        guard now >= (time("nbf") ?? 0) - Self.leeway else { throw Refusal("service account token is not valid yet") }
        guard now >= (time("iat") ?? 0) - Self.leeway else { throw Refusal("service account token is issued in the future") }
    }

    private func object(_ plural: String, _ namespace: String, _ name: String) -> JSON? {
        let key = Key(cluster.collection(group: "", plural), namespace.isEmpty ? name : "\(namespace)/\(name)")
        return cluster.store.get(key).flatMap { try? JSON(parsing: $0.value) }
    }

    private func checkAccount(_ namespace: String, _ account: ObjectIdentity) throws(ServiceAccountTokens.Refusal) {
        guard let present = object("serviceaccounts", namespace, account.name) else {
            throw Refusal(
                "serviceaccounts \(GoText.quoted(account.name)) not found",
                fix: "kubectl create serviceaccount \(account.name) -n \(namespace)")
        }
        guard present.objectUID == account.uid else {
            throw Refusal("service account UID (\(present.objectUID)) does not match claim (\(account.uid))")
        }
        guard !isGone(present) else { throw Refusal("service account \(namespace)/\(account.name) has been deleted") }
    }

    private func check(
        _ plural: String, _ namespace: String, _ identity: ObjectIdentity, _ mismatch: (String) -> String
    ) throws(ServiceAccountTokens.Refusal) {
        guard let present = object(plural, namespace, identity.name) else { throw Refusal("service account token has been invalidated") }
        guard present.objectUID == identity.uid else { throw Refusal(mismatch(present.objectUID)) }
        guard !isGone(present) else { throw Refusal("service account token has been invalidated") }
    }

    /// Whether an object's deletion began longer ago than the leeway.
    private func isGone(_ object: JSON) -> Bool {
        guard let text = object.at("metadata", "deletionTimestamp")?.string, let began = Instant(rfc3339: text) else { return false }
        return began.seconds < cluster.world.now.seconds - Self.leeway
    }
}
