public import HTTP
public import RBAC

/// Finds out who sent a request. Each check leaves a step in the request's trace.
public protocol RequestAuthenticator: Sendable {
    /// Answers the user, or `nil` when the request must be answered with 401 `Unauthorized`.
    func authenticate(_ request: HTTPRequest) async -> UserInfo?
}
