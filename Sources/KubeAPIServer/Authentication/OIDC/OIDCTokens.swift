public import HTTP
import JSON
import PKI
import RBAC
public import World

/// The tokens of the OpenID Connect provider that is associated with a cluster, if one is
/// (`k8s.io/apiserver/plugin/pkg/authenticator/token/oidc`).
public final class OIDCTokens: BearerTokenAuthenticator {
    private let source: any OIDCSource
    private let documents: any DocumentFetcher
    private let world: World
    private let cluster: String
    /// What is known of the provider; another one begins anew.
    private let provider = Lock<OIDCProvider?>(nil)

    /// Makes the authenticator of a cluster, which fetches the provider's documents through `documents`.
    public init(cluster: String, source: any OIDCSource, documents: any DocumentFetcher, world: World) {
        self.cluster = cluster
        self.source = source
        self.documents = documents
        self.world = world
    }

    func authenticate(_ token: String, audiences: [String], implicit: [String], trace: RequestTrace) async -> TokenOutcome {
        guard let issuer = OIDCTokenCheck.issuer(of: token) else { return .notMine }
        guard let configuration = source.oidc else {
            trace.add(
                TraceStep(
                    "authn", "identity provider config", expected: "one of issuer \(issuer)", actual: "none is associated", .noOpinion,
                    fix: "aws eks associate-identity-provider-config --cluster-name \(cluster) "
                        + "--oidc identityProviderConfigName=oidc,issuerUrl=\(issuer),clientId=CLIENT_ID"))
            return .notMine
        }
        guard issuer == configuration.issuer else {
            trace.add(TraceStep("authn", "OIDC iss", expected: configuration.issuer, actual: issuer, .noOpinion))
            return .notMine
        }
        trace.add(TraceStep("authn", "OIDC iss", actual: issuer, .pass))
        // Its users are the API server's own: whoever asks for other audiences asks somebody else.
        let common = audiences.filter(implicit.contains)
        guard !common.isEmpty else { return .notMine }
        do throws(OIDCRefusal) {
            let user = try await user(token, configuration, trace)
            return .user(user, audiences: common)
        } catch {
            return .refused(error.message)
        }
    }

    private func user(_ token: String, _ configuration: OIDCConfiguration, _ trace: RequestTrace) async throws(OIDCRefusal) -> UserInfo {
        let parsed: JSONWebToken
        do throws(JSONWebToken.Problem) { parsed = try JSONWebToken(parsing: token) } catch {
            trace.add(TraceStep("authn", "OIDC token", expected: "a JWT in compact form", actual: "\(error)", .fail))
            throw OIDCTokenCheck.unverified("oidc: malformed jwt: \(error)")
        }
        let check = OIDCTokenCheck(configuration: configuration, now: world.now)
        let provider = provider(of: configuration)
        try await provider.prepare(trace)
        try check.check(parsed, trace)
        try await provider.verify(parsed, trace)
        return try check.user(parsed.claims, trace)
    }

    private func provider(of configuration: OIDCConfiguration) -> OIDCProvider {
        provider.withLock { known in
            if let known, known.issuer == configuration.issuer { return known }
            let made = OIDCProvider(issuer: configuration.issuer, documents: documents, world: world)
            known = made
            return made
        }
    }
}
