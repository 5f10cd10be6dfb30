import Frontend
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import PKI
import World

/// A client's connection at the level of bytes: what was sent and what came, with bounded waits for what has to come.
final class Wire: Sendable {
    /// What did not happen in time.
    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    /// How a client starts TLS.
    struct TLS: Sendable {
        var authority: CertificateAuthority
        var protocols: [String] = []
        var identity: CertificateAuthority.Identity?
    }

    /// Long enough for a loaded machine; every wait ends as soon as what it waits for is there.
    static let patience = TimeAmount.seconds(300)

    let channel: any Channel
    private let inbox: Inbox

    private init(_ channel: any Channel, _ inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    static func connect(to address: Listener.Address, tls: TLS? = nil, sending first: String = "") async throws -> Wire {
        let inbox = Inbox()
        let context = try tls.map(Self.context)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHandler(Collector(inbox, sending: first))
                }
            }
            .connect(host: address.host, port: address.port).get()
        let wire = Wire(channel, inbox)
        if tls != nil { _ = try await wire.wait("the handshake") { $0.handshake != nil || $0.isClosed } }
        return wire
    }

    static func context(_ tls: TLS) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(tls.authority.identity.certificatePEM.utf8)))
        configuration.applicationProtocols = tls.protocols
        if let identity = tls.identity {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8)).map {
                .certificate($0)
            }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    var localPort: Int { channel.localAddress?.port ?? 0 }
    /// What ALPN agreed on; `nil` for nothing.
    var negotiated: String? { inbox.state.withLock { $0.handshake ?? nil } }
    /// Everything that came so far.
    var text: String { String(decoding: inbox.state.withLock { $0.bytes }, as: UTF8.self) }
    var isClosed: Bool { inbox.state.withLock { $0.isClosed } }

    /// Sends text. Errors show in what comes, or does not come, back.
    func send(_ text: String) { channel.writeAndFlush(channel.allocator.buffer(string: text), promise: nil) }
    func send(_ bytes: [UInt8]) { channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: nil) }

    /// Sends bytes below TLS, as a broken peer would.
    func sendBelowTLS(_ bytes: [UInt8]) {
        let channel = channel
        channel.eventLoop.execute {
            guard let context = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) else { return }
            context.writeAndFlush(NIOAny(channel.allocator.buffer(bytes: bytes)), promise: nil)
        }
    }

    func close() { channel.close(promise: nil) }

    func setAutoRead(_ isOn: Bool) async throws { try await channel.setOption(.autoRead, value: isOn).get() }

    /// Waits until what came contains `text`; all that came.
    @discardableResult
    func receive(containing text: String) async throws -> String {
        let wanted = Array(text.utf8)
        let state = try await wait("\"\(text)\"") { $0.isClosed || $0.bytes.firstRange(of: wanted) != nil }
        let received = String(decoding: state.bytes, as: UTF8.self)
        guard state.bytes.firstRange(of: wanted) != nil else {
            throw TimedOut(description: "the connection ended without \"\(text)\", after \"\(received)\"")
        }
        return received
    }

    /// Waits until the server has closed; all that came before.
    @discardableResult
    func receiveAll() async throws -> String {
        String(decoding: try await wait("the end of the connection") { $0.isClosed }.bytes, as: UTF8.self)
    }

    private func wait(_ what: String, _ condition: @escaping @Sendable (Inbox.State) -> Bool) async throws -> Inbox.State {
        let promise = channel.eventLoop.makePromise(of: Inbox.State.self)
        let timeout = channel.eventLoop.scheduleTask(in: Self.patience) { [inbox] in
            let got = inbox.state.withLock { String(decoding: $0.bytes.prefix(400), as: UTF8.self) }
            promise.fail(TimedOut(description: "waited for \(what), got \"\(got)\""))
        }
        inbox.wait(condition, promise)
        defer { timeout.cancel() }
        return try await promise.futureResult.get()
    }

    fileprivate final class Inbox: Sendable {
        struct State: Sendable {
            var bytes: [UInt8] = []
            var isClosed = false
            /// Set once the handshake is over: the protocol that was agreed on.
            var handshake: String??
        }
        private struct Waiter: Sendable {
            let condition: @Sendable (State) -> Bool
            let promise: EventLoopPromise<State>
        }
        let state = Lock(State())
        private let waiters = Lock<[Waiter]>([])

        func wait(_ condition: @escaping @Sendable (State) -> Bool, _ promise: EventLoopPromise<State>) {
            waiters.withLock { $0.append(Waiter(condition: condition, promise: promise)) }
            change { _ in }
        }

        func change(_ body: (inout State) -> Void) {
            let ready = state.withLock { state in
                body(&state)
                return waiters.withLock { waiters in
                    let ready = waiters.filter { $0.condition(state) }
                    if !ready.isEmpty { waiters.removeAll { $0.condition(state) } }
                    // A copy of the state would make the next append copy all of it.
                    return ready.isEmpty ? nil : (ready, state)
                }
            }
            for waiter in ready?.0 ?? [] { waiter.promise.succeed(ready?.1 ?? State()) }
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let inbox: Inbox
        private let first: String

        init(_ inbox: Inbox, sending first: String) {
            self.inbox = inbox
            self.first = first
        }

        func channelActive(context: ChannelHandlerContext) {
            if !first.isEmpty { context.writeAndFlush(NIOAny(context.channel.allocator.buffer(string: first)), promise: nil) }
            context.fireChannelActive()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            inbox.change { $0.bytes.append(contentsOf: buffer.readableBytesView) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent { inbox.change { $0.handshake = .some(negotiated) } }
            context.fireUserInboundEventTriggered(event)
        }

        func channelInactive(context: ChannelHandlerContext) { inbox.change { $0.isClosed = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
