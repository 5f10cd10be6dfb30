import ConformanceVectors
import HTTP
import JSON
import KubeAPIServer
import KubeControllers
import PKI
import Testing
import World

/// A cluster, of profile `eks` unless said otherwise, with its controllers, in process, on a standing clock.
struct RunningCluster: Sendable {
    static let start = Instant(seconds: 1_800_000_000)

    let server: InProcessAPIServer
    let controllers: ClusterControllers

    /// What every test's cluster is a copy of.
    private static let template = Task {
        try await InProcessAPIServer(world: World(clock: .frozen(at: start), seed: 0), profile: .eks)
    }

    private static let upstream = Task {
        try await InProcessAPIServer(world: World(clock: .frozen(at: start), seed: 0), profile: .upstream)
    }

    static let authority = Result { try CertificateAuthority(world: World(clock: .frozen(at: start), seed: 0)) }

    init(
        seed: UInt64 = 1, minorVersion: Int = 36, network: any PodNetwork = StandalonePodNetwork(), profile: ClusterProfile = .eks
    ) async throws {
        let template = profile == .eks ? Self.template : Self.upstream
        server = try await InProcessAPIServer(copying: template.value, world: World(clock: .frozen(at: Self.start), seed: seed))
        controllers = ClusterControllers(
            ComponentAccess(cluster: server.cluster, server: server.handler, connections: server.loopback),
            authority: try Self.authority.get(), network: network)
        await controllers.start(minorVersion: minorVersion)
    }

    /// Ends the controllers, and starts others on what is stored.
    func restarted(network: any PodNetwork = StandalonePodNetwork()) async throws -> ClusterControllers {
        await controllers.stop()
        let others = ClusterControllers(
            ComponentAccess(cluster: server.cluster, server: server.handler, connections: server.loopback),
            authority: try Self.authority.get(), network: network)
        await others.start(minorVersion: 36)
        return others
    }

    /// Lets time pass.
    func advance(_ duration: Duration = .seconds(1)) async { await server.world.advance(by: duration) }

    /// Sends a request of the administrator's; answers the object, or the Status.
    @discardableResult
    func send(_ method: String, _ path: String, _ body: JSON? = nil, type: String = "application/json") async -> JSON {
        let response = await server.send(
            method, path, headers: body == nil ? [:] : ["Content-Type": type], body: body?.serialized() ?? [])
        return (try? JSON(parsing: response.collected ?? [])) ?? .null
    }

    func get(_ path: String) async -> JSON { await send("GET", path) }

    func pod(_ name: String) async -> JSON { await get("/api/v1/namespaces/default/pods/\(name)") }

    /// Makes a pod of one container.
    @discardableResult
    func createPod(_ name: String, cpu: String? = nil, labels: JSONObject = [:], spec: JSONObject = [:]) async -> JSON {
        var container: JSONObject = ["name": "app", "image": "app:1"]
        if let cpu { container["resources"] = ["requests": ["cpu": .string(cpu)]] }
        var all: JSONObject = ["containers": [.object(container)]]
        for member in spec { all[member.key] = member.value }
        return await send(
            "POST", "/api/v1/namespaces/default/pods",
            ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "labels": .object(labels)], "spec": .object(all)])
    }

    /// Makes a Node object that nobody stands behind, as the API server takes it from an administrator.
    func createNode(_ name: String, cpu: String = "4", labels: JSONObject = [:]) async {
        let amounts: JSON = ["cpu": .string(cpu), "memory": "16Gi", "pods": "110"]
        var all: JSONObject = ["kubernetes.io/hostname": .string(name)]
        for member in labels { all[member.key] = member.value }
        await send(
            "POST", "/api/v1/nodes", ["apiVersion": "v1", "kind": "Node", "metadata": ["name": .string(name), "labels": .object(all)]])
        await send(
            "PATCH", "/api/v1/nodes/\(name)/status", ["status": ["allocatable": amounts, "capacity": amounts]],
            type: "application/merge-patch+json")
        await send("PATCH", "/api/v1/nodes/\(name)", ["spec": ["taints": .null]], type: "application/merge-patch+json")
    }

    /// The events of an object, oldest first: `Warning FailedScheduling: text`, with `(x2)` for a series.
    func events(of name: String) async -> [String] {
        let list = await get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=\(name)")
        return (list["items"]?.array ?? []).sorted {
            ($0.at("metadata", "name")?.string ?? "") < ($1.at("metadata", "name")?.string ?? "")
        }.map { event in
            let count = event.at("series", "count")?.integer.map { " (x\($0))" } ?? ""
            return "\(event["type"]?.string ?? "") \(event["reason"]?.string ?? ""): \(event["message"]?.string ?? "")\(count)"
        }
    }

    /// A condition of a pod.
    func condition(_ type: String, of pod: String) async -> JSON? {
        await self.pod(pod).at("status", "conditions")?.array?.first { $0["type"]?.string == type }
    }
}
