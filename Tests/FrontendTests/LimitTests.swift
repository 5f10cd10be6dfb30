import Frontend
import HTTP
import Testing

@Suite("Limits and malformed requests")
struct LimitTests {
    @Test("a header or request target beyond the limit gets 431 in the words of Go's server", arguments: ["header", "target", "many"])
    func headers(place: String) async throws {
        try await Fixture.run(configure: { $0.maximumHeaderBytes = 4096 }) { fixture in
            let long = String(repeating: "a", count: 5000)
            let wire = try await fixture.connect()
            switch place {
            case "header": wire.send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: \(long)\r\n\r\n")
            case "target": wire.send("GET /\(long) HTTP/1.1\r\nHost: x\r\n\r\n")
            default:
                let fields = (0..<200).map { "X-\($0): \(long.prefix(20))\r\n" }.joined()
                wire.send("GET / HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
            }
            let answer = try await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 431 Request Header Fields Too Large\r\n"))
            #expect(answer.contains("Content-Type: text/plain; charset=utf-8\r\n"))
            #expect(answer.contains("Connection: close\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n431 Request Header Fields Too Large"))
        }
    }

    @Test("by default a URL of 900 KiB is served and one of 1.1 MiB is not, as with kube-apiserver")
    func longTarget() async throws {
        try await Fixture.run { fixture in
            let served = try await fixture.get("/" + String(repeating: "u", count: 900 << 10))
            let refused = try await fixture.get("/" + String(repeating: "u", count: 1100 << 10))
            #expect(served.hasPrefix("HTTP/1.1 200"))
            #expect(refused.hasPrefix("HTTP/1.1 431"))
        }
    }

    @Test("a body beyond the limit is handed over as cut off, and the client that is still sending gets the answer")
    func bodies() async throws {
        let handler = Answering { request in
            HTTPResponse(status: request.isBodyTruncated ? 413 : 200, contentType: "text/plain", Array("body \(request.body.count)".utf8))
        }
        try await Fixture.run(handler, configure: { $0.maximumBodyBytes = 1000 }) { fixture in
            let whole = try await fixture.connect()
            whole.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "b", count: 1000))
            try await whole.receive(containing: "body 1000")
            let announced = try await fixture.connect()
            announced.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
            announced.send(String(repeating: "b", count: 800_000))
            #expect(try await announced.receiveAll().hasPrefix("HTTP/1.1 413"))
            let chunked = try await fixture.connect()
            chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<20 { chunked.send("64\r\n" + String(repeating: "c", count: 100) + "\r\n") }
            let answer = try await chunked.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 413"))
            #expect(answer.contains("Connection: close"))
        }
    }

    @Test("over HTTP/2 only the stream with the large body is refused")
    func largeStream() async throws {
        let handler = Answering { HTTPResponse(status: $0.isBodyTruncated ? 413 : 200) }
        try await Fixture.run(handler, tls: true, configure: { $0.maximumBodyBytes = 100 }) { fixture in
            let client = try await HTTP2Client.connect(to: fixture)
            client.post("/", stream: 1, body: [UInt8](repeating: 0, count: 200))
            try await client.wait("413") {
                $0.contains {
                    $0 == .headers(stream: 1, status: "413", ends: false) || $0 == .headers(stream: 1, status: "413", ends: true)
                }
            }
            client.get("/", stream: 3)
            try await client.wait("200") {
                $0.contains {
                    $0 == .headers(stream: 3, status: "200", ends: false) || $0 == .headers(stream: 3, status: "200", ends: true)
                }
            }
            client.close()
        }
    }

    @Test(
        "what is no HTTP request gets 400 and a closed connection",
        arguments: [
            "\u{1}\u{2}\u{3}\u{4}\r\n\r\n", "GARBAGE\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "GET /\u{7f} HTTP/1.1\r\nHost: x\r\n\r\n",
        ])
    func malformed(request: String) async throws {
        try await Fixture.run { fixture in
            let wire = try await fixture.connect()
            wire.send(request)
            let answer = try await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n400 Bad Request"))
            #expect(try await fixture.get().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("HTTP/1.1 without Host is refused as Go's server refuses it")
    func missingHost() async throws {
        try await Fixture.run { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.1\r\n\r\n")
            #expect(try await wire.receiveAll().hasSuffix("\r\n\r\n400 Bad Request: missing required Host header"))
        }
    }

    @Test("garbage after a good request spoils only what follows")
    func garbageBehind() async throws {
        try await Fixture.run { fixture in
            let wire = try await fixture.connect()
            wire.send("GET /good HTTP/1.1\r\nHost: x\r\n\r\n\u{1}\u{2}garbage\r\n\r\n")
            #expect(try await wire.receiveAll().contains("GET /good"))
        }
    }

    @Test("connections beyond the limit are closed at once, and room is given back")
    func connections() async throws {
        try await Fixture.run(configure: { $0.maximumConnections = 1 }) { fixture in
            let first = try await fixture.connect()
            first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await first.receive(containing: "200 OK")
            let second = try await fixture.connect()
            #expect(try await second.receiveAll() == "")
            first.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            try await first.receiveAll()
            try await Eventually.holds("room for another") { fixture.listener.connectionCount == 0 }
            #expect(try await fixture.get().hasPrefix("HTTP/1.1 200"))
        }
    }
}
