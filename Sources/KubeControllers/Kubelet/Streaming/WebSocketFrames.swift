import Crypto
import Encoding

/// WebSocket frames of the server's side (RFC 6455): takes what a client sends apart, and puts together what it is sent.
struct WebSocketFrames: Sendable {
    /// What a client sent.
    enum Message: Sendable, Hashable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case close
    }

    /// Why a connection cannot go on.
    enum Failure: Error, Sendable, Hashable {
        case malformed
        case tooLarge
    }

    /// The handshake's answer to `Sec-WebSocket-Key`.
    static func accept(_ key: String) -> String {
        let text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return Base64.encode(Array(Insecure.SHA1.hash(data: Array(text.utf8))))
    }

    private static let longest = 1 << 20

    private var buffer: [UInt8] = []
    /// The opcode and bytes of a message whose end has not come.
    private var partial: (opcode: UInt8, bytes: [UInt8])?

    init() {}

    /// Takes bytes; answers the messages that are complete.
    ///
    /// - Throws: `Failure`.
    mutating func receive(_ bytes: [UInt8]) throws(Failure) -> [Message] {
        buffer += bytes
        var messages: [Message] = []
        var start = 0
        while let frame = try frame(at: start) {
            start = frame.end
            if let message = try take(frame) { messages.append(message) }
        }
        buffer.removeFirst(start)
        return messages
    }

    private struct Frame {
        let isFinal: Bool
        let opcode: UInt8
        let payload: [UInt8]
        let end: Int
    }

    private func frame(at start: Int) throws(Failure) -> Frame? {
        guard buffer.count >= start + 2 else { return nil }
        let (first, second) = (buffer[start], buffer[start + 1])
        // Extensions were not agreed on, and clients have to mask.
        guard first & 0x70 == 0, second & 0x80 != 0 else { throw .malformed }
        var position = start + 2
        var length = Int(second & 0x7F)
        if length >= 126 {
            let width = length == 126 ? 2 : 8
            guard buffer.count >= position + width else { return nil }
            var value: UInt64 = 0
            for byte in buffer[position..<(position + width)] { value = value << 8 | UInt64(byte) }
            guard value <= UInt64(Self.longest) else { throw .tooLarge }
            length = Int(value)
            position += width
        }
        guard buffer.count >= position + 4 + length else { return nil }
        let mask = Array(buffer[position..<(position + 4)])
        position += 4
        var payload = Array(buffer[position..<(position + length)])
        for index in payload.indices { payload[index] ^= mask[index & 3] }
        return Frame(isFinal: first & 0x80 != 0, opcode: first & 0x0F, payload: payload, end: position + length)
    }

    private mutating func take(_ frame: Frame) throws(Failure) -> Message? {
        switch frame.opcode {
        case 8: return .close
        case 9: return .ping(frame.payload)
        case 10: return nil
        case 1, 2:
            guard partial == nil else { throw .malformed }
            partial = (frame.opcode, frame.payload)
        case 0:
            guard let known = partial else { throw .malformed }
            guard known.bytes.count + frame.payload.count <= Self.longest else { throw .tooLarge }
            partial = (known.opcode, known.bytes + frame.payload)
        default: throw .malformed
        }
        guard frame.isFinal, let whole = partial else { return nil }
        partial = nil
        return whole.opcode == 1 ? .text(whole.bytes) : .binary(whole.bytes)
    }

    /// A frame for the client: `opcode` 2 for binary, 1 text, 10 pong, 8 close.
    static func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x80 | opcode]
        switch payload.count {
        case ..<126: bytes.append(UInt8(payload.count))
        case ..<65536: bytes += [126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            bytes.append(127)
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift)) }
        }
        return bytes + payload
    }
}
