import JSON
import KubeAPI
import PKI
import RBAC
import World

/// What an OpenID Connect token has to say, and the user that it makes: pure, without the keys
/// (`k8s.io/apiserver/plugin/pkg/authenticator/token/oidc`, `github.com/coreos/go-oidc`).
struct OIDCTokenCheck: Sendable {
    /// The algorithms that tokens may be signed with: all that structured authentication configuration knows.
    static let algorithms = Set(SignatureAlgorithm.allCases)
    /// How far `nbf` may lie ahead, for clocks that differ.
    private static let leeway: Duration = .seconds(60)

    let configuration: OIDCConfiguration
    let now: Instant

    /// The issuer that a token names, as the API server compares it; `nil` when it is no JWT.
    static func issuer(of token: String) -> String? {
        guard let issuer = ServiceAccountTokens.unverifiedClaims(token)?["iss"]?.string else { return nil }
        // Google's tokens may leave out the scheme.
        return issuer == "accounts.google.com" ? "https://accounts.google.com" : issuer
    }

    // MARK: Before the signature

    /// Checks audience, life and algorithm.
    ///
    /// - Throws: `OIDCRefusal`.
    func check(_ token: JSONWebToken, _ trace: RequestTrace) throws(OIDCRefusal) {
        let claims = OIDCClaims(token.claims)
        try claims.checkTypes()
        try checkAudience(claims, trace)
        try checkLife(claims, trace)
        guard let algorithm = SignatureAlgorithm(rawValue: token.algorithm), Self.algorithms.contains(algorithm) else {
            let allowed = SignatureAlgorithm.allCases.map(\.rawValue).sorted()
            trace.add(TraceStep("authn", "OIDC alg", expected: "one of \(allowed)", actual: token.algorithm, .fail))
            throw Self.unverified(
                "oidc: id token signed with unsupported algorithm, expected \(GoText.quoted(allowed)) got \(GoText.quoted(token.algorithm))"
            )
        }
    }

    /// The refusal of a token that is not the provider's, or not for this cluster, or not of this time.
    static func unverified(_ reason: String) -> OIDCRefusal { OIDCRefusal(message: "oidc: verify token: \(reason)") }

    private func checkAudience(_ claims: OIDCClaims, _ trace: RequestTrace) throws(OIDCRefusal) {
        let audiences = claims.audiences
        guard audiences.contains(configuration.clientID) else {
            trace.add(
                TraceStep("authn", "OIDC aud", expected: "clientId \(configuration.clientID) among them", actual: "\(audiences)", .fail))
            throw Self.unverified("oidc: expected audience \(GoText.quoted(configuration.clientID)) got \(GoText.quoted(audiences))")
        }
        trace.add(TraceStep("authn", "OIDC aud", actual: configuration.clientID, .pass))
    }

    private func checkLife(_ claims: OIDCClaims, _ trace: RequestTrace) throws(OIDCRefusal) {
        let expires = claims.time("exp")
        // A token without an end ended at the beginning of Go's calendar.
        guard let expires, expires >= now else {
            let text = expires.map(Self.goTime) ?? "0001-01-01 00:00:00 +0000 UTC"
            trace.add(
                TraceStep("authn", "OIDC exp", expected: "after \(now.rfc3339)", actual: expires?.rfc3339 ?? "no exp claim", .fail))
            throw Self.unverified("oidc: token is expired (Token Expiry: \(text))")
        }
        if let begins = claims.time("nbf"), now + Self.leeway < begins {
            trace.add(
                TraceStep(
                    "authn", "OIDC nbf", expected: "at most 60 s after \(now.rfc3339)", actual: begins.rfc3339, .fail,
                    fix: "eks-sim clock advance \((begins - now).components.seconds)s"))
            throw Self.unverified(
                "oidc: current time \(Self.goTime(now)) before the nbf (not before) time: \(Self.goTime(begins))")
        }
        trace.add(TraceStep("authn", "OIDC exp", actual: "\(expires.rfc3339), now \(now.rfc3339)", .pass))
    }

    /// A time as Go prints it.
    private static func goTime(_ instant: Instant) -> String {
        instant.rfc3339.replacing("T", with: " ").replacing("Z", with: "") + " +0000 UTC"
    }

    // MARK: After the signature

    /// The user of a token whose signature was found good.
    ///
    /// - Throws: `OIDCRefusal`.
    func user(_ json: JSON, _ trace: RequestTrace) throws(OIDCRefusal) -> UserInfo {
        let claims = OIDCClaims(json)
        let username = try username(claims, trace)
        let groups = try groups(claims, trace)
        try checkRequired(claims, trace)
        let credential = claims["jti"]?.string.flatMap { $0.isEmpty ? nil : "JTI=\($0)" }
        return UserInfo(
            username: username, groups: groups,
            extra: credential.map { [.init(key: "authentication.kubernetes.io/credential-id", values: [$0])] } ?? [])
    }

    private func username(_ claims: OIDCClaims, _ trace: RequestTrace) throws(OIDCRefusal) -> String {
        let claim = configuration.usernameClaim
        let name: String
        do throws(OIDCClaims.Mismatch) { name = try claims.string(claim) } catch {
            trace.add(
                TraceStep("authn", "OIDC username", expected: "claim \(claim), a string", actual: error.description, .fail))
            throw OIDCRefusal(message: "oidc: parse username claims \(GoText.quoted(claim)): \(error)")
        }
        if claim == "email", claims["email_verified"] != nil {
            let isVerified: Bool
            do throws(OIDCClaims.Mismatch) { isVerified = try claims.bool("email_verified") } catch {
                trace.add(TraceStep("authn", "OIDC email_verified", expected: "true", actual: error.description, .fail))
                throw OIDCRefusal(message: "oidc: parse 'email_verified' claim: \(error)")
            }
            guard isVerified else {
                trace.add(TraceStep("authn", "OIDC email_verified", expected: "true, or no such claim", actual: "false", .fail))
                throw OIDCRefusal(message: "oidc: email not verified")
            }
        }
        trace.add(TraceStep("authn", "OIDC username", actual: "\(configuration.usernamePrefix)\(name), of claim \(claim)", .pass))
        return configuration.usernamePrefix + name
    }

    private func groups(_ claims: OIDCClaims, _ trace: RequestTrace) throws(OIDCRefusal) -> [String] {
        guard let claim = configuration.groupsClaim else { return [] }
        guard claims[claim] != nil else {
            if let source = claims["_claim_names"]?[claim]?.string, claims["_claim_sources"]?[source]?["endpoint"] != nil {
                // Without its groups the user would be somebody else.
                trace.add(
                    TraceStep("authn", "OIDC groups", expected: "claim \(claim) in the token", actual: "a distributed claim", .fail))
                throw OIDCRefusal(message: "oidc: could not expand distributed claims: distributed claims are not simulated")
            }
            trace.add(TraceStep("authn", "OIDC groups", expected: "claim \(claim)", actual: "no such claim: no groups", .info))
            return []
        }
        do throws(OIDCClaims.Mismatch) {
            let groups = try claims.strings(claim).map { configuration.groupsPrefix + $0 }
            trace.add(TraceStep("authn", "OIDC groups", actual: "\(groups), of claim \(claim)", .pass))
            return groups
        } catch {
            trace.add(
                TraceStep("authn", "OIDC groups", expected: "claim \(claim), a string or a list of strings", actual: "\(error)", .fail))
            throw OIDCRefusal(message: "oidc: parse groups claim \(GoText.quoted(claim)): \(error)")
        }
    }

    private func checkRequired(_ claims: OIDCClaims, _ trace: RequestTrace) throws(OIDCRefusal) {
        for (claim, wanted) in configuration.requiredClaims.sorted(by: { $0.key < $1.key }) {
            func refuse(_ actual: String, _ message: String) -> OIDCRefusal {
                trace.add(TraceStep("authn", "OIDC required claim \(claim)", expected: wanted, actual: actual, .fail))
                return OIDCRefusal(message: message)
            }
            guard claims[claim] != nil else {
                throw refuse("no such claim", "oidc: required claim \(claim) not present in ID token")
            }
            let found: String
            do throws(OIDCClaims.Mismatch) { found = try claims.string(claim) } catch {
                throw refuse("\(error)", "oidc: parse claim \(claim): \(error)")
            }
            guard found == wanted else {
                throw refuse(found, "oidc: required claim \(claim) value does not match. Got = \(found), want = \(wanted)")
            }
            trace.add(TraceStep("authn", "OIDC required claim \(claim)", actual: found, .pass))
        }
    }
}
