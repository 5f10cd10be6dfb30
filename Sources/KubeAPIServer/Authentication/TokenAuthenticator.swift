public import HTTP
import JSON
public import RBAC
import Synchronization
public import World

/// Who a token belongs to, by a TokenReview webhook.
public protocol TokenReviewer: Sendable {
    /// Reviews a token: its user, or `nil` when it is refused. The reasons go into the trace.
    func review(_ token: String, trace: RequestTrace) async -> UserInfo?
}

/// The bearer token authenticators: ServiceAccount tokens, then the webhook, with its answers kept for a while
/// (`--authentication-token-webhook-cache-ttl`).
public final class TokenAuthenticator: RequestAuthenticator {
    private struct Known: Sendable {
        let user: UserInfo?
        let until: Instant
        /// What the authenticator compared, told again with each kept answer.
        let steps: [TraceStep]
    }

    private static let maximumKnown = 4096

    private let serviceAccounts: ServiceAccountTokens
    private let webhook: (any TokenReviewer)?
    private let cacheTTL: Duration
    private let world: World
    private let known = Mutex<[String: Known]>([:])

    /// Makes the authenticator of a cluster. A TTL of zero asks the webhook for every request.
    public init(serviceAccounts: ServiceAccountTokens, webhook: (any TokenReviewer)?, cacheTTL: Duration, world: World) {
        self.serviceAccounts = serviceAccounts
        self.webhook = webhook
        self.cacheTTL = cacheTTL
        self.world = world
    }

    /// Checks the bearer token of a request, when there is one.
    public func authenticate(_ request: HTTPRequest) async -> AuthenticationOutcome {
        guard let token = AuthenticatorChain.bearerToken(request) else { return .notMine }
        if ServiceAccountTokens.isJWT(token) {
            do {
                let (user, _) = try await serviceAccounts.verify(token, audiences: [serviceAccounts.audience])
                request.trace.add(TraceStep("authn", "service account token", actual: user.username, .pass))
                return .user(user)
            } catch {
                request.trace.add(
                    TraceStep(
                        "authn", "service account token", actual: error.message, .fail,
                        fix: "kubectl create token NAME -n NAMESPACE"))
                return .refused
            }
        }
        return await webhookUser(token, request.trace).map(AuthenticationOutcome.user) ?? .refused
    }

    /// The user that the webhook, or what it said a moment ago, names.
    func webhookUser(_ token: String, _ trace: RequestTrace) async -> UserInfo? {
        let now = world.now
        if let known = known.withLock({ $0[token] }), now < known.until {
            trace.add(known.steps)
            trace.add(
                TraceStep(
                    "authn", "webhook cache", expected: "ask the authenticator again after \(known.until.rfc3339)",
                    actual: known.user.map { "known as \($0.username)" } ?? "refused a moment ago", known.user == nil ? .fail : .pass))
            return known.user
        }
        guard let webhook else {
            trace.add(TraceStep("authn", "bearer token", actual: "not a service account token, and there is no webhook", .fail))
            return nil
        }
        let before = trace.snapshot.steps.count
        let user = await webhook.review(token, trace: trace)
        if cacheTTL > .zero {
            let steps = Array(trace.snapshot.steps.dropFirst(before))
            remember(token, Known(user: user, until: now + cacheTTL, steps: steps), now)
        }
        return user
    }

    private func remember(_ token: String, _ entry: Known, _ now: Instant) {
        known.withLock { known in
            if known.count >= Self.maximumKnown { known = known.filter { $0.value.until > now } }
            if known.count >= Self.maximumKnown { known.removeAll() }
            known[token] = entry
        }
    }

    /// Forgets what the webhook said.
    public func forgetWebhookAnswers() { known.withLock { $0.removeAll() } }
}

/// Asks a TokenReview webhook over HTTP, in process or not: the exchange that kube-apiserver has with aws-iam-authenticator.
public struct WebhookTokenReviewer: TokenReviewer {
    private let authenticator: any HTTPHandler
    private let path: String

    /// Makes a reviewer that posts to `path` of a handler.
    public init(_ authenticator: any HTTPHandler, path: String = "/authenticate") {
        self.authenticator = authenticator
        self.path = path
    }

    /// Posts a TokenReview and reads the answer.
    public func review(_ token: String, trace: RequestTrace) async -> UserInfo? {
        let review: JSON = [
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1beta1", "metadata": [:], "spec": ["token": .string(token)],
            "status": ["user": [:]],
        ]
        let response = await authenticator.handle(
            HTTPRequest(
                method: "POST", path: path, headers: ["Content-Type": "application/json", "Accept": "application/json"],
                body: review.serialized(),
                connection: .inProcess(listener: "authenticator"), trace: trace))
        guard response.status == 200, let bytes = response.collected, let answer = try? JSON(parsing: bytes) else {
            trace.add(TraceStep("authn", "TokenReview", expected: "200, authenticated", actual: "\(response.status)", .fail))
            return nil
        }
        guard answer.at("status", "authenticated")?.bool == true, let user = answer.at("status", "user"),
            let name = user["username"]?.string
        else {
            trace.add(TraceStep("authn", "TokenReview", expected: "authenticated", actual: "not authenticated", .fail))
            return nil
        }
        return UserInfo(
            username: name, uid: user["uid"]?.string ?? "", groups: user["groups"]?.array?.compactMap(\.string) ?? [],
            extra: (user["extra"]?.object?.members ?? []).map { .init(key: $0.key, values: $0.value.array?.compactMap(\.string) ?? []) })
    }
}
