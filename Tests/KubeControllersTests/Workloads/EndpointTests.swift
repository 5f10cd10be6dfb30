import JSON
import Testing
import World

@testable import KubeControllers

/// Endpoints and EndpointSlices: the pods behind Services.
@Suite struct EndpointTests {
    private static let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=web"

    private func ready(replicas: Int64 = 2, service: JSONObject = [:], pod: JSONObject = [:]) async throws -> RunningCluster {
        let cluster = try await RunningCluster()
        try await cluster.join("n1")
        await cluster.createWorkload(.deployment, "web", spec: ["replicas": .integer(replicas)], pod: pod)
        var spec: JSONObject = ["selector": ["app": "web"], "ports": [["name": "http", "port": 80, "targetPort": 8080]]]
        for member in service { spec[member.key] = member.value }
        await cluster.send(
            "POST", "/api/v1/namespaces/default/services",
            ["apiVersion": "v1", "kind": "Service", "metadata": ["name": "web", "labels": ["tier": "front"]], "spec": .object(spec)])
        await cluster.advance(.seconds(5))
        return cluster
    }

    private func endpoints(_ cluster: RunningCluster) async -> [JSON] {
        await cluster.items(Self.slices).flatMap { $0["endpoints"]?.array ?? [] }
    }

    @Test func aServiceHasASliceWithItsPods() async throws {
        let cluster = try await ready()
        let slices = await cluster.items(Self.slices)
        let slice = try #require(slices.first)
        #expect(slices.count == 1 && slice["addressType"] == "IPv4")
        #expect(slice.at("metadata", "generateName") == "web-")
        #expect(slice.at("metadata", "ownerReferences")?[0]?["kind"] == "Service")
        let labels = slice.at("metadata", "labels")
        #expect(labels?["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io" && labels?["tier"] == "front")
        #expect(slice["ports"] == [["name": "http", "port": 8080, "protocol": "TCP"]])
        let pods = await cluster.pods("web")
        #expect(
            slice["endpoints"]?.array?.map { $0["addresses"]?[0] } == pods.map { $0.at("status", "podIP") })
        let endpoint = slice["endpoints"]?[0]
        #expect(endpoint?["conditions"] == ["ready": true, "serving": true, "terminating": false])
        #expect(endpoint?["nodeName"] == "n1" && endpoint?["zone"] == "ap-northeast-1a")
        #expect(endpoint?.at("targetRef", "name") == pods[0].at("metadata", "name"))
        let old = await cluster.get("/api/v1/namespaces/default/endpoints/web")
        #expect(old["subsets"]?[0]?["addresses"]?.array?.count == 2)
        #expect(old["subsets"]?[0]?["ports"] == [["name": "http", "port": 8080, "protocol": "TCP"]])
    }

    @Test func podsThatGoSayThatTheyDo() async throws {
        let cluster = try await ready(replicas: 1, pod: ["terminationGracePeriodSeconds": 20])
        let name = try #require(await cluster.podNames("web").first)
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/\(name)")
        await cluster.advance(.milliseconds(100))
        let going = await endpoints(cluster).first { $0.at("targetRef", "name")?.string == name }
        #expect(going?["conditions"] == ["ready": false, "serving": true, "terminating": true])
    }

    @Test func unreadyPodsAreListedAsSuch() async throws {
        let probe: JSON = ["tcpSocket": ["port": 8080], "initialDelaySeconds": 60]
        let container: JSON = ["name": "app", "image": "app:1", "readinessProbe": probe]
        let cluster = try await ready(pod: ["containers": [container]])
        #expect(await endpoints(cluster).map { $0.at("conditions", "ready") } == [false, false])
        #expect(await cluster.get("/api/v1/namespaces/default/endpoints/web")["subsets"]?[0]?["notReadyAddresses"]?.array?.count == 2)
        await cluster.advance(.seconds(61))
        #expect(await endpoints(cluster).map { $0.at("conditions", "ready") } == [true, true])
        await cluster.send(
            "PATCH", "/api/v1/namespaces/default/services/web", ["spec": ["publishNotReadyAddresses": true]],
            type: "application/merge-patch+json")
        await cluster.advance()
        #expect(await endpoints(cluster).count == 2)
    }

    @Test func portsByNameAreThoseOfThePods() async throws {
        let container: JSON = ["name": "app", "image": "app:1", "ports": [["name": "web", "containerPort": 9000]]]
        let cluster = try await ready(service: ["ports": [["port": 80, "targetPort": "web"]]], pod: ["containers": [container]])
        #expect(await cluster.items(Self.slices).first?["ports"] == [["name": "", "port": 9000, "protocol": "TCP"]])
    }

    @Test func aServiceWithoutPodsHasAnEmptySlice() async throws {
        let cluster = try await ready(replicas: 0)
        let slices = await cluster.items(Self.slices)
        #expect(slices.count == 1 && slices.first?["endpoints"]?.isNull != false)
        await cluster.send("DELETE", "/api/v1/namespaces/default/services/web")
        await cluster.advance(.seconds(2))
        #expect(await cluster.items(Self.slices) == [])
        #expect(await cluster.get("/api/v1/namespaces/default/endpoints/web")["code"] == 404)
    }

    @Test func slicesHoldAHundredAndAreMended() async throws {
        let cluster = try await ready(replicas: 0)
        for number in 1...150 {
            await cluster.createPod("p\(number)", labels: ["app": "web"], spec: ["nodeName": "n1", "hostNetwork": true])
        }
        await cluster.advance(.seconds(5))
        let slices = await cluster.items(Self.slices)
        #expect(slices.compactMap { $0["endpoints"]?.array?.count }.sorted() == [50, 100])
        let name = slices.first?.at("metadata", "name")?.string ?? ""
        await cluster.send("DELETE", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/\(name)")
        await cluster.advance()
        #expect(await endpoints(cluster).count == 150)
    }
}

/// PodDisruptionBudgets: how many pods may go.
@Suite struct DisruptionTests {
    private func budget(_ spec: JSONObject, replicas: Int64 = 4) async throws -> RunningCluster {
        let cluster = try await RunningCluster()
        try await cluster.join("n1")
        await cluster.createWorkload(.deployment, "web", spec: ["replicas": .integer(replicas)])
        var all: JSONObject = ["selector": ["matchLabels": ["app": "web"]]]
        for member in spec { all[member.key] = member.value }
        await cluster.send(
            "POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            ["apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": ["name": "web"], "spec": .object(all)])
        await cluster.advance(.seconds(5))
        return cluster
    }

    private func status(_ cluster: RunningCluster) async -> JSON {
        await cluster.get("/apis/policy/v1/namespaces/default/poddisruptionbudgets/web")["status"] ?? [:]
    }

    static let cases: [(spec: JSONObject, desired: Int64, allowed: Int64)] = [
        (["minAvailable": 3], 3, 1), (["maxUnavailable": 1], 3, 1), (["minAvailable": "50%"], 2, 2), (["maxUnavailable": "30%"], 2, 2),
        (["maxUnavailable": 9], 0, 4), (["minAvailable": 9], 9, 0),
    ]

    @Test(arguments: cases.indices) func counts(_ index: Int) async throws {
        let (spec, desired, allowed) = Self.cases[index]
        let status = try await status(budget(spec))
        #expect(status["desiredHealthy"] == .integer(desired) && status["disruptionsAllowed"] == .integer(allowed))
        #expect(status["currentHealthy"] == 4 && status["expectedPods"] == 4 && status["observedGeneration"] == 1)
        let condition = status["conditions"]?[0]
        #expect(condition?["reason"]?.string == (allowed > 0 ? "SufficientPods" : "InsufficientPods"))
    }

    @Test func anEvictionIsTakenFromTheBudgetUntilAnotherPodIsReady() async throws {
        let cluster = try await budget(["maxUnavailable": 1])
        let names = await cluster.podNames("web")
        try #require(names.count == 4)
        func evict(_ name: String) async -> JSON {
            await cluster.send(
                "POST", "/api/v1/namespaces/default/pods/\(name)/eviction",
                ["apiVersion": "policy/v1", "kind": "Eviction", "metadata": ["name": .string(name), "namespace": "default"]])
        }
        #expect(await evict(names[0])["status"] == "Success")
        #expect(await evict(names[1])["code"] == 429)
        await cluster.advance(.seconds(10))
        #expect(await status(cluster)["disruptionsAllowed"] == 1)
        #expect(await evict(names[1])["status"] == "Success")
    }

    @Test func podsOfNobodyAreTold() async throws {
        let cluster = try await budget(["maxUnavailable": 1], replicas: 0)
        #expect(await cluster.events(of: "web").contains("Normal NoPods: No matching pods found"))
        await cluster.createPod("alone", labels: ["app": "web"])
        await cluster.advance(.seconds(5))
        #expect(
            await cluster.events(of: "web").contains {
                $0.hasPrefix("Warning UnmanagedPods: Pods selected by this PodDisruptionBudget (selector: app=web)")
            })
        #expect(await status(cluster)["disruptionsAllowed"] == 0)
    }
}
