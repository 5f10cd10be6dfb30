import JSON
import KubeAPIServer
import Testing
import World

@testable import KubeControllers

/// ReplicaSets: as many pods as they ask for.
@Suite struct ReplicaSetTests {
    @Test func podsAreMadeWithTheirOwnerAndNamesOfTheServers() async throws {
        let cluster = try await RunningCluster()
        let set = await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 3])
        await cluster.advance()
        let pods = await cluster.pods("web")
        #expect(pods.count == 3)
        for pod in pods {
            let owner = pod.at("metadata", "ownerReferences")?[0]
            #expect(owner?["uid"] == set.at("metadata", "uid") && owner?["kind"] == "ReplicaSet" && owner?["controller"] == true)
            #expect(owner?["blockOwnerDeletion"] == true && owner?["apiVersion"] == "apps/v1")
            #expect(pod.at("metadata", "generateName") == "web-")
            let suffix = pod.at("metadata", "name")?.string?.split(separator: "-").last ?? ""
            #expect(suffix.count == 5 && suffix.allSatisfy { "bcdfghjklmnpqrstvwxz2456789".contains($0) })
        }
        let events = await cluster.events(of: "web")
        #expect(events.sorted() == pods.map { "Normal SuccessfulCreate: Created pod: \($0.at("metadata", "name")?.string ?? "")" }.sorted())
        let event = await cluster.items("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=web").first
        #expect(event?.at("source", "component") == "replicaset-controller" && event?["reportingComponent"] == "replicaset-controller")
        let managers = pods[0].at("metadata", "managedFields")?.array ?? []
        #expect(managers.first?["manager"] == "kube-controller-manager")
    }

    @Test func theStatusCountsPods() async throws {
        let cluster = try await RunningCluster()
        try await cluster.join("n1")
        await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 2, "minReadySeconds": 10])
        await cluster.advance(.seconds(5))
        var status = await cluster.workload(.replicaSet, "web")["status"] ?? [:]
        #expect(status["replicas"] == 2 && status["fullyLabeledReplicas"] == 2 && status["readyReplicas"] == 2)
        #expect(status["availableReplicas"] == nil && status["observedGeneration"] == 1)
        await cluster.advance(.seconds(10))
        status = await cluster.workload(.replicaSet, "web")["status"] ?? [:]
        #expect(status["availableReplicas"] == 2)
    }

    @Test func deletedPodsAreReplacedAndSurplusOnesGo() async throws {
        let cluster = try await RunningCluster()
        await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 3])
        await cluster.advance()
        let before = await cluster.podNames("web")
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/\(before[0])")
        await cluster.advance()
        let after = await cluster.podNames("web")
        #expect(after.count == 3 && !after.contains(before[0]))
        await cluster.change(.replicaSet, "web", ["spec": ["replicas": 1]])
        await cluster.advance()
        let left = await cluster.podNames("web")
        #expect(left.count == 1)
        let gone = after.filter { !left.contains($0) }
        let events = await cluster.events(of: "web")
        for name in gone { #expect(events.contains("Normal SuccessfulDelete: Deleted pod: \(name)")) }
    }

    @Test func podsThatAreSelectedAreAdoptedAndOthersReleased() async throws {
        let cluster = try await RunningCluster()
        await cluster.createPod("stray", labels: ["app": "web"])
        let set = await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 2])
        await cluster.advance()
        #expect(await cluster.podNames("web").count == 2)
        #expect(await cluster.pod("stray").at("metadata", "ownerReferences")?[0]?["uid"] == set.at("metadata", "uid"))
        await cluster.send(
            "PATCH", "/api/v1/namespaces/default/pods/stray", ["metadata": ["labels": ["app": "other"]]],
            type: "application/merge-patch+json")
        await cluster.advance()
        #expect(await cluster.pod("stray").at("metadata", "ownerReferences") == nil)
        #expect(await cluster.podNames("web").count == 2)
    }

    @Test func aQuotaIsSaidInConditionAndEvents() async throws {
        let cluster = try await RunningCluster()
        await cluster.send(
            "POST", "/api/v1/namespaces/default/resourcequotas",
            ["apiVersion": "v1", "kind": "ResourceQuota", "metadata": ["name": "few"], "spec": ["hard": ["pods": "2"]]])
        await cluster.advance()
        await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 10])
        await cluster.advance()
        #expect(await cluster.podNames("web").count == 2)
        let condition = await cluster.condition("ReplicaFailure", of: .replicaSet, "web")
        #expect(condition.hasPrefix("True FailedCreate: pods \"web-"))
        #expect(condition.hasSuffix("is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2"))
        #expect(await cluster.events(of: "web").contains { $0.hasPrefix("Warning FailedCreate: Error creating: pods \"web-") })
        await cluster.send("DELETE", "/api/v1/namespaces/default/resourcequotas/few")
        await cluster.advance(.seconds(1200))
        #expect(await cluster.podNames("web").count == 10)
        #expect(await cluster.condition("ReplicaFailure", of: .replicaSet, "web") == "")
    }

    @Test func aDeletedReplicaSetTakesItsPodsAlong() async throws {
        let cluster = try await RunningCluster()
        await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 3])
        await cluster.advance()
        await cluster.send("DELETE", "/apis/apps/v1/namespaces/default/replicasets/web")
        await cluster.advance(.seconds(2))
        #expect(await cluster.podNames("web") == [])
    }

    @Test func anotherControllerManagerMakesNothingTwice() async throws {
        let cluster = try await RunningCluster()
        await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 3])
        await cluster.advance()
        let names = await cluster.podNames("web")
        await cluster.controllers.start(minorVersion: 36)
        await cluster.advance()
        #expect(await cluster.podNames("web") == names)
    }

    @Test func inProfileUpstreamNobodyMakesPods() async throws {
        let cluster = try await RunningCluster(profile: .upstream)
        await cluster.createWorkload(.replicaSet, "web", spec: ["replicas": 3])
        await cluster.advance()
        #expect(await cluster.podNames("web") == [])
    }
}

/// Which pods go first.
@Suite struct DeletionOrderTests {
    private static let now = Instant(seconds: 1_800_000_000)

    private static func pod(
        _ name: String, node: String = "n", phase: String = "Running", ready: Int64? = 1000, restarts: Int64 = 0, age: Int64 = 1000,
        cost: String? = nil
    ) -> WorkloadPod {
        var metadata: JSON = [
            "name": .string(name), "namespace": "default", "uid": .string(name),
            "creationTimestamp": .string((now - .seconds(age)).rfc3339),
        ]
        if let cost { metadata["annotations"] = ["controller.kubernetes.io/pod-deletion-cost": .string(cost)] }
        var status: JSON = ["phase": .string(phase), "containerStatuses": [["restartCount": .integer(restarts)]]]
        status["conditions"] = [
            [
                "type": "Ready", "status": ready == nil ? "False" : "True",
                "lastTransitionTime": .string((now - .seconds(ready ?? 0)).rfc3339),
            ]
        ]
        return WorkloadPod(["metadata": metadata, "spec": ["nodeName": .string(node)], "status": status])
    }

    static let cases: [(String, first: WorkloadPod, second: WorkloadPod)] = [
        ("not placed before placed", pod("b", node: ""), pod("a")),
        ("pending before running", pod("b", phase: "Pending"), pod("a")),
        ("unknown before running", pod("b", phase: "Unknown"), pod("a")),
        ("unready before ready", pod("b", ready: nil), pod("a")),
        ("cheaper before dearer", pod("b", cost: "-1"), pod("a")),
        ("ready for a shorter time", pod("b", ready: 10), pod("a", ready: 1000)),
        ("about as long: by UID", pod("a", ready: 1000), pod("b", ready: 900)),
        ("more restarts", pod("b", restarts: 3), pod("a")),
        ("younger before older", pod("b", age: 10), pod("a", age: 1000)),
    ]

    @Test(arguments: cases.indices) func one(_ index: Int) {
        let (name, first, second) = Self.cases[index]
        #expect(DeletionOrder.first(1, of: [second, first], related: [], at: Self.now).map(\.name) == [first.name], "\(name)")
    }

    @Test func oneOfSeveralOnTheSameNode() {
        let pods = [Self.pod("a", node: "n1"), Self.pod("b", node: "n2")]
        let related = pods + [Self.pod("c", node: "n2")]
        #expect(DeletionOrder.first(1, of: pods, related: related, at: Self.now).map(\.name) == ["b"])
    }
}
