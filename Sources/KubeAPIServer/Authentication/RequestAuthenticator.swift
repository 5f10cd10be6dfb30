public import HTTP
public import RBAC
import World

/// What an authenticator makes of a request.
public enum AuthenticationOutcome: Sendable {
    /// The request carries nothing that this authenticator reads.
    case notMine
    /// The request's user.
    case user(UserInfo)
    /// The credentials are no good: the request is answered with 401.
    case refused
}

/// Finds out who sent a request. Each check leaves a step in the request's trace.
public protocol RequestAuthenticator: Sendable {
    /// Looks at a request.
    func authenticate(_ request: HTTPRequest) async -> AuthenticationOutcome
}

/// kube-apiserver's authenticators in order: client certificate, bearer token, anonymous (`pkg/kubeapiserver/authenticator`).
struct AuthenticatorChain: Sendable {
    let authenticators: [any RequestAuthenticator]
    /// The paths that take anonymous requests, compared exactly; `nil` for every path.
    let anonymousPaths: Set<String>?

    /// The user of a request; `nil` for 401. Credentials that are no good are never treated as anonymous.
    func authenticate(_ request: HTTPRequest) async -> UserInfo? {
        for authenticator in authenticators {
            switch await authenticator.authenticate(request) {
            case .notMine: continue
            case .refused: return nil
            case .user(let user): return user.authenticated
            }
        }
        if let anonymousPaths, !anonymousPaths.contains(request.path) {
            request.trace.add(
                TraceStep(
                    "authn", "credentials", expected: "a client certificate or a bearer token; without, one of \(anonymousPaths.sorted())",
                    actual: request.headers["Authorization"] == nil ? "none" : "an Authorization header that is not \"Bearer TOKEN\"", .fail
                ))
            return nil
        }
        request.trace.add(TraceStep("authn", "credentials", actual: "none: system:anonymous", .info))
        return UserInfo(username: "system:anonymous", groups: ["system:unauthenticated"])
    }

    /// The token of an `Authorization: Bearer` header; `nil` when there is none. Two spaces after the scheme make an empty token, which
    /// counts as none (`k8s.io/apiserver/pkg/authentication/request/bearertoken`).
    static func bearerToken(_ request: HTTPRequest) -> String? {
        guard let header = request.headers["Authorization"] else { return nil }
        let trimmed = header.drop { $0 == " " || $0 == "\t" }
        let parts = trimmed.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].lowercased() == "bearer", !parts[1].isEmpty else { return nil }
        return String(parts[1])
    }
}
