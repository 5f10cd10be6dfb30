public import HTTP
import JSON
import PKI
public import World

/// The EKS Pod Identity agent's endpoint, as SDKs ask it through `AWS_CONTAINER_CREDENTIALS_FULL_URI`
/// (`pkg/handlers/eks_credential_handler.go`, `internal/validation/request.go`).
public struct PodIdentityAgent: HTTPHandler {
    /// Where the credentials for a token come from: the members of the answer, or the service's refusal.
    public typealias Source = @Sendable (_ token: String, _ trace: RequestTrace) async throws(AWSError) -> Credentials

    /// What the agent hands out.
    public struct Credentials: Sendable {
        /// `ASIA…`
        public let accessKeyID: String
        let secretAccessKey: String
        let token: String
        let accountID: String
        /// When they end.
        public let expiration: Instant

        /// Makes credentials.
        public init(accessKeyID: String, secretAccessKey: String, token: String, accountID: String, expiration: Instant) {
            self.accessKeyID = accessKeyID
            self.secretAccessKey = secretAccessKey
            self.token = token
            self.accountID = accountID
            self.expiration = expiration
        }
    }

    /// The addresses of the agent on every node.
    public static let nodeAddresses = ["169.254.170.23", "fd00:ec2::23"]

    private let hosts: [String]
    private let world: World
    private let source: Source

    /// Makes an agent that is called through one of `hosts`.
    public init(hosts: [String] = PodIdentityAgent.nodeAddresses, world: World, source: @escaping Source) {
        self.hosts = hosts
        self.world = world
        self.source = source
    }

    /// Answers one request.
    public func handle(_ request: HTTPRequest) async -> HTTPResponse {
        guard request.path == "/v1/credentials" else { return Self.plain(404, "404 page not found") }
        let host = Self.host(request.headers["Host"] ?? "")
        guard hosts.contains(host) else {
            return refuse(
                403,
                "Access Denied. Called agent through invalid address, please use either [\(hosts.joined(separator: " "))] address not \(host)",
                request)
        }
        let token = request.headers["Authorization"] ?? ""
        guard !token.isEmpty else { return refuse(400, "Service account token cannot be empty", request) }
        if let problem = problem(token) { return refuse(400, problem, request) }
        do throws(AWSError) {
            let credentials = try await source(token, request.trace)
            let body: JSON = [
                "AccessKeyId": .string(credentials.accessKeyID), "SecretAccessKey": .string(credentials.secretAccessKey),
                "Token": .string(credentials.token), "AccountId": .string(credentials.accountID),
                "Expiration": .string(credentials.expiration.rfc3339),
            ]
            return HTTPResponse(status: 200, contentType: "application/json", body.serialized(escaping: .minimal))
        } catch {
            return refuse(
                error.status,
                "[\(world.random.uuid())]: (\(error.code)): \(error.message), fault: \(error.status < 500 ? "client" : "server")",
                request)
        }
    }

    private static func host(_ header: String) -> String {
        if header.hasPrefix("["), let end = header.firstIndex(of: "]") {
            return String(header[header.index(after: header.startIndex)..<end])
        }
        return header.count(where: { $0 == ":" }) == 1 ? String(header.prefix { $0 != ":" }) : header
    }

    /// What is wrong with a token's form or life, in the words of golang-jwt; whose it is, the service finds out.
    private func problem(_ token: String) -> String? {
        let prefix = "Service account token cannot be parsed: token is malformed: "
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return prefix + "token contains an invalid number of segments" }
        for (part, name) in [(parts[0], "header"), (parts[1], "claim")] {
            guard let bytes = Base64URL.decode(part) else { return prefix + "could not base64 decode \(name): illegal base64 data" }
            guard let json = try? JSON(parsing: bytes, limits: JSON.Limits(depth: 16, bytes: 1 << 16)), json.object != nil else {
                return prefix + "could not JSON decode \(name)"
            }
            guard name == "claim", let expiry = json["exp"]?.integer else { continue }
            if world.now.seconds > expiry {
                return "Service account token failed basic claim validations: token has invalid claims: token is expired"
            }
        }
        return nil
    }

    private func refuse(_ status: Int, _ text: String, _ request: HTTPRequest) -> HTTPResponse {
        if !request.trace.snapshot.steps.contains(where: { $0.verdict == .fail }) {
            request.trace.add(TraceStep("pod-identity-agent", "request", actual: text, .fail))
        }
        return Self.plain(status, text)
    }

    /// Go's `http.Error`.
    private static func plain(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status, contentType: "text/plain; charset=utf-8", Array((text + "\n").utf8),
            headers: ["X-Content-Type-Options": "nosniff"])
    }
}

extension AWSFrontDoor {
    /// The agent's way to EKS Auth for a cluster: the credentials of the service account that a pod's token names.
    ///
    /// - Throws: EKS Auth's error.
    public func podIdentityCredentials(
        of cluster: ClusterRecord, token: String, trace: RequestTrace
    ) async throws(AWSError) -> PodIdentityAgent.Credentials {
        let answer = try await podIdentity.credentials(cluster, token, trace)
        func text(_ path: String...) -> String { answer.value(at: path)?.string ?? "" }
        return PodIdentityAgent.Credentials(
            accessKeyID: text("credentials", "accessKeyId"), secretAccessKey: text("credentials", "secretAccessKey"),
            token: text("credentials", "sessionToken"),
            accountID: text("assumedRoleUser", "arn").split(separator: ":", omittingEmptySubsequences: false).dropFirst(4).first
                .map(String.init) ?? "",
            expiration: Instant(seconds: answer.at("credentials", "expiration")?.integer ?? 0))
    }

    /// Whether a service account of a cluster has an EKS Pod Identity association. Cheap while no association changes.
    public func hasPodIdentityAssociation(_ cluster: ClusterRecord, namespace: String, serviceAccount: String) -> Bool {
        let collection = Records.collection(cluster.accountID, cluster.region, "eks", "pod-identity-associations")
        let known = associationCache.value(of: collection, in: records.store) {
            Set(
                records.list(collection).map {
                    [$0.json["clusterName"], $0.json["namespace"], $0.json["serviceAccount"]].map { $0?.string ?? "" }
                })
        }
        return known.contains([cluster.name, namespace, serviceAccount])
    }
}
