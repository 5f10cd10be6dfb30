import ConformanceVectors
import HTTP
import JSON
import KubeAPIServer
import Store
import Testing
import World

/// A cluster's API server in process, on a standing clock.
struct Cluster: Sendable {
    /// An answer, with its body read.
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let text: String
        let json: JSON

        var message: String { json["message"]?.string ?? text }
        var reason: String { json["reason"]?.string ?? "" }
        var name: String { json.at("metadata", "name")?.string ?? "" }
        var revision: String { json.at("metadata", "resourceVersion")?.string ?? "" }
        var names: [String] { (json["items"]?.array ?? []).compactMap { $0.at("metadata", "name")?.string } }
    }

    static let start = Instant(seconds: 1_800_000_000)
    static let maps = "/api/v1/namespaces/default/configmaps"

    let server: InProcessAPIServer
    private var world: World { server.world }

    /// What every test's cluster is a copy of.
    private static let template = Task { try await InProcessAPIServer(world: World(clock: .frozen(at: start), seed: 0)) }

    init(
        seed: UInt64 = 1, audit: AuditLog? = nil, webhooks: any WebhookCaller = NoWebhooks(), limits: RequestLimits = RequestLimits()
    ) async throws {
        server = try await InProcessAPIServer(
            copying: Self.template.value, world: World(clock: .frozen(at: Self.start), seed: seed), audit: audit, webhooks: webhooks,
            limits: limits)
    }

    /// A cluster of another profile than Kubernetes' own.
    init(profile: ClusterProfile) async throws {
        server = try await InProcessAPIServer(world: World(clock: .frozen(at: Self.start), seed: 1), profile: profile)
    }

    func send(
        _ method: String, _ path: String, _ body: JSON? = nil, type: String? = "application/json", headers: [(String, String)] = [],
        as client: InProcessAPIServer.Client = .admin
    ) async -> Answer {
        await send(method, path, bytes: body?.serialized(), type: type, headers: headers, as: client)
    }

    func send(
        _ method: String, _ path: String, bytes: [UInt8]?, type: String? = "application/json", headers: [(String, String)] = [],
        as client: InProcessAPIServer.Client = .admin
    ) async -> Answer {
        var fields = HTTPHeaders(headers)
        if let type, bytes != nil { fields["Content-Type"] = type }
        let response = await server.send(method, path, headers: fields, body: bytes ?? [], as: client)
        let body = response.collected ?? []
        return Answer(
            status: response.status, headers: response.headers, text: String(decoding: body, as: UTF8.self),
            json: (try? JSON(parsing: body)) ?? .null)
    }

    /// The newest revision of the store.
    var revision: Int64 { server.cluster.store.revision }

    /// Forgets history, as etcd's compaction does.
    func compact(before revision: Int64) async throws { try await server.cluster.store.compact(before: revision) }

    func closeStore() async { await server.cluster.store.close() }

    /// Makes the next writes fail as if the disk refused them.
    func failWrites(_ count: Int, _ reason: String) { world.faults.arm("store.commit", .init(remaining: count, detail: reason)) }

    func advance(_ duration: Duration) async { await world.advance(by: duration) }

    /// Opens a watch.
    func watch(_ path: String) async throws -> Watch {
        let response = await server.send("GET", path)
        #expect(response.status == 200)
        try #require(response.collected == nil, "no stream: \(String(decoding: response.collected ?? [], as: UTF8.self))")
        return Watch(reader: EventReader(response))
    }

    /// A watch and its events.
    struct Watch: Sendable {
        let reader: EventReader

        /// The next events, as `TYPE name`.
        func next(_ count: Int) async throws -> [String] {
            var events: [String] = []
            while events.count < count { events.append(Self.text(try await event())) }
            return events
        }

        /// The next event.
        func event() async throws -> JSON {
            switch await reader.next(within: .seconds(60)) {
            case .line(let line): return try JSON(parsing: line)
            case .end: throw Ended()
            case .nothing: throw NothingCame()
            }
        }

        func ends() async -> Bool { await reader.next(within: .seconds(60)) == .end }

        func close() { reader.close() }

        private static func text(_ event: JSON) -> String {
            "\(event["type"]?.string ?? "?") \(event.at("object", "metadata", "name")?.string ?? "")"
        }
    }

    struct Ended: Error {}
    struct NothingCame: Error {}
}

extension JSON {
    /// A ConfigMap with a name and further metadata.
    static func configMap(_ name: String?, data: JSON = ["k": "v"], metadata: JSON = [:]) -> JSON {
        var metadata = metadata
        metadata["name"] = name.map(JSON.string)
        return ["apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data]
    }
}
