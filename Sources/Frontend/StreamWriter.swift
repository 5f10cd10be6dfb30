import HTTP
import NIOCore
import NIOHTTP1
import World

/// Sends a streaming answer: one write at a time, each awaited, so that a slow client holds the producer back.
final class StreamWriter: HTTPBodyWriter {
    private struct State: Sendable {
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let channel: any Channel
    private let state = Lock(State())

    init(channel: any Channel) { self.channel = channel }

    func write(_ bytes: [UInt8]) async throws {
        guard !state.withLock({ $0.isClosed }) else { throw HTTPClientGone() }
        guard !bytes.isEmpty else { return }
        let part = HTTPServerResponsePart.body(.byteBuffer(channel.allocator.buffer(bytes: bytes)))
        do { try await channel.writeAndFlush(part).get() } catch { throw HTTPClientGone() }
    }

    func waitUntilClosed() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isClosed = state.withLock { state in
                    if !state.isClosed { state.waiters.append(continuation) }
                    return state.isClosed
                }
                if isClosed { continuation.resume() }
            }
        } onCancel: {
            close()
        }
    }

    /// The client has gone, or the listener drains: writing ends.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
