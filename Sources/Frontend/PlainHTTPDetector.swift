import NIOCore

/// Tells a client that speaks HTTP to the TLS port what it did wrong, in the words of Go's server (`net/http` `conn.serve`).
///
/// Stands in front of TLS until the first bytes have told.
final class PlainHTTPDetector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let answer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    /// What `tlsRecordHeaderLooksLikeHTTP` takes for HTTP.
    private static let beginnings = ["GET /", "HEAD ", "POST ", "PUT /", "OPTIO"].map { Array($0.utf8) }

    private var seen: ByteBuffer?
    private var hasAnswered = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasAnswered else { return }
        var buffer = unwrapInboundIn(data)
        if var seen {
            seen.writeBuffer(&buffer)
            buffer = seen
        }
        let first = buffer.readableBytesView.prefix(5)
        guard Self.beginnings.contains(where: { $0.starts(with: first) }) else { return pass(buffer, context) }
        guard first.count == 5 else {
            seen = buffer
            return
        }
        hasAnswered = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(channel.allocator.buffer(string: Self.answer))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private func pass(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        seen = nil
        context.fireChannelRead(wrapInboundOut(buffer))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
