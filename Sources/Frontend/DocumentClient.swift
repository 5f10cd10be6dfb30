public import HTTP
import NIOCore
import NIOHTTP1
public import NIOPosix
import NIOSSL

/// Fetches documents over HTTP/1.1, with TLS for `https`: what the API servers ask OpenID Connect providers with.
public struct DocumentClient: DocumentFetcher {
    /// How long a fetch may take with all its redirects, as in kube-apiserver. It runs on real time: the other server knows no other.
    private static let timeout = TimeAmount.seconds(30)
    /// How many redirects are followed, as in Go's client.
    private static let maximumRedirects = 10

    private let group: MultiThreadedEventLoopGroup
    private let context: NIOSSLContext

    /// Makes a client that trusts the system's certificate authorities and those of `trustRoots` (PEM).
    ///
    /// - Throws: `FrontendError.unusableCertificate`.
    public init(group: MultiThreadedEventLoopGroup, trustRoots: [String] = []) throws(FrontendError) {
        self.group = group
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            let roots = try trustRoots.flatMap { try NIOSSLCertificate.fromPEMBytes(Array($0.utf8)) }
            if !roots.isEmpty { configuration.additionalTrustRoots = [.certificates(roots)] }
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .unusableCertificate("\(error)")
        }
    }

    /// Fetches a document.
    public func get(_ url: String, headers: HTTP.HTTPHeaders, maximumBytes: Int) async throws(FetchFailure) -> HTTPResponse {
        let deadline = NIODeadline.now() + Self.timeout
        var target = try DocumentURL(parsing: url)
        for _ in 0...Self.maximumRedirects {
            let response = try await fetch(target, headers, maximumBytes, deadline)
            guard [301, 302, 303, 307, 308].contains(response.status), let location = response.headers["Location"] else { return response }
            target = try target.following(location)
        }
        throw FetchFailure("\(url) redirects more than \(Self.maximumRedirects) times")
    }

    private func fetch(
        _ url: DocumentURL, _ headers: HTTP.HTTPHeaders, _ maximumBytes: Int, _ deadline: NIODeadline
    ) async throws(FetchFailure) -> HTTPResponse {
        let loop = group.next()
        let answer = loop.makePromise(of: HTTPResponse.self)
        let remaining = deadline - .now()
        let timeout = loop.scheduleTask(in: remaining) {
            answer.fail(FetchFailure("\(url) did not answer within \(Self.timeout.nanoseconds / 1_000_000_000) s"))
        }
        let connected = ClientBootstrap(group: loop)
            .connectTimeout(remaining)
            .channelInitializer { [context] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if url.isSecure { try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: url.serverName)) }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(DocumentCollector(url: url, headers: headers, maximumBytes: maximumBytes, answer: answer))
                }
            }
            .connect(host: url.host, port: url.port)
        connected.whenFailure { error in answer.fail(FetchFailure("\(url) cannot be reached: \(DocumentClient.describe(error))")) }
        defer {
            timeout.cancel()
            connected.whenSuccess { $0.close(promise: nil) }
        }
        do { return try await answer.futureResult.get() } catch {
            throw error as? FetchFailure ?? FetchFailure("\(url): \(Self.describe(error))")
        }
    }

    /// An error of NIO without the names of its types.
    fileprivate static func describe(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { describe($0.error) } ?? "the name \(error.host) is unknown"
        case let error as IOError: error.description
        case NIOSSLError.handshakeFailed(let reason): "TLS: \(reason)"
        default: "\(error)"
        }
    }
}

/// Sends the request when the connection is there, and gathers the answer.
private final class DocumentCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let url: DocumentURL
    private let headers: HTTP.HTTPHeaders
    private let maximumBytes: Int
    private let answer: EventLoopPromise<HTTPResponse>
    private var response = HTTPResponse(status: 0)
    private var body: [UInt8] = []

    init(url: DocumentURL, headers: HTTP.HTTPHeaders, maximumBytes: Int, answer: EventLoopPromise<HTTPResponse>) {
        self.url = url
        self.headers = headers
        self.maximumBytes = maximumBytes
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        var fields = NIOHTTP1.HTTPHeaders([("Host", url.authority), ("User-Agent", "kube-apiserver"), ("Connection", "close")])
        for field in headers { fields.add(name: field.name, value: field.value) }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            response.status = Int(head.status.code)
            response.headers = HTTP.HTTPHeaders(head.headers.map { ($0.name, $0.value) })
        case .body(let buffer):
            guard body.count + buffer.readableBytes <= maximumBytes else {
                return fail(context, FetchFailure("\(url) answered more than \(maximumBytes) bytes"))
            }
            body += buffer.readableBytesView
        case .end:
            response.body = .bytes(body)
            answer.succeed(response)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(FetchFailure("\(url) closed the connection before its answer was whole"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, FetchFailure("\(url): \(DocumentClient.describe(error))"))
    }

    private func fail(_ context: ChannelHandlerContext, _ failure: FetchFailure) {
        answer.fail(failure)
        context.close(promise: nil)
    }
}
