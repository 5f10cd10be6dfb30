import Frontend
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS
import World

/// An HTTP/2 client at the level of frames.
final class HTTP2Client: Sendable {
    /// A frame as the tests look at it.
    enum Frame: Sendable, Equatable {
        case headers(stream: Int, status: String, ends: Bool)
        case data(stream: Int, String, ends: Bool)
        case reset(stream: Int)
        case goAway
    }

    private struct Waiter: Sendable {
        let condition: @Sendable ([Frame]) -> Bool
        let promise: EventLoopPromise<[Frame]>
    }
    private final class Box: Sendable {
        let frames = Lock<[Frame]>([])
        let waiters = Lock<[Waiter]>([])

        func add(_ frame: Frame?) {
            let all = frames.withLock { frames in
                if let frame { frames.append(frame) }
                return frames
            }
            let ready = waiters.withLock { waiters in
                let ready = waiters.filter { $0.condition(all) }
                waiters.removeAll { $0.condition(all) }
                return ready
            }
            for waiter in ready { waiter.promise.succeed(all) }
        }
    }

    private let channel: any Channel
    private let box: Box

    private init(_ channel: any Channel, _ box: Box) {
        self.channel = channel
        self.box = box
    }

    static func connect(to fixture: Fixture) async throws -> HTTP2Client {
        let box = Box()
        let context = try Wire.context(Wire.TLS(authority: fixture.authority, protocols: ["h2"]))
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    try pipeline.addHandler(NIOHTTP2Handler(mode: .client))
                    try pipeline.addHandler(Collector(box))
                }
            }
            .connect(host: fixture.address.host, port: fixture.address.port).get()
        return HTTP2Client(channel, box)
    }

    /// Opens a stream with a request without body.
    func get(_ path: String, stream: Int) {
        write(stream, .headers(.init(headers: Self.fields("GET", path), endStream: true)))
    }

    /// Opens a stream with a request and its body.
    func post(_ path: String, stream: Int, body: [UInt8]) {
        write(stream, .headers(.init(headers: Self.fields("POST", path), endStream: false)))
        write(stream, .data(.init(data: .byteBuffer(channel.allocator.buffer(bytes: body)), endStream: true)))
    }

    func reset(stream: Int) { write(stream, .rstStream(.cancel)) }

    func close() { channel.close(promise: nil) }

    /// Waits until the frames fulfil a condition; all of them.
    @discardableResult
    func wait(_ what: String, _ condition: @escaping @Sendable ([Frame]) -> Bool) async throws -> [Frame] {
        let promise = channel.eventLoop.makePromise(of: [Frame].self)
        let timeout = channel.eventLoop.scheduleTask(in: Wire.patience) { [box] in
            promise.fail(Wire.TimedOut(description: "waited for \(what), got \(box.frames.withLock { $0 })"))
        }
        box.waiters.withLock { $0.append(Waiter(condition: condition, promise: promise)) }
        box.add(nil)
        defer { timeout.cancel() }
        return try await promise.futureResult.get()
    }

    private static func fields(_ method: String, _ path: String) -> HPACKHeaders {
        HPACKHeaders([(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost")])
    }

    private func write(_ stream: Int, _ payload: HTTP2Frame.FramePayload) {
        channel.writeAndFlush(HTTP2Frame(streamID: HTTP2StreamID(stream), payload: payload), promise: nil)
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame
        private let box: Box
        init(_ box: Box) { self.box = box }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            let stream = Int(frame.streamID)
            switch frame.payload {
            case .headers(let headers):
                box.add(.headers(stream: stream, status: headers.headers.first(name: ":status") ?? "", ends: headers.endStream))
            case .data(let data):
                guard case .byteBuffer(let buffer) = data.data else { return }
                box.add(.data(stream: stream, String(buffer: buffer), ends: data.endStream))
            case .rstStream: box.add(.reset(stream: stream))
            case .goAway: box.add(.goAway)
            default: break
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}
