import Frontend
import HTTP
import NIOPosix
import PKI
import Testing
import World

@Suite("Calling webhooks")
struct WebhookClientTests {
    private static let site = Answering { request in
        switch request.path {
        case "/echo":
            HTTPResponse(
                status: 200, contentType: "application/json",
                Array("\(request.method) \(request.headers["Host"] ?? "") \(request.query ?? "") ".utf8) + request.body)
        case "/slow": HTTPResponse(status: 200, body: .stream { writer in await writer.waitUntilClosed() })
        default: HTTPResponse(status: 404)
        }
    }

    private static func post(
        _ path: String, _ port: Int, name: String = "127.0.0.1", roots: String?, timeout: Duration = .seconds(600)
    ) async -> Result<HTTPResponse, WebhookCallFailure> {
        let call = WebhookCall(
            url: "https://\(name)\(path)", host: "127.0.0.1", port: port, authority: "\(name):\(port)", target: path, serverName: name,
            trustRoots: roots.map { Array($0.utf8) }, body: Array("{}".utf8), timeout: timeout)
        return await Result { () async throws(WebhookCallFailure) in try await WebhookClient(group: .singleton).post(call) }
    }

    private static func reason(_ result: Result<HTTPResponse, WebhookCallFailure>) -> String {
        if case .failure(let failure) = result { failure.reason } else { "" }
    }

    @Test("sends the body over TLS to whom the bundle names, and takes any status as an answer")
    func answers() async throws {
        try await Fixture.run(Self.site, tls: true) { fixture in
            let roots = fixture.authority.identity.certificatePEM
            let port = fixture.address.port
            let answer = try await Self.post("/echo?timeout=1s", port, roots: roots).get()
            #expect(String(decoding: answer.collected ?? [], as: UTF8.self) == "POST 127.0.0.1:\(port) timeout=1s {}")
            #expect(try await Self.post("/none", port, roots: roots).get().status == 404)
            #expect(try await Self.post("/echo", port, name: "localhost", roots: roots).get().status == 200)
        }
    }

    @Test("says why there is no answer as Go does")
    func refusals() async throws {
        try await Fixture.run(Self.site, tls: true) { fixture in
            let roots = fixture.authority.identity.certificatePEM
            let port = fixture.address.port
            #expect(
                Self.reason(await Self.post("/echo", port, roots: nil))
                    == "tls: failed to verify certificate: x509: certificate signed by unknown authority")
            let mismatch = Self.reason(await Self.post("/echo", port, name: "hook.default.svc", roots: roots))
            #expect(mismatch.hasPrefix("tls: failed to verify certificate: x509: certificate is valid for "), "\(mismatch)")
            #expect(mismatch.hasSuffix(", not hook.default.svc"), "\(mismatch)")
            #expect(
                Self.reason(await Self.post("/echo", port, roots: "none"))
                    == "unable to load root certificates: unable to parse bytes as PEM block")
            #expect(
                Self.reason(await Self.post("/slow", port, roots: roots, timeout: .milliseconds(50))) == "context deadline exceeded")
        }
        try await Fixture.run(Self.site) { fixture in
            #expect(
                Self.reason(await Self.post("/echo", fixture.address.port, roots: nil))
                    == "http: server gave HTTP response to HTTPS client")
        }
        #expect(Self.reason(await Self.post("/", 1, roots: nil)) == "dial tcp 127.0.0.1:1: connect: connection refused")
    }

    @Test("knows the addresses of this machine")
    func local() {
        let client = WebhookClient(group: .singleton)
        #expect(client.isLocal("127.0.0.1") && client.isLocal("::1") && client.isLocal("localhost"))
        #expect(!client.isLocal("203.0.113.7") && !client.isLocal("example.com"))
    }
}

extension Result {
    fileprivate init(_ body: () async throws(Failure) -> Success) async {
        do throws(Failure) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
