import Crypto
import HTTP
import JSON
import KubeAPI
import World

/// What kube-apiserver serves besides resources: discovery, version, health, OpenAPI, OIDC discovery.
struct ServerDocuments: Sendable {
    /// What `/version` says.
    struct Version: Sendable {
        let major = "1"
        let minor: String
        let gitVersion: String
        /// A server is compatible with the release before its own.
        var previousMinor: String { Int(minor).map { String(max(0, $0 - 1)) } ?? minor }
    }

    let cluster: ClusterState
    let tokens: ServiceAccountTokens
    let version: Version
    /// `host:port`, as discovery names the server.
    let address: String
    private var discovery: DiscoveryDocuments { cluster.api.discovery }

    init(cluster: ClusterState, tokens: ServiceAccountTokens, kubernetesVersion: String, address: String) {
        self.cluster = cluster
        self.tokens = tokens
        self.address = address
        let minor = kubernetesVersion.split(separator: ".").dropFirst().first.map(String.init) ?? "36"
        version = Version(minor: minor, gitVersion: APIServer.gitVersion(of: "1.\(minor)"))
    }

    private static let notFound = HTTPResponse(status: 404, contentType: "text/plain; charset=utf-8", Array("404 page not found\n".utf8))

    /// The document of a path.
    func respond(_ request: HTTPRequest, _ info: RequestInfo, _ query: QueryParameters) async throws(KubeStatus) -> HTTPResponse {
        let path = info.path
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        if path.hasPrefix("//") { return Self.notFound }
        switch trimmed {
        case "/":
            return Self.raw(discovery.rootPaths(including: ["/.well-known/openid-configuration", "/openid/v1/jwks", "/version"]))
        case "/version":
            guard request.method == "GET" || request.method == "HEAD" else { throw .methodNotAllowed }
            try Self.check(request, produces: "application/json")
            return Self.raw(versionJSON)
        case "/.well-known/openid-configuration":
            try Self.check(request, produces: "application/json")
            return openIDConfiguration
        case "/openid/v1/jwks":
            try Self.check(request, produces: "application/jwk-set+json")
            return try await keys()
        default: break
        }
        if let health = HealthChecks.response(trimmed, query) { return health }
        if trimmed.hasPrefix("/api") { return try discoveryResponse(trimmed, request, query) ?? Self.notFound }
        if trimmed.hasPrefix("/openapi/") { return openAPI(trimmed, request, query) }
        return Self.notFound
    }

    /// Whether a client accepts what a route produces.
    ///
    /// - Throws: 406 in go-restful's words.
    private static func check(_ request: HTTPRequest, produces type: String) throws(KubeStatus) {
        guard let accept = request.headers["Accept"], !accept.isEmpty, !AcceptHeader(accept).matches([type]) else { return }
        throw .notAcceptableRepresentations([type])
    }

    /// An answer that is not negotiated: always indented JSON (`WriteRawJSON`).
    private static func raw(_ json: JSON) -> HTTPResponse {
        HTTPResponse(status: 200, contentType: "application/json", Array(json.pretty(indent: 2, escaping: .go).utf8))
    }

    // MARK: Discovery

    private func discoveryResponse(_ path: String, _ request: HTTPRequest, _ query: QueryParameters) throws(KubeStatus) -> HTTPResponse? {
        let parts = path.split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case ("api", 1), ("apis", 1):
            let representation = try Representation(request, query, .discovery)
            if case .discovery(let version) = representation.shape {
                return etagged(request, representation.response(200, discovery.aggregated(isCore: parts[0] == "api", version: version)))
            }
            return representation.response(200, parts[0] == "api" ? discovery.legacyVersions(serverAddress: address) : discovery.groups)
        case ("api", 2): return try list(group: "", version: parts[1], request, query)
        case ("apis", 2):
            guard let group = discovery.group(parts[1]) else { return nil }
            return try Representation(request, query, .plain).response(200, group)
        case ("apis", 3):
            guard cluster.resources.group(parts[1]) != nil else { return nil }
            return try list(group: parts[1], version: parts[2], request, query)
        default: return nil
        }
    }

    private func list(group: String, version: String, _ request: HTTPRequest, _ query: QueryParameters) throws(KubeStatus) -> HTTPResponse {
        guard let resources = discovery.resources(group: group, version: version) else {
            if cluster.resources.isCustom(group: group) { return Self.notFound }
            throw .noSuchPath
        }
        return try Representation(request, query, .plain).response(200, resources)
    }

    /// Adds the tag of the bytes; 304 when the client has them (`aggregated.ServeHTTPWithETag`).
    private func etagged(_ request: HTTPRequest, _ response: HTTPResponse) -> HTTPResponse {
        var response = response
        let digest = SHA512.hash(data: response.collected ?? [])
        let tag = "\"" + digest.map { GoText.hexadecimal($0).uppercased() }.joined() + "\""
        response.headers["ETag"] = tag
        response.headers["Vary"] = "Accept"
        response.headers["Cache-Control"] = "public"
        guard request.headers["If-None-Match"] == tag else { return response }
        response.status = 304
        response.body = .empty
        response.headers["Content-Type"] = nil
        return response
    }

    // MARK: Version

    private var versionJSON: JSON {
        [
            "major": .string(version.major), "minor": .string(version.minor), "emulationMajor": .string(version.major),
            "emulationMinor": .string(version.minor), "minCompatibilityMajor": .string(version.major),
            "minCompatibilityMinor": .string(version.previousMinor), "gitVersion": .string(version.gitVersion),
            "gitCommit": "0000000000000000000000000000000000000000",
            "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go0", "compiler": "gc",
            "platform": "linux/amd64",
        ]
    }

    // MARK: OIDC

    private var openIDConfiguration: HTTPResponse {
        let document: JSON = [
            "issuer": .string(tokens.issuer), "jwks_uri": .string("\(tokens.issuer)/keys"), "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
        ]
        return HTTPResponse(
            status: 200, contentType: "application/json", document.serialized(), headers: ["Cache-Control": "public, max-age=3600"])
    }

    private func keys() async throws(KubeStatus) -> HTTPResponse {
        do {
            return HTTPResponse(
                status: 200, contentType: "application/jwk-set+json", try await tokens.jwks(),
                headers: ["Cache-Control": "public, max-age=3600"])
        } catch {
            throw .internalError("\(error)")
        }
    }

    // MARK: OpenAPI

    private func openAPI(_ path: String, _ request: HTTPRequest, _ query: QueryParameters) -> HTTPResponse {
        let openAPI = cluster.api.openAPI
        let json = "application/json"
        switch path {
        case "/openapi/v2" where request.headers["Accept"]?.contains("openapi.spec.v2@v1.0+protobuf") ?? false:
            return HTTPResponse(
                status: 200, contentType: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", openAPI.v2Protobuf)
        case "/openapi/v2": return HTTPResponse(status: 200, contentType: json, openAPI.v2)
        case "/openapi/v3": return HTTPResponse(status: 200, contentType: json, openAPI.index)
        default: break
        }
        let name = String(path.dropFirst("/openapi/v3/".count))
        guard let bytes = openAPI.v3(name), let hash = openAPI.v3Hash(name) else { return HTTPResponse(status: 404) }
        var headers: HTTPHeaders = ["ETag": "\"\(hash)\""]
        // An address with the hash names this content for ever (`kube-openapi/pkg/handler3`).
        if let asked = query["hash"], !asked.isEmpty {
            guard asked == hash else {
                return HTTPResponse(status: 301, headers: ["Location": "/openapi/v3/\(name)?hash=\(hash)"])
            }
            headers["Vary"] = "Accept"
            headers["Cache-Control"] = "public, immutable"
            headers["Expires"] = (cluster.world.now + .seconds(365 * 86400)).httpDate
        }
        if request.headers["If-None-Match"] == headers["ETag"] { return HTTPResponse(status: 304, headers: headers) }
        return HTTPResponse(status: 200, contentType: json, bytes, headers: headers)
    }
}
