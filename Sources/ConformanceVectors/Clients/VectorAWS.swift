import EKSSim
import Frontend
import HTTP
import JSON
import World

/// A simulator with the cluster `demo` as the `aws` command reaches it. What a case says of the cluster beyond what the simulator has
/// (a status, an Outpost) is put into its answers.
final class VectorAWS: HTTPHandler {
    static let region = "us-west-2"

    private let simulator: Simulator
    private let cluster: JSON
    private let seen = Lock<[[String: String]]>([])

    private init(_ simulator: Simulator, _ cluster: JSON) {
        self.simulator = simulator
        self.cluster = cluster
    }

    /// Runs `body` with the environment that leads a client to a simulator.
    static func run<Result>(
        cluster: JSON, _ body: (_ aws: VectorAWS, _ environment: [String: String]) async throws -> Result
    ) async throws -> Result {
        var configuration = Configuration()
        configuration.sockets = .none
        configuration.region = region
        configuration.isEmpty = false
        let simulator = try await Simulator.start(configuration)
        let aws = VectorAWS(simulator, cluster)
        let status = await simulator.status
        do {
            let result = try await VectorListener.serve(aws, world: simulator.world) { listener in
                try await body(
                    aws,
                    [
                        "AWS_ENDPOINT_URL": "http://\(listener.address)", "AWS_ACCESS_KEY_ID": status.accessKeyID,
                        "AWS_SECRET_ACCESS_KEY": status.secretAccessKey,
                    ])
            }
            await simulator.stop()
            return result
        } catch {
            await simulator.stop()
            throw error
        }
    }

    /// The parameters of the calls to query services, in order.
    var calls: [[String: String]] { seen.withLock { $0 } }

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        if let form = PercentEncoding.pairs(String(decoding: request.body, as: UTF8.self)), form.contains(where: { $0.name == "Action" }) {
            seen.withLock { $0.append(Dictionary(form.map { ($0.name, $0.value) }) { $1 }) }
        }
        let answer = try? await simulator.handle(
            .aws, method: request.method, path: request.path, query: request.query, headers: request.headers, body: request.body)
        guard var answer else { return HTTPResponse(status: 503) }
        guard request.method == "GET", request.path.hasPrefix("/clusters/"), let bytes = answer.collected,
            var json = try? JSON(parsing: bytes), json["cluster"] != nil
        else { return answer }
        for member in cluster.object?.members ?? [] {
            // A case says only that there is an Outpost.
            json["cluster"]?[member.key] = member.value.bool == true ? ["outpostArns": []] : member.value
        }
        answer.body = .bytes(json.serialized())
        return answer
    }
}
