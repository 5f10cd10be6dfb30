import Frontend
import HTTP
import NIOPosix
import PKI
import Testing
import World

@Suite("Fetching documents of other servers")
struct DocumentClientTests {
    private static let site = Answering { request in
        switch request.path {
        case "/ok":
            HTTPResponse(status: 200, contentType: "text/plain", Array("host \(request.headers["Host"] ?? "")".utf8))
        case "/large": HTTPResponse(status: 200, contentType: "text/plain", Array(repeating: 0x61, count: 5000))
        case "/here": HTTPResponse(status: 302, headers: ["Location": "/ok"])
        case "/round": HTTPResponse(status: 307, headers: ["Location": "/round"])
        default: HTTPResponse(status: 404)
        }
    }

    private func get(_ url: String, roots: [String] = []) async -> Result<HTTPResponse, FetchFailure> {
        do {
            let client = try DocumentClient(group: .singleton, trustRoots: roots, timeout: .seconds(600))
            return .success(try await client.get(url, headers: ["Accept": "application/json"], maximumBytes: 4096))
        } catch {
            return .failure(error as? FetchFailure ?? FetchFailure("\(error)"))
        }
    }

    /// Why a document could not be fetched; empty when it was.
    private func failure(_ url: String, roots: [String] = []) async -> String {
        if case .failure(let failure) = await get(url, roots: roots) { failure.description } else { "" }
    }

    @Test("over TLS with an authority that is trusted, by address and by name; redirects are followed")
    func overTLS() async throws {
        try await Fixture.run(Self.site, tls: true) { fixture in
            let roots = [fixture.authority.identity.certificatePEM]
            for host in ["127.0.0.1", "localhost"] {
                let base = "https://\(host):\(fixture.address.port)"
                let answer = try await get("\(base)/ok", roots: roots).get()
                #expect(answer.status == 200 && answer.collected == Array("host \(host):\(fixture.address.port)".utf8))
                #expect(await failure("\(base)/here", roots: roots) == "")
                let missing = try await get("\(base)/none", roots: roots).get()
                #expect(missing.status == 404, "a failure's status is an answer")
            }
            let base = "https://127.0.0.1:\(fixture.address.port)"
            #expect(await failure("\(base)/ok").contains("CERTIFICATE_VERIFY_FAILED"))
            #expect(await failure("\(base)/large", roots: roots) == "\(base)/large answered more than 4096 bytes")
            #expect(await failure("\(base)/round", roots: roots) == "\(base)/round redirects more than 10 times")
        }
    }

    @Test("without TLS, and what cannot be reached")
    func plain() async throws {
        try await Fixture.run(Self.site) { fixture in
            #expect(await failure("http://127.0.0.1:\(fixture.address.port)/ok").isEmpty)
            #expect(await failure("https://127.0.0.1:\(fixture.address.port)/ok").contains("TLS"))
        }
        #expect(await failure("http://127.0.0.1:1/").hasPrefix("http://127.0.0.1:1/ cannot be reached: "))
    }

    @Test(
        "texts that are no URL of a document",
        arguments: [
            "", "login.example.com", "ftp://a.example.com", "https://", "https://a@b.example.com", "https://a:0", "https://a:x",
            "https://a b",
        ])
    func malformed(url: String) async {
        #expect(await failure(url) == "\(url) is no http or https URL")
    }
}
