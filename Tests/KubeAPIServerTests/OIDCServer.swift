import HTTP
import JSON
import KubeAPIServer
import PKI
import Store
import World

/// An API server that trusts an OpenID Connect provider, and the provider's documents, on a standing clock.
struct OIDCServer: Sendable {
    static let issuer = "https://login.example.com/tenant"
    static let start = Instant(seconds: 1_800_000_000)

    let world = World(clock: .frozen(at: start))
    let documents: ScriptedDocuments
    let settings: Settings
    private let server: APIServer
    private let administrator: [UInt8]

    init(_ configuration: OIDCConfiguration?, keys: [TokenSigner], life: String? = nil) async throws {
        documents = ScriptedDocuments(try keys.map { try $0.json() }, life: life)
        settings = Settings(configuration)
        let authority = try CertificateAuthority(world: world)
        administrator = try authority.issueClient(commonName: "admin", organizations: ["system:masters"], world: world).certificateDER
        let cluster = ClusterState(
            id: "oidc", name: "demo", store: MemoryStore(world: world), world: world,
            certificateAuthority: authority.identity.certificatePEM)
        let accounts = ServiceAccountTokens(cluster: cluster, issuer: "https://oidc.eks.example.com/id/0") {
            try ServiceAccountKey(secret: Array("oidc".utf8))
        }
        let oidc = OIDCTokens(cluster: "demo", source: settings, documents: documents, world: world)
        server = APIServer(
            .init(
                cluster: cluster, authenticators: [CertificateAuthenticator(ClientCertificateVerifier(authority), world: world)],
                tokens: TokenAuthenticator(serviceAccounts: accounts, oidc: oidc, webhook: nil, cacheTTL: .zero, world: world),
                serviceAccounts: accounts, authorizer: ClusterAuthorizer(cluster: cluster, policies: nil),
                kubernetesVersion: "1.34", address: "127.0.0.1:443"))
    }

    /// What a TokenReview says of a token, and the steps of its trace.
    func review(_ token: String, audiences: [String] = []) async -> (status: JSON, steps: [TraceStep]) {
        let body: JSON = ["spec": ["token": .string(token), "audiences": JSON(strings: audiences)]]
        let trace = RequestTrace(id: world.random.uuid(), received: world.now, summary: "", target: "demo")
        let response = await server.handle(
            HTTPRequest(
                method: "POST", path: "/apis/authentication.k8s.io/v1/tokenreviews", headers: ["Content-Type": "application/json"],
                body: body.serialized(),
                connection: ConnectionRecord(
                    id: 1, remoteAddress: "127.0.0.1", remotePort: 1, listener: "demo", isTLS: true, peerCertificates: [administrator]),
                trace: trace))
        let answer = response.collected.flatMap { try? JSON(parsing: $0) } ?? .null
        return (answer["status"] ?? answer, trace.snapshot.steps)
    }

    /// The error of a TokenReview; empty when the token is good.
    func error(_ token: String) async -> String {
        let error = await review(token).status["error"]?.string ?? ""
        return error.hasPrefix("[invalid bearer token, ") ? String(error.dropFirst("[invalid bearer token, ".count).dropLast()) : error
    }

    /// Claims of a token that passes, with changes; `null` takes a claim away.
    static func claims(_ changes: JSON = [:]) -> JSON {
        var claims: JSON = [
            "iss": .string(issuer), "sub": "alice", "aud": "kubernetes", "exp": .integer(start.seconds + 3600),
            "iat": .integer(start.seconds),
        ]
        for member in changes.object?.members ?? [] { claims[member.key] = member.value.isNull ? nil : member.value }
        return claims
    }

    /// Which provider the server trusts, to be changed while it runs.
    final class Settings: OIDCSource {
        private let configuration: Lock<OIDCConfiguration?>

        init(_ configuration: OIDCConfiguration?) { self.configuration = Lock(configuration) }

        var oidc: OIDCConfiguration? { configuration.withLock { $0 } }

        func set(_ new: OIDCConfiguration?) { configuration.withLock { $0 = new } }
    }
}

/// The provider's documents, and what was asked for.
final class ScriptedDocuments: DocumentFetcher {
    private struct State: Sendable {
        var keys: [JSON]
        var life: String?
        var failure: String?
        var issuer = OIDCServer.issuer
        var asked: [String] = []
    }

    private let state: Lock<State>

    init(_ keys: [JSON], life: String?) { state = Lock(State(keys: keys, life: life)) }

    /// The last words of the URLs that were asked for, in order.
    var asked: [String] { state.withLock { $0.asked } }

    func rotate(to keys: [JSON]) { state.withLock { $0.keys = keys } }

    func name(issuer: String) { state.withLock { $0.issuer = issuer } }

    /// Lets nothing be had for a reason, or again for `nil`.
    func fail(_ reason: String?) { state.withLock { $0.failure = reason } }

    func get(_ url: String, headers: HTTPHeaders, maximumBytes: Int) async throws(FetchFailure) -> HTTPResponse {
        let state = state.withLock { state in
            state.asked.append(url.split(separator: "/").last.map(String.init) ?? "")
            return state
        }
        if let failure = state.failure { throw FetchFailure(failure) }
        let document: JSON
        switch url {
        case "\(OIDCServer.issuer)/.well-known/openid-configuration":
            document = ["issuer": .string(state.issuer), "jwks_uri": "https://login.example.com/keys"]
        case "https://login.example.com/keys": document = ["keys": .array(state.keys)]
        default: return HTTPResponse(status: 404)
        }
        let headers: HTTPHeaders = state.life.map { ["Cache-Control": $0] } ?? [:]
        return HTTPResponse(status: 200, contentType: "application/json", document.serialized(), headers: headers)
    }
}
