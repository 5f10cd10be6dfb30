public import HTTP
import JSON
public import World

/// What a cluster's authenticator reads anew for every lookup.
public protocol IdentitySources: Sendable {
    /// The cluster's authentication mode.
    var authenticationMode: AuthenticationMode { get }
    /// The cluster's access entries.
    var accessEntries: [AccessEntry] { get }
    /// The present `kube-system/aws-auth`.
    var awsAuth: AWSAuthConfigMap { get }
    /// Who created the cluster, while that makes an administrator in mode CONFIG_MAP.
    var creatorARN: String? { get }
    /// The full ARN of a caller's role or user, with the path that STS leaves out; `nil` when that is not known.
    func principalARN(of identity: CallerIdentity) -> String?
    /// The private DNS name of an EC2 instance; `nil` when there is no such instance.
    func privateDNSName(ofInstance id: String) async -> String?
}

extension IdentitySources {
    /// Nobody.
    public var creatorARN: String? { nil }

    /// Not known.
    public func principalARN(of identity: CallerIdentity) -> String? { nil }
}

/// aws-iam-authenticator's server: `POST /authenticate` with a `TokenReview` (`pkg/server`).
public struct AuthenticatorWebhook: HTTPHandler {
    private let clusterName: String
    private let verifier: TokenVerifier
    private let sources: any IdentitySources
    private let sts: any HTTPHandler
    private let world: World
    private let log: (any LogSink)?
    private let scrubbedAccounts: Set<String>

    /// Makes the authenticator of a cluster. Its own log goes to `log`. `sts` answers `GetCallerIdentity`; it is asked with the cluster's own name in
    /// `x-k8s-aws-id`, which the client's signature covers. Of identities of `scrubbedAccounts` only the username is answered.
    public init(
        clusterName: String, verifier: TokenVerifier, sources: any IdentitySources, sts: any HTTPHandler, log: (any LogSink)? = nil,
        world: World,
        scrubbedAccounts: Set<String> = []
    ) {
        self.log = log
        self.scrubbedAccounts = scrubbedAccounts
        self.clusterName = clusterName
        self.verifier = verifier
        self.sources = sources
        self.sts = sts
        self.world = world
    }

    /// Answers one request.
    public func handle(_ request: HTTPRequest) async -> HTTPResponse {
        guard request.path == "/authenticate" else { return plain(404, "404 page not found\n") }
        let log = log.flatMap { AuthenticatorLog($0, request, at: world.now) }
        guard request.method == "POST" else {
            log?.write(.error, "unexpected request method")
            return plain(405, "expected POST\n")
        }
        guard let review = try? JSON(parsing: request.body, limits: JSON.Limits(depth: 32, bytes: 1 << 20)),
            let token = review.at("spec", "token")?.string
        else {
            log?.write(.error, "could not parse request body")
            return plain(400, "expected a request body to be a TokenReview\n")
        }
        var steps: [TraceStep] = []
        var known: Identified?
        do {
            let identified = try await identified(token, trace: request.trace, steps: &steps)
            known = identified
            if let log, !scrubbedAccounts.contains(identified.identity.accountID) { log.answered(identified.identity, identified.endpoint) }
            let mapped = try await map(identified.identity, &steps)
            log?.granted(
                mapped, uid: uid(of: mapped), isScrubbed: scrubbedAccounts.contains(mapped.identity.accountID), identified.endpoint)
            request.trace.add(steps)
            return answer(200, status(of: mapped))
        } catch {
            steps.append(TraceStep("authenticator", "access denied", actual: error.description, .fail))
            request.trace.add(steps)
            let isShown = known.map { !scrubbedAccounts.contains($0.identity.accountID) } ?? false
            log?.denied(error, isShown ? known?.identity : nil, known?.endpoint)
            if case .throttled = error { return answer(429, ["authenticated": false]) }
            return answer(403, ["authenticated": false])
        }
    }

    /// Whose a token is, and the host of the STS that said so.
    private struct Identified {
        let identity: CallerIdentity
        let endpoint: String
    }

    /// The user that an identity is mapped to at present.
    ///
    /// - Throws: `TokenError` with the authenticator's words.
    public func user(of identity: CallerIdentity) async throws(TokenError) -> MappedIdentity {
        var steps: [TraceStep] = []
        return try await map(identity, &steps)
    }

    private func map(_ identity: CallerIdentity, _ steps: inout [TraceStep]) async throws(TokenError) -> MappedIdentity {
        let mapper = IdentityMapper(
            mode: sources.authenticationMode, entries: sources.accessEntries, awsAuth: sources.awsAuth, clusterName: clusterName,
            creatorARN: sources.creatorARN, principalARN: { sources.principalARN(of: $0) })
        return try await mapper.map(identity, privateDNSName: { await sources.privateDNSName(ofInstance: $0) }, steps: &steps)
    }

    /// Finds out whose token it is: the local checks, then STS.
    ///
    /// - Throws: `TokenError` with the authenticator's words.
    public func identify(_ token: String, trace: RequestTrace, steps: inout [TraceStep]) async throws(TokenError) -> CallerIdentity {
        try await identified(token, trace: trace, steps: &steps).identity
    }

    private func identified(_ token: String, trace: RequestTrace, steps: inout [TraceStep]) async throws(TokenError) -> Identified {
        let verified: VerifiedToken
        do { verified = try verifier.verify(token, at: world.now, steps: &steps) } catch {
            // The verifier knows no cluster; a fix to paste does.
            for index in steps.indices {
                steps[index].fix = steps[index].fix?.replacing("--cluster-name NAME", with: "--cluster-name \(clusterName)")
            }
            throw error
        }
        return Identified(identity: try await callerIdentity(verified, trace, &steps), endpoint: verified.url.host)
    }

    /// Asks STS who signed the URL (facts: the only cryptographic check, and the only binding to a cluster).
    private func callerIdentity(
        _ token: VerifiedToken, _ trace: RequestTrace, _ steps: inout [TraceStep]
    ) async throws(TokenError) -> CallerIdentity {
        if let fault = world.faults.take("sts.unavailable") {
            steps.append(TraceStep("sts", "GetCallerIdentity", actual: "fault: unavailable", .fail))
            throw .sts("error during GET: \(fault.detail) on \(token.stsRegion) endpoint")
        }
        // Clients sign the host in lower case, and STS compares it with the Host header as it comes.
        guard !token.url.host.utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else {
            steps.append(TraceStep("sts", "host", expected: token.url.host.lowercased(), actual: token.url.host, .fail))
            throw .sts("error from AWS (expected 200, got 403) on \(token.stsRegion) endpoint. Body: SignatureDoesNotMatch")
        }
        // The inner request keeps its own trace: what SigV4 found wrong is what the learner wants to see.
        let inner = RequestTrace(id: trace.id, received: world.now, summary: "sts:GetCallerIdentity", target: "sts")
        let answer = await sts.handle(
            HTTPRequest(
                method: "GET", path: token.url.rawPath.isEmpty ? "/" : token.url.rawPath, query: token.url.rawQuery,
                headers: ["Host": token.url.host, "x-k8s-aws-id": clusterName, "Accept": "application/json"],
                connection: .inProcess(listener: "sts"), trace: inner))
        let body = answer.collected ?? []
        steps.append(TraceStep("sts", "cluster id (x-k8s-aws-id)", actual: clusterName, .info))
        steps += inner.snapshot.steps
        guard answer.status == 200 else {
            let text = String(decoding: body.prefix(2048), as: UTF8.self)
            let code = (try? JSON(parsing: body))?.at("Error", "Code")?.string ?? "status \(answer.status)"
            let isSignature = code == "SignatureDoesNotMatch"
            steps.append(
                TraceStep(
                    "sts", "GetCallerIdentity", expected: "an identity", actual: code, .fail,
                    nearMisses: isSignature
                        ? [
                            "the signature covers the cluster id: a token made for another cluster than \"\(clusterName)\" fails here, as a tampered one does"
                        ]
                        : [],
                    fix: isSignature ? "aws eks get-token --cluster-name \(clusterName)" : nil))
            if text.contains("Throttling") { throw .throttled(text) }
            throw .sts("error from AWS (expected 200, got \(answer.status)) on \(token.stsRegion) endpoint. Body: \(text)")
        }
        let identity: CallerIdentity
        do {
            identity = try CallerIdentity(stsAnswer: body, accessKeyID: token.accessKeyID)
        } catch {
            steps.append(TraceStep("sts", "GetCallerIdentity", expected: "an identity", actual: error.description, .fail))
            throw error
        }
        steps.append(TraceStep("sts", "GetCallerIdentity", actual: "\(identity.arn) (\(identity.userID))", .pass))
        return identity
    }

    private func status(of mapped: MappedIdentity) -> JSON {
        let identity = mapped.identity
        guard !scrubbedAccounts.contains(identity.accountID) else {
            return [
                "authenticated": true,
                "user": [
                    "username": .string(mapped.username), "uid": .string(uid(of: mapped)),
                    "groups": JSON(strings: mapped.groups),
                ],
            ]
        }
        return [
            "authenticated": true,
            "user": [
                "username": .string(mapped.username),
                "uid": .string(uid(of: mapped)),
                "groups": JSON(strings: mapped.groups),
                "extra": [
                    "accessKeyId": [.string(identity.accessKeyID)], "arn": [.string(identity.arn)],
                    "canonicalArn": [.string(identity.canonicalARN)], "principalId": [.string(identity.userID)],
                    "sessionName": [.string(identity.sessionName)],
                    "sigs.k8s.io/aws-iam-authenticator/principalId": [.string(identity.userID)],
                ],
            ],
        ]
    }

    private func uid(of mapped: MappedIdentity) -> String {
        let identity = mapped.identity
        return scrubbedAccounts.contains(identity.accountID)
            ? "aws-iam-authenticator:administrative:\(mapped.username)"
            : "aws-iam-authenticator:\(identity.accountID):\(identity.userID)"
    }

    private func answer(_ status: Int, _ review: JSON) -> HTTPResponse {
        HTTPResponse(
            status: status, contentType: "application/json; charset=UTF-8",
            JSON.object(["metadata": ["creationTimestamp": nil], "spec": [:], "status": review]).serialized())
    }

    private func plain(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", Array(text.utf8))
    }
}
