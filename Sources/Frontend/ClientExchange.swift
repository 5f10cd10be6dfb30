import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS

/// One request to another server and its answer, over a connection of its own.
struct ClientExchange: Sendable {
    /// Why there is no answer.
    enum Failure: Error, Sendable {
        case timeout
        case tooLarge
        /// The connection was closed before the answer was whole.
        case closed
        /// No connection came about.
        case unreachable(any Error)
        /// The server's certificate is for other names: the DNS names and IP addresses of it.
        case otherName(names: [String], addresses: [String])
        /// The connection broke, or was none of TLS.
        case broken(any Error)
    }

    let group: MultiThreadedEventLoopGroup
    let host: String
    let port: Int
    /// What the connection is encrypted by; with the name that the server's certificate has to carry, `nil` for its address.
    let tls: (context: NIOSSLContext, serverName: String?)?
    let head: HTTPRequestHead
    let body: [UInt8]
    let maximumBytes: Int
    let deadline: NIODeadline

    /// The name that TLS sends and checks; `nil` for an IP address, which it does not send.
    static func serverName(_ host: String) -> String? { (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil }

    /// Connects, sends the request, and gathers the answer.
    func run() async throws(Failure) -> HTTPResponse {
        let loop = group.next()
        let answer = loop.makePromise(of: HTTPResponse.self)
        let remaining = deadline - .now()
        let timeout = loop.scheduleTask(in: remaining) { answer.fail(Failure.timeout) }
        // The handlers come when it is known which of a name's addresses is used: connections to the others end without a word.
        let connected = ClientBootstrap(group: loop).connectTimeout(remaining).connect(host: host, port: port)
        connected.whenFailure { error in answer.fail(Failure.unreachable(error)) }
        connected.whenSuccess { [self] channel in
            guard channel.isActive else { return answer.fail(Failure.closed) }
            do {
                let pipeline = channel.pipeline.syncOperations
                if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls.context, serverHostname: tls.serverName)) }
                try pipeline.addHTTPClientHandlers()
                try pipeline.addHandler(AnswerCollector(self, answer))
            } catch {
                answer.fail(Failure.broken(error))
            }
        }
        defer {
            timeout.cancel()
            connected.whenSuccess { $0.close(promise: nil) }
        }
        do { return try await answer.futureResult.get() } catch { throw error as? Failure ?? .broken(error) }
    }
}

/// Sends the request when the connection is there, and gathers the answer.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let exchange: ClientExchange
    private let answer: EventLoopPromise<HTTPResponse>
    private var response = HTTPResponse(status: 0)
    private var body: [UInt8] = []

    init(_ exchange: ClientExchange, _ answer: EventLoopPromise<HTTPResponse>) {
        self.exchange = exchange
        self.answer = answer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if exchange.tls == nil { send(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            if let failure = otherName(context) { fail(context, failure) } else { send(context) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func send(_ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        if !exchange.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: exchange.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            response.status = Int(head.status.code)
            response.headers = HTTP.HTTPHeaders(head.headers.map { ($0.name, $0.value) })
        case .body(let buffer):
            guard body.count + buffer.readableBytes <= exchange.maximumBytes else { return fail(context, .tooLarge) }
            body += buffer.readableBytesView
        case .end:
            response.body = .bytes(body)
            answer.succeed(response)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ClientExchange.Failure.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isOther = error as? NIOSSLExtraError == .failedToValidateHostname
        fail(context, isOther ? otherName(context) ?? .broken(error) : .broken(error))
    }

    /// What is wrong with the name in the server's certificate, if anything. NIO takes the address of the connection for a name too;
    /// Go asks for the name alone.
    private func otherName(_ context: ChannelHandlerContext) -> ClientExchange.Failure? {
        guard let tls = exchange.tls, let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate() else { return nil }
        var names: [String] = []
        var addresses: [String] = []
        for name in certificate._subjectAlternativeNames() {
            let bytes = name.contents.withUnsafeBufferPointer { Array($0) }
            if name.nameType == .dnsName { names.append(String(decoding: bytes, as: UTF8.self)) }
            if name.nameType == .ipAddress, let address = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0) {
                addresses.append(address.ipAddress ?? "")
            }
        }
        let isNamed = tls.serverName.map { wanted in names.contains { Self.matches(wanted, $0) } } ?? addresses.contains(exchange.host)
        return isNamed ? nil : .otherName(names: names, addresses: addresses)
    }

    /// Whether a name is the certificate's, whose first label may be `*` (RFC 6125 section 6.4.3).
    private static func matches(_ wanted: String, _ name: String) -> Bool {
        let wanted = wanted.lowercased()
        let name = name.lowercased()
        guard name.hasPrefix("*.") else { return wanted == name }
        return wanted.drop { $0 != "." } == name.dropFirst()
    }

    private func fail(_ context: ChannelHandlerContext, _ failure: ClientExchange.Failure) {
        answer.fail(failure)
        context.close(promise: nil)
    }
}
