import NIOCore
import NIOHTTP2

/// Fired in every connection when its listener drains. NIO's `ChannelShouldQuiesceEvent` would make the pipelining handler close a
/// connection whose answer is written but has not left yet.
struct ListenerDrains: Sendable {}

/// Tells an HTTP/2 client that the listener drains: streams that are open finish, new ones have to go elsewhere (RFC 9113, 6.8).
final class GoAwayOnDrain: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ListenerDrains {
            let frame = HTTP2Frame(
                streamID: .rootStream, payload: .goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil))
            context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }
}

/// Closes an HTTP/2 connection whose client sends nothing more, as Go's server does: its streams, watches among them, end at once. NIO would
/// keep what is half closed until something is written to it.
final class HalfCloseEnds: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
