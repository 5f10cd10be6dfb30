import JSON
import KubeControllers
import Testing
import World

/// kube-scheduler in a cluster: what pods, events and conditions look like.
@Suite struct SchedulerControllerTests {
    @Test func aPodGoesToANode() async throws {
        let cluster = try await RunningCluster()
        await cluster.createNode("n1")
        await cluster.createPod("web", cpu: "1")
        #expect(await cluster.pod("web").at("spec", "nodeName") == nil)
        await cluster.advance()
        #expect(await cluster.pod("web").at("spec", "nodeName") == "n1")
        #expect(await cluster.condition("PodScheduled", of: "web")?["status"] == "True")
        #expect(await cluster.events(of: "web") == ["Normal Scheduled: Successfully assigned default/web to n1"])
        let event = await cluster.get("/apis/events.k8s.io/v1/namespaces/default/events").at("items")?[0]
        #expect(event?["reportingController"] == "default-scheduler" && event?["action"] == "Binding")
        #expect(event?.at("regarding", "kind") == "Pod")
    }

    @Test func withoutNodesPodsStayPendingAndSayWhy() async throws {
        let cluster = try await RunningCluster()
        await cluster.createPod("web")
        await cluster.advance()
        #expect(await cluster.events(of: "web") == ["Warning FailedScheduling: no nodes available to schedule pods"])
        let condition = await cluster.condition("PodScheduled", of: "web")
        #expect(condition?["status"] == "False" && condition?["reason"] == "Unschedulable")
        #expect(condition?["message"] == "no nodes available to schedule pods" && condition?["observedGeneration"] == 1)
        #expect(await cluster.pod("web").at("status", "phase") == "Pending")
        let managers = await cluster.pod("web").at("metadata", "managedFields")?.array ?? []
        #expect(managers.contains { $0["manager"] == "kube-scheduler" && $0["subresource"] == "status" })
    }

    @Test func refusedPodsAreTriedAgainEveryFiveMinutesAndWhenSomethingHelps() async throws {
        let cluster = try await RunningCluster()
        await cluster.createPod("web")
        await cluster.advance()
        await cluster.advance(.seconds(601))
        // The first event names the pod as it was before its condition; the repetitions are one series.
        #expect(
            await cluster.events(of: "web") == [
                "Warning FailedScheduling: no nodes available to schedule pods",
                "Warning FailedScheduling: no nodes available to schedule pods (x2)",
            ])
        await cluster.createNode("n1")
        await cluster.advance()
        #expect(await cluster.pod("web").at("spec", "nodeName") == "n1")
    }

    @Test func roomThatIsLeftByADeletedPodIsGivenAway() async throws {
        let cluster = try await RunningCluster()
        await cluster.createNode("n1")
        await cluster.createPod("first", cpu: "3")
        await cluster.createPod("second", cpu: "3")
        await cluster.advance()
        let message = await cluster.condition("PodScheduled", of: "second")?["message"]?.string
        #expect(
            message
                == "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: "
                + "1 No preemption victims found for incoming pod.")
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/first?gracePeriodSeconds=0")
        await cluster.advance()
        #expect(await cluster.pod("second").at("spec", "nodeName") == "n1")
    }

    @Test func lowerPodsGiveWay() async throws {
        let cluster = try await RunningCluster()
        await cluster.send(
            "POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
            ["apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": ["name": "high"], "value": 1000])
        await cluster.createNode("n1")
        await cluster.createPod("low", cpu: "3")
        await cluster.advance()
        await cluster.createPod("high", cpu: "3", spec: ["priorityClassName": "high"])
        await cluster.advance()
        let high = await cluster.pod("high")
        #expect(high.at("status", "nominatedNodeName") == "n1")
        #expect(await cluster.events(of: "high") == ["Warning FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu."])
        #expect(await cluster.pod("low").at("metadata", "deletionTimestamp") != nil)
        let reason = await cluster.condition("DisruptionTarget", of: "low")
        #expect(reason?["reason"] == "PreemptionByScheduler")
        #expect(reason?["message"] == "default-scheduler: preempting to accommodate a higher priority pod")
        let uid = high.at("metadata", "uid")?.string ?? ""
        #expect(await cluster.events(of: "low").last == "Normal Preempted: Preempted by pod \(uid) on node n1")
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/low?gracePeriodSeconds=0")
        await cluster.advance()
        #expect(await cluster.pod("high").at("spec", "nodeName") == "n1")
    }

    @Test func gatedPodsAndThoseOfOtherSchedulersAreLeftAlone() async throws {
        let cluster = try await RunningCluster()
        await cluster.createNode("n1")
        await cluster.createPod("gated", spec: ["schedulingGates": [["name": "wait"]]])
        await cluster.createPod("foreign", spec: ["schedulerName": "mine"])
        await cluster.advance()
        #expect(await cluster.events(of: "gated") == [])
        #expect(await cluster.events(of: "foreign") == [])
        #expect(await cluster.condition("PodScheduled", of: "gated")?["reason"] == "SchedulingGated")
        await cluster.send(
            "PATCH", "/api/v1/namespaces/default/pods/gated", ["spec": ["schedulingGates": .null]], type: "application/merge-patch+json")
        await cluster.advance()
        #expect(await cluster.pod("gated").at("spec", "nodeName") == "n1")
        #expect(await cluster.pod("foreign").at("spec", "nodeName") == nil)
    }

    @Test func aNewSchedulerGoesOnWhereTheLastStopped() async throws {
        let cluster = try await RunningCluster()
        await cluster.createPod("web")
        await cluster.advance()
        await cluster.controllers.stop()
        await cluster.createNode("n1")
        await cluster.advance()
        #expect(await cluster.pod("web").at("spec", "nodeName") == nil)
        await cluster.controllers.start(minorVersion: 36)
        await cluster.advance()
        #expect(await cluster.pod("web").at("spec", "nodeName") == "n1")
    }

    @Test func theSameRequestsGiveTheSameState() async throws {
        func run() async throws -> String {
            let cluster = try await RunningCluster(seed: 7)
            for name in ["n1", "n2", "n3"] { await cluster.createNode(name) }
            for number in 1...20 { await cluster.createPod("p\(number)", cpu: "\(number * 37 % 900)m") }
            await cluster.advance()
            await cluster.createPod("late", cpu: "8")
            await cluster.advance(.seconds(400))
            return "\(await cluster.get("/api/v1/pods"))\(await cluster.get("/api/v1/events"))"
        }
        let first = try await run()
        #expect(try await run() == first)
    }

    @Test func volumesAreAskedForWhereThePodWillBe() async throws {
        let cluster = try await RunningCluster()
        await cluster.createNode("n1")
        await cluster.send(
            "POST", "/apis/storage.k8s.io/v1/storageclasses",
            [
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": ["name": "gp3"], "provisioner": "ebs.csi.aws.com",
                "volumeBindingMode": "WaitForFirstConsumer",
            ])
        await cluster.send(
            "POST", "/api/v1/namespaces/default/persistentvolumeclaims",
            [
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": ["name": "data"],
                "spec": ["accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": ["requests": ["storage": "1Gi"]]],
            ])
        await cluster.createPod("db", spec: ["volumes": [["name": "d", "persistentVolumeClaim": ["claimName": "data"]]]])
        await cluster.advance()
        let claim = await cluster.get("/api/v1/namespaces/default/persistentvolumeclaims/data")
        #expect(claim.at("metadata", "annotations", "volume.kubernetes.io/selected-node") == "n1")
        #expect(await cluster.pod("db").at("spec", "nodeName") == nil)
    }
}
