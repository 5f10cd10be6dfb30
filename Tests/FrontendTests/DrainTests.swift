import Frontend
import HTTP
import NIOPosix
import Testing
import World

@Suite("Draining a listener")
struct DrainTests {
    @Test("what is under way finishes, what is idle closes, what comes new is refused")
    func finishes() async throws {
        let begun = Signal()
        let gate = Signal()
        let handler = Answering { request in
            guard request.path == "/slow" else { return HTTPResponse(status: 200) }
            begun.set()
            await gate.wait()
            return HTTPResponse(status: 200, contentType: "text/plain", Array("finished".utf8))
        }
        try await Fixture.run(handler) { fixture in
            let idle = try await fixture.connect()
            idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await idle.receive(containing: "200 OK")
            let slow = try await fixture.connect()
            slow.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            try await begun.wait(orThrow: "the request is under way")
            async let drained: Void = fixture.listener.drain()
            try await idle.receiveAll()
            await #expect(throws: (any Error).self) { try await fixture.connect() }
            #expect(slow.text == "")
            gate.set()
            let answer = try await slow.receiveAll()
            #expect(answer.hasSuffix("finished"))
            #expect(answer.contains("Connection: close"))
            await drained
            #expect(fixture.listener.connectionCount == 0)
        }
    }

    @Test("a stream ends as its producer would end it: whole")
    func streams() async throws {
        let handler = Answering { _ in
            HTTPResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write(Array("event".utf8))
                    await writer.waitUntilClosed()
                })
        }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await wire.receive(containing: "event")
            await fixture.listener.drain()
            #expect(try await wire.receiveAll().hasSuffix("event\r\n0\r\n\r\n"))
        }
    }

    @Test("a large answer leaves to its last byte, though the client reads slowly")
    func largeAnswer() async throws {
        let size = 24 << 20
        let handled = Signal()
        let handler = Answering { _ in
            defer { handled.set() }
            return HTTPResponse(status: 200, contentType: "text/plain", [UInt8](repeating: UInt8(ascii: "z"), count: size))
        }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            try await wire.setAutoRead(false)
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await handled.wait(orThrow: "the answer is made")
            async let drained: Void = fixture.listener.drain()
            try await Eventually.refuses(fixture)
            try await wire.setAutoRead(true)
            let answer = try await wire.receiveAll()
            #expect(answer.utf8.count > size)
            await drained
        }
    }

    @Test("over HTTP/2 the client is told to go away, and its streams finish")
    func goAway() async throws {
        let begun = Signal()
        let gate = Signal()
        let handler = Answering { _ in
            begun.set()
            await gate.wait()
            return HTTPResponse(status: 200, contentType: "text/plain", Array("finished".utf8))
        }
        try await Fixture.run(handler, tls: true) { fixture in
            let client = try await HTTP2Client.connect(to: fixture)
            client.get("/", stream: 1)
            try await begun.wait(orThrow: "the request is under way")
            async let drained: Void = fixture.listener.drain()
            try await client.wait("GOAWAY") { $0.contains(.goAway) }
            gate.set()
            try await client.wait("the answer") { $0.contains(.data(stream: 1, "finished", ends: false)) }
            await drained
        }
    }

    @Test("an answer that never comes holds the end up no longer than the drain timeout")
    func bounded() async throws {
        let begun = Signal()
        let never = Signal()
        let handler = Answering { _ in
            begun.set()
            await never.wait()
            return HTTPResponse(status: 200)
        }
        try await Fixture.run(handler, configure: { $0.drainTimeout = .milliseconds(50) }) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await begun.wait(orThrow: "the request is under way")
            await fixture.listener.drain()
            #expect(try await wire.receiveAll() == "")
            never.set()
        }
    }

    @Test("a port in use, and an address that is none, are told apart")
    func ports() async throws {
        try await Fixture.run { fixture in
            await #expect(throws: FrontendError.addressInUse(host: "127.0.0.1", port: fixture.address.port)) {
                try await Listener.open(
                    name: "x", at: fixture.address, admission: OpenAdmission(Answering.report), world: World(), group: .singleton)
            }
        }
        do {
            _ = try await Listener.open(
                name: "x", at: .init(host: "203.0.113.1", port: 0), admission: OpenAdmission(Answering.report), world: World(),
                group: .singleton)
            Issue.record("203.0.113.1 is no address of this machine")
        } catch {
            #expect("\(error)".contains("cannot listen on port 0 of 203.0.113.1"))
        }
    }
}
