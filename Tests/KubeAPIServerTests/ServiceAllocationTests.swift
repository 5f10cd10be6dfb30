import ConformanceVectors
import HTTP
import JSON
import KubeAPIServer
import ServiceNetwork
import Testing
import World

@Suite("Service addresses under many writes at once")
struct ServiceAllocationTests {
    private static let path = "/api/v1/namespaces/default/services"

    /// A cluster of upstream's kind with room for 13 Services beside `kubernetes`, and one node port.
    private func server() async throws -> InProcessAPIServer {
        try await InProcessAPIServer(
            world: World(clock: .frozen(at: Instant(seconds: 1_900_000_000)), seed: 5), serviceRange: "10.100.0.0/28",
            nodePorts: NodePortBands(30000...30000))
    }

    private func create(_ server: InProcessAPIServer, _ name: String, type: String = "ClusterIP") async -> (status: Int, address: String) {
        let body: JSON = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)],
            "spec": ["type": .string(type), "ports": [["port": 80]]],
        ]
        let answer = await server.send("POST", Self.path, headers: ["Content-Type": "application/json"], body: body.serialized())
        let object = answer.collected.flatMap { try? JSON(parsing: $0) }
        return (answer.status, object?.at("spec", "clusterIP")?.string ?? "")
    }

    @Test("clients at once get an address each until the range is full, and the addresses of deleted Services again")
    func concurrent() async throws {
        let server = try await server()
        for round in 0..<20 {
            let answers = await withTaskGroup { group in
                for client in 0..<20 { group.addTask { await create(server, "s-\(round)-\(client)") } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let made = answers.filter { $0.status == 201 }
            #expect(made.count == 13)
            #expect(Set(made.map(\.address)).count == 13)
            #expect(answers.filter { $0.status == 500 }.count == 7)
            for client in 0..<20 { _ = await server.send("DELETE", "\(Self.path)/s-\(round)-\(client)") }
        }
    }

    @Test("a write that is refused keeps no address")
    func refused() async throws {
        let server = try await server()
        #expect(await create(server, "ports", type: "NodePort").status == 201)
        // Each would get an address, but there is no node port left.
        for number in 0..<20 { #expect(await create(server, "none-\(number)", type: "NodePort").status == 500) }
        for number in 0..<12 { #expect(await create(server, "s-\(number)").status == 201) }
        #expect(await create(server, "full").status == 500)
    }
}
