import HTTP
import JSON
import KubeAPIServer
import PKI
import World

/// The OpenID Connect issuers of this simulator: one for each cluster that runs, by URL.
final class ClusterIssuers: OpenIDIssuers {
    private let tokens = Lock<[String: ServiceAccountTokens]>([:])

    func add(_ tokens: ServiceAccountTokens) { self.tokens.withLock { $0[tokens.issuer] = tokens } }

    func remove(_ tokens: ServiceAccountTokens) { self.tokens.withLock { _ = $0.removeValue(forKey: tokens.issuer) } }

    /// The tokens of the issuer whose URL ends with a path, such as `/id/0123…`.
    func issuer(path: String) -> ServiceAccountTokens? {
        tokens.withLock { known in known.first { $0.key.hasSuffix(path) }?.value }
    }

    /// The path of a URL below one of the issuers; `nil` for other URLs.
    func path(of url: String) -> String? {
        let isKnown = tokens.withLock { known in known.keys.contains { url.hasPrefix("\($0)/") } }
        return isKnown ? url.firstRange(of: "/id/").map { String(url[$0.lowerBound...]) } : nil
    }

    func keys(of issuer: String) async throws(OpenIDIssuerFailure) -> JSONWebKeySet {
        guard let known = tokens.withLock({ $0[issuer] }) else { throw OpenIDIssuerFailure("\(issuer) is no issuer that can be reached") }
        let document: [UInt8]
        do { document = try await known.jwks() } catch { throw OpenIDIssuerFailure("\(error)") }
        guard let keys = JSONWebKeySet(document) else { throw OpenIDIssuerFailure("\(issuer) serves no key set") }
        return keys
    }
}

/// Answers for the clusters' issuers in process, where their names resolve to nothing, and asks the network for others.
struct IssuerFetcher: DocumentFetcher {
    let issuers: ClusterIssuers
    let world: World
    let next: any DocumentFetcher

    func get(_ url: String, headers: HTTPHeaders, maximumBytes: Int) async throws(FetchFailure) -> HTTPResponse {
        guard let path = issuers.path(of: url) else { return try await next.get(url, headers: headers, maximumBytes: maximumBytes) }
        let trace = RequestTrace(id: world.random.uuid(), received: world.now, summary: "GET \(path)", target: "issuer")
        return await IssuerDocuments(issuers: issuers, next: nil).handle(
            HTTPRequest(method: "GET", path: path, headers: headers, connection: .inProcess(listener: "issuer"), trace: trace))
    }
}

/// The public documents of the clusters' issuers, as `oidc.eks.REGION.amazonaws.com` serves them: on the AWS port under
/// `/id/ID/.well-known/openid-configuration` and `/id/ID/keys`.
struct IssuerDocuments: HTTPHandler {
    let issuers: ClusterIssuers
    /// Who answers for other paths; `nil` for nobody.
    let next: (any HTTPHandler)?

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        let words = request.path.split(separator: "/").map(String.init)
        guard words.count >= 3, words[0] == "id", request.method == "GET" || request.method == "HEAD" else {
            return await next?.handle(request) ?? Self.notFound
        }
        guard let issuer = issuers.issuer(path: "/id/\(words[1])") else { return Self.notFound }
        switch words.dropFirst(2).joined(separator: "/") {
        case ".well-known/openid-configuration":
            let document: JSON = [
                "issuer": .string(issuer.issuer), "jwks_uri": .string("\(issuer.issuer)/keys"),
                "authorization_endpoint": "urn:kubernetes:programmatic_authorization", "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"], "claims_supported": ["sub", "iss"],
                "id_token_signing_alg_values_supported": ["RS256"],
            ]
            return Self.json(document.serialized(escaping: .minimal))
        case "keys":
            guard let keys = try? await issuer.jwks() else { return HTTPResponse(status: 500) }
            return Self.json(keys)
        default: return Self.notFound
        }
    }

    private static let notFound = HTTPResponse(status: 404, contentType: "text/plain", Array("404 page not found\n".utf8))

    private static func json(_ body: [UInt8]) -> HTTPResponse {
        HTTPResponse(status: 200, contentType: "application/json", body, headers: ["Cache-Control": "public, max-age=3600"])
    }
}
