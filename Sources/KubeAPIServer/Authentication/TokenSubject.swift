import JSON

/// Name and uid of an object that a token names.
struct ObjectIdentity: Sendable, Hashable {
    var name: String
    /// Empty for a node that a pod names and that is not there.
    var uid: String

    var claims: JSON { uid.isEmpty ? ["name": .string(name)] : ["name": .string(name), "uid": .string(uid)] }
}

/// Whom a ServiceAccount token is for and what it is bound to: the private claims (`pkg/serviceaccount/claims.go`).
struct TokenSubject: Sendable {
    let namespace: String
    let account: ObjectIdentity
    var pod: ObjectIdentity?
    var secret: ObjectIdentity?
    /// A node that the token is bound to, or the node of its pod.
    var node: ObjectIdentity?
    /// Seconds after which a use is to be warned of; the token itself lives longer.
    var warnAfterSeconds: Int64?

    var username: String { "system:serviceaccount:\(namespace):\(account.name)" }

    func claims(now: Int64) -> JSON {
        var claims: JSON = ["namespace": .string(namespace)]
        claims["node"] = node?.claims
        claims["pod"] = pod?.claims
        claims["secret"] = secret?.claims
        claims["serviceaccount"] = account.claims
        claims["warnafter"] = warnAfterSeconds.map { .integer(now + $0) }
        return claims
    }
}
