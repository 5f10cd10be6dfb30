import ConformanceVectors
import HTTP
import JSON
import KubeAPIServer
import Testing
import World

@Suite("Service ranges under a controller manager")
struct ServiceRangeTests {
    private static let path = "/apis/networking.k8s.io/v1/servicecidrs"

    private func server(_ profile: ClusterProfile) async throws -> InProcessAPIServer {
        try await InProcessAPIServer(world: World(clock: .frozen(at: Instant(seconds: 1_900_000_000)), seed: 3), profile: profile)
    }

    private func create(_ server: InProcessAPIServer, _ name: String, _ block: String) async {
        let body: JSON = [
            "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": ["name": .string(name)],
            "spec": ["cidrs": [.string(block)]],
        ]
        let answer = await server.send("POST", Self.path, headers: ["Content-Type": "application/json"], body: body.serialized())
        #expect(answer.status == 201)
    }

    private func status(_ server: InProcessAPIServer, _ name: String) async -> Int {
        await server.send("GET", "\(Self.path)/\(name)").status
    }

    @Test("a range that nothing needs goes ten seconds after its deletion")
    func grace() async throws {
        let server = try await server(.eks)
        await create(server, "extra", "10.200.0.0/24")
        _ = await server.send("DELETE", "\(Self.path)/extra")
        await server.world.advance(by: .seconds(9))
        #expect(await status(server, "extra") == 200)
        await server.world.advance(by: .seconds(1))
        #expect(await status(server, "extra") == 404)
    }

    @Test("addresses that another range has too do not hold it")
    func covered() async throws {
        let server = try await server(.eks)
        await create(server, "inner", "10.100.0.0/24")
        _ = await server.send("DELETE", "\(Self.path)/inner")
        await server.world.advance(by: .seconds(10))
        #expect(await status(server, "inner") == 404)
    }

    @Test("an API server alone deletes a range at once")
    func alone() async throws {
        let server = try await server(.upstream)
        await create(server, "extra", "10.200.0.0/24")
        _ = await server.send("DELETE", "\(Self.path)/extra")
        #expect(await status(server, "extra") == 404)
    }
}
