import AWSServices
import Frontend
import HTTP
import JSON
import KubeAPIServer
import PKI
import World

/// What a process needs to be a service account's pod outside of any: the variables of a pod that the pod identity webhook changed, with
/// the tokens that a kubelet would mount.
struct PodEnvironment: Sendable {
    /// Why there is none.
    struct Failure: Error, Sendable, CustomStringConvertible {
        let status: Int
        let description: String
    }

    /// A variable; `token` is the content of the file that its value is to name.
    struct Variable: Sendable {
        let name: String
        var value: String
        var token: String?

        var json: JSON {
            var json: JSON = ["name": .string(name), "value": .string(value)]
            json["token"] = token.map(JSON.string)
            return json
        }
    }

    let plane: ControlPlane
    let world: World
    /// `http://127.0.0.1:4566`
    let awsEndpoint: String

    /// The path of a cluster's agent on the AWS port.
    static let agentPath = "/_eks-sim/pod-identity-agent/"

    /// Makes a pod of the service account, or takes the one named, and reads what it would run with.
    ///
    /// - Throws: `Failure`.
    func variables(namespace: String, account: String, pod given: String?) async throws(Failure) -> (pod: String, variables: [Variable]) {
        let base = "/api/v1/namespaces/\(PercentEncoding.encode(namespace))"
        _ = try await ask("GET", "\(base)/serviceaccounts/\(PercentEncoding.encode(account))")
        let pod: JSON
        if let given {
            pod = try await ask("GET", "\(base)/pods/\(PercentEncoding.encode(given))")
        } else {
            // Made anew each time: what the webhook adds depends on the associations of the moment.
            let name = String("eks-sim-pod-env-\(account)".prefix(63))
            _ = try? await ask("DELETE", "\(base)/pods/\(name)?gracePeriodSeconds=0")
            pod = try await ask(
                "POST", "\(base)/pods",
                [
                    "kind": "Pod", "apiVersion": "v1", "metadata": ["name": .string(name)],
                    "spec": [
                        "serviceAccountName": .string(account), "containers": [["name": "env", "image": "eks-sim/pod-env"]],
                    ],
                ])
        }
        let found = try await variables(of: pod)
        guard found.contains(where: { $0.token != nil }) else {
            throw Failure(
                status: 409,
                description:
                    "service account \(namespace)/\(account) has no role: associate one (aws eks create-pod-identity-association --cluster-name \(plane.record.name) --namespace \(namespace) --service-account \(account) --role-arn ROLE) or annotate it with eks.amazonaws.com/role-arn"
            )
        }
        var variables = found
        if !variables.contains(where: { $0.name == "AWS_REGION" }) {
            variables.append(Variable(name: "AWS_REGION", value: plane.record.region))
        }
        variables.append(Variable(name: "AWS_ENDPOINT_URL", value: awsEndpoint))
        return (pod.at("metadata", "name")?.string ?? "", variables)
    }

    private func variables(of pod: JSON) async throws(Failure) -> [Variable] {
        let container = pod.at("spec", "containers")?.array?.first ?? [:]
        var variables: [Variable] = []
        for item in container["env"]?.array ?? [] {
            guard let name = item["name"]?.string, let value = item["value"]?.string else { continue }
            var variable = Variable(name: name, value: value)
            if name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" {
                variable.value = "\(awsEndpoint)\(Self.agentPath)\(plane.record.name)/v1/credentials"
            }
            if let token = ProjectedToken(at: value, in: container, of: pod) {
                variable.token = try await ask("POST", token.path, token.request).at("status", "token")?.string ?? ""
            }
            variables.append(variable)
        }
        return variables
    }

    /// Asks the cluster's API server as an administrator.
    private func ask(_ method: String, _ target: String, _ body: JSON? = nil) async throws(Failure) -> JSON {
        guard
            let identity = try? plane.authority.issueClient(commonName: "eks-sim:pod-env", organizations: ["system:masters"], world: world)
        else { throw Failure(status: 500, description: "no client certificate can be made") }
        guard let handler = plane.handler else { throw Failure(status: 503, description: "no API server of the cluster is alive") }
        let halves = target.split(separator: "?", maxSplits: 1).map(String.init)
        let connection = ConnectionRecord(
            id: 0, remoteAddress: "127.0.0.1", remotePort: 0, listener: plane.record.name, isTLS: true,
            peerCertificates: [identity.certificateDER])
        let trace = RequestTrace(
            id: world.random.uuid(), received: world.now, summary: "\(method) \(halves[0])", target: plane.record.name)
        let response = await handler.handle(
            HTTPRequest(
                method: method, path: halves[0], query: halves.count > 1 ? halves[1] : nil, headers: ["Content-Type": "application/json"],
                body: body?.serialized() ?? [], connection: connection, trace: trace))
        let json = response.collected.flatMap { try? JSON(parsing: $0) } ?? .null
        guard response.status < 300 else {
            throw Failure(status: response.status, description: json["message"]?.string ?? "status \(response.status)")
        }
        return json
    }
}

extension ControlPlane {
    /// A replica that is alive.
    fileprivate var handler: (any HTTPHandler)? {
        // The emergency door asks from where the endpoint is always open.
        if case .serve(let replica, _, _, _) = loadBalancer.admit(remoteAddress: "127.0.0.1", remotePort: 0) { return replica }
        return nil
    }
}

extension AdminAPI {
    /// `POST /clusters/NAME/pod-env`: `{"namespace": …, "serviceAccount": …, "pod": …}`.
    func podEnvironment(_ name: String, _ body: [UInt8]) async -> HTTPResponse {
        guard let wish = try? JSON(parsing: body), let namespace = wish["namespace"]?.string, let account = wish["serviceAccount"]?.string
        else { return refuse(400, "want {\"namespace\": \"NS\", \"serviceAccount\": \"NAME\"}") }
        guard let plane = try? await simulator.plane(name) else { return refuse(404, "\(Simulator.Failure.noCluster(name))") }
        let environment = PodEnvironment(plane: plane, world: simulator.world, awsEndpoint: simulator.awsEndpoint)
        do throws(PodEnvironment.Failure) {
            let found = try await environment.variables(namespace: namespace, account: account, pod: wish["pod"]?.string)
            return answer(["pod": .string(found.pod), "variables": .array(found.variables.map(\.json))])
        } catch {
            return refuse(error.status, error.description)
        }
    }

    /// The agent of a cluster's nodes, on the AWS port: SDKs reach it by the URL that `pod-env` prints.
    func podIdentityAgent(_ request: HTTPRequest) async -> HTTPResponse {
        let parts = request.path.dropFirst(PodEnvironment.agentPath.count).split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, let plane = try? await simulator.plane(PercentEncoding.decode(Substring(parts[0])) ?? "") else {
            return refuse(404, "no such cluster: \(request.path)")
        }
        var inner = request
        inner.path = "/" + parts[1]
        request.trace.describe("pod-identity-agent:\(inner.path)")
        let aws = simulator.aws
        let agent = PodIdentityAgent(hosts: ["127.0.0.1", "localhost", "::1"], world: simulator.world) { token, trace throws(AWSError) in
            try await aws.podIdentityCredentials(of: plane.record, token: token, trace: trace)
        }
        let response = await agent.handle(inner)
        request.trace.finish(status: response.status)
        simulator.world.traces.record(request.trace)
        return response
    }
}
