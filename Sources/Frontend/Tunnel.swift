import HTTP
import NIOCore
import World

/// What a connection brings, for one who asks for it: nothing more is read than is asked for, so that a slow reader holds the other side back.
final class PullQueue<Element: Sendable>: Sendable {
    private struct State: Sendable {
        var received: [Element] = []
        var reader: CheckedContinuation<Element?, Never>?
        var isEnded = false
    }

    private let channel: any Channel
    private let state = Lock(State())

    init(channel: any Channel) { self.channel = channel }

    /// The next element; waits for it. `nil` when no more come.
    func read() async -> Element? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Element?? in
                    if !state.received.isEmpty { return .some(state.received.removeFirst()) }
                    if state.isEnded { return .some(nil) }
                    state.reader = continuation
                    return .none
                }
                if let ready { continuation.resume(returning: ready) } else { channel.read() }
            }
        } onCancel: {
            end()
        }
    }

    /// Whether somebody waits for the next one.
    var isAwaited: Bool { state.withLock { $0.reader != nil } }

    /// One came.
    func receive(_ element: Element) {
        let reader = state.withLock { state -> CheckedContinuation<Element?, Never>? in
            guard let reader = state.reader else {
                state.received.append(element)
                return nil
            }
            state.reader = nil
            return reader
        }
        reader?.resume(returning: element)
    }

    /// No more come.
    func end() {
        let reader = state.withLock { state -> CheckedContinuation<Element?, Never>? in
            state.isEnded = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }
}

/// An upgraded connection.
final class Tunnel: HTTPTunnel {
    private let channel: any Channel
    private let queue: PullQueue<[UInt8]>

    init(channel: any Channel) {
        self.channel = channel
        queue = PullQueue(channel: channel)
    }

    func read() async -> [UInt8]? { await queue.read() }

    func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        do { try await channel.writeAndFlush(channel.allocator.buffer(bytes: bytes)).get() } catch { throw HTTPClientGone() }
    }

    func close() {
        end()
        channel.close(promise: nil)
    }

    /// Bytes came.
    func receive(_ bytes: [UInt8]) { queue.receive(bytes) }

    /// No more bytes come.
    func end() { queue.end() }
}

/// Hands the bytes of an upgraded connection to its tunnel.
final class TunnelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let tunnel: Tunnel

    init(_ tunnel: Tunnel) { self.tunnel = tunnel }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        tunnel.receive(Array(unwrapInboundIn(data).readableBytesView))
    }

    func channelInactive(context: ChannelHandlerContext) {
        tunnel.end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { tunnel.end() }
        if event is ListenerDrains { tunnel.close() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { tunnel.close() }
}

/// The handlers that speak HTTP/1.1 on a connection, by name, so that they can be taken away for another protocol.
enum HTTP1Pipeline {
    static let encoder = "http1.encoder"
    static let decoder = "http1.decoder"
    static let pipelining = "http1.pipelining"
    static let validation = "http1.validation"
    static let request = "http1.request"

    /// Leaves the connection to a tunnel: what the client sent after its request goes there.
    static func replace(with tunnel: Tunnel, in channel: any Channel) throws {
        try channel.syncOptions?.setOption(.autoRead, value: false)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(TunnelHandler(tunnel))
        for name in [request, validation, pipelining, encoder, decoder] { pipeline.removeHandler(name: name, promise: nil) }
    }
}
