import AWSServices
import HTTP
import JSON
import KubeAPIServer
import KubeControllers
import VPCCNI
import World

/// Where the AWS SDK of an agent finds credentials besides its node's: in what the pod identity webhook has put into the agent's pod, as
/// the credential chain of the AWS SDK for Go v2 goes through it. They are fetched when they are needed and again when they have ended.
final class AgentCredentials: Sendable {
    private enum Source: Sendable {
        case webIdentity(role: String, sessionName: String?)
        case podIdentity
    }

    private struct Session: Sendable {
        let keyID: String
        let end: Instant
    }

    /// Who asks: the agent's node.
    struct Node: Sendable {
        let name: String
        let instanceID: String
        let record: ClusterRecord
        let frontDoor: AWSFrontDoor
        let access: ComponentAccess
    }

    private let source: Source
    private let token: ProjectedToken
    private let node: Node
    private let session = Lock<Session?>(nil)
    private var world: World { node.access.cluster.world }

    /// Reads the agent's container of a pod; `nil` when it has the credentials of its node.
    init?(_ pod: JSON, on node: Node) {
        guard let container = pod.at("spec", "containers")?.array?.first(where: { $0["name"]?.string == AgentEnvironment.name }) else {
            return nil
        }
        func value(_ name: String) -> String? { container["env"]?.array?.first { $0["name"]?.string == name }?["value"]?.string }
        if let role = value("AWS_ROLE_ARN"), let path = value("AWS_WEB_IDENTITY_TOKEN_FILE"),
            let token = ProjectedToken(at: path, in: container, of: pod)
        {
            source = .webIdentity(role: role, sessionName: value("AWS_ROLE_SESSION_NAME"))
            self.token = token
        } else if value("AWS_CONTAINER_CREDENTIALS_FULL_URI") != nil, let path = value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            let token = ProjectedToken(at: path, in: container, of: pod)
        {
            source = .podIdentity
            self.token = token
        } else {
            return nil
        }
        self.node = node
    }

    /// The access key of a session that has not ended.
    ///
    /// - Throws: what the SDK says when it gets none.
    func accessKeyID() async throws(EC2Failure) -> String {
        if let known = session.withLock({ $0 }), known.end > world.now { return known.keyID }
        let made: Session
        switch source {
        case .webIdentity(let role, let name): made = try await assume(role, name ?? String(world.now.nanoseconds))
        case .podIdentity: made = try await ask()
        }
        session.withLock { $0 = made }
        return made.keyID
    }

    /// What the kubelet mounted: it asks for the tokens of its pods.
    private func mounted() async throws(EC2Failure) -> String {
        let kubelet = ComponentSession(
            node.access, user: "system:node:\(node.name)", groups: ["system:nodes", "system:authenticated"], component: "kubelet")
        defer { kubelet.close() }
        let answer = await kubelet.send("POST", token.path, token.request)
        guard answer.isSuccess, let text = answer.object.at("status", "token")?.string else {
            throw EC2Failure("InvalidIdentityToken", "failed to retrieve jwt from provide source, \(answer.message)")
        }
        return text
    }

    private func assume(_ role: String, _ name: String) async throws(EC2Failure) -> Session {
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role), ("RoleSessionName", name),
            ("WebIdentityToken", try await mounted()),
        ]
        let body = form.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        let trace = RequestTrace(id: world.random.uuid(), received: world.now, summary: "POST /", target: "aws")
        let response = await node.frontDoor.handle(
            HTTPRequest(
                method: "POST", path: "/", query: nil,
                headers: ["Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"], body: Array(body.utf8),
                connection: .inProcess(listener: "aws"), trace: trace))
        let answer = response.collected.flatMap { try? JSON(parsing: $0) } ?? .null
        let result = answer.at("AssumeRoleWithWebIdentityResponse", "AssumeRoleWithWebIdentityResult", "Credentials")
        guard let keyID = result?["AccessKeyId"]?.string, let end = result?["Expiration"]?.string.flatMap(Instant.init(rfc3339:)) else {
            throw Self.failure(
                "failed to retrieve credentials, operation error STS: AssumeRoleWithWebIdentity", response.status,
                response.headers["x-amzn-RequestId"] ?? trace.id, answer.at("Error", "Code")?.string ?? "",
                answer.at("Error", "Message")?.string ?? "")
        }
        return Session(keyID: keyID, end: end)
    }

    private func ask() async throws(EC2Failure) -> Session {
        let token = try await mounted()
        let trace = RequestTrace(
            id: world.random.uuid(), received: world.now, summary: "GET /v1/credentials", target: node.record.name)
        trace.describe("pod-identity-agent:/v1/credentials")
        defer { world.traces.record(trace) }
        do throws(AWSError) {
            try node.frontDoor.judgePodIdentity(ofInstance: node.instanceID, cluster: node.record, trace: trace)
            let credentials = try await node.frontDoor.podIdentityCredentials(of: node.record, token: token, trace: trace)
            trace.finish(status: 200)
            return Session(keyID: credentials.accessKeyID, end: credentials.expiration)
        } catch {
            trace.finish(status: error.status)
            throw Self.failure("failed to load credentials", error.status, trace.id, error.code, error.message)
        }
    }

    private static func failure(_ what: String, _ status: Int, _ request: String, _ code: String, _ message: String) -> EC2Failure {
        EC2Failure(
            code,
            "get identity: get credentials: failed to refresh cached credentials, \(what), https response error StatusCode: \(status), "
                + "RequestID: \(request), api error \(code): \(message)")
    }
}
