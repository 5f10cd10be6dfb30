import Frontend
import HTTP
import World

/// The AWS listener, and the handler behind it, which is made after the port is known. Until then requests get 503.
final class ListenerReference: HTTPHandler {
    private struct State: Sendable {
        var listener: Listener?
        var handler: (any HTTPHandler)?
    }

    private let state = Lock(State())

    /// The listener; `nil` without sockets.
    var listener: Listener? { state.withLock { $0.listener } }

    func set(_ listener: Listener) { state.withLock { $0.listener = listener } }

    /// Lets requests in.
    func open(_ handler: any HTTPHandler) { state.withLock { $0.handler = handler } }

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        guard let handler = state.withLock({ $0.handler }) else {
            return HTTPResponse(status: 503, contentType: "application/json", Array("{\"message\":\"starting\"}".utf8))
        }
        return await handler.handle(request)
    }

    /// The base URLs of the AWS APIs: the address listened on first, then the other names of this machine.
    var endpoints: [String] {
        guard let address = listener?.address else { return [] }
        let first = "http://\(ControlPlane.authority(address))"
        let others = ["127.0.0.1", "localhost", "[::1]"].map { "http://\($0):\(address.port)" }
        return [first] + others.filter { $0 != first }
    }
}
