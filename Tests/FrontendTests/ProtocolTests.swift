import Frontend
import HTTP
import PKI
import Testing

@Suite("Protocols of a listener")
struct ProtocolTests {
    @Test(
        "ALPN agrees on h2 first, then http/1.1, and does without",
        arguments: [(["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"), ([], nil)] as [([String], String?)])
    func alpn(offered: [String], agreed: String?) async throws {
        try await Fixture.run(tls: true) { fixture in
            let wire = try await fixture.connect(protocols: offered)
            #expect(wire.negotiated == agreed)
            guard agreed != "h2" else { return }
            wire.send("GET /a?b=c HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let answer = try await wire.receive(containing: "listener=demo")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.contains("GET /a query=b=c body=0 truncated=false"))
            #expect(answer.contains("tls=true certificates=0"))
        }
    }

    @Test("a connection serves one request after the other, and pipelined ones in their order")
    func keepAlive() async throws {
        try await Fixture.run { fixture in
            let wire = try await fixture.connect()
            wire.send("POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            try await wire.receive(containing: "POST /one query=- body=3")
            wire.send("GET /two HTTP/1.1\r\nHost: x\r\n\r\nGET /three HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try await wire.receive(containing: "GET /three")
            let two = try #require(answer.firstRange(of: "GET /two"))
            let three = try #require(answer.firstRange(of: "GET /three"))
            #expect(two.lowerBound < three.lowerBound)
            #expect(!wire.isClosed)
        }
    }

    @Test("HTTP/1.0, and a client that asks for it, get the connection closed after the answer")
    func closing() async throws {
        try await Fixture.run { fixture in
            for head in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"] {
                let wire = try await fixture.connect()
                wire.send(head)
                #expect(try await wire.receiveAll().contains("200 OK"))
            }
        }
    }

    @Test("a stream to an HTTP/1.0 client ends with the connection")
    func oldStream() async throws {
        let handler = Answering { _ in HTTPResponse(status: 200, body: .stream { try await $0.write(Array("all of it".utf8)) }) }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await wire.receiveAll().hasSuffix("all of it"))
        }
    }

    @Test("HEAD answers the header alone")
    func head() async throws {
        try await Fixture.run { fixture in
            let wire = try await fixture.connect()
            wire.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let answer = try await wire.receiveAll()
            #expect(answer.hasSuffix("\r\n\r\n"))
            #expect(answer.lowercased().contains("content-length: "))
        }
    }

    @Test("a body announced with Expect is asked for")
    func expect() async throws {
        try await Fixture.run { fixture in
            let wire = try await fixture.connect()
            wire.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            try await wire.receive(containing: "HTTP/1.1 100 Continue\r\n\r\n")
            wire.send("ok")
            try await wire.receive(containing: "body=2")
        }
    }

    @Test("HTTP/2 answers streams side by side, whichever is ready first")
    func streams() async throws {
        let gate = Signal()
        let handler = Answering { request in
            if request.path == "/first" { await gate.wait() }
            return HTTPResponse(status: 200, contentType: "text/plain", Array("\(request.path) \(request.headers["Host"] ?? "")".utf8))
        }
        try await Fixture.run(handler, tls: true) { fixture in
            let client = try await HTTP2Client.connect(to: fixture)
            client.get("/first", stream: 1)
            client.post("/second", stream: 3, body: [1, 2, 3])
            try await client.wait("the second answer") { $0.contains(.data(stream: 3, "/second localhost", ends: false)) }
            gate.set()
            try await client.wait("the first answer") { $0.contains(.data(stream: 1, "/first localhost", ends: false)) }
            client.close()
        }
    }

    @Test("a client certificate is taken along, whoever issued it, and none is needed")
    func clientCertificates() async throws {
        try await Fixture.run(tls: true) { fixture in
            #expect(try await fixture.get(protocols: []).contains("certificates=0"))
            let own = try fixture.authority.issueClient(commonName: "joe", organizations: ["dev"], world: fixture.world)
            let foreign = try CertificateAuthority(world: fixture.world).issueClient(
                commonName: "eve", organizations: [], world: fixture.world)
            for identity in [own, foreign] {
                let wire = try await fixture.connect(protocols: ["http/1.1"], identity: identity)
                wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try await wire.receive(containing: "certificates=1")
            }
        }
    }
}
