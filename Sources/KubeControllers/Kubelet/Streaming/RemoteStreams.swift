import HTTP
import JSON
import World

/// The channels of `exec` and `attach`, numbered as `channel.k8s.io` does.
enum RemoteChannel {
    static let stdin: UInt8 = 0
    static let stdout: UInt8 = 1
    static let stderr: UInt8 = 2
    static let status: UInt8 = 3
    static let resize: UInt8 = 4
    /// Says since version 5 that a channel is closed.
    static let closed: UInt8 = 255
}

/// A client's side of `exec` and `attach`: what it types, and where output goes. Whatever carries it.
protocol RemoteStreams: Sendable {
    /// What the client sends to the command; ends when the client says so or goes.
    var stdin: AsyncStream<[UInt8]> { get }

    /// Sends output.
    func write(_ channel: UInt8, _ bytes: [UInt8]) async throws

    /// Says how the command ended, and closes.
    func finish(_ status: JSON) async
}

/// Statuses that end a remote command.
enum RemoteStatus {
    static let success: JSON = ["metadata": [:], "status": "Success"]

    static func exit(_ code: Int64) -> JSON {
        guard code != 0 else { return success }
        return [
            "metadata": [:], "status": "Failure",
            "message": .string("command terminated with non-zero exit code: exit status \(code)"), "reason": "NonZeroExitCode",
            "details": ["causes": [["reason": "ExitCode", "message": .string("\(code)")]]],
        ]
    }
}

/// Channels over WebSocket: the first byte of a message names its channel.
final class WebSocketStreams: RemoteStreams {
    let stdin: AsyncStream<[UInt8]>
    private let input: AsyncStream<[UInt8]>.Continuation
    private let tunnel: any HTTPTunnel

    init(_ tunnel: any HTTPTunnel) {
        self.tunnel = tunnel
        (stdin, input) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingOldest(1024))
    }

    /// Reads until the client goes.
    func receive() async {
        defer { input.finish() }
        var frames = WebSocketFrames()
        while let bytes = await tunnel.read() {
            guard let messages = try? frames.receive(bytes) else { return tunnel.close() }
            for message in messages {
                switch message {
                case .close: return
                case .ping(let payload): try? await tunnel.write(WebSocketFrames.frame(10, payload))
                case .text(let bytes), .binary(let bytes):
                    switch bytes.first {
                    case RemoteChannel.stdin: input.yield(Array(bytes.dropFirst()))
                    case RemoteChannel.closed where bytes.dropFirst().first == RemoteChannel.stdin: input.finish()
                    default: break
                    }
                }
            }
        }
    }

    func write(_ channel: UInt8, _ bytes: [UInt8]) async throws { try await tunnel.write(WebSocketFrames.frame(2, [channel] + bytes)) }

    func finish(_ status: JSON) async {
        try? await write(RemoteChannel.status, status.serialized())
        // 1000: done.
        try? await tunnel.write(WebSocketFrames.frame(8, [3, 232]))
        tunnel.close()
    }
}

/// Channels as streams of SPDY, told apart by their header `streamType`.
final class SPDYStreams: RemoteStreams {
    let stdin: AsyncStream<[UInt8]>
    private let input: AsyncStream<[UInt8]>.Continuation
    private let tunnel: any HTTPTunnel
    private let streams = Lock<[UInt8: UInt32]>([:])
    private let wanted: Set<UInt8>
    private let opened: AsyncStream<Void>
    private let allOpen: AsyncStream<Void>.Continuation

    private static let types: [String: UInt8] = [
        "stdin": RemoteChannel.stdin, "stdout": RemoteChannel.stdout, "stderr": RemoteChannel.stderr, "error": RemoteChannel.status,
        "resize": RemoteChannel.resize,
    ]

    init(_ tunnel: any HTTPTunnel, wanted: Set<UInt8>) {
        self.tunnel = tunnel
        self.wanted = wanted
        (stdin, input) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingOldest(1024))
        (opened, allOpen) = AsyncStream.makeStream(of: Void.self)
    }

    /// Waits for the client's streams. Answers whether they came.
    func isOpen() async -> Bool {
        for await _ in opened { return true }
        return false
    }

    /// Reads until the client goes.
    func receive() async {
        defer {
            input.finish()
            allOpen.finish()
        }
        let frames = SPDYFrames()
        while let bytes = await tunnel.read() {
            guard let events = try? frames.receive(bytes) else { return tunnel.close() }
            for event in events {
                switch event {
                case .opened(let stream, let headers, let isHalfClosed):
                    guard let channel = Self.types[headers["streamtype"] ?? ""], let reply = frames.reply(to: stream) else {
                        return tunnel.close()
                    }
                    try? await tunnel.write(reply)
                    let isComplete = streams.withLock { streams in
                        streams[channel] = stream
                        return wanted.isSubset(of: streams.keys)
                    }
                    if isHalfClosed, channel == RemoteChannel.stdin { input.finish() }
                    if isComplete { allOpen.yield() }
                case .data(let stream, let bytes, let isLast):
                    guard streams.withLock({ $0[RemoteChannel.stdin] }) == stream else { continue }
                    if !bytes.isEmpty { input.yield(bytes) }
                    if isLast { input.finish() }
                case .ping(let id): try? await tunnel.write(SPDYFrames.pong(id))
                case .goAway: return
                case .reset: break
                }
            }
        }
    }

    func write(_ channel: UInt8, _ bytes: [UInt8]) async throws {
        guard let stream = streams.withLock({ $0[channel] }) else { return }
        try await tunnel.write(SPDYFrames.data(stream, bytes, isLast: false))
    }

    func finish(_ status: JSON) async {
        let streams = streams.withLock { $0 }
        for channel in [RemoteChannel.stdout, RemoteChannel.stderr] {
            if let stream = streams[channel] { try? await tunnel.write(SPDYFrames.data(stream, [], isLast: true)) }
        }
        if let stream = streams[RemoteChannel.status] {
            try? await tunnel.write(SPDYFrames.data(stream, status.serialized(), isLast: true))
        }
        tunnel.close()
    }
}
