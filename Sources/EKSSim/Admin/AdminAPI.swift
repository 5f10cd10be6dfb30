import HTTP
import JSON
import World

/// The simulator's own API under `/_eks-sim/v1/` on the AWS port: what every command but `serve` asks.
///
/// Errors are `{"message": …}` with a 4xx status. Everything else on the port goes to the AWS services.
struct AdminAPI: HTTPHandler {
    /// What the API reports on and acts on.
    let simulator: Simulator
    /// Where all other requests go.
    let next: any HTTPHandler

    private static let prefix = "/_eks-sim/v1/"

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/metrics", request.method == "GET" {
            return HTTPResponse(
                status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", Array(await simulator.metricsPage.utf8))
        }
        guard request.path.hasPrefix("/_eks-sim") else { return await next.handle(request) }
        if request.path.hasPrefix(PodEnvironment.agentPath) { return await podIdentityAgent(request) }
        guard request.path.hasPrefix(Self.prefix) else { return refuse(404, "the simulator's own API is under \(Self.prefix)") }
        let words = request.path.dropFirst(Self.prefix.count).split(separator: "/").map { PercentEncoding.decode($0) ?? "" }
        let query = PercentEncoding.pairs(request.query ?? "") ?? []
        switch (request.method, words.first, words.count) {
        case ("GET", "status", 1): return answer(await simulator.status.json)
        case ("GET", "traces", 1): return answer(traces(query))
        case ("GET", "traces", 2) where words[1] == "follow":
            return follow(isRefusedOnly: query.contains { $0.name == "refused" && $0.value == "true" })
        case ("GET", "traces", 2): return trace(words[1])
        case ("GET", "clock", 1): return answer(clock)
        case ("POST", "clock", 1): return await setClock(request.body)
        case ("GET", "clusters", 3) where words[2] == "kubeconfig":
            return await kubeconfig(
                words[1], isAdmin: query.contains { $0.name == "admin" && $0.value == "true" },
                vantage: query.first { $0.name == "vantage" }?.value)
        case ("GET", "clusters", 3) where words[2] == "path": return await path(query.first { $0.name == "vantage" }?.value ?? "", words[1])
        case ("GET", "clusters", 3...) where ["pools", "subnets", "services"].contains(words[2]):
            return await addresses(words, node: query.first { $0.name == "node" }?.value)
        case (_, "vantages", 1), ("DELETE", "vantages", 2): return await vantages(request.method, words.dropFirst().first, request.body)
        case ("POST", "clusters", 3) where words[2] == "pod-env": return await podEnvironment(words[1], request.body)
        case ("POST", "clusters", 5) where words[2] == "replicas":
            return await replica(words[1], words[3], words[4])
        case (_, "clusters", 3) where words[2] == "nodes": return await nodes(request.method, words[1], request.body)
        case ("GET", "access", 1): return await access(query.first { $0.name == "cluster" }?.value)
        case ("POST", "tokens", 1): return await inspect(request.body)
        default: return refuse(404, "no such call: \(request.method) \(request.path)")
        }
    }

    // MARK: Traces

    private func traces(_ query: [(name: String, value: String)]) -> JSON {
        let limit = query.first { $0.name == "limit" }.flatMap { Int($0.value) } ?? 20
        let isRefusedOnly = query.contains { $0.name == "refused" && $0.value == "true" }
        let found = simulator.world.traces.recent(limit: min(max(limit, 0), 1000)) { !isRefusedOnly || Self.isRefused($0) }
        return ["traces": .array(found.map { TraceReport($0.snapshot).json })]
    }

    private func trace(_ id: String) -> HTTPResponse {
        let traces = simulator.world.traces
        let found =
            switch id {
            case "last": lastAsked()
            case "refused": traces.last(where: Self.isRefused)
            default: traces[id]
            }
        guard let found else {
            let isWord = id == "last" || id == "refused"
            return refuse(404, isWord ? "no such request yet" : "no request with Audit-Id \(id) among the last ones")
        }
        return answer(TraceReport(found.snapshot).json)
    }

    /// Every request from now on, a line of JSON each.
    private func follow(isRefusedOnly: Bool) -> HTTPResponse {
        let traces = simulator.world.traces.follow()
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "application/x-ndjson"],
            body: .stream { writer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for await trace in traces where !isRefusedOnly || Self.isRefused(trace) {
                            try await writer.write(Array(TraceReport(trace.snapshot).json.text.utf8) + [UInt8(ascii: "\n")])
                        }
                    }
                    group.addTask { await writer.waitUntilClosed() }
                    try await group.next()
                    group.cancelAll()
                }
            })
    }

    /// The newest request that a person made: after a 401 kubectl fetches a new token by itself, which is not what was asked about.
    private func lastAsked() -> RequestTrace? {
        let newest = simulator.world.traces.recent(limit: 2)
        guard newest.count == 2, newest[1].snapshot.status == 401 else { return newest.first }
        let record = newest[0].snapshot
        return record.summary.hasPrefix("sts:") && record.status == 200 ? newest[1] : newest[0]
    }

    /// Any failure but 404, which is an answer: clients ask whether something is there before they make it.
    private static func isRefused(_ trace: RequestTrace) -> Bool {
        let status = trace.snapshot.status ?? 0
        return status >= 400 && status != 404
    }

    // MARK: Clock

    private var clock: JSON {
        let clock = simulator.world.clock
        return ["now": .string(clock.now.rfc3339), "mode": clock.isFrozen ? "frozen" : "running"]
    }

    private func setClock(_ body: [UInt8]) async -> HTTPResponse {
        guard let wish = try? JSON(parsing: body), wish.object != nil else {
            return refuse(400, "want {\"advance\": \"15m\"} or {\"mode\": \"frozen\"|\"running\"}")
        }
        if let text = wish["advance"]?.string {
            guard let duration = DurationText.parse(text) else { return refuse(400, "not a duration: \(text); want 90s, 15m, 2h or 7d") }
            // On threads of its own: connections are not to wait for all that happens in that time.
            await Task.detached { await simulator.world.advance(by: duration) }.value
            return answer(clock)
        }
        switch wish["mode"]?.string {
        case "frozen": simulator.world.freeze()
        case "running": simulator.world.resume()
        default: return refuse(400, "want {\"advance\": \"15m\"} or {\"mode\": \"frozen\"|\"running\"}")
        }
        return answer(clock)
    }

    // MARK: Clusters

    private func kubeconfig(_ name: String, isAdmin: Bool, vantage: String?) async -> HTTPResponse {
        do {
            let text = try await simulator.kubeconfig(cluster: name, isAdmin: isAdmin, vantage: vantage)
            return HTTPResponse(status: 200, contentType: "application/yaml", Array(text.utf8))
        } catch {
            return refuse(404, "\(error)")
        }
    }

    private func replica(_ cluster: String, _ index: String, _ verb: String) async -> HTTPResponse {
        guard let index = Int(index), verb == "kill" || verb == "revive" else {
            return refuse(404, "want /clusters/NAME/replicas/0|1/kill|revive")
        }
        do {
            let target = try await simulator.setReplica(cluster: cluster, index: index, isAlive: verb == "revive")
            return answer(["target": .string(target), "state": verb == "revive" ? "healthy" : "killed"])
        } catch {
            return refuse(404, "\(error)")
        }
    }

    private func access(_ cluster: String?) async -> HTTPResponse {
        do { return answer(try await simulator.access(cluster: cluster).json) } catch { return refuse(404, "\(error)") }
    }

    // MARK: Tokens

    private func inspect(_ body: [UInt8]) async -> HTTPResponse {
        guard let wish = try? JSON(parsing: body), let token = wish["token"]?.string else {
            return refuse(400, "want {\"token\": \"k8s-aws-v1.…\", \"cluster\": \"NAME\"}")
        }
        do { return answer(try await simulator.inspect(token: token, cluster: wish["cluster"]?.string).json) } catch {
            return refuse(404, "\(error)")
        }
    }

    func answer(_ json: JSON) -> HTTPResponse {
        HTTPResponse(status: 200, contentType: "application/json", json.serialized())
    }

    func refuse(_ status: Int, _ message: String) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", JSON.object(["message": .string(message)]).serialized())
    }
}
