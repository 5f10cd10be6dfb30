import HTTP
import JSON
import KubeAPIServer
import PKI
import RBAC
import Store
import World

/// A whole API server in memory, asked through its HTTP handler: the product's own code, with a TokenReview webhook that answers as a
/// case says.
struct VectorServer {
    /// The answer to one request.
    struct Answer {
        let status: Int
        let headers: HTTPHeaders
        let json: JSON

        var message: String { json["message"]?.string ?? "" }
    }

    static let issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
    static let start = Instant(rfc3339: "2026-07-10T12:00:00Z") ?? Instant(seconds: 0)
    /// Making an RSA key takes 50 ms: all servers sign with one.
    private static let key = Task { try ServiceAccountKey(secret: Array("vectors".utf8)) }

    let world: World
    let webhook: ScriptedWebhook
    private let server: APIServer
    private let authority: CertificateAuthority

    /// Starts a server of the newest version with its bootstrap objects; `webhook` is a case's `tokenReview`.
    init(
        webhook script: JSON? = nil, cacheTTL: Duration = .seconds(120), policies: [AccessPolicyAssociation] = [],
        world: World = World(clock: .frozen(at: start))
    ) async throws {
        self.world = world
        authority = try CertificateAuthority(world: world)
        let cluster = ClusterState(
            id: "vectors", name: "demo", store: MemoryStore(world: world), world: world,
            certificateAuthority: authority.identity.certificatePEM)
        try await ClusterBootstrap(cluster: cluster, serviceRange: "10.100.0.0/16", endpoint: ("127.0.0.1", 443)).run()
        webhook = ScriptedWebhook(script ?? [:])
        let tokens = ServiceAccountTokens(cluster: cluster, issuer: Self.issuer) { try await Self.key.value }
        let reviewer: (any TokenReviewer)? = script == nil ? nil : WebhookTokenReviewer(webhook)
        server = APIServer(
            .init(
                cluster: cluster, authenticators: [CertificateAuthenticator(ClientCertificateVerifier(authority), world: world)],
                tokens: TokenAuthenticator(serviceAccounts: tokens, webhook: reviewer, cacheTTL: cacheTTL, world: world),
                serviceAccounts: tokens, authorizer: ClusterAuthorizer(cluster: cluster, policies: Policies(associations: policies)),
                kubernetesVersion: "1.36", address: "127.0.0.1:443"))
    }

    /// A user by client certificate: name, then groups.
    func send(
        _ method: String, _ target: String, _ body: JSON? = nil, as user: (name: String, groups: [String])? = nil,
        headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var certificates: [[UInt8]] = []
        if let user {
            certificates = [try authority.issueClient(commonName: user.name, organizations: user.groups, world: world).certificateDER]
        }
        var headers = headers
        if body != nil, headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
        let connection = ConnectionRecord(
            id: 1, remoteAddress: "127.0.0.1", remotePort: 1, listener: "demo", isTLS: true, peerCertificates: certificates)
        let response = await server.handle(
            HTTPRequest(
                method: method, path: halves[0], query: halves.count > 1 ? halves[1] : nil, headers: headers,
                body: body?.serialized() ?? [], connection: connection,
                trace: RequestTrace(id: world.random.uuid(), received: world.now, summary: "", target: "demo")))
        return Answer(
            status: response.status, headers: response.headers, json: response.collected.flatMap { try? JSON(parsing: $0) } ?? .null)
    }

    /// The authority of the server's certificate, in PEM.
    var certificateAuthority: String { authority.identity.certificatePEM }

    /// Opens a socket for clients of other processes while `body` runs.
    func listen<Result>(_ body: (VectorListener) async throws -> Result) async throws -> Result {
        try await VectorListener.serve(server, world: world, authority: authority, body)
    }

    /// As the administrator that every test has.
    func administer(_ method: String, _ target: String, _ body: JSON? = nil) async throws -> Answer {
        try await send(method, target, body, as: ("admin", ["system:masters"]))
    }

    private struct Policies: AccessPolicySource {
        let associations: [AccessPolicyAssociation]

        func associations(for user: UserInfo) -> (principalID: String, associations: [AccessPolicyAssociation])? {
            user.isPrivileged || associations.isEmpty ? nil : (VectorCluster.principalID, associations)
        }
    }
}

/// A TokenReview webhook that gives one answer and counts.
final class ScriptedWebhook: HTTPHandler {
    private let script: JSON
    private let count = Lock(0)

    init(_ script: JSON) { self.script = script }

    var calls: Int { count.withLock { $0 } }

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        count.withLock { $0 += 1 }
        if let wanted = script["token"]?.string, (try? JSON(parsing: request.body))?.at("spec", "token")?.string != wanted {
            return HTTPResponse(status: 403)
        }
        let status = Int(clamping: script["httpStatus"]?.integer ?? 200)
        var body = script["body"] ?? ["kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1beta1"]
        if script["body"] == nil { body["status"] = script["status"] ?? ["authenticated": false] }
        return HTTPResponse(status: status, contentType: "application/json", body.serialized())
    }
}
