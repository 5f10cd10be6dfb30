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
        version = Version(minor: minor, gitVersion: "v1.\(minor).0-eks-sim")
    }

    private static let notFound = HTTPResponse(status: 404, contentType: "text/plain; charset=utf-8", Array("404 page not found\n".utf8))

    /// The document of a path.
    func respond(_ request: HTTPRequest, _ info: RequestInfo, _ query: QueryParameters) async throws(KubeStatus) -> HTTPResponse {
        let path = info.path
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        if path.hasPrefix("//") { return Self.notFound }
        switch trimmed {
        case "/":
            return try Representation(request, query).response(
                200, discovery.rootPaths(including: ["/.well-known/openid-configuration", "/openid/v1/jwks"]))
        case "/version":
            guard request.method == "GET" || request.method == "HEAD" else { throw .methodNotAllowed }
            return Representation().response(200, versionJSON)
        case "/healthz", "/livez", "/readyz": return health(trimmed, request, query)
        case "/.well-known/openid-configuration": return openIDConfiguration
        case "/openid/v1/jwks": return try await keys()
        default: break
        }
        for root in ["/healthz/", "/livez/", "/readyz/"] where trimmed.hasPrefix(root) {
            return Self.checks(root).contains(String(trimmed.dropFirst(root.count))) ? Self.ok : Self.notFound
        }
        if trimmed.hasPrefix("/api") { return try discoveryResponse(trimmed, request, query) ?? Self.notFound }
        if trimmed.hasPrefix("/openapi/") { return try openAPI(trimmed, request) }
        return Self.notFound
    }

    // MARK: Discovery

    private func discoveryResponse(_ path: String, _ request: HTTPRequest, _ query: QueryParameters) throws(KubeStatus) -> HTTPResponse? {
        let parts = path.split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case ("api", 1), ("apis", 1):
            let representation = try Representation(request, query, allowsTables: false, allowsDiscovery: true)
            if case .discovery(let version) = representation.shape {
                return etagged(representation.response(200, discovery.aggregated(isCore: parts[0] == "api", version: version)))
            }
            return representation.response(200, parts[0] == "api" ? discovery.legacyVersions(serverAddress: address) : discovery.groups)
        case ("api", 2): return try list(group: "", version: parts[1], request, query)
        case ("apis", 2):
            guard let group = discovery.group(parts[1]) else { return nil }
            return try Representation(request, query, allowsTables: false).response(200, group)
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
        return try Representation(request, query, allowsTables: false).response(200, resources)
    }

    private func etagged(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers["Vary"] = "Accept"
        return response
    }

    // MARK: Version and health

    private var versionJSON: JSON {
        [
            "major": .string(version.major), "minor": .string(version.minor), "emulationMajor": .string(version.major),
            "emulationMinor": .string(version.minor), "minCompatibilityMajor": .string(version.major),
            "minCompatibilityMinor": .string(version.minor), "gitVersion": .string(version.gitVersion),
            "gitCommit": "0000000000000000000000000000000000000000",
            "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go0", "compiler": "swift",
            "platform": "linux/amd64",
        ]
    }

    private static let ok = HTTPResponse(status: 200, contentType: "text/plain; charset=utf-8", Array("ok".utf8))

    /// The named checks of a health endpoint. All of them hold as long as the process answers at all.
    private static func checks(_ root: String) -> [String] {
        ["ping", "log", "etcd"] + (root == "/readyz/" ? ["informer-sync", "shutdown"] : [])
    }

    private func health(_ path: String, _ request: HTTPRequest, _ query: QueryParameters) -> HTTPResponse {
        guard query["verbose"] != nil else { return Self.ok }
        let lines = Self.checks(path + "/").map { "[+]\($0) ok\n" }.joined()
        return HTTPResponse(
            status: 200, contentType: "text/plain; charset=utf-8", Array("\(lines)\(path.dropFirst()) check passed\n".utf8))
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

    private func openAPI(_ path: String, _ request: HTTPRequest) throws(KubeStatus) -> HTTPResponse {
        switch path {
        case "/openapi/v2" where request.headers["Accept"]?.contains("openapi.spec.v2@v1.0+protobuf") ?? false:
            return HTTPResponse(
                status: 200, contentType: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", cluster.api.openAPI.v2Protobuf)
        case "/openapi/v2":
            return HTTPResponse(status: 200, contentType: "application/json", cluster.api.openAPI.v2)
        case "/openapi/v3":
            return HTTPResponse(status: 200, contentType: "application/json", cluster.api.openAPI.index)
        default:
            guard let bytes = cluster.api.openAPI.v3(String(path.dropFirst("/openapi/v3/".count))) else { return Self.notFound }
            return HTTPResponse(status: 200, contentType: "application/json", bytes)
        }
    }
}
