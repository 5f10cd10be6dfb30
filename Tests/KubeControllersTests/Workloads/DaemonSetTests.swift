import JSON
import Testing
import World

@testable import KubeControllers

/// DaemonSets: a pod on each node that they belong on.
@Suite struct DaemonSetTests {
    private func ready(spec: JSONObject = [:], pod: JSONObject = [:]) async throws -> RunningCluster {
        let cluster = try await RunningCluster()
        try await cluster.join("n1", "n2", "n3")
        await cluster.createWorkload(.daemonSet, "agent", spec: spec, pod: pod)
        await cluster.advance(.seconds(5))
        return cluster
    }

    private func nodes(_ cluster: RunningCluster) async -> [String] {
        await cluster.pods("agent").filter { $0.at("metadata", "deletionTimestamp") == nil }.map { $0.at("spec", "nodeName")?.string ?? "" }
            .sorted()
    }

    private func images(_ cluster: RunningCluster) async -> [String] {
        await cluster.pods("agent").compactMap { $0.at("spec", "containers")?[0]?["image"]?.string }.sorted()
    }

    @Test func eachNodeGetsOneByAffinityAndThePodsBearTaints() async throws {
        let cluster = try await ready()
        #expect(await nodes(cluster) == ["n1", "n2", "n3"])
        let pod = try #require(await cluster.pods("agent").first)
        let terms = pod.at("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
        #expect(terms == [["matchFields": [["key": "metadata.name", "operator": "In", "values": [pod.at("spec", "nodeName") ?? ""]]]]])
        let keys = pod.at("spec", "tolerations")?.array?.compactMap { $0["key"]?.string } ?? []
        #expect(
            keys
                == ["not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map {
                    "node.kubernetes.io/\($0)"
                })
        #expect(pod.at("metadata", "labels", "pod-template-generation") == "1")
        let revision = await cluster.items("/apis/apps/v1/namespaces/default/controllerrevisions").first
        #expect(revision?["revision"] == 1)
        #expect(revision?.at("metadata", "labels", "controller-revision-hash") == pod.at("metadata", "labels", "controller-revision-hash"))
        let status = await cluster.workload(.daemonSet, "agent")["status"]
        for field in ["desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable", "updatedNumberScheduled"] {
            #expect(status?[field] == 3)
        }
        #expect(status?["numberMisscheduled"] == 0 && status?["observedGeneration"] == 1)
        #expect(await cluster.events(of: "agent").allSatisfy { $0.hasPrefix("Normal SuccessfulCreate: Created pod: agent-") })
    }

    @Test func nodesComeAndGoWithTheirLabelsAndTaints() async throws {
        let cluster = try await ready(pod: ["nodeSelector": ["number": "1"]])
        #expect(await nodes(cluster) == ["n1"])
        func change(_ node: String, _ change: JSON) async {
            await cluster.send("PATCH", "/api/v1/nodes/\(node)", change, type: "application/merge-patch+json")
            await cluster.advance(.seconds(3))
        }
        await change("n2", ["metadata": ["labels": ["number": "1"]]])
        #expect(await nodes(cluster) == ["n1", "n2"])
        await change("n1", ["metadata": ["labels": ["number": "9"]]])
        #expect(await nodes(cluster) == ["n2"])
        await change("n2", ["spec": ["taints": [["key": "own", "effect": "NoSchedule"]]]])
        #expect(await nodes(cluster) == ["n2"])
        #expect(await cluster.workload(.daemonSet, "agent").at("status", "numberMisscheduled") == 1)
        await change("n2", ["spec": ["taints": [["key": "own", "effect": "NoExecute"]]]])
        #expect(await nodes(cluster) == [])
    }

    @Test func cordonedNodesGetThemToo() async throws {
        let cluster = try await RunningCluster()
        try await cluster.join("n1")
        await cluster.send("PATCH", "/api/v1/nodes/n1", ["spec": ["unschedulable": true]], type: "application/merge-patch+json")
        await cluster.createWorkload(.daemonSet, "agent")
        await cluster.advance(.seconds(5))
        #expect(await nodes(cluster) == ["n1"])
    }

    @Test func aNewTemplateReplacesOnePodAfterAnother() async throws {
        let cluster = try await ready()
        await cluster.setImage(.daemonSet, "agent", "app:2")
        for _ in 0..<60 {
            await cluster.advance(.milliseconds(500))
            let ready = await cluster.pods("agent").count { pod in
                pod.at("status", "conditions")?.array?.contains { $0["type"] == "Ready" && $0["status"] == "True" } ?? false
            }
            #expect(ready >= 2)
        }
        #expect(await images(cluster) == ["app:2", "app:2", "app:2"])
        #expect(await cluster.items("/apis/apps/v1/namespaces/default/controllerrevisions").count == 2)
        #expect(await cluster.workload(.daemonSet, "agent").at("status", "updatedNumberScheduled") == 3)
    }

    @Test func surgingMakesTheNewPodBeforeTheOldOneGoes() async throws {
        let cluster = try await ready(spec: ["updateStrategy": ["rollingUpdate": ["maxSurge": 1, "maxUnavailable": 0]]])
        await cluster.setImage(.daemonSet, "agent", "app:2")
        for _ in 0..<60 {
            await cluster.advance(.milliseconds(500))
            #expect(Set(await nodes(cluster)).count == 3)
        }
        #expect(await images(cluster) == ["app:2", "app:2", "app:2"])
    }

    @Test func onDeleteWaitsForTheUser() async throws {
        let cluster = try await ready(spec: ["updateStrategy": ["type": "OnDelete"]])
        await cluster.setImage(.daemonSet, "agent", "app:2")
        await cluster.advance(.seconds(20))
        #expect(await images(cluster) == ["app:1", "app:1", "app:1"])
        let name = try #require(await cluster.podNames("agent").first)
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/\(name)")
        await cluster.advance(.seconds(10))
        #expect(await images(cluster) == ["app:1", "app:1", "app:2"])
    }

    @Test func failedPodsMakeRoomAndSaySo() async throws {
        let cluster = try await ready()
        let name = try #require(await cluster.podNames("agent").first)
        await cluster.send(
            "PATCH", "/api/v1/namespaces/default/pods/\(name)/status", ["status": ["phase": "Failed"]], type: "application/merge-patch+json"
        )
        await cluster.advance(.seconds(5))
        #expect(await nodes(cluster) == ["n1", "n2", "n3"])
        #expect(await !cluster.podNames("agent").contains(name))
        #expect(
            await cluster.events(of: "agent").contains {
                $0.hasPrefix("Warning FailedDaemonPod: Found failed daemon pod default/\(name) on node n")
                    && $0.hasSuffix(", will try to kill it")
            })
    }
}
