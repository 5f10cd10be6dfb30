import Frontend
import HTTP
import Testing

@Suite("Connections that become something else")
struct UpgradeTests {
    /// Says back what it hears, until it hears nothing more.
    private static let echo = Answering { _ in
        HTTPResponse(
            status: 101, headers: ["Upgrade": "echo", "Connection": "Upgrade"],
            body: .upgrade { tunnel in
                while let bytes = await tunnel.read() {
                    guard (try? await tunnel.write(Array("<".utf8) + bytes + Array(">".utf8))) != nil else { return }
                }
            })
    }

    private static let head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

    @Test("bytes go both ways after the upgrade, also those that came with the request", arguments: [false, true])
    func tunnel(isTLS: Bool) async throws {
        try await Fixture.run(Self.echo, tls: isTLS) { fixture in
            let wire = try await fixture.connect(protocols: isTLS ? ["http/1.1"] : nil)
            wire.send(Self.head + "first")
            let answer = try await wire.receive(containing: "<first>")
            #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            #expect(!answer.contains("Content-Length") && !answer.contains("chunked"))
            wire.send("second")
            try await wire.receive(containing: "<second>")
        }
    }

    @Test("the connection closes when the other side is done")
    func end() async throws {
        let handler = Answering { _ in
            HTTPResponse(
                status: 101, headers: ["Upgrade": "x", "Connection": "Upgrade"], body: .upgrade { try? await $0.write(Array("bye".utf8)) })
        }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            wire.send(Self.head)
            #expect(try await wire.receiveAll().hasSuffix("bye"))
        }
    }

    @Test("an upgrade that is refused is answered, and the connection closes")
    func refused() async throws {
        let handler = Answering { _ in HTTPResponse(status: 403, body: .bytes(Array("no".utf8))) }
        try await Fixture.run(handler) { fixture in
            let wire = try await fixture.connect()
            wire.send(Self.head)
            let answer = try await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 403") && answer.hasSuffix("no"))
        }
    }
}
