public import HTTP
public import RBAC
import World

/// Connections of components that run in the simulator itself: the scheduler, controllers, kubelets. Where the real ones show a client
/// certificate, these are known by the connection that was made for them, which no client can have.
public final class LoopbackConnections: RequestAuthenticator {
    private struct Known: Sendable {
        /// Held, so that no other connection gets its identity.
        let connection: ConnectionRecord
        let user: UserInfo
    }

    private let known = Lock<[ObjectIdentifier: Known]>([:])

    /// Makes an authenticator that knows no connection yet.
    public init() {}

    /// A new connection whose requests are `user`'s.
    public func connect(as user: UserInfo, listener: String) -> ConnectionRecord {
        let connection = ConnectionRecord.inProcess(listener: listener)
        known.withLock { $0[ObjectIdentifier(connection)] = Known(connection: connection, user: user) }
        return connection
    }

    /// Ends a connection.
    public func close(_ connection: ConnectionRecord) { known.withLock { $0[ObjectIdentifier(connection)] = nil } }

    /// Whether a connection is one of these.
    func isOpen(_ connection: ConnectionRecord) -> Bool { known.withLock { $0[ObjectIdentifier(connection)] != nil } }

    /// Looks at the request's connection.
    public func authenticate(_ request: HTTPRequest) async -> AuthenticationOutcome {
        guard let user = known.withLock({ $0[ObjectIdentifier(request.connection)]?.user }) else { return .notMine }
        request.trace.add(TraceStep("authn", "loopback", actual: user.username, .pass))
        return .user(user)
    }
}
