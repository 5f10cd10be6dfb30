import ConformanceVectors
import HTTP
import JSON
import KubeAPIServer
import KubeControllers
import PKI
import Testing
import World

/// Statuses that are written because somebody looks, while the kubelet goes on.
@Suite struct StatusOrderTests {
    /// An API server whose first write of a pod's status waits until it is let through.
    private final class Gate: HTTPHandler {
        private let server: any HTTPHandler
        private let isPassed = Lock(false)
        private let arrivals = AsyncStream.makeStream(of: Void.self)
        private let passage = AsyncStream.makeStream(of: Void.self)

        init(_ server: any HTTPHandler) { self.server = server }

        func handle(_ request: HTTPRequest) async -> HTTPResponse {
            let isFirst =
                request.method == "PATCH" && request.path.hasSuffix("/pods/p/status")
                && isPassed.withLock { passed in
                    defer { passed = true }
                    return !passed
                }
            if isFirst {
                arrivals.continuation.finish()
                for await _ in passage.stream {}
            }
            return await server.handle(request)
        }

        /// Returns once the write is there.
        func arrival() async { for await _ in arrivals.stream {} }

        func open() { passage.continuation.finish() }
    }

    @Test("a status that is written late does not undo a later one", .timeLimit(.minutes(60)))
    func lateStatus() async throws {
        let world = World(clock: .frozen(at: RunningCluster.start), seed: 1)
        let server = try await InProcessAPIServer(world: world, profile: .eks)
        let gate = Gate(server.handler)
        let controllers = ClusterControllers(
            ComponentAccess(cluster: server.cluster, server: gate, connections: server.loopback),
            authority: try RunningCluster.authority.get())
        await controllers.start(minorVersion: 36)
        try await controllers.join(KubeletTests.machine("n1"))
        await world.advance(by: .seconds(5))
        let pod: JSON = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"],
            "spec": ["nodeName": "n1", "containers": [["name": "app", "image": "app:1"]]],
        ]
        let path = "/api/v1/namespaces/default/pods"
        let made = await server.send("POST", path, headers: ["Content-Type": "application/json"], body: pod.serialized())
        #expect(made.status == 201)
        await world.advance(by: .milliseconds(500))
        // Somebody looks while the image is pulled; by the time the status arrives, the pod runs.
        async let looked = server.send("GET", path)
        await gate.arrival()
        await world.advance(by: .seconds(10))
        gate.open()
        #expect(await looked.status == 200)
        let seen = try JSON(parsing: await server.send("GET", path + "/p").collected ?? [])
        #expect(seen.at("status", "phase") == "Running")
        await controllers.stop()
    }
}
