import Frontend
import HTTP
import Testing

@Suite("Hostile and broken clients on the TLS port")
struct HostileTLSTests {
    @Test(
        "plain HTTP is told so, in the words of Go's server",
        arguments: ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\n\r\n", "PUT /", "OPTIONS *"])
    func plainHTTP(request: String) async throws {
        try await Fixture.run(tls: true) { fixture in
            let wire = try await fixture.connect()
            wire.send(request)
            #expect(
                try await wire.receiveAll() == "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
        }
    }

    @Test("plain HTTP that comes byte by byte is told so as well")
    func slowPlainHTTP() async throws {
        try await Fixture.run(tls: true) { fixture in
            let wire = try await fixture.connect()
            for byte in "GET / HTTP".utf8 { wire.send([byte]) }
            #expect(try await wire.receiveAll().contains("Client sent an HTTP request to an HTTPS server."))
        }
    }

    @Test(
        "what is no TLS at all ends its own connection only",
        arguments: [
            [UInt8](repeating: 0, count: 64), [UInt8](repeating: 0xFF, count: 4096), Array("SSH-2.0-OpenSSH_9.6\r\n".utf8),
            [0x80, 0x2E, 1, 0, 2],
            [0x16, 3, 1, 0xFF, 0xFF] + [UInt8](repeating: 7, count: 300), [0x15, 3, 3, 0, 2, 2, 40],
        ])
    func garbage(bytes: [UInt8]) async throws {
        try await Fixture.run(tls: true) { fixture in
            let wire = try await fixture.connect()
            wire.send(bytes)
            #expect(try await fixture.get(protocols: ["http/1.1"]).hasPrefix("HTTP/1.1 200"))
            // A record that announces more than it brings waits for the rest.
            wire.close()
            let answer = try await wire.receiveAll()
            #expect(!answer.contains("HTTP"))
        }
    }

    @Test("a client that leaves in the middle of the handshake leaves nothing behind")
    func truncatedHandshake() async throws {
        try await Fixture.run(tls: true) { fixture in
            // The beginning of a ClientHello.
            let wire = try await fixture.connect()
            wire.send([0x16, 3, 1, 0, 0x80, 1, 0, 0, 0x7C, 3, 3])
            try await Eventually.holds("the connection is there") { fixture.listener.connectionCount == 1 }
            wire.close()
            try await Eventually.holds("the connection is gone") { fixture.listener.connectionCount == 0 }
            #expect(try await fixture.get(protocols: []).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("a record that was tampered with ends the connection")
    func tamperedRecord() async throws {
        try await Fixture.run(tls: true) { fixture in
            let wire = try await fixture.connect(protocols: ["http/1.1"])
            wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try await wire.receive(containing: "200 OK")
            wire.sendBelowTLS([0x17, 3, 3, 0, 3, 1, 2, 3])
            try await wire.receiveAll()
            try await Eventually.holds("the connection is gone") { fixture.listener.connectionCount == 0 }
        }
    }

    @Test("a client that leaves in the middle of a record leaves nothing behind")
    func truncatedRecord() async throws {
        try await Fixture.run(tls: true) { fixture in
            let wire = try await fixture.connect(protocols: ["http/1.1"])
            wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try await wire.receive(containing: "200 OK")
            wire.sendBelowTLS([0x17, 3, 3, 0, 5, 1, 2])
            wire.close()
            try await Eventually.holds("the connection is gone") { fixture.listener.connectionCount == 0 }
        }
    }

    @Test("a certificate of another authority is not the server's: the client sees a bad certificate")
    func foreignAuthority() async throws {
        try await Fixture.run(tls: true) { one in
            try await Fixture.run(tls: true, seed: 2) { other in
                let wire = try await Wire.connect(to: one.address, tls: Wire.TLS(authority: other.authority))
                #expect(try await wire.receiveAll() == "")
            }
        }
    }
}
