import HTTP
import JSON
import KubeAPI
import KubeAPIServer
import Store
import World

/// What the simulated kubelets answer to logs, `exec`, `attach` and `port-forward` (`pkg/kubelet/server`).
struct KubeletServer: KubeletTransport {
    let cluster: ClusterState
    let fleet: KubeletFleet
    let network: any PodNetwork

    private static let pods = ChangeSignals.Resource("", "pods")

    func answer(_ request: KubeletRequest) async throws(KubeStatus) -> HTTPResponse? {
        let node = request.pod.at("spec", "nodeName")?.string ?? ""
        guard await fleet.runs(node) else { return nil }
        switch request.kind {
        case .log: return try logs(request)
        case .exec, .attach: return remote(request)
        case .portforward: return PortForwarding.answer(request, cluster)
        }
    }

    // MARK: HTTP

    func answer(port: Int, of pod: JSON) async -> HTTPResponse? {
        guard let port = UInt16(exactly: port), await fleet.runs(pod.at("spec", "nodeName")?.string ?? "") else { return nil }
        let simulated = SimulatedPort(pod: pod, port: port)
        return simulated.isOpen ? HTTPResponse(status: 200, contentType: "text/plain", Array(simulated.text.utf8)) : nil
    }

    func answer(node: String, path: String) async -> HTTPResponse? {
        guard await fleet.runs(node) else { return nil }
        let path = path.split(separator: "?").first.map(String.init) ?? path
        switch path {
        case "/logs": return HTTPResponse(status: 301, headers: ["Location": "logs/"], body: .empty)
        case _ where path.hasPrefix("/logs/"): return await NodeLogs(network: network, node: node).answer(String(path.dropFirst(6)))
        case "/healthz", "/healthz/ping": return HTTPResponse(status: 200, contentType: "text/plain; charset=utf-8", Array("ok".utf8))
        case "/pods", "/pods/", "/runningpods/":
            let list: JSON = ["kind": "PodList", "apiVersion": "v1", "metadata": [:], "items": .array(pods(on: node))]
            return HTTPResponse(status: 200, contentType: "application/json", list.serialized())
        case "/stats/summary":
            return HTTPResponse(status: 200, contentType: "application/json", summary(of: node).serialized())
        case "/metrics":
            let running = pods(on: node).filter { $0.at("status", "phase") == "Running" }
            let containers = running.flatMap { $0.at("status", "containerStatuses")?.array ?? [] }.filter {
                $0.at("state", "running") != nil
            }
            let text = """
                # HELP kubelet_node_name The node's name. The count is always 1.
                # TYPE kubelet_node_name gauge
                kubelet_node_name{node="\(node)"} 1
                # HELP kubelet_running_containers Number of containers currently running
                # TYPE kubelet_running_containers gauge
                kubelet_running_containers{container_state="running"} \(containers.count)
                # HELP kubelet_running_pods Number of pods that have a running pod sandbox
                # TYPE kubelet_running_pods gauge
                kubelet_running_pods \(running.count)

                """
            return HTTPResponse(status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", Array(text.utf8))
        default: return HTTPResponse(status: 404, contentType: "text/plain; charset=utf-8", Array("404 page not found\n".utf8))
        }
    }

    /// The Summary of a node (`k8s.io/kubelet/pkg/apis/stats/v1alpha1`). Nothing runs, so what would be used is left out, which clients take
    /// for not known.
    private func summary(of node: String) -> JSON {
        let entry = cluster.store.get(.init(cluster.collection(group: "", "nodes"), node))
        let started = entry.flatMap { try? JSON(parsing: $0.value) }?.at("metadata", "creationTimestamp")
        let pods = pods(on: node).filter { $0.at("status", "phase") == "Running" }.map { pod -> JSON in
            let containers = (pod.at("status", "containerStatuses")?.array ?? []).compactMap { status -> JSON? in
                guard let started = status.at("state", "running", "startedAt") else { return nil }
                return ["name": status["name"] ?? "", "startTime": started]
            }
            return [
                "podRef": ["name": .string(pod.objectName), "namespace": .string(pod.objectNamespace), "uid": .string(pod.objectUID)],
                "startTime": pod.at("status", "startTime") ?? .null, "containers": .array(containers),
            ]
        }
        return ["node": ["nodeName": .string(node), "startTime": started ?? .null], "pods": .array(pods)]
    }

    private func pods(on node: String) -> [JSON] {
        let range = try? cluster.store.range(cluster.collection(group: "", "pods"), prefix: "", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }.filter { $0.at("spec", "nodeName")?.string == node }
    }

    // MARK: Logs

    private func logs(_ request: KubeletRequest) throws(KubeStatus) -> HTTPResponse {
        let now = cluster.world.now
        let options = try ContainerLogs.Options(request.query, now: now)
        let logs = try ContainerLogs(request.container, of: request.pod, previous: options.isPrevious)
        let first = logs.text(options, until: now)
        guard options.follows, !logs.isOver else {
            return HTTPResponse(status: 200, headers: ["Content-Type": "text/plain"], body: .bytes(first))
        }
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "text/plain"],
            body: .stream { writer in
                try await writer.write(first)
                try await Self.whileOpen({ await writer.waitUntilClosed() }) {
                    try await follow(logs, of: request, options, from: now, limit: options.limit.map { $0 - first.count }) {
                        try await writer.write($0)
                    }
                }
            })
    }

    /// Sends lines as they come, until the run of the container is over or its pod gone.
    private func follow(
        _ logs: ContainerLogs, of request: KubeletRequest, _ options: ContainerLogs.Options, from start: Instant, limit: Int?,
        _ send: @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let follower = cluster.signals.follow([Self.pods]) { wake.yield() }
        defer { cluster.signals.cancel(follower) }
        var seen = start
        var left = limit ?? .max
        wake.yield()
        for await _ in wakes {
            let now = cluster.world.now
            let current = present(request.pod).flatMap { try? ContainerLogs(request.container, of: $0, previous: false) }
            let isSame = current?.containerID == logs.containerID
            for line in (isSame ? current ?? logs : logs).lines(until: now) where line.time > seen && left > 0 {
                let bytes = Array(ContainerLogs.bytes(line.time, line.text, options).prefix(left))
                left -= bytes.count
                try await send(bytes)
            }
            seen = max(seen, now)
            guard isSame, let current, !current.isOver, left > 0 else { return }
            if let next = current.nextLine(after: now) { cluster.world.timers.schedule(at: next, "log line") { wake.yield() } }
        }
    }

    /// The pod as it is now; `nil` when it is gone.
    private func present(_ pod: JSON) -> JSON? {
        let key = "\(pod.objectNamespace)/\(pod.objectName)"
        let entry = cluster.store.get(.init(cluster.collection(group: "", "pods"), key))
        guard let object = entry.flatMap({ try? JSON(parsing: $0.value) }), object.objectUID == pod.objectUID else { return nil }
        return object
    }

    /// Runs `work` until it ends, or `closed` returns.
    static func whileOpen(_ closed: @escaping @Sendable () async -> Void, _ work: @escaping @Sendable () async throws -> Void) async throws
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask { await closed() }
            try await group.next()
            group.cancelAll()
        }
    }

    // MARK: Commands

    private static let spdyProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"]

    private func remote(_ request: KubeletRequest) -> HTTPResponse {
        let query = request.query
        guard isRunning(request.container, request.pod) else {
            return HTTPResponse(
                status: 500, contentType: "text/plain; charset=utf-8",
                Array("container not found (\(GoText.quoted(request.container)))\n".utf8))
        }
        let isTerminal = query.bool("tty")
        let hasErrors = query.bool("stderr") && !isTerminal
        guard query.bool("stdin") || query.bool("stdout") || hasErrors else {
            return HTTPResponse(
                status: 400, contentType: "text/plain; charset=utf-8", Array("you must specify at least 1 of stdin, stdout, stderr\n".utf8))
        }
        switch Upgrade(request.http) {
        case .webSocket(let key, let offered):
            guard let chosen = Self.spdyProtocols.first(where: offered.contains) else { return Upgrade.refusal(of: offered) }
            return Upgrade.acceptWebSocket(key, chosen) { tunnel in
                let streams = WebSocketStreams(tunnel)
                try? await Self.whileOpen({ await streams.receive() }) {
                    // An empty message tells the client that the connection stands.
                    try await streams.write(query.bool("stdout") ? RemoteChannel.stdout : RemoteChannel.status, [])
                    await run(request, streams, isTerminal: isTerminal)
                }
                tunnel.close()
            }
        case .spdy(let offered):
            guard let chosen = Self.spdyProtocols.first(where: offered.contains) else { return Upgrade.refusal(of: offered) }
            var wanted: Set<UInt8> = [RemoteChannel.status]
            if query.bool("stdin") { wanted.insert(RemoteChannel.stdin) }
            if query.bool("stdout") { wanted.insert(RemoteChannel.stdout) }
            if hasErrors { wanted.insert(RemoteChannel.stderr) }
            if isTerminal { wanted.insert(RemoteChannel.resize) }
            return Upgrade.acceptSPDY(chosen) { [wanted] tunnel in
                let streams = SPDYStreams(tunnel, wanted: wanted)
                try? await Self.whileOpen({ await streams.receive() }) {
                    guard await streams.isOpen() else { return }
                    await run(request, streams, isTerminal: isTerminal)
                }
                tunnel.close()
            }
        case .none:
            return HTTPResponse(
                status: 400, contentType: "text/plain; charset=utf-8", Array("unable to upgrade: missing upgrade headers in request\n".utf8)
            )
        }
    }

    private func run(_ request: KubeletRequest, _ streams: any RemoteStreams, isTerminal: Bool) async {
        let container =
            ["containers", "initContainers", "ephemeralContainers"].flatMap { request.pod["spec"]?.items($0) ?? [] }
            .first { $0["name"]?.string == request.container } ?? [:]
        do {
            if request.kind == .attach {
                try await attach(request, streams)
                return await streams.finish(RemoteStatus.success)
            }
            let command = RemoteCommand(
                request.query.all("command"), in: container, of: request.pod, isTerminal: isTerminal, world: cluster.world)
            await streams.finish(RemoteStatus.exit(try await command.run(streams)))
        } catch {
            // The client has gone.
        }
    }

    /// Shows what the container writes from now on, until it ends.
    private func attach(_ request: KubeletRequest, _ streams: any RemoteStreams) async throws {
        guard let logs = try? ContainerLogs(request.container, of: request.pod, previous: false),
            let options = try? ContainerLogs.Options(QueryParameters([]), now: cluster.world.now)
        else { return }
        try await follow(logs, of: request, options, from: cluster.world.now, limit: nil) {
            try await streams.write(RemoteChannel.stdout, $0)
        }
    }

    private func isRunning(_ container: String, _ pod: JSON) -> Bool {
        ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"].flatMap { pod["status"]?.items($0) ?? [] }
            .contains { $0["name"]?.string == container && $0.at("state", "running") != nil }
    }
}

/// What a request wants its connection to become.
enum Upgrade: Sendable {
    case webSocket(key: String, protocols: [String])
    case spdy(protocols: [String])
    case none

    init(_ request: HTTPRequest) {
        let connection = (request.headers["Connection"] ?? "").lowercased()
        let upgrade = (request.headers["Upgrade"] ?? "").lowercased()
        func list(_ name: String) -> [String] {
            request.headers.all(name).flatMap { $0.split(separator: ",") }.map { $0.trimmed }
        }
        switch upgrade {
        case "websocket" where connection.contains("upgrade"):
            self = .webSocket(key: request.headers["Sec-WebSocket-Key"] ?? "", protocols: list("Sec-WebSocket-Protocol"))
        case "spdy/3.1" where connection.contains("upgrade"): self = .spdy(protocols: list("X-Stream-Protocol-Version"))
        default: self = .none
        }
    }

    static func acceptWebSocket(
        _ key: String, _ chosen: String, _ run: @escaping @Sendable (any HTTPTunnel) async -> Void
    ) -> HTTPResponse {
        HTTPResponse(
            status: 101,
            headers: [
                "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": WebSocketFrames.accept(key),
                "Sec-WebSocket-Protocol": chosen,
            ], body: .upgrade(run))
    }

    static func acceptSPDY(_ chosen: String, _ run: @escaping @Sendable (any HTTPTunnel) async -> Void) -> HTTPResponse {
        HTTPResponse(
            status: 101, headers: ["Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": chosen], body: .upgrade(run)
        )
    }

    static func refusal(of offered: [String]) -> HTTPResponse {
        HTTPResponse(
            status: 403, contentType: "text/plain; charset=utf-8",
            Array("unable to upgrade: unable to negotiate protocol: client supports [\(offered.joined(separator: " "))]\n".utf8))
    }
}

extension Substring {
    /// Without blanks at the ends.
    var trimmed: String {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
