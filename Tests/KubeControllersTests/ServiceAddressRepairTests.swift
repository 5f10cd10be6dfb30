import ConformanceVectors
import JSON
import Testing
import World

/// IPAddress objects and Services that have come apart.
@Suite struct ServiceAddressRepairTests {
    private static let addresses = "/apis/networking.k8s.io/v1/ipaddresses"

    private func service(_ cluster: RunningCluster, _ name: String, address: String) async {
        let made = await cluster.send(
            "POST", "/api/v1/namespaces/default/services",
            [
                "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)],
                "spec": ["clusterIP": .string(address), "ports": [["port": 80]]],
            ])
        #expect(made["kind"] == "Service", "\(made.text)")
    }

    private func reasons(_ cluster: RunningCluster) async -> [String] {
        let events = await cluster.get("/apis/events.k8s.io/v1/events")
        return (events["items"]?.array ?? []).compactMap { $0["reason"]?.string }.filter {
            $0.hasPrefix("ClusterIP") || $0.hasPrefix("IPAddress")
        }
    }

    @Test("an address that somebody deleted is made again, and told")
    func missing() async throws {
        let cluster = try await RunningCluster()
        await service(cluster, "a", address: "10.100.0.77")
        await cluster.send("DELETE", "\(Self.addresses)/10.100.0.77")
        await cluster.advance(.seconds(190))
        let made = await cluster.get("\(Self.addresses)/10.100.0.77")
        #expect(made.at("spec", "parentRef", "name") == "a")
        #expect(made.at("metadata", "labels", "ipaddress.kubernetes.io/managed-by") == "ipallocator.k8s.io")
        #expect(await reasons(cluster) == ["ClusterIPNotAllocated"])
    }

    @Test("an address without its Service goes, once it is a minute old; one of somebody else's stays")
    func leaked() async throws {
        let cluster = try await RunningCluster()
        for (name, manager) in [("10.100.0.88", "ipallocator.k8s.io"), ("10.100.0.89", "somebody")] {
            let made = await cluster.send(
                "POST", Self.addresses,
                [
                    "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
                    "metadata": [
                        "name": .string(name),
                        "labels": ["ipaddress.kubernetes.io/managed-by": .string(manager), "ipaddress.kubernetes.io/ip-family": "IPv4"],
                    ], "spec": ["parentRef": ["resource": "services", "namespace": "default", "name": "gone"]],
                ])
            #expect(made["kind"] == "IPAddress", "\(made.text)")
        }
        await cluster.advance(.seconds(170))
        #expect(await cluster.get("\(Self.addresses)/10.100.0.88")["kind"] == "IPAddress")
        await cluster.advance(.seconds(20))
        #expect(await cluster.get("\(Self.addresses)/10.100.0.88")["reason"] == "NotFound")
        #expect(await cluster.get("\(Self.addresses)/10.100.0.89")["kind"] == "IPAddress")
        #expect(await reasons(cluster) == ["IPAddressNotAllocated"])
    }

    @Test("where all is in order nothing is written")
    func quiet() async throws {
        let cluster = try await RunningCluster()
        await service(cluster, "a", address: "10.100.0.77")
        await cluster.advance(.seconds(400))
        let before = await cluster.get("\(Self.addresses)/10.100.0.77")
        await cluster.advance(.seconds(3600))
        #expect(await cluster.get("\(Self.addresses)/10.100.0.77") == before)
        #expect(await reasons(cluster) == [])
    }
}
