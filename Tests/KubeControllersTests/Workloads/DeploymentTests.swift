import JSON
import Testing
import World

@testable import KubeControllers

/// Deployments: rollouts, their history, and what they say on the way.
@Suite struct DeploymentTests {
    private func ready(_ name: String, replicas: Int64 = 3, spec: JSONObject = [:], pod: JSONObject = [:]) async throws -> RunningCluster {
        let cluster = try await RunningCluster()
        try await cluster.join("n1", "n2")
        var all: JSONObject = ["replicas": .integer(replicas)]
        for member in spec { all[member.key] = member.value }
        await cluster.createWorkload(.deployment, name, spec: all, pod: pod)
        await cluster.advance(.seconds(5))
        return cluster
    }

    @Test func aReplicaSetIsMadeAndSaysSo() async throws {
        let cluster = try await ready("web")
        let sets = await cluster.items("/apis/apps/v1/namespaces/default/replicasets")
        let set = try #require(sets.first)
        let hash = set.at("metadata", "labels", "pod-template-hash")?.string ?? ""
        #expect(set.at("metadata", "name")?.string == "web-\(hash)" && sets.count == 1)
        #expect(set.at("spec", "selector", "matchLabels")?.object?.keys.sorted() == ["app", "pod-template-hash"])
        let annotations = set.at("metadata", "annotations")
        #expect(annotations?["deployment.kubernetes.io/revision"] == "1")
        #expect(annotations?["deployment.kubernetes.io/desired-replicas"] == "3")
        #expect(annotations?["deployment.kubernetes.io/max-replicas"] == "4")
        let deployment = await cluster.workload(.deployment, "web")
        #expect(deployment.at("metadata", "annotations", "deployment.kubernetes.io/revision") == "1")
        #expect(
            deployment["status"].map { status in
                ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"].allSatisfy { status[$0] == 3 }
                    && status["unavailableReplicas"] == nil && status["observedGeneration"] == 1
            } == true)
        #expect(await cluster.events(of: "web") == ["Normal ScalingReplicaSet: Scaled up replica set web-\(hash) from 0 to 3"])
        #expect(
            await cluster.condition("Available", of: .deployment, "web")
                == "True MinimumReplicasAvailable: Deployment has minimum availability.")
        #expect(
            await cluster.condition("Progressing", of: .deployment, "web")
                == "True NewReplicaSetAvailable: ReplicaSet \"web-\(hash)\" has successfully progressed.")
    }

    @Test func aRollingUpdateStaysWithinItsLimits() async throws {
        let cluster = try await ready("web", replicas: 4, spec: ["strategy": ["rollingUpdate": ["maxSurge": 1, "maxUnavailable": 1]]])
        await cluster.setImage(.deployment, "web", "app:2")
        var seen: Set<String> = []
        for _ in 0..<60 {
            await cluster.advance(.milliseconds(500))
            let pods = await cluster.pods("web").filter { $0.at("metadata", "deletionTimestamp") == nil }
            let ready = pods.count { pod in
                pod.at("status", "conditions")?.array?.contains { $0["type"] == "Ready" && $0["status"] == "True" } ?? false
            }
            #expect(pods.count <= 5 && ready >= 3, "\(pods.count) pods, \(ready) ready")
            seen.insert(await cluster.replicaSets("web").joined(separator: " "))
        }
        #expect(await cluster.replicaSets("web") == ["app:1=0", "app:2=4"])
        #expect(seen.contains("app:1=3 app:2=2"))
        let messages = await cluster.events(of: "web")
        #expect(messages.contains { $0.contains("Scaled down replica set web-") && $0.hasSuffix("from 4 to 3") })
        #expect(messages.contains { $0.contains("Scaled up replica set web-") && $0.hasSuffix("from 1 to 2") })
        #expect(await cluster.condition("Progressing", of: .deployment, "web").hasPrefix("True NewReplicaSetAvailable"))
    }

    @Test func anOldTemplateComesBackWithANewRevision() async throws {
        let cluster = try await ready("web")
        await cluster.setImage(.deployment, "web", "app:2")
        await cluster.advance(.seconds(30))
        await cluster.setImage(.deployment, "web", "app:1")
        await cluster.advance(.seconds(30))
        #expect(await cluster.replicaSets("web") == ["app:1=3", "app:2=0"])
        let sets = await cluster.items("/apis/apps/v1/namespaces/default/replicasets")
        let old = sets.first { $0.at("spec", "replicas") == 3 }?.at("metadata", "annotations")
        #expect(old?["deployment.kubernetes.io/revision"] == "3" && old?["deployment.kubernetes.io/revision-history"] == "1")
        let deployment = await cluster.workload(.deployment, "web")
        #expect(deployment.at("metadata", "annotations", "deployment.kubernetes.io/revision") == "3")
    }

    @Test func historyIsLimited() async throws {
        let cluster = try await ready("web", replicas: 1, spec: ["revisionHistoryLimit": 1])
        for number in 2...4 {
            await cluster.setImage(.deployment, "web", "app:\(number)")
            await cluster.advance(.seconds(10))
        }
        #expect(await cluster.replicaSets("web") == ["app:3=0", "app:4=1"])
    }

    @Test func recreateEndsAllBeforeItBegins() async throws {
        let cluster = try await ready("web", spec: ["strategy": ["type": "Recreate"]])
        await cluster.setImage(.deployment, "web", "app:2")
        for _ in 0..<40 {
            await cluster.advance(.milliseconds(250))
            let images = Set(await cluster.pods("web").compactMap { $0.at("spec", "containers")?[0]?["image"]?.string })
            #expect(images.count <= 1)
        }
        #expect(await cluster.replicaSets("web") == ["app:1=0", "app:2=3"])
        #expect(await cluster.pods("web").count == 3)
    }

    @Test func aPausedDeploymentScalesButDoesNotRoll() async throws {
        let cluster = try await ready("web")
        await cluster.change(.deployment, "web", ["spec": ["paused": true]])
        await cluster.advance()
        #expect(await cluster.condition("Progressing", of: .deployment, "web") == "Unknown DeploymentPaused: Deployment is paused")
        await cluster.setImage(.deployment, "web", "app:2")
        await cluster.change(.deployment, "web", ["spec": ["replicas": 5]])
        await cluster.advance(.seconds(5))
        #expect(await cluster.replicaSets("web") == ["app:1=5"])
        await cluster.change(.deployment, "web", ["spec": ["paused": false]])
        await cluster.advance(.seconds(30))
        #expect(await cluster.replicaSets("web") == ["app:1=0", "app:2=5"])
    }

    @Test func aRolloutThatStandsStillIsTimedOut() async throws {
        let cluster = try await ready("web", spec: ["progressDeadlineSeconds": 60])
        // Such a node there is not.
        await cluster.change(.deployment, "web", ["spec": ["template": ["spec": ["nodeSelector": ["disk": "none"]]]]])
        await cluster.advance(.seconds(30))
        #expect(await cluster.condition("Progressing", of: .deployment, "web").hasPrefix("True ReplicaSetUpdated: ReplicaSet \"web-"))
        await cluster.advance(.seconds(40))
        let condition = await cluster.condition("Progressing", of: .deployment, "web")
        #expect(
            condition.hasPrefix("False ProgressDeadlineExceeded: ReplicaSet \"web-") && condition.hasSuffix("has timed out progressing."))
        #expect(await cluster.condition("Available", of: .deployment, "web").hasPrefix("True"))
    }

    @Test func growthDuringARolloutIsShared() async throws {
        let cluster = try await ready("web", replicas: 10, spec: ["strategy": ["rollingUpdate": ["maxSurge": 3, "maxUnavailable": 2]]])
        await cluster.change(.deployment, "web", ["spec": ["template": ["spec": ["nodeSelector": ["disk": "none"]]]]])
        await cluster.advance(.seconds(5))
        #expect(
            await cluster.items("/apis/apps/v1/namespaces/default/replicasets").compactMap { $0.at("spec", "replicas")?.integer }.sorted()
                == [5, 8])
        await cluster.change(.deployment, "web", ["spec": ["replicas": 15]])
        await cluster.advance(.seconds(5))
        // The documentation's example: three of five more go to the old one, two to the new one.
        #expect(
            await cluster.items("/apis/apps/v1/namespaces/default/replicasets").compactMap { $0.at("spec", "replicas")?.integer }.sorted()
                == [7, 11])
    }

    @Test func aDeletedDeploymentTakesEverythingAlong() async throws {
        let cluster = try await ready("web")
        await cluster.send("DELETE", "/apis/apps/v1/namespaces/default/deployments/web")
        await cluster.advance(.seconds(5))
        #expect(await cluster.replicaSets("web") == [])
        #expect(await cluster.podNames("web") == [])
    }

    @Test func theSameRequestsGiveTheSameState() async throws {
        func run() async throws -> String {
            let cluster = try await ready("web", replicas: 5)
            await cluster.setImage(.deployment, "web", "app:2")
            await cluster.advance(.seconds(60))
            return
                "\(await cluster.get("/api/v1/pods"))\(await cluster.get("/api/v1/events"))\(await cluster.get("/apis/apps/v1/replicasets"))"
        }
        let first = try await run()
        #expect(try await run() == first)
    }
}

/// `maxSurge` and `maxUnavailable` in pods.
@Suite struct RollingLimitTests {
    static let cases: [(replicas: Int64, surge: JSON, unavailable: JSON, expected: [Int64])] = [
        (10, "25%", "25%", [3, 2]), (1, "25%", "25%", [1, 0]), (3, 0, "10%", [0, 1]), (4, 0, 0, [0, 1]), (2, 1, 5, [1, 2]),
        (0, "25%", "25%", [0, 0]), (200, "0%", "1%", [0, 2]),
    ]

    @Test(arguments: cases.indices) func limits(_ index: Int) {
        let (replicas, surge, unavailable, expected) = Self.cases[index]
        let deployment = DeploymentState(json: [
            "spec": ["replicas": .integer(replicas), "strategy": ["rollingUpdate": ["maxSurge": surge, "maxUnavailable": unavailable]]]
        ])
        #expect([deployment.surge, deployment.unavailable] == expected)
    }
}
