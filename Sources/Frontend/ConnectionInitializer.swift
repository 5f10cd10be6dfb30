import HTTP
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import NIOTLS
import World

/// Sets up an accepted connection: admission, limits, TLS, protocol, request handler.
struct ConnectionInitializer: Sendable {
    let name: String
    let tls: ServerTLS?
    let admission: any ConnectionAdmission
    let world: World
    let registry: ConnectionRegistry
    let configuration: FrontendConfiguration
    let date = DateHeader()

    func initialize(_ channel: any Channel) -> EventLoopFuture<Void> {
        let remote = channel.remoteAddress
        let address = remote?.ipAddress ?? "unknown"
        let port = remote?.port ?? 0
        switch admission.admit(remoteAddress: address, remotePort: port) {
        case .drop:
            // The client hears nothing, as when a packet filter stands in between; the socket is given back after a while.
            guard let id = registry.add(channel, target: "", limit: configuration.maximumConnections) else { return channel.close() }
            let limit = channel.eventLoop.scheduleTask(in: .nanoseconds(configuration.dropTimeout.clampedNanoseconds)) {
                channel.close(promise: nil)
            }
            channel.closeFuture.whenComplete { _ in
                registry.remove(id)
                limit.cancel()
            }
            return channel.eventLoop.makeSucceededVoidFuture()
        case .reset: return channel.close()
        case .serve(let handler, let target, let steps, let source):
            guard let id = registry.add(channel, target: target, limit: configuration.maximumConnections) else { return channel.close() }
            channel.closeFuture.whenComplete { _ in registry.remove(id) }
            let peer = PeerCertificates()
            let record = LazyRecord { certificates in
                ConnectionRecord(
                    id: id, remoteAddress: source ?? address, remotePort: port, listener: name, target: target, isTLS: tls != nil,
                    peerCertificates: certificates, acceptSteps: steps)
            }
            let executor = EventLoopTaskExecutor(channel.eventLoop)
            let context: @Sendable (Bool) -> RequestHandler.Context = { isHTTP2 in
                RequestHandler.Context(
                    configuration: configuration, world: world, registry: registry, executor: executor, handler: handler,
                    date: date, connection: { record.value(peer) }, isHTTP2: isHTTP2)
            }
            return channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(IdleStateHandler(allTimeout: .nanoseconds(configuration.idleTimeout.clampedNanoseconds)))
                try pipeline.addHandler(IdleCloser())
                guard let tls else { return try Self.configureHTTP1(channel, context(false), configuration) }
                let handler = NIOSSLServerHandler(context: tls.context) { certificates, promise in
                    peer.set(certificates.compactMap { try? $0.toDERBytes() })
                    promise.succeed(.certificateVerified)
                }
                try pipeline.addHandler(PlainHTTPDetector())
                try pipeline.addHandler(handler)
                let handshakeLimit = channel.eventLoop.scheduleTask(
                    in: .nanoseconds(configuration.firstRequestTimeout.clampedNanoseconds)
                ) { channel.close(promise: nil) }
                try pipeline.addHandler(
                    ApplicationProtocolNegotiationHandler { result, channel in
                        handshakeLimit.cancel()
                        return channel.eventLoop.makeCompletedFuture {
                            if case .negotiated("h2") = result {
                                try Self.configureHTTP2(channel, context(true), configuration)
                            } else {
                                try Self.configureHTTP1(channel, context(false), configuration)
                            }
                        }
                    })
            }
        }
    }

    private static func configureHTTP1(
        _ channel: any Channel, _ context: RequestHandler.Context, _ configuration: FrontendConfiguration
    ) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.maximumHeaderBytes
        limits.maxHeaderListSize = configuration.maximumHeaderBytes
        limits.maxHeaderFieldCount = configuration.maximumHeaderFields
        let pipeline = channel.pipeline.syncOperations
        // What is sent after an upgrade is for the protocol that follows.
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
        try pipeline.addHandler(HTTPResponseEncoder(), name: HTTP1Pipeline.encoder)
        try pipeline.addHandler(ByteToMessageHandler(decoder), name: HTTP1Pipeline.decoder)
        try pipeline.addHandler(HTTPServerPipelineHandler(), name: HTTP1Pipeline.pipelining)
        try pipeline.addHandler(NIOHTTPResponseHeadersValidator(), name: HTTP1Pipeline.validation)
        try pipeline.addHandler(RequestHandler(context), name: HTTP1Pipeline.request)
    }

    private static func configureHTTP2(
        _ channel: any Channel, _ context: RequestHandler.Context, _ configuration: FrontendConfiguration
    ) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: configuration.maximumStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.maximumHeaderBytes),
            HTTP2Setting(parameter: .initialWindowSize, value: 1 << 18),
        ]
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = 1 << 18
        _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: connection, streamConfiguration: stream
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                try stream.pipeline.syncOperations.addHandler(RequestHandler(context))
            }
        }
        try channel.pipeline.syncOperations.addHandler(GoAwayOnDrain())
        try channel.pipeline.syncOperations.addHandler(HalfCloseEnds())
    }
}

/// The client's certificates, set during the handshake.
private final class PeerCertificates: Sendable {
    private let chain = Lock<[[UInt8]]>([])
    func set(_ certificates: [[UInt8]]) { chain.withLock { $0 = certificates } }
    var value: [[UInt8]] { chain.withLock { $0 } }
}

/// The connection's record, made at its first request, when the handshake is over.
private final class LazyRecord: Sendable {
    private let made = Lock<ConnectionRecord?>(nil)
    private let make: @Sendable ([[UInt8]]) -> ConnectionRecord
    init(_ make: @escaping @Sendable ([[UInt8]]) -> ConnectionRecord) { self.make = make }

    func value(_ peer: PeerCertificates) -> ConnectionRecord {
        made.withLock { made in
            if let made { return made }
            let record = make(peer.value)
            made = record
            return record
        }
    }
}

/// Closes a connection that carried nothing for the idle timeout, as the NLB forgets its flow.
private final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = Any

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
