import Frontend
import HTTP
import Testing

@Suite("Clients that keep a connection waiting")
struct TimeoutTests {
    @Test("the limits are kube-apiserver's and the NLB's")
    func defaults() {
        let configuration = FrontendConfiguration()
        #expect(configuration.idleTimeout == .seconds(350))
        #expect(configuration.maximumBodyBytes == 3 << 20)
        #expect(configuration.maximumHeaderBytes == 1 << 20)
    }

    @Test("a client that sends nothing is given up, with TLS and without", arguments: [false, true])
    func silent(tls: Bool) async throws {
        try await Fixture.run(tls: tls, configure: { $0.firstRequestTimeout = .milliseconds(100) }) { fixture in
            let wire = try await fixture.connect()
            #expect(try await wire.receiveAll() == "")
        }
    }

    @Test(
        "a client that never finishes its first request is given up",
        arguments: ["GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"])
    func halfRequest(part: String) async throws {
        try await Fixture.run(configure: { $0.firstRequestTimeout = .milliseconds(100) }) { fixture in
            let wire = try await fixture.connect()
            wire.send(part)
            #expect(try await wire.receiveAll() == "")
        }
    }

    @Test("a later request has its own time")
    func laterRequest() async throws {
        try await Fixture.run(configure: { $0.requestTimeout = .seconds(2) }) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET /whole HTTP/1.1\r\nHost: x\r\n\r\n")
            try await wire.receive(containing: "GET /whole")
            wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            let answer = try await wire.receiveAll()
            #expect(answer.contains("GET /whole"))
            #expect(!answer.contains("POST"))
        }
    }

    @Test("a connection that carries nothing is forgotten after the idle timeout, a stream of events as well", arguments: ["/", "/stream"])
    func idle(path: String) async throws {
        let gone = Signal()
        let handler = Answering { request in
            guard request.path == "/stream" else { return HTTPResponse(status: 200) }
            return HTTPResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write(Array("first".utf8))
                    await writer.waitUntilClosed()
                    gone.set()
                })
        }
        try await Fixture.run(handler, configure: { $0.idleTimeout = .seconds(6) }) { fixture in
            let wire = try await fixture.connect(sending: "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await wire.receiveAll().contains("200 OK"))
            if path == "/stream" { try await gone.wait(orThrow: "the producer learns of it") }
        }
    }

    @Test("a client that vanished without a word holds nothing for longer than the idle timeout")
    func halfOpen() async throws {
        try await Fixture.run(configure: { $0.idleTimeout = .seconds(6) }) { fixture in
            let wire = try await fixture.connect(sending: "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await wire.receive(containing: "200 OK")
            // On a slow machine the server may have been faster, which is what is wanted.
            try? await wire.setAutoRead(false)
            try await Eventually.holds("the connection is gone") { fixture.listener.connectionCount == 0 }
        }
    }
}
