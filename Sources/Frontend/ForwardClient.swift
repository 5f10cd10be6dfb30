public import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Requests that are passed on, each over a connection of its own: the answer's body is handed on piece by piece.
extension WebhookClient {
    private static let connectTimeout = TimeAmount.seconds(30)

    /// Passes a request on.
    public func forward(_ call: ForwardedCall) async throws(WebhookCallFailure) -> HTTPResponse {
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group).connectTimeout(Self.connectTimeout)
                .channelOption(.autoRead, value: call.isTLS).connect(host: call.host, port: call.port).get()
        } catch {
            throw WebhookCallFailure(Self.dialFailure(error, call))
        }
        do {
            return call.upgrade == nil ? try await exchange(call, channel) : try await tunnel(call, channel)
        } catch {
            channel.close(promise: nil)
            throw error as? WebhookCallFailure ?? WebhookCallFailure("\(error)")
        }
    }

    private static func dialFailure(_ error: any Error, _ call: ForwardedCall) -> String {
        if error is ChannelError { return "dial tcp \(call.authority): i/o timeout" }
        let failures = (error as? NIOConnectionError)?.connectionErrors.map(\.error) ?? [error]
        let code = failures.compactMap { ($0 as? IOError)?.errnoCode }.first
        let reason = code.map { String(cString: strerror($0)).lowercased() } ?? "\(error)"
        return "dial tcp \(call.authority): connect: \(reason)"
    }

    private static func addTLS(_ call: ForwardedCall, _ pipeline: ChannelPipeline.SynchronousOperations) throws {
        guard call.isTLS else { return }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        try pipeline.addHandler(NIOSSLClientHandler(context: NIOSSLContext(configuration: configuration), serverHostname: nil))
    }

    // MARK: Plain requests

    private func exchange(_ call: ForwardedCall, _ channel: any Channel) async throws -> HTTPResponse {
        let parts = PullQueue<HTTPClientResponsePart>(channel: channel)
        try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            try Self.addTLS(call, pipeline)
            try pipeline.addHTTPClientHandlers()
            try pipeline.addHandler(PartHandler(parts))
        }.get()
        var fields = NIOHTTP1.HTTPHeaders([("Host", call.headers["Host"] ?? call.authority)])
        for field in call.headers where field.name.lowercased() != "host" { fields.add(name: field.name, value: field.value) }
        fields.replaceOrAdd(name: "Content-Length", value: String(call.body.count))
        let head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: call.method), uri: call.target, headers: fields)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !call.body.isEmpty { channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: call.body))), promise: nil) }
        try await channel.writeAndFlush(HTTPClientRequestPart.end(nil)).get()
        while let part = await parts.read() {
            guard case .head(let head) = part else { continue }
            if (100..<200).contains(head.status.code) { continue }
            let body = ForwardedBody(parts, channel)
            return HTTPResponse(
                status: Int(head.status.code), headers: HTTP.HTTPHeaders(head.headers.map { ($0.name, $0.value) }),
                body: .stream { writer in try await body.write(to: writer) })
        }
        throw WebhookCallFailure("EOF")
    }

    // MARK: Other protocols

    private static let longestHead = 65536

    private func tunnel(_ call: ForwardedCall, _ channel: any Channel) async throws -> HTTPResponse {
        let tunnel = Tunnel(channel: channel)
        try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            try Self.addTLS(call, pipeline)
            try pipeline.addHandler(TunnelHandler(tunnel))
        }.get()
        var text = "\(call.method) \(call.target) HTTP/1.1\r\nHost: \(call.headers["Host"] ?? call.authority)\r\n"
        for field in call.headers where field.name.lowercased() != "host" { text += "\(field.name): \(field.value)\r\n" }
        text += "Connection: Upgrade\r\nUpgrade: \(call.upgrade ?? "")\r\n\r\n"
        try await tunnel.write(Array(text.utf8) + call.body)
        var received: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        while received.count < Self.longestHead, let bytes = await tunnel.read() {
            received += bytes
            guard let blank = received.firstRange(of: end) else { continue }
            return Self.answer(String(decoding: received[..<blank.lowerBound], as: UTF8.self), Array(received[blank.upperBound...]), tunnel)
        }
        throw WebhookCallFailure("EOF")
    }

    /// The answer with a head; what follows it is the tunnel's, or a body that lasts until the connection ends.
    private static func answer(_ head: String, _ rest: [UInt8], _ inner: Tunnel) -> HTTPResponse {
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
        let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 502
        var response = HTTPResponse(status: status)
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            response.headers.add(String(line[..<colon]), line[line.index(after: colon)...].trimmingPrefix { $0 == " " }.description)
        }
        // Neither the other protocol nor a refusal: nobody reads on.
        guard status == 101 || status >= 400 else {
            inner.close()
            return response
        }
        guard status == 101 else {
            response.body = .stream { writer in
                defer { inner.close() }
                if !rest.isEmpty { try await writer.write(rest) }
                while let bytes = await inner.read() { try await writer.write(bytes) }
            }
            return response
        }
        response.body = .upgrade { outer in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    try? await outer.write(rest)
                    while let bytes = await inner.read(), (try? await outer.write(bytes)) != nil {}
                    outer.close()
                }
                group.addTask {
                    while let bytes = await outer.read(), (try? await inner.write(bytes)) != nil {}
                    inner.close()
                }
            }
        }
        return response
    }
}

/// The body of a passed on request's answer; the connection ends with it, or when nobody wants it any more.
private final class ForwardedBody: Sendable {
    private let parts: PullQueue<HTTPClientResponsePart>
    private let channel: any Channel

    init(_ parts: PullQueue<HTTPClientResponsePart>, _ channel: any Channel) {
        self.parts = parts
        self.channel = channel
    }

    func write(to writer: any HTTPBodyWriter) async throws {
        while let part = await parts.read() {
            switch part {
            case .body(let buffer): try await writer.write(Array(buffer.readableBytesView))
            case .end: return
            case .head: continue
            }
        }
        // The other side broke off: so does this one.
        throw HTTPClientGone()
    }

    deinit { channel.close(promise: nil) }
}

/// Hands the parts of an answer on.
private final class PartHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let parts: PullQueue<HTTPClientResponsePart>

    init(_ parts: PullQueue<HTTPClientResponsePart>) { self.parts = parts }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { parts.receive(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) {
        // What was read may have been less than a part.
        if parts.isAwaited { context.read() }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        parts.end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        parts.end()
        context.close(promise: nil)
    }
}
