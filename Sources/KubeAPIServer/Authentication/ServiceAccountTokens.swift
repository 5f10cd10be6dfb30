import JSON
import KubeAPI
public import PKI
import RBAC
import Store
import Synchronization
import World

/// Issues and checks a cluster's ServiceAccount tokens (`pkg/serviceaccount`).
public final class ServiceAccountTokens: Sendable {
    /// Why a token is refused, in the server's words.
    public struct Refusal: Error, Sendable, Hashable {
        /// The message of a TokenReview.
        public let message: String
    }

    /// A token with the time it ends.
    struct Issued: Sendable {
        let token: String
        let expires: Instant
    }

    /// Longest life that is granted: EKS' 24 hours.
    static let maximumSeconds: Int64 = 86_400

    private let cluster: ClusterState
    /// The tokens' issuer.
    public let issuer: String
    /// The audience of tokens that ask for none.
    let audience: String
    private let makeKey: @Sendable () async throws -> ServiceAccountKey
    private let key = Mutex<Task<ServiceAccountKey, any Error>?>(nil)

    /// Makes the tokens of a cluster. `key` is asked for the signing key when the first token is issued or checked: making one takes 50 ms.
    public init(
        cluster: ClusterState, issuer: String, audience: String = "https://kubernetes.default.svc",
        key: @escaping @Sendable () async throws -> ServiceAccountKey
    ) {
        self.cluster = cluster
        self.issuer = issuer
        self.audience = audience
        makeKey = key
    }

    /// The signing key.
    ///
    /// - Throws: what making or reading it throws; the next call tries again.
    func signingKey() async throws -> ServiceAccountKey {
        let task = key.withLock { key in
            if let key { return key }
            let made = Task { [makeKey] in try await makeKey() }
            key = made
            return made
        }
        do { return try await task.value } catch {
            key.withLock { $0 = nil }
            throw error
        }
    }

    /// The public keys as a JWKS document.
    ///
    /// - Throws: what making or reading the key throws.
    public func jwks() async throws -> [UInt8] { try await signingKey().jwks() }

    /// Issues a token.
    func issue(
        namespace: String, name: String, uid: String, audiences: [String], seconds: Int64, bound: (kind: String, name: String, uid: String)?
    ) async throws -> Issued {
        let world = cluster.world
        let now = world.now.seconds
        var kubernetes: JSON = ["namespace": .string(namespace)]
        if let bound { kubernetes[bound.kind.lowercased()] = ["name": .string(bound.name), "uid": .string(bound.uid)] }
        kubernetes["serviceaccount"] = ["name": .string(name), "uid": .string(uid)]
        let claims: JSON = [
            "aud": JSON(strings: audiences), "exp": .integer(now + seconds), "iat": .integer(now), "iss": .string(issuer),
            "jti": .string(world.random.uuid()), "kubernetes.io": kubernetes, "nbf": .integer(now),
            "sub": .string("system:serviceaccount:\(namespace):\(name)"),
        ]
        return Issued(token: try await signingKey().sign(claims: claims.serialized()), expires: Instant(seconds: now + seconds))
    }

    /// Whether a text looks like one of these tokens: it is then nobody else's business.
    static func isJWT(_ token: String) -> Bool { token.utf8.count(where: { $0 == UInt8(ascii: ".") }) == 2 && token.hasPrefix("ey") }

    /// The user of a token, and which of the wanted audiences it is for.
    ///
    /// - Throws: `Refusal`.
    func verify(_ token: String, audiences wanted: [String]) async throws(Refusal) -> (user: UserInfo, audiences: [String]) {
        let claims: JSON
        do { claims = try await JSON(parsing: signingKey().verify(token), limits: JSON.Limits(depth: 16, bytes: 1 << 16)) } catch {
            throw Refusal(message: "invalid bearer token")
        }
        guard claims["iss"]?.string == issuer else { throw Refusal(message: "invalid bearer token") }
        let given = claims["aud"]?.strings ?? claims["aud"]?.string.map { [$0] } ?? []
        let common = wanted.filter(given.contains)
        guard !common.isEmpty else {
            throw Refusal(
                message: "token audiences \(JSON(strings: given).text) is invalid for the target audiences \(JSON(strings: wanted).text)")
        }
        let now = cluster.world.now.seconds
        guard let expires = claims["exp"]?.integer, now < expires else { throw Refusal(message: "service account token has expired") }
        guard now >= claims["nbf"]?.integer ?? 0 else { throw Refusal(message: "service account token is not valid yet") }
        let bound = claims["kubernetes.io"] ?? [:]
        let namespace = bound["namespace"]?.string ?? ""
        let name = bound.at("serviceaccount", "name")?.string ?? ""
        let uid = bound.at("serviceaccount", "uid")?.string ?? ""
        try check("serviceaccounts", namespace, name, uid, "service account")
        var extra: [UserInfo.Extra] = []
        if let id = claims["jti"]?.string { extra.append(.init(key: "authentication.kubernetes.io/credential-id", values: ["JTI=\(id)"])) }
        for (kind, plural) in [("pod", "pods"), ("secret", "secrets"), ("node", "nodes")] {
            guard let object = bound[kind], let other = object["name"]?.string, let otherUID = object["uid"]?.string else { continue }
            if kind != "node" { try check(plural, namespace, other, otherUID, kind) }
            guard kind != "secret" else { continue }
            extra.append(.init(key: "authentication.kubernetes.io/\(kind)-name", values: [other]))
            extra.append(.init(key: "authentication.kubernetes.io/\(kind)-uid", values: [otherUID]))
        }
        let user = UserInfo(
            username: "system:serviceaccount:\(namespace):\(name)", uid: uid,
            groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)"], extra: extra)
        return (user, common)
    }

    /// What a token is bound to must still be there, and be the same.
    private func check(_ plural: String, _ namespace: String, _ name: String, _ uid: String, _ what: String) throws(Refusal) {
        let key = Key(cluster.collection(group: "", plural), "\(namespace)/\(name)")
        guard let entry = cluster.store.get(key), let object = try? JSON(parsing: entry.value) else {
            throw Refusal(message: "\(plural) \(GoText.quoted(name)) not found")
        }
        guard object.objectUID == uid else {
            throw Refusal(message: "\(what) UID (\(object.objectUID)) does not match claim (\(uid))")
        }
    }
}
