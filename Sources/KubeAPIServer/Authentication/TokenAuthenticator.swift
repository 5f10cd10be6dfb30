public import HTTP
import JSON
import RBAC
public import World

/// What a bearer token authenticator makes of a token.
enum TokenOutcome: Sendable, Hashable {
    /// Not one of its tokens: the next one is asked.
    case notMine
    /// The token's user, and which of the wanted audiences it is for.
    case user(UserInfo, audiences: [String])
    /// One of its tokens, and no good; with the error of a TokenReview, empty when there is none.
    case refused(String)
}

/// One kind of bearer tokens. Each check leaves a step in the trace.
protocol BearerTokenAuthenticator: Sendable {
    /// Looks at a token that has to be for one of `audiences`; `implicit` are those of the API server.
    func authenticate(_ token: String, audiences: [String], implicit: [String], trace: RequestTrace) async -> TokenOutcome
}

/// The bearer token authenticators in kube-apiserver's order: ServiceAccount tokens, OpenID Connect, the webhook
/// (`pkg/kubeapiserver/authenticator/config.go`).
public struct TokenAuthenticator: RequestAuthenticator {
    private let serviceAccounts: ServiceAccountTokens
    private let webhook: WebhookTokens?
    private let authenticators: [any BearerTokenAuthenticator]

    /// Makes the authenticator of a cluster. A TTL of zero asks the webhook for every request.
    public init(
        serviceAccounts: ServiceAccountTokens, oidc: OIDCTokens? = nil, webhook: (any TokenReviewer)?, cacheTTL: Duration, world: World
    ) {
        self.serviceAccounts = serviceAccounts
        self.webhook = webhook.map { WebhookTokens($0, cacheTTL: cacheTTL, world: world) }
        let all: [(any BearerTokenAuthenticator)?] = [serviceAccounts, oidc, self.webhook]
        authenticators = all.compactMap { $0 }
    }

    /// Checks the bearer token of a request, when there is one.
    public func authenticate(_ request: HTTPRequest) async -> AuthenticationOutcome {
        guard let token = AuthenticatorChain.bearerToken(request) else { return .notMine }
        switch await review(token, audiences: [], trace: request.trace) {
        case .user(let user, _): return .user(user)
        case .notMine, .refused: return .refused
        }
    }

    /// Whose token it is, for one of `audiences`, or of the API server's when there are none.
    func review(_ token: String, audiences: [String], trace: RequestTrace) async -> TokenOutcome {
        let implicit = [serviceAccounts.audience]
        for authenticator in authenticators {
            let outcome = await authenticator.authenticate(
                token, audiences: audiences.isEmpty ? implicit : audiences, implicit: implicit, trace: trace)
            if case .notMine = outcome { continue }
            return outcome
        }
        trace.add(
            TraceStep(
                "authn", "bearer token", expected: "a token of an authenticator that is configured",
                actual: "neither a service account token of this cluster nor another that is known", .fail))
        return .notMine
    }

    /// Forgets what the webhook said.
    public func forgetWebhookAnswers() { webhook?.forget() }
}
