import JSON
import KubeAPI
public import PKI
import RBAC
import World

/// Issues and checks a cluster's ServiceAccount tokens (`pkg/serviceaccount`).
public final class ServiceAccountTokens: Sendable {
    /// Why a token is refused, in the server's words.
    public struct Refusal: Error, Sendable, Hashable {
        /// The message of a TokenReview.
        public let message: String
        /// What would help, as a command.
        var fix: String?

        init(_ message: String, fix: String? = nil) {
            self.message = message
            self.fix = fix
        }
    }

    /// A token with the time it ends.
    struct Issued: Sendable {
        let token: String
        let expires: Instant
        /// The token's `jti`.
        let id: String
    }

    /// Longest life that is granted: EKS' 24 hours.
    static let maximumSeconds: Int64 = 86_400
    /// The issuer of tokens that live in Secrets.
    static let legacyIssuer = "kubernetes/serviceaccount"
    /// The header and claims of the longest token that is looked at.
    private static let limits = JSON.Limits(depth: 16, bytes: 1 << 16)

    private let cluster: ClusterState
    /// The tokens' issuer.
    public let issuer: String
    /// The audience of tokens that ask for none.
    let audience: String
    private let makeKey: @Sendable () async throws -> ServiceAccountKey
    private let key = Lock<Task<ServiceAccountKey, any Error>?>(nil)

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

    /// Issues a token that lives for `seconds` and names what it is bound to, if anything.
    ///
    /// - Throws: what the signing key throws.
    func issue(_ subject: TokenSubject, audiences: [String], seconds: Int64) async throws -> Issued {
        let now = cluster.world.now.seconds
        let id = cluster.world.random.uuid()
        let claims: JSON = [
            "aud": JSON(strings: audiences), "exp": .integer(now + seconds), "iat": .integer(now), "iss": .string(issuer),
            "jti": .string(id), "kubernetes.io": subject.claims(now: now), "nbf": .integer(now),
            "sub": .string(subject.username),
        ]
        return Issued(
            token: try await signingKey().sign(claims: claims.serialized()), expires: Instant(seconds: now + seconds), id: id)
    }

    /// Issues a token of the form that lives in a Secret and never expires (`pkg/serviceaccount/legacy.go`).
    ///
    /// - Throws: what the signing key throws.
    func issueLegacy(_ account: ObjectIdentity, namespace: String, secret: String) async throws -> String {
        let prefix = "kubernetes.io/serviceaccount"
        let claims: JSON = [
            "iss": .string(Self.legacyIssuer), "\(prefix)/namespace": .string(namespace), "\(prefix)/secret.name": .string(secret),
            "\(prefix)/service-account.name": .string(account.name), "\(prefix)/service-account.uid": .string(account.uid),
            "sub": .string("system:serviceaccount:\(namespace):\(account.name)"),
        ]
        return try await signingKey().sign(claims: claims.serialized())
    }

    /// The claims of a token, without looking at its signature; `nil` when it is no JWT.
    static func unverifiedClaims(_ token: String) -> JSON? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decode(parts[1]) else { return nil }
        return try? JSON(parsing: bytes, limits: limits)
    }

    /// The user of a token of this cluster, and which of the wanted audiences it is for; `nil` for a token of another issuer.
    ///
    /// - Throws: `Refusal`.
    func verify(
        _ token: String, audiences wanted: [String], trace: RequestTrace
    ) async throws(Refusal) -> (user: UserInfo, audiences: [String])? {
        guard let claims = Self.unverifiedClaims(token), let issuer = claims["iss"]?.string,
            issuer == self.issuer || issuer == Self.legacyIssuer
        else { return nil }
        do { _ = try await signingKey().verify(token) } catch {
            throw Refusal("invalid bearer token")
        }
        let isLegacy = issuer == Self.legacyIssuer
        // Tokens in Secrets name no audience: they are for the API server.
        let given = isLegacy ? [audience] : claims["aud"]?.strings ?? claims["aud"]?.string.map { [$0] } ?? [audience]
        let common = given.filter(wanted.contains)
        guard !common.isEmpty else {
            throw Refusal(
                "token audiences \(GoText.quoted(given)) is invalid for the target audiences \(GoText.quoted(wanted))",
                fix: "kubectl create token NAME -n NAMESPACE --audience \(wanted.first ?? "")")
        }
        let check = TokenBindingCheck(cluster: cluster, trace: trace)
        return (isLegacy ? try check.legacyUser(claims, token) : try check.user(claims), common)
    }
}

extension ServiceAccountTokens: BearerTokenAuthenticator {
    func authenticate(_ token: String, audiences: [String], implicit: [String], trace: RequestTrace) async -> TokenOutcome {
        do throws(Refusal) {
            guard let (user, common) = try await verify(token, audiences: audiences, trace: trace) else { return .notMine }
            trace.add(TraceStep("authn", "service account token", actual: user.username, .pass))
            return .user(user, audiences: common)
        } catch {
            trace.add(
                TraceStep(
                    "authn", "service account token", expected: "signed by the cluster's key, of its time, of an account that is there",
                    actual: error.message, .fail, fix: error.fix ?? "kubectl create token NAME -n NAMESPACE"))
            return .refused(error.message)
        }
    }
}
