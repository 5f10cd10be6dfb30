import HTTP
import JSON
import KubeAPI
import KubeAPIServer
import World

/// `port-forward` to a simulated container: a declared `containerPort` gives a small HTTP answer, everything else refuses the connection.
enum PortForwarding {
    private static let tunnelled = "SPDY/3.1+portforward.k8s.io"
    private static let direct = "portforward.k8s.io"
    private static let channels = "v4.channel.k8s.io"

    static func answer(_ request: KubeletRequest, _ cluster: ClusterState) -> HTTPResponse {
        let pod = request.pod
        switch Upgrade(request.http) {
        case .webSocket(let key, let offered) where offered.contains(tunnelled):
            return Upgrade.acceptWebSocket(key, tunnelled) { tunnel in
                let inner = WebSocketTunnel(tunnel)
                await SPDYForwarding(inner, pod).run()
                inner.close()
            }
        case .webSocket(let key, let offered) where offered.contains(channels):
            let ports = request.query.all("ports").flatMap { $0.split(separator: ",") }.compactMap { UInt16($0) }
            guard !ports.isEmpty, ports.count <= 127 else {
                return HTTPResponse(
                    status: 400, contentType: "text/plain; charset=utf-8", Array("query parameter \"port\" is required\n".utf8))
            }
            return Upgrade.acceptWebSocket(key, channels) { tunnel in
                await ChannelForwarding(tunnel, pod, ports).run()
                tunnel.close()
            }
        case .spdy(let offered) where offered.contains(direct):
            return Upgrade.acceptSPDY(direct) { tunnel in
                await SPDYForwarding(tunnel, pod).run()
                tunnel.close()
            }
        case .webSocket(_, let offered), .spdy(let offered): return Upgrade.refusal(of: offered)
        case .none:
            return HTTPResponse(
                status: 400, contentType: "text/plain; charset=utf-8", Array("unable to upgrade: missing upgrade headers in request\n".utf8)
            )
        }
    }
}

/// What listens in a simulated pod.
struct SimulatedPort: Sendable {
    let pod: JSON
    let port: UInt16

    /// Whether a running container declares the port.
    var isOpen: Bool {
        let running = Set(
            (pod["status"]?.items("containerStatuses") ?? []).filter { $0.at("state", "running") != nil }.compactMap { $0["name"]?.string })
        return (pod["spec"]?.items("containers") ?? []).contains { container in
            running.contains(container["name"]?.string ?? "")
                && container.items("ports").contains { $0["containerPort"]?.integer == Int64(port) && $0["protocol"]?.string != "UDP" }
        }
    }

    /// What the kubelet says of a port on which nothing listens.
    var refusal: String {
        let namespace = PodSandbox.containerID("netns/\(pod.objectUID)").prefix(32)
        let id =
            "cni-\(namespace.prefix(8))-\(namespace.dropFirst(8).prefix(4))-\(namespace.dropFirst(12).prefix(4))-"
            + "\(namespace.dropFirst(16).prefix(4))-\(namespace.dropFirst(20))"
        return "an error occurred forwarding \(port) -> \(port): error forwarding port \(port) to pod "
            + "\(PodSandbox(pod, attempt: 0).containerID), uid : failed to execute portforward in network namespace "
            + "\"/var/run/netns/\(id)\": failed to connect to localhost:\(port) inside namespace \"\(PodSandbox(pod, attempt: 0).containerID)\", "
            + "IPv4: dial tcp4 127.0.0.1:\(port): connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found "
    }

    /// What it says to every request.
    var text: String { "eks-sim: port \(port) of pod \(pod.objectName) is simulated\n" }

    /// The answer to a request, once its head is complete.
    var answer: [UInt8] {
        return Array(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)".utf8)
    }
}

/// One forwarded connection: collects a request's head.
struct ForwardedConnection: Sendable {
    private static let longestHead = 65536
    private var head: [UInt8] = []

    /// Takes bytes; answers whether the head is complete.
    mutating func receive(_ bytes: [UInt8]) -> Bool {
        head += bytes.prefix(max(0, Self.longestHead - head.count))
        return head.count >= Self.longestHead || head.firstRange(of: Array("\r\n\r\n".utf8)) != nil
    }
}

/// Bytes in the binary messages of a WebSocket.
final class WebSocketTunnel: HTTPTunnel {
    private let tunnel: any HTTPTunnel
    private let frames = Lock(WebSocketFrames())

    init(_ tunnel: any HTTPTunnel) { self.tunnel = tunnel }

    func read() async -> [UInt8]? {
        while let bytes = await tunnel.read() {
            guard let messages = frames.withLock({ frames in try? frames.receive(bytes) }) else { return nil }
            var result: [UInt8] = []
            for message in messages {
                switch message {
                case .binary(let bytes), .text(let bytes): result += bytes
                case .ping(let payload): try? await tunnel.write(WebSocketFrames.frame(10, payload))
                case .close: return result.isEmpty ? nil : result
                }
            }
            if !result.isEmpty { return result }
        }
        return nil
    }

    func write(_ bytes: [UInt8]) async throws { try await tunnel.write(WebSocketFrames.frame(2, bytes)) }
    func close() { tunnel.close() }
}

/// Forwarding over SPDY: a data and an error stream for each connection, matched by `requestID`.
struct SPDYForwarding: Sendable {
    private struct Connection {
        var port: UInt16 = 0
        var data: UInt32?
        var error: UInt32?
        var received = ForwardedConnection()
        var isDone = false
    }

    private let tunnel: any HTTPTunnel
    private let pod: JSON

    init(_ tunnel: any HTTPTunnel, _ pod: JSON) {
        self.tunnel = tunnel
        self.pod = pod
    }

    private static let mostConnections = 4096

    /// Serves until the client goes.
    func run() async {
        let frames = SPDYFrames()
        var connections: [String: Connection] = [:]
        while let bytes = await tunnel.read() {
            guard let events = try? frames.receive(bytes) else { return }
            for event in events {
                switch event {
                case .opened(let stream, let headers, _):
                    guard let reply = frames.reply(to: stream), let port = UInt16(headers["port"] ?? ""),
                        connections.count < Self.mostConnections
                    else { return }
                    let id = headers["requestid"] ?? ""
                    var connection = connections[id] ?? Connection()
                    connection.port = port
                    if headers["streamtype"] == "error" { connection.error = stream } else { connection.data = stream }
                    connections[id] = connection
                    try? await tunnel.write(reply)
                    if connection.data != nil, connection.error != nil, !SimulatedPort(pod: pod, port: port).isOpen {
                        await refuse(connection)
                        connections[id] = nil
                    }
                case .data(let stream, let bytes, let isLast):
                    guard let id = connections.first(where: { $0.value.data == stream })?.key, var connection = connections[id] else {
                        continue
                    }
                    if connection.received.receive(bytes), !connection.isDone {
                        connection.isDone = true
                        await answer(connection)
                    } else if isLast, !connection.isDone {
                        connection.isDone = true
                        await end(connection)
                    }
                    connections[id] = connection.isDone ? nil : connection
                case .reset(let stream):
                    for (id, connection) in connections where connection.data == stream || connection.error == stream {
                        connections[id] = nil
                    }
                case .ping(let id): try? await tunnel.write(SPDYFrames.pong(id))
                case .goAway: return
                }
            }
        }
    }

    private func refuse(_ connection: Connection) async {
        if let error = connection.error {
            let text = Array(SimulatedPort(pod: pod, port: connection.port).refusal.utf8)
            try? await tunnel.write(SPDYFrames.data(error, text, isLast: true))
        }
        if let data = connection.data { try? await tunnel.write(SPDYFrames.data(data, [], isLast: true)) }
    }

    private func answer(_ connection: Connection) async {
        guard let data = connection.data else { return }
        try? await tunnel.write(SPDYFrames.data(data, SimulatedPort(pod: pod, port: connection.port).answer, isLast: false))
        await end(connection)
    }

    private func end(_ connection: Connection) async {
        for stream in [connection.data, connection.error].compactMap({ $0 }) {
            try? await tunnel.write(SPDYFrames.data(stream, [], isLast: true))
        }
    }
}

/// Forwarding over WebSocket channels: two to each port of the query, for data and errors, as the Python client does.
struct ChannelForwarding: Sendable {
    private let tunnel: any HTTPTunnel
    private let pod: JSON
    private let ports: [UInt16]

    init(_ tunnel: any HTTPTunnel, _ pod: JSON, _ ports: [UInt16]) {
        self.tunnel = tunnel
        self.pod = pod
        self.ports = ports
    }

    /// Serves until the client goes.
    func run() async {
        for (index, port) in ports.enumerated() {
            for channel in [2 * index, 2 * index + 1] {
                try? await send(channel, [UInt8(port & 255), UInt8(port >> 8)])
            }
            let simulated = SimulatedPort(pod: pod, port: port)
            if !simulated.isOpen { try? await send(2 * index + 1, Array(simulated.refusal.utf8)) }
        }
        var frames = WebSocketFrames()
        var received = ports.map { _ in ForwardedConnection() }
        while let bytes = await tunnel.read() {
            guard let messages = try? frames.receive(bytes) else { return }
            for message in messages {
                switch message {
                case .close: return
                case .ping(let payload): try? await tunnel.write(WebSocketFrames.frame(10, payload))
                case .text(let bytes), .binary(let bytes):
                    guard let channel = bytes.first.map(Int.init), channel % 2 == 0, ports.indices.contains(channel / 2) else { continue }
                    let simulated = SimulatedPort(pod: pod, port: ports[channel / 2])
                    guard simulated.isOpen, received[channel / 2].receive(Array(bytes.dropFirst())) else { continue }
                    received[channel / 2] = ForwardedConnection()
                    try? await send(channel, simulated.answer)
                    // The simulated server closes after its answer.
                    try? await tunnel.write(WebSocketFrames.frame(8, [3, 232]))
                    return
                }
            }
        }
    }

    private func send(_ channel: Int, _ bytes: [UInt8]) async throws {
        try await tunnel.write(WebSocketFrames.frame(2, [UInt8(truncatingIfNeeded: channel)] + bytes))
    }
}
