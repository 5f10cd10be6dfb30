import JSON
import KubeAPIServer
import Testing

@Suite("ResourceQuotas are counted")
struct ResourceQuotaTests {
    private static let quotas = "/api/v1/namespaces/default/resourcequotas"
    private static let pods = "/api/v1/namespaces/default/pods"

    private static func pod(_ name: String, cpu: String) -> JSON {
        let container: JSON = ["name": "main", "image": "busybox", "resources": ["requests": ["cpu": .string(cpu)]]]
        return ["metadata": ["name": .string(name)], "spec": ["containers": [container]]]
    }

    private func quota(_ hard: JSON, scopes: JSON? = nil, _ cluster: Cluster) async -> Cluster.Answer {
        var spec: JSON = ["hard": hard]
        spec["scopes"] = scopes
        return await cluster.send("POST", Self.quotas, ["metadata": ["name": "q"], "spec": spec])
    }

    private func used(_ cluster: Cluster) async -> JSON { await cluster.send("GET", "\(Self.quotas)/q").json.at("status", "used") ?? .null }

    @Test("what is there already is counted when a quota comes, and every name that something counts is there")
    func counted() async throws {
        let cluster = try await Cluster(profile: .eks)
        _ = await cluster.send("POST", Self.pods, Self.pod("a", cpu: "300m"))
        _ = await cluster.send("POST", Cluster.maps, ["metadata": ["name": "m"]])
        let hard: JSON = [
            "configmaps": "5", "count/deployments.apps": "1", "pods": "2", "requests.cpu": "1", "services.nodeports": "3",
            "example.com/x": "1",
        ]
        #expect(await quota(hard, cluster).status == 201)
        let status = await cluster.send("GET", "\(Self.quotas)/q").json["status"]
        #expect(status?["hard"] == hard)
        #expect(
            status?["used"] == [
                "configmaps": "2", "count/deployments.apps": "0", "pods": "1", "requests.cpu": "300m", "services.nodeports": "0",
            ])
    }

    @Test("what is too much is refused, and what goes or ends makes room")
    func room() async throws {
        let cluster = try await Cluster(profile: .eks)
        _ = await quota(["pods": "2", "count/pods": "3", "requests.cpu": "1"], cluster)
        for name in ["a", "b"] { #expect(await cluster.send("POST", Self.pods, Self.pod(name, cpu: "400m")).status == 201) }
        #expect(await used(cluster) == ["count/pods": "2", "pods": "2", "requests.cpu": "800m"])
        let refused = await cluster.send("POST", Self.pods, Self.pod("c", cpu: "100m"))
        #expect(refused.message == #"pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"#)
        _ = await cluster.send("PATCH", "\(Self.pods)/a/status", ["status": ["phase": "Succeeded"]], type: "application/merge-patch+json")
        #expect(await used(cluster) == ["count/pods": "2", "pods": "1", "requests.cpu": "400m"])
        #expect(await cluster.send("POST", Self.pods, Self.pod("c", cpu: "100m")).status == 201)
        _ = await cluster.send("DELETE", "\(Self.pods)/b?gracePeriodSeconds=0")
        #expect(await used(cluster) == ["count/pods": "2", "pods": "1", "requests.cpu": "100m"])
    }

    @Test("a changed quota is counted by its new names; scopes choose the pods that count")
    func changed() async throws {
        let cluster = try await Cluster(profile: .eks)
        _ = await quota(["pods": "4"], scopes: ["BestEffort"], cluster)
        _ = await cluster.send("POST", Self.pods, Self.pod("a", cpu: "400m"))
        #expect(await used(cluster) == ["pods": "0"])
        _ = await cluster.send(
            "PATCH", "\(Self.quotas)/q", ["spec": ["hard": ["pods": .null, "count/pods": "7"]]], type: "application/merge-patch+json")
        #expect(await used(cluster) == ["count/pods": "0"])
    }
}
