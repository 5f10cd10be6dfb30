import HTTP
import NIOCore
import NIOHTTP1
import World

/// Turns the parts of HTTP/1.1 or of one HTTP/2 stream into requests for a handler, and answers into parts.
///
/// Reads stop while a request is handled: the pipeline hands over one request at a time.
final class RequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What all requests of a listener share.
    struct Context: Sendable {
        let configuration: FrontendConfiguration
        let world: World
        let registry: ConnectionRegistry
        let executor: EventLoopTaskExecutor
        let handler: any HTTPHandler
        let date: DateHeader
        let connection: @Sendable () -> ConnectionRecord
        let isHTTP2: Bool
    }

    private let shared: Context
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var task: Task<Void, Never>?
    private var writer: StreamWriter?
    private var timeout: Scheduled<Void>?
    private var isFirst = true
    /// Whether parts of a request are still to come.
    private var isReading = false
    private var mustClose = false
    /// Answers whose last byte has not left yet.
    private var outstanding = 0
    private var isClosed = false

    init(_ shared: Context) { self.shared = shared }

    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        arm(shared.configuration.firstRequestTimeout, context)
    }

    func channelActive(context: ChannelHandlerContext) {
        if timeout == nil { arm(shared.configuration.firstRequestTimeout, context) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        timeout?.cancel()
        writer?.close()
        task?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError, !isClosed, task == nil, writer == nil {
            // The decoder closes the connection once this returns.
            return refuse(error == .headerOverflow ? .headersTooLarge : .malformed, context)
        }
        // A reset stream or a broken TLS record: nothing to answer any more.
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ListenerDrains, !isReading, outstanding == 0 { context.close(promise: nil) }
        if case ChannelEvent.inputClosed = event, task != nil || writer != nil {
            // A client that half-closes has stopped waiting for the answer: kubectl and curl never do it otherwise.
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let buffer):
            guard let head else { return }
            guard body.count + buffer.readableBytes <= shared.configuration.maximumBodyBytes else { return truncate(head, context) }
            body.append(contentsOf: buffer.readableBytesView)
        case .end:
            timeout?.cancel()
            timeout = nil
            isReading = false
            guard let head else { return }
            self.head = nil
            dispatch(head, isTruncated: false, context)
        }
    }

    /// Hands over a request whose body is too large without waiting for the rest; the connection cannot be used after it.
    private func truncate(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.head = nil
        mustClose = true
        dispatch(head, isTruncated: true, context)
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if !isFirst || timeout == nil { arm(shared.configuration.requestTimeout, context) }
        isFirst = false
        isReading = true
        body = []
        let limits = shared.configuration
        let size = head.headers.reduce(head.uri.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        guard size <= limits.maximumHeaderBytes else { return refuse(.headersTooLarge, context) }
        if head.version.minor > 0, !shared.isHTTP2, !head.headers.contains(name: "Host") { return refuse(.missingHost, context) }
        // The decoder reads nothing more of such a connection, whatever the answer.
        if !shared.isHTTP2, head.headers[canonicalForm: "Connection"].contains(where: { $0.lowercased() == "upgrade" }) { mustClose = true }
        self.head = head
        if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }) {
            guard length <= limits.maximumBodyBytes else { return truncate(head, context) }
            body.reserveCapacity(length)
        }
        if head.headers.first(name: "Expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
    }

    private func arm(_ limit: Duration, _ context: ChannelHandlerContext) {
        timeout?.cancel()
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: .nanoseconds(limit.clampedNanoseconds)) { channel.close(promise: nil) }
    }

    /// What is refused without a handler, in the words of Go's server (`net/http` `conn.serve`).
    private enum Refusal {
        case malformed, missingHost, headersTooLarge

        var status: Int { self == .headersTooLarge ? 431 : 400 }
        var text: String {
            switch self {
            case .malformed: "400 Bad Request"
            case .missingHost: "400 Bad Request: missing required Host header"
            case .headersTooLarge: "431 Request Header Fields Too Large"
            }
        }
    }

    /// Answers without a handler and closes: what is still coming will not be read.
    private func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        head = nil
        mustClose = true
        beginAnswer()
        let response = HTTPResponse(
            status: refusal.status, contentType: "text/plain; charset=utf-8", Array(refusal.text.utf8),
            headers: shared.isHTTP2 ? [:] : ["Connection": "close"])
        send(response, version: .http1_1, isHead: false, keepAlive: false, context)
    }

    private func dispatch(_ head: HTTPRequestHead, isTruncated: Bool, _ context: ChannelHandlerContext) {
        let target = head.uri
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        let path = mark.map { String(target[..<$0]) } ?? target
        let query = mark.map { String(target[target.index(after: $0)...]) }
        let connection = shared.connection()
        let method = head.method.rawValue
        let trace = RequestTrace(
            // A server in front may have named the request already (`k8s.io/apiserver/pkg/endpoints/filters/audit_init.go`).
            id: head.headers.first(name: "Audit-Id").flatMap { $0.isEmpty ? nil : $0 } ?? shared.world.random.uuid(),
            received: shared.world.now, method: method, path: path, target: connection.listener,
            steps: connection.acceptSteps)
        var headers = HTTP.HTTPHeaders()
        headers.reserveCapacity(head.headers.count)
        for (name, value) in head.headers { headers.add(name, value) }
        var request = HTTPRequest(
            method: method, path: path, query: query, headers: headers, body: body, connection: connection, trace: trace)
        request.isBodyTruncated = isTruncated
        body = []
        let exchange = Exchange(
            request: request, channel: context.channel, version: head.version, isHead: head.method == .HEAD, keepAlive: head.isKeepAlive,
            handler: NIOLoopBound(self, eventLoop: context.eventLoop), context: NIOLoopBound(context, eventLoop: context.eventLoop))
        let shared = shared
        beginAnswer()
        task = Self.start(exchange, shared)
    }

    private static func start(_ exchange: Exchange, _ shared: Context) -> Task<Void, Never> {
        Task(executorPreference: shared.executor) {
            await answer(exchange, shared)
        }
    }

    /// One request and where its answer goes.
    private struct Exchange: Sendable {
        let request: HTTPRequest
        let channel: any Channel
        let version: HTTPVersion
        let isHead: Bool
        let keepAlive: Bool
        let handler: NIOLoopBound<RequestHandler>
        let context: NIOLoopBound<ChannelHandlerContext>
    }

    private static func answer(_ exchange: Exchange, _ shared: Context) async {
        let response = await shared.handler.handle(exchange.request)
        if case .upgrade(let run) = response.body { return await upgrade(exchange, response, run, shared) }
        guard case .stream(let produce) = response.body else {
            return await onLoop(exchange) { handler, context in
                handler.task = nil
                handler.send(response, version: exchange.version, isHead: exchange.isHead, keepAlive: exchange.keepAlive, context)
            }
        }
        let writer = StreamWriter(channel: exchange.channel)
        let drain = shared.registry.onDrain { writer.close() }
        let isOpen = await onLoop(exchange) { handler, context in
            handler.beginStream(response, writer, version: exchange.version, context)
        }
        let isWhole = isOpen && !exchange.isHead ? await run(produce, writer, shared.registry) : true
        shared.registry.forget(drain)
        await onLoop(exchange) { handler, context in
            // HTTP/1.0 knows no chunks: the end of the connection is the end of the answer.
            handler.endStream(isWhole: isWhole, keepAlive: exchange.keepAlive && exchange.version != .http1_0, context)
        }
    }

    /// Leaves the connection to what follows the upgrade, and closes it then.
    private static func upgrade(
        _ exchange: Exchange, _ response: HTTPResponse, _ run: @Sendable (any HTTPTunnel) async -> Void, _ shared: Context
    ) async {
        let tunnel = Tunnel(channel: exchange.channel)
        let drain = shared.registry.onDrain { tunnel.close() }
        let isOpen = await onLoop(exchange) { handler, context in handler.beginTunnel(tunnel, response, version: exchange.version, context)
        }
        if isOpen { await run(tunnel) }
        tunnel.close()
        shared.registry.forget(drain)
        await onLoop(exchange) { handler, _ in handler.endAnswer() }
    }

    /// Sends the head of an upgrade and takes HTTP off the connection; `false` when the client has gone already.
    private func beginTunnel(_ tunnel: Tunnel, _ response: HTTPResponse, version: HTTPVersion, _ context: ChannelHandlerContext) -> Bool {
        task = nil
        guard !isClosed, !shared.isHTTP2 else { return false }
        let head = responseHead(response, version: version, length: nil, keepAlive: true)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        let channel = context.channel
        do { try HTTP1Pipeline.replace(with: tunnel, in: channel) } catch {
            channel.close(promise: nil)
            return false
        }
        return true
    }

    /// Runs a streaming answer; whether it ended as its producer meant it to, a drain included.
    private static func run(
        _ produce: @Sendable (any HTTPBodyWriter) async throws -> Void, _ writer: StreamWriter, _ registry: ConnectionRegistry
    ) async -> Bool {
        do { try await produce(writer) } catch { return error is HTTPClientGone && registry.isDraining }
        return true
    }

    /// Runs on the channel's event loop: at once when the task is on it already.
    private static func onLoop<Result: Sendable>(
        _ exchange: Exchange, _ body: @escaping @Sendable (RequestHandler, ChannelHandlerContext) -> Result
    ) async -> Result {
        if exchange.channel.eventLoop.inEventLoop { return body(exchange.handler.value, exchange.context.value) }
        return await withCheckedContinuation { continuation in
            exchange.channel.eventLoop.execute { continuation.resume(returning: body(exchange.handler.value, exchange.context.value)) }
        }
    }

    private func responseHead(_ response: HTTPResponse, version: HTTPVersion, length: Int?, keepAlive: Bool) -> HTTPResponseHead {
        var headers = NIOHTTP1.HTTPHeaders()
        headers.reserveCapacity(response.headers.fields.count + 3)
        for field in response.headers { headers.add(name: field.name, value: field.value) }
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        headers.add(name: "Date", value: shared.date.text(at: shared.world.now))
        if !keepAlive, !shared.isHTTP2, !headers.contains(name: "Connection") { headers.add(name: "Connection", value: "close") }
        return HTTPResponseHead(version: version, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
    }

    private func send(_ response: HTTPResponse, version: HTTPVersion, isHead: Bool, keepAlive: Bool, _ context: ChannelHandlerContext) {
        guard !isClosed else { return endAnswer() }
        let keepAlive = keepAlive && !mustClose && !shared.registry.isDraining
        var parts = BodyParts(response.body)
        let hasNoLength = response.status == 204 || response.status == 304 || response.status < 200
        let head = responseHead(response, version: version, length: hasNoLength ? nil : parts.remaining, keepAlive: keepAlive)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        guard !isHead, let first = parts.next(context.channel.allocator) else { return finish(keepAlive: keepAlive, context) }
        send(first, parts, keepAlive: keepAlive, context)
    }

    /// Sends a part of a body and, once it has left, the next one.
    private func send(_ part: ByteBuffer, _ rest: BodyParts, keepAlive: Bool, _ context: ChannelHandlerContext) {
        var rest = rest
        let body = wrapOutboundOut(.body(.byteBuffer(part)))
        guard let next = rest.next(context.channel.allocator) else {
            context.write(body, promise: nil)
            if rest.isLarge { context.eventLoop.execute(BodyParts.trimHeap) }
            return finish(keepAlive: keepAlive, context)
        }
        context.writeAndFlush(body).assumeIsolated().whenComplete { [self] result in
            guard !isClosed, case .success = result else { return endAnswer() }
            send(next, rest, keepAlive: keepAlive, context)
        }
    }

    private func beginAnswer() {
        outstanding += 1
        shared.registry.beginAnswer()
    }

    private func endAnswer() {
        outstanding -= 1
        shared.registry.endAnswer()
    }

    /// Ends an answer. It counts as under way until its last byte has left.
    private func finish(keepAlive: Bool, _ context: ChannelHandlerContext) {
        let channel = context.channel
        // A socket closed with unread bytes resets, and the client would never see the answer.
        let delay = isReading ? TimeAmount.nanoseconds(shared.configuration.lingerTimeout.clampedNanoseconds) : .zero
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { [self] _ in
            endAnswer()
            guard !shared.isHTTP2, !keepAlive || shared.registry.isDraining else { return }
            guard delay > .zero else { return channel.close(promise: nil) }
            channel.eventLoop.scheduleTask(in: delay) { channel.close(promise: nil) }
        }
    }

    /// Sends the head of a streaming answer; `false` when the client has gone already.
    private func beginStream(
        _ response: HTTPResponse, _ writer: StreamWriter, version: HTTPVersion, _ context: ChannelHandlerContext
    ) -> Bool {
        guard !isClosed else {
            writer.close()
            return false
        }
        self.writer = writer
        context.writeAndFlush(wrapOutboundOut(.head(responseHead(response, version: version, length: nil, keepAlive: true))), promise: nil)
        return true
    }

    private func endStream(isWhole: Bool, keepAlive: Bool, _ context: ChannelHandlerContext) {
        writer = nil
        task = nil
        guard !isClosed else { return endAnswer() }
        // An answer that broke off must not look whole: no last chunk, no END_STREAM.
        guard isWhole else {
            endAnswer()
            return context.close(promise: nil)
        }
        finish(keepAlive: keepAlive && !mustClose && !shared.registry.isDraining, context)
    }
}
