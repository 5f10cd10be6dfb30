import Encoding
import Facts

/// SPDY/3.1 as Kubernetes uses it (`moby/spdystream`): frames of the server's side, without flow control. For one connection; not shared.
final class SPDYFrames {
    /// What a client sent.
    enum Event {
        case opened(stream: UInt32, headers: [String: String], isHalfClosed: Bool)
        case data(stream: UInt32, bytes: [UInt8], isLast: Bool)
        case reset(stream: UInt32)
        case ping(UInt32)
        case goAway
    }

    /// Why a connection cannot go on.
    enum Failure: Error, Sendable, Hashable {
        case malformed
    }

    private static let version: UInt16 = 3
    private static let longestHeaders = 1 << 16
    private static let longestFrame = 1 << 20
    private static let dictionary = Array(Facts.spdyDictionary)

    private var buffer: [UInt8] = []
    private let inflater = ZlibInflater(dictionary: SPDYFrames.dictionary)
    private let deflater = ZlibDeflater(dictionary: SPDYFrames.dictionary)

    init() {}

    /// Takes bytes; answers what they say.
    ///
    /// - Throws: `Failure`.
    func receive(_ bytes: [UInt8]) throws(Failure) -> [Event] {
        buffer += bytes
        var events: [Event] = []
        var start = 0
        while buffer.count >= start + 8 {
            let length = Int(buffer[start + 5]) << 16 | Int(buffer[start + 6]) << 8 | Int(buffer[start + 7])
            guard length <= Self.longestFrame else { throw .malformed }
            guard buffer.count >= start + 8 + length else { break }
            let payload = Array(buffer[(start + 8)..<(start + 8 + length)])
            let flags = buffer[start + 4]
            if buffer[start] & 0x80 == 0 {
                events.append(.data(stream: Self.number(buffer, start) & 0x7FFF_FFFF, bytes: payload, isLast: flags & 1 != 0))
            } else {
                let type = UInt16(buffer[start + 2]) << 8 | UInt16(buffer[start + 3])
                if let event = try control(type, flags, payload) { events.append(event) }
            }
            start += 8 + length
        }
        buffer.removeFirst(start)
        return events
    }

    private static func number(_ bytes: [UInt8], _ start: Int) -> UInt32 {
        bytes[start..<(start + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func control(_ type: UInt16, _ flags: UInt8, _ payload: [UInt8]) throws(Failure) -> Event? {
        switch type {
        case 1:
            guard payload.count >= 10 else { throw .malformed }
            let headers = try headers(Array(payload[10...]))
            return .opened(stream: Self.number(payload, 0) & 0x7FFF_FFFF, headers: headers, isHalfClosed: flags & 1 != 0)
        case 3:
            guard payload.count >= 8 else { throw .malformed }
            return .reset(stream: Self.number(payload, 0) & 0x7FFF_FFFF)
        case 6:
            guard payload.count == 4 else { throw .malformed }
            return .ping(Self.number(payload, 0))
        case 7: return .goAway
        case 8:
            // Further headers: read, since the compression goes on over all of them.
            guard payload.count >= 4 else { throw .malformed }
            _ = try headers(Array(payload[4...]))
            return nil
        default: return nil
        }
    }

    private func headers(_ block: [UInt8]) throws(Failure) -> [String: String] {
        guard let bytes = inflater.inflate(block, limit: Self.longestHeaders), bytes.count >= 4 else { throw .malformed }
        var position = 4
        func text() throws(Failure) -> String {
            guard bytes.count >= position + 4 else { throw .malformed }
            let length = Int(Self.number(bytes, position))
            position += 4
            guard length <= Self.longestHeaders, bytes.count >= position + length else { throw .malformed }
            defer { position += length }
            return String(decoding: bytes[position..<(position + length)], as: UTF8.self)
        }
        var headers: [String: String] = [:]
        let count = Int(Self.number(bytes, 0))
        guard count <= 256 else { throw .malformed }
        for _ in 0..<count {
            let name = try text().lowercased()
            headers[name] = try text()
        }
        return headers
    }

    // MARK: Sending

    private static func bytes(_ number: UInt32) -> [UInt8] {
        [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }

    private static func control(_ type: UInt8, _ flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0x80, UInt8(version), 0, type, flags] + bytes(UInt32(clamping: payload.count))[1...] + payload
    }

    /// Accepts a stream.
    func reply(to stream: UInt32) -> [UInt8]? {
        guard let block = deflater.deflate([0, 0, 0, 0]) else { return nil }
        return Self.control(2, 0, Self.bytes(stream) + block)
    }

    /// Data of a stream, in frames that clients take.
    static func data(_ stream: UInt32, _ bytes: [UInt8], isLast: Bool) -> [UInt8] {
        let chunk = 1 << 16
        guard bytes.count > chunk else {
            return Self.bytes(stream & 0x7FFF_FFFF) + [isLast ? 1 : 0] + Self.bytes(UInt32(bytes.count))[1...] + bytes
        }
        return data(stream, Array(bytes[..<chunk]), isLast: false) + data(stream, Array(bytes[chunk...]), isLast: isLast)
    }

    /// The answer to a ping.
    static func pong(_ id: UInt32) -> [UInt8] { control(6, 0, bytes(id)) }
}
