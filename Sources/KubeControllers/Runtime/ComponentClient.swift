public import HTTP
import JSON
public import KubeAPIServer
import RBAC
import Store
import World

/// A component of the cluster as a client of its API server: with a user, a name in `managedFields`, and nothing that a client outside
/// would not have either.
struct ComponentClient: Sendable {
    /// An answer.
    struct Answer: Sendable {
        let status: Int
        let object: JSON

        var isSuccess: Bool { (200..<300).contains(status) }
        /// What went wrong, in the server's words.
        var message: String { object["message"]?.string ?? "" }
    }

    private let server: any HTTPHandler
    private let connections: LoopbackConnections
    private let connection: ConnectionRecord
    private let userAgent: String
    private let world: World

    /// A client on a loopback connection of its own.
    init(_ access: ComponentAccess, as user: UserInfo, userAgent: String) {
        server = access.server
        connections = access.connections
        connection = access.connections.connect(as: user, listener: access.cluster.name)
        world = access.cluster.world
        self.userAgent = userAgent
    }

    /// Ends the connection.
    func close() { connections.close(connection) }

    /// Sends a request. `type` is the content type of a body, `time` when it was sent: now, or earlier for what was kept back.
    func send(
        _ method: String, _ path: String, query: String? = nil, _ body: JSON? = nil, type: String = "application/json",
        at time: Instant? = nil
    ) async -> Answer {
        var headers: HTTPHeaders = ["User-Agent": userAgent, "Accept": "application/json"]
        if body != nil { headers["Content-Type"] = type }
        let trace = RequestTrace(
            id: world.random.uuid(), received: time ?? world.now, method: method, path: path, target: connection.listener)
        let request = HTTPRequest(
            method: method, path: path, query: query, headers: headers, body: body?.serialized() ?? [], connection: connection, trace: trace
        )
        // A component that starts anew does again what was lost.
        let response = await Transaction.$mayTrail.withValue(true) { await server.handle(request) }
        let bytes = response.collected ?? []
        // Nobody looks at what a patch or a deletion answers but at its refusal.
        let isRead = method == "GET" || response.status >= 300 || method == "POST" || method == "PUT"
        return Answer(status: response.status, object: isRead ? (try? JSON(parsing: bytes)) ?? .null : .null)
    }

    /// Changes an object's parts (strategic merge patch).
    func patch(_ path: String, _ change: JSON, at time: Instant? = nil) async -> Answer {
        await send("PATCH", path, change, type: "application/strategic-merge-patch+json", at: time)
    }
}

/// How the components of a cluster reach it.
public struct ComponentAccess: Sendable {
    /// The cluster's objects, for following them.
    public let cluster: ClusterState
    /// Where requests go.
    public let server: any HTTPHandler
    /// Who knows the components' connections.
    public let connections: LoopbackConnections
    let events: EventJournal

    /// Puts the parts together.
    public init(cluster: ClusterState, server: any HTTPHandler, connections: LoopbackConnections) {
        self.cluster = cluster
        self.server = server
        self.connections = connections
        events = EventJournal(cluster.world)
    }
}
