import Frontend
import HTTP
import NIOCore
import NIOPosix
import PKI
import World

/// Something that happens once, and can be waited for.
final class Signal: Sendable {
    private struct State: Sendable {
        var isSet = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Lock(State())

    var isSet: Bool { state.withLock { $0.isSet } }

    func set() {
        let waiters = state.withLock { state in
            state.isSet = true
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isSet = state.withLock { state in
                if !state.isSet { state.waiters.append(continuation) }
                return state.isSet
            }
            if isSet { continuation.resume() }
        }
    }

    /// Waits, but not for ever.
    func wait(orThrow what: String) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Void.self)
        let timeout = loop.scheduleTask(in: Wire.patience) { promise.fail(Wire.TimedOut(description: what)) }
        let waiting = Task {
            await self.wait()
            promise.succeed(())
        }
        defer {
            timeout.cancel()
            waiting.cancel()
        }
        try await promise.futureResult.get()
    }
}

/// A handler made of a closure.
struct Answering: HTTPHandler {
    let answer: @Sendable (HTTPRequest) async -> HTTPResponse

    func handle(_ request: HTTPRequest) async -> HTTPResponse { await answer(request) }

    /// Tells of a request what it saw.
    static let report = Answering { request in
        let connection = request.connection
        let text =
            "\(request.method) \(request.path) query=\(request.query ?? "-") body=\(request.body.count) truncated=\(request.isBodyTruncated) "
            + "from=\(connection.remoteAddress):\(connection.remotePort) tls=\(connection.isTLS) "
            + "certificates=\(connection.peerCertificates.count) target=\(connection.target) listener=\(connection.listener);"
        return HTTPResponse(status: 200, contentType: "text/plain", Array(text.utf8))
    }
}

/// A listener on a free port, and the authority that its certificate is of.
struct Fixture: Sendable {
    let listener: Listener
    let authority: CertificateAuthority
    let world: World

    var address: Listener.Address { listener.address }

    /// Runs `body` with a listener, and drains it afterwards.
    static func run(
        _ handler: any HTTPHandler = Answering.report, tls: Bool = false, admission: (any ConnectionAdmission)? = nil, seed: UInt64 = 1,
        configure: (inout FrontendConfiguration) -> Void = { _ in }, _ body: (Fixture) async throws -> Void
    ) async throws {
        let world = World(seed: seed)
        let authority = try CertificateAuthority(world: world)
        var configuration = FrontendConfiguration()
        // A test that fails must not wait long for its end.
        configuration.drainTimeout = .seconds(5)
        // The tests' own steps may be slow on a loaded machine; what is about a limit sets it.
        configuration.firstRequestTimeout = .seconds(600)
        configuration.requestTimeout = .seconds(600)
        configuration.idleTimeout = .seconds(600)
        configuration.dropTimeout = .seconds(600)
        configure(&configuration)
        let identity = try authority.issueServer(dnsNames: ["localhost"], addresses: [[127, 0, 0, 1]], world: world)
        let listener = try await Listener.open(
            name: "demo", at: .init(host: "127.0.0.1", port: 0),
            tls: tls ? ServerTLS(identity, requestsClientCertificate: true) : nil, admission: admission ?? OpenAdmission(handler),
            world: world, group: .singleton, configuration: configuration)
        do { try await body(Fixture(listener: listener, authority: authority, world: world)) } catch {
            await listener.drain()
            throw error
        }
        await listener.drain()
    }

    /// Connects; without TLS `sending` leaves as soon as the connection is there.
    func connect(
        protocols: [String]? = nil, identity: CertificateAuthority.Identity? = nil, sending first: String = ""
    ) async throws -> Wire {
        try await Wire.connect(
            to: address, tls: protocols.map { Wire.TLS(authority: authority, protocols: $0, identity: identity) }, sending: first)
    }

    /// The answer to a simple request over a new connection.
    func get(_ path: String = "/", protocols: [String]? = nil) async throws -> String {
        let wire = try await connect(protocols: protocols)
        wire.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return try await wire.receiveAll()
    }
}

/// A condition that no event tells of, asked again on an event loop until it holds.
enum Eventually {
    static func holds(_ what: String, _ condition: @escaping @Sendable () -> Bool) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Void.self)
        let timeout = loop.scheduleTask(in: Wire.patience) { promise.fail(Wire.TimedOut(description: what)) }
        let asking = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { task in
            guard condition() else { return }
            task.cancel()
            promise.succeed(())
        }
        defer {
            timeout.cancel()
            asking.cancel()
        }
        try await promise.futureResult.get()
    }
}

extension Eventually {
    /// Connects until nobody listens any more.
    static func refuses(_ fixture: Fixture) async throws {
        while let wire = try? await fixture.connect() { wire.close() }
    }
}
