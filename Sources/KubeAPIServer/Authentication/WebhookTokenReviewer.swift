public import HTTP
import JSON
import KubeAPI
public import RBAC
public import World

/// What a TokenReview webhook said of a token, sorted by what the API server does with it.
public enum TokenReviewAnswer: Sendable, Hashable {
    /// Whose it is, and the audiences it names; empty when it names none.
    case user(UserInfo, audiences: [String])
    /// 200 and not authenticated, with the error it gave: kept for the TTL.
    case refused(String)
    /// Another status that is no use in asking again, such as 403: never kept.
    case failed(Int)
    /// 429 or 5xx: asked again after a while.
    case unavailable(Int)
}

/// Who a token belongs to, by a TokenReview webhook.
public protocol TokenReviewer: Sendable {
    /// Reviews a token for some audiences. The reasons go into the trace.
    func review(_ token: String, audiences: [String], trace: RequestTrace) async -> TokenReviewAnswer
}

extension TokenReviewer {
    /// The user of a token without looking at audiences; `nil` when it is refused.
    public func user(of token: String, trace: RequestTrace) async -> UserInfo? {
        if case .user(let user, _) = await review(token, audiences: [], trace: trace) { user } else { nil }
    }
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
    public func review(_ token: String, audiences: [String], trace: RequestTrace) async -> TokenReviewAnswer {
        var spec: JSON = ["token": .string(token)]
        if !audiences.isEmpty { spec["audiences"] = JSON(strings: audiences) }
        let review: JSON = [
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1beta1", "metadata": [:], "spec": spec,
            "status": ["user": [:]],
        ]
        let response = await authenticator.handle(
            HTTPRequest(
                method: "POST", path: path, headers: ["Content-Type": "application/json", "Accept": "application/json"],
                body: review.serialized(),
                connection: .inProcess(listener: "authenticator"), trace: trace))
        guard response.status == 200, let bytes = response.collected, let answer = try? JSON(parsing: bytes) else {
            trace.add(TraceStep("authn", "TokenReview", expected: "200, authenticated", actual: "\(response.status)", .fail))
            let isTransient = response.status == 429 || response.status >= 500
            return isTransient ? .unavailable(response.status) : .failed(response.status)
        }
        let status = answer["status"] ?? [:]
        guard status["authenticated"]?.bool == true else {
            let error = status["error"]?.string ?? ""
            trace.add(
                TraceStep(
                    "authn", "TokenReview", expected: "authenticated", actual: error.isEmpty ? "not authenticated" : error, .fail))
            return .refused(error)
        }
        let user = status["user"] ?? [:]
        return .user(
            UserInfo(
                username: user["username"]?.string ?? "", uid: user["uid"]?.string ?? "", groups: user["groups"]?.strings ?? [],
                extra: (user["extra"]?.object?.members ?? []).map { .init(key: $0.key, values: $0.value.strings ?? []) }),
            audiences: status["audiences"]?.strings ?? [])
    }
}
