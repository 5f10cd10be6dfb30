import HTTP
import JSON
import RBAC
import World

/// The webhook among the bearer token authenticators: its answers are kept for a while, and asked for again when it is busy
/// (`k8s.io/apiserver/plugin/pkg/authenticator/token/webhook`, `--authentication-token-webhook-cache-ttl`).
final class WebhookTokens: BearerTokenAuthenticator {
    private struct Known: Sendable {
        let answer: TokenReviewAnswer
        let until: Instant
        /// What the authenticator compared, told again with each kept answer, and that the answer was kept.
        let steps: [TraceStep]
    }

    private static let maximumKnown = 4096
    /// `webhook.DefaultRetryBackoff`: five attempts, the waits between them growing by half.
    private static let attempts = 5
    private static let firstWait: Duration = .milliseconds(500)

    private let webhook: any TokenReviewer
    private let cacheTTL: Duration
    private let world: World
    private let known = Lock<[String: Known]>([:])

    init(_ webhook: any TokenReviewer, cacheTTL: Duration, world: World) {
        self.webhook = webhook
        self.cacheTTL = cacheTTL
        self.world = world
    }

    func authenticate(_ token: String, audiences: [String], implicit: [String], trace: RequestTrace) async -> TokenOutcome {
        switch await answer(token, audiences, trace) {
        case .failed, .unavailable: return .refused("")
        case .refused(let error): return .refused(error)
        case .user(let user, let given):
            let reach = given.isEmpty ? implicit : given
            let common = audiences.filter(reach.contains)
            guard !common.isEmpty else {
                trace.add(TraceStep("authn", "audience", expected: "one of \(audiences)", actual: "\(reach)", .fail))
                return .refused("")
            }
            return .user(user, audiences: common)
        }
    }

    private func answer(_ token: String, _ audiences: [String], _ trace: RequestTrace) async -> TokenReviewAnswer {
        let now = world.now
        let key = audiences.joined(separator: "\u{0}") + "\u{0}" + token
        if let known = known.withLock({ $0[key] }), now < known.until {
            trace.add(known.steps)
            return known.answer
        }
        let before = trace.snapshot.steps.count
        let answer = await ask(token, audiences, trace)
        switch answer {
        case .failed, .unavailable: break
        case .user, .refused:
            guard cacheTTL > .zero else { break }
            let until = now + cacheTTL
            let steps = trace.snapshot.steps.dropFirst(before) + [Self.keptStep(answer, until)]
            remember(key, Known(answer: answer, until: until, steps: Array(steps)), now)
        }
        return answer
    }

    private static func keptStep(_ answer: TokenReviewAnswer, _ until: Instant) -> TraceStep {
        let again = "ask the authenticator again after \(until.rfc3339)"
        guard case .user(let user, _) = answer else {
            return TraceStep("authn", "webhook cache", expected: again, actual: "refused a moment ago", .fail)
        }
        return TraceStep("authn", "webhook cache", expected: again, actual: "known as \(user.username)", .pass)
    }

    /// Asks, again while the webhook is busy. With a standing clock nothing would end a wait, so none is made.
    private func ask(_ token: String, _ audiences: [String], _ trace: RequestTrace) async -> TokenReviewAnswer {
        var wait = Self.firstWait
        for attempt in 1... {
            let answer = await webhook.review(token, audiences: audiences, trace: trace)
            guard case .unavailable(let status) = answer, attempt < Self.attempts else { return answer }
            // Waits grow by half, and by up to a fifth of themselves at random (jitter).
            let jittered = wait + wait * Int(world.random.next() % 200) / 1000
            trace.add(
                TraceStep("authn", "TokenReview", actual: "status \(status) on attempt \(attempt) of \(Self.attempts): asked again", .info))
            if !world.clock.isFrozen { try? await world.timers.sleep(for: jittered) }
            wait = wait * 3 / 2
        }
        return .unavailable(0)
    }

    private func remember(_ key: String, _ entry: Known, _ now: Instant) {
        known.withLock { known in
            if known.count >= Self.maximumKnown { known = known.filter { $0.value.until > now } }
            if known.count >= Self.maximumKnown { known.removeAll() }
            known[key] = entry
        }
    }

    /// Forgets what the webhook said.
    func forget() { known.withLock { $0.removeAll() } }
}
