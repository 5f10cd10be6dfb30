import Frontend
import HTTP
import Testing
import World

@Suite("Streaming answers")
struct StreamingTests {
    @Test("bytes arrive when they are written, not when the answer ends")
    func prompt() async throws {
        let gate = Signal()
        let handler = Answering { _ in
            HTTPResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write(Array("first".utf8))
                    await gate.wait()
                    try await writer.write(Array("last".utf8))
                })
        }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await wire.receive(containing: "first")
            gate.set()
            #expect(try await wire.receive(containing: "0\r\n\r\n").contains("last"))
            // The connection goes on.
            wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(try await wire.receiveAll().hasSuffix("last\r\n0\r\n\r\n"))
        }
    }

    @Test("a client that does not read holds the producer back, and its leaving ends it")
    func backPressure() async throws {
        let produced = Lock(0)
        let ended = Signal()
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
        let total = 4096
        let handler = Answering { request in
            guard request.path == "/stream" else { return HTTPResponse(status: 200) }
            return HTTPResponse(
                status: 200,
                body: .stream { writer in
                    defer { ended.set() }
                    for _ in 0..<total {
                        try await writer.write(chunk)
                        produced.withLock { $0 += 1 }
                    }
                })
        }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            try await wire.setAutoRead(false)
            wire.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            try await Eventually.holds("the producer has begun") { produced.withLock { $0 } > 2 }
            for _ in 0..<50 { #expect(try await fixture.get("/other").hasPrefix("HTTP/1.1 200")) }
            #expect(!ended.isSet)
            // What the sockets' buffers hold, far less than the 256 MiB to be sent.
            #expect(produced.withLock { $0 } < total / 4)
            wire.close()
            try await ended.wait(orThrow: "the producer learns of it")
            #expect(produced.withLock { $0 } < total / 4)
        }
    }

    @Test("a producer that waits for events learns that the client has gone")
    func disconnect() async throws {
        let begun = Signal()
        let gone = Signal()
        let refused = Signal()
        let handler = Answering { _ in
            HTTPResponse(
                status: 200,
                body: .stream { writer in
                    begun.set()
                    await writer.waitUntilClosed()
                    gone.set()
                    do { try await writer.write([1]) } catch is HTTPClientGone { refused.set() }
                })
        }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await begun.wait(orThrow: "the stream begins")
            wire.close()
            try await gone.wait(orThrow: "the producer learns of it")
            try await refused.wait(orThrow: "writing is refused")
        }
    }

    @Test("over HTTP/2 a reset stream ends its producer and leaves the others alone")
    func resetStream() async throws {
        let gone = Signal()
        let handler = Answering { request in
            guard request.path == "/watch" else { return HTTPResponse(status: 200) }
            return HTTPResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write(Array("event".utf8))
                    await writer.waitUntilClosed()
                    gone.set()
                })
        }
        try await Fixture.run(handler, tls: true) { fixture in
            let client = try await HTTP2Client.connect(to: fixture)
            client.get("/watch", stream: 1)
            try await client.wait("an event") { $0.contains(.data(stream: 1, "event", ends: false)) }
            client.reset(stream: 1)
            try await gone.wait(orThrow: "the producer learns of it")
            client.get("/", stream: 3)
            try await client.wait("the next answer") { frames in
                frames.contains { if case .headers(stream: 3, status: "200", _) = $0 { true } else { false } }
            }
            client.close()
        }
    }

    @Test("an answer that its producer breaks off does not look whole")
    func broken() async throws {
        struct Broken: Error {}
        let handler = Answering { _ in
            HTTPResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write(Array("part".utf8))
                    throw Broken()
                })
        }
        try await Fixture.run(handler, tls: true) { fixture in
            let wire = try await fixture.connect(protocols: ["http/1.1"])
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try await wire.receiveAll()
            #expect(answer.contains("part"))
            #expect(!answer.contains("0\r\n\r\n"))
            let client = try await HTTP2Client.connect(to: fixture)
            client.get("/", stream: 1)
            let frames = try await client.wait("a reset") { $0.contains(.reset(stream: 1)) }
            #expect(frames.contains(.data(stream: 1, "part", ends: false)))
            client.close()
        }
    }

    @Test("a body of megabytes arrives whole, and the next answer after it", arguments: [nil, 700, 300_000, 2_000_000])
    func large(piece: Int?) async throws {
        let total = 2_000_001
        let bytes = (0..<total).map { UInt8(ascii: "a") + UInt8($0 % 23) }
        let pieces = piece.map { piece in stride(from: 0, to: total, by: piece).map { Array(bytes[$0..<min($0 + piece, total)]) } }
        let handler = Answering { request in
            guard request.path == "/large" else { return HTTPResponse(status: 200, contentType: "text/plain", Array("small".utf8)) }
            return HTTPResponse(status: 200, body: pieces.map { .segments($0, count: total) } ?? .bytes(bytes))
        }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let answer = try await wire.receiveAll()
            let body = try #require(answer.firstRange(of: "\r\n\r\n")).upperBound
            #expect(answer[body...].utf8.prefix(total).elementsEqual(bytes))
            #expect(answer[body...].utf8.dropFirst(total).starts(with: "HTTP/1.1 200".utf8))
            #expect(answer.hasSuffix("small"))
        }
    }
}
