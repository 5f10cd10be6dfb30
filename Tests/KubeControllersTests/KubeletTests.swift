import ConformanceVectors
import JSON
import KubeAPIServer
import KubeControllers
import RBAC
import Store
import Testing
import World

/// Nodes that machines become, and pods that run on them.
@Suite struct KubeletTests {
    static func machine(_ name: String, maximumPods: Int64 = 29, labels: [String: String] = [:], version: String = "v1.36.1-eks-1")
        -> NodeMachine
    {
        NodeMachine(
            name: name, instanceID: "i-0\(name)", instanceType: "m5.large", region: "ap-northeast-1", zone: "ap-northeast-1a",
            address: "172.31.0.10", milliCPU: 2000, memory: 8 << 30, maximumPods: maximumPods, labels: labels, kubeletVersion: version)
    }

    /// A cluster with one ready node.
    static func cluster(_ machine: NodeMachine = machine("n1")) async throws -> RunningCluster {
        let cluster = try await RunningCluster()
        try await cluster.controllers.join(machine)
        await cluster.advance(.seconds(5))
        return cluster
    }

    private static func container(_ command: [String], name: String = "app", more: JSONObject = [:]) -> JSON {
        var all: JSONObject = ["name": .string(name), "image": "busybox:1.36", "command": JSON(strings: command)]
        for member in more { all[member.key] = member.value }
        return .object(all)
    }

    private func reasons(_ cluster: RunningCluster, _ pod: String) async -> [String] {
        await cluster.events(of: pod).map { String($0.split(separator: " ")[1].dropLast()) }
    }

    // MARK: Nodes

    @Test func aMachineBecomesANode() async throws {
        let cluster = try await Self.cluster(Self.machine("n1", labels: ["eks.amazonaws.com/nodegroup": "g"]))
        let node = await cluster.get("/api/v1/nodes/n1")
        #expect(node.at("spec", "providerID") == "aws:///ap-northeast-1a/i-0n1")
        #expect(node.at("metadata", "labels", "eks.amazonaws.com/nodegroup") == "g")
        #expect(node.at("metadata", "labels", "node.kubernetes.io/instance-type") == "m5.large")
        #expect(node.at("status", "capacity", "cpu") == "2" && node.at("status", "allocatable", "cpu") == "1930m")
        #expect(node.at("status", "capacity", "pods") == "29")
        let ready = node.at("status", "conditions")?.array?.first { $0["type"] == "Ready" }
        #expect(ready?["status"] == "True" && ready?["reason"] == "KubeletReady")
        #expect(node.at("spec", "taints") == nil)
        let lease = await cluster.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1")
        #expect(lease.at("spec", "holderIdentity") == "n1")
        #expect(lease.at("metadata", "ownerReferences")?[0]?["uid"] == node.at("metadata", "uid"))
        let events = await cluster.events(of: "n1")
        #expect(events.first == "Normal Starting: Starting kubelet.")
        #expect(events.last == "Normal NodeReady: Node n1 status is now: NodeReady")
    }

    @Test func podsOutsideOfAVPCHaveAddressesOfTheClustersFamily() async throws {
        for (isIPv6, start) in [(false, "100.64.0."), (true, "fd00:6440::")] {
            let cluster = try await RunningCluster(network: StandalonePodNetwork(isIPv6: isIPv6))
            try await cluster.controllers.join(Self.machine("n1"))
            func run(_ name: String) async -> String {
                let pod: JSON = [
                    "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)],
                    "spec": ["containers": [Self.container(["top"])]],
                ]
                await cluster.send("POST", "/api/v1/namespaces/default/pods", pod)
                await cluster.advance(.seconds(10))
                return await cluster.pod(name).at("status", "podIP")?.string ?? ""
            }
            let before = [await run("a"), await run("b")]
            // What was given stays given when the kubelets start again.
            let others = try await cluster.restarted(network: StandalonePodNetwork(isIPv6: isIPv6))
            let after = await run("c")
            await others.stop()
            #expect((before + [after]).allSatisfy { $0.hasPrefix(start) } && Set(before + [after]).count == 3, "\(before) \(after)")
        }
    }

    @Test func aNodeIsTaintedUntilItsNetworkIsUp() async throws {
        let cluster = try await RunningCluster()
        try await cluster.controllers.join(Self.machine("n1"))
        await cluster.advance(.milliseconds(500))
        let taints = await cluster.get("/api/v1/nodes/n1").at("spec", "taints")?.array ?? []
        #expect(taints.map { $0["key"] } == ["node.kubernetes.io/not-ready", "node.kubernetes.io/not-ready"])
        #expect(Set(taints.compactMap { $0["effect"]?.string }) == ["NoSchedule", "NoExecute"])
    }

    @Test func whoIsNotTheNodeDoesNotBecomeIt() async throws {
        let cluster = try await RunningCluster()
        try await cluster.controllers.join(Self.machine("n1"), as: UserInfo(username: "system:node:other", groups: ["system:nodes"]))
        try await cluster.controllers.join(Self.machine("n2"), as: UserInfo(username: "nobody", groups: []))
        await cluster.advance(.seconds(120))
        #expect(await cluster.get("/api/v1/nodes").at("items")?.array?.isEmpty == true)
        let refusals = cluster.server.world.traces.recent(limit: 100) { $0.snapshot.status == 403 }
        #expect(refusals.count >= 2)
    }

    @Test func nodesMayNotSetLabelsThatAreNotTheirs() async throws {
        let cluster = try await RunningCluster()
        try await cluster.controllers.join(Self.machine("n1", labels: ["node-role.kubernetes.io/worker": ""]))
        await cluster.advance(.seconds(30))
        #expect(await cluster.get("/api/v1/nodes/n1")["reason"] == "NotFound")
    }

    @Test func leasesAndHeartbeatsAreFreshWhenSomebodyLooks() async throws {
        let cluster = try await Self.cluster()
        let path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1"
        let before = await cluster.get(path)
        let revision = cluster.server.cluster.store.revision
        await cluster.advance(.seconds(3600))
        #expect(cluster.server.cluster.store.revision == revision)
        let after = await cluster.get(path)
        let renewed = after.at("spec", "renewTime")?.string.flatMap { Instant(rfc3339: $0) }
        #expect(before.at("spec", "renewTime") != after.at("spec", "renewTime"))
        #expect(cluster.server.world.now - (renewed ?? RunningCluster.start) < .seconds(10))
        let conditions = await cluster.get("/api/v1/nodes/n1").at("status", "conditions")?.array ?? []
        let beat = conditions.first?["lastHeartbeatTime"]?.string.flatMap { Instant(rfc3339: $0) }
        #expect(cluster.server.world.now - (beat ?? RunningCluster.start) < .seconds(300))
    }

    @Test func whatRanOnATerminatedMachineGoes() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("web")
        await cluster.advance(.seconds(5))
        try await cluster.controllers.leave("n1")
        #expect(await cluster.get("/api/v1/nodes/n1")["reason"] == "NotFound")
        await cluster.advance(.seconds(39))
        #expect(await cluster.pod("web").at("status", "phase") == "Running")
        await cluster.advance(.seconds(2))
        #expect(await cluster.pod("web")["reason"] == "NotFound")
    }

    // MARK: Pods

    @Test func aPodComesUp() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("web")
        await cluster.advance(.milliseconds(100))
        let fresh = await cluster.pod("web")
        #expect(fresh.at("status", "phase") == "Pending")
        #expect(fresh.at("status", "containerStatuses")?[0]?.at("state", "waiting", "reason") == "ContainerCreating")
        #expect(fresh.at("status", "hostIP") == "172.31.0.10")
        await cluster.advance(.seconds(5))
        let pod = await cluster.pod("web")
        #expect(pod.at("status", "phase") == "Running")
        #expect(pod.at("status", "podIP") == "100.64.0.1" && pod.at("status", "podIPs") == [["ip": "100.64.0.1"]])
        let status = pod.at("status", "containerStatuses")?[0]
        #expect(status?["ready"] == true && status?["started"] == true && status?["restartCount"] == 0)
        #expect(status?["containerID"]?.string?.hasPrefix("containerd://") ?? false)
        #expect(status?["image"] == "docker.io/library/app:1")
        for type in ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"] {
            #expect(await cluster.condition(type, of: "web")?["status"] == "True", "\(type)")
        }
        let size = await cluster.events(of: "web")[2].split(separator: "Image size: ").last ?? ""
        #expect(
            await cluster.events(of: "web") == [
                "Normal Scheduled: Successfully assigned default/web to n1", "Normal Pulling: Pulling image \"app:1\"",
                "Normal Pulled: Successfully pulled image \"app:1\" in 1.2s (1.2s including waiting). Image size: \(size)",
                "Normal Created: Container created", "Normal Started: Container started",
            ])
        let managers = pod.at("metadata", "managedFields")?.array ?? []
        #expect(managers.contains { $0["manager"] == "kubelet" && $0["subresource"] == "status" })
        await cluster.createPod("again")
        await cluster.advance(.seconds(2))
        #expect(
            await cluster.events(of: "again")[1]
                == "Normal Pulled: Container image \"app:1\" already present on machine and can be accessed by the pod"
        )
    }

    @Test func olderKubeletsSpeakAsTheyDid() async throws {
        let cluster = try await Self.cluster(Self.machine("n1", version: "v1.33.5-eks-1"))
        await cluster.createPod("web")
        await cluster.advance(.seconds(5))
        #expect(
            await cluster.events(of: "web").suffix(2) == [
                "Normal Created: Created container: app", "Normal Started: Started container app",
            ])
    }

    @Test func aPodOfTheHostNetworkHasItsAddress() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("host", spec: ["hostNetwork": true])
        await cluster.advance(.seconds(5))
        #expect(await cluster.pod("host").at("status", "podIP") == "172.31.0.10")
    }

    @Test func initContainersRunOneAfterTheOther() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod(
            "web",
            spec: [
                "initContainers": [Self.container(["sleep", "10"], name: "first"), Self.container(["true"], name: "second")],
                "containers": [Self.container(["sleep", "infinity"])],
            ])
        await cluster.advance(.seconds(5))
        let early = await cluster.pod("web")
        #expect(early.at("status", "phase") == "Pending")
        #expect(early.at("status", "initContainerStatuses")?[0]?.at("state", "running") != nil)
        #expect(early.at("status", "containerStatuses")?[0]?.at("state", "waiting", "reason") == "PodInitializing")
        let initialized = await cluster.condition("Initialized", of: "web")
        #expect(initialized?["message"] == "containers with incomplete status: [first second]")
        await cluster.advance(.seconds(10))
        let pod = await cluster.pod("web")
        #expect(pod.at("status", "phase") == "Running")
        #expect(pod.at("status", "initContainerStatuses")?[1]?.at("state", "terminated", "reason") == "Completed")
    }

    @Test func sidecarsGoOnBesideTheOthers() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod(
            "job",
            spec: [
                "restartPolicy": "Never",
                "initContainers": [
                    Self.container(["sleep", "infinity"], name: "side", more: ["restartPolicy": "Always"]),
                    Self.container(["true"], name: "setup"),
                ], "containers": [Self.container(["sleep", "60"])],
            ])
        await cluster.advance(.seconds(10))
        let pod = await cluster.pod("job")
        #expect(pod.at("status", "phase") == "Running")
        #expect(pod.at("status", "initContainerStatuses")?[0]?["ready"] == true)
    }

    struct Ending: Sendable, CustomTestStringConvertible {
        let command: [String]
        let policy: String
        let phase: String
        let code: Int64
        var testDescription: String { "\(command) \(policy)" }
    }

    static let endings = [
        Ending(command: ["true"], policy: "Never", phase: "Succeeded", code: 0),
        Ending(command: ["/bin/false"], policy: "Never", phase: "Failed", code: 1),
        Ending(command: ["sh", "-c", "echo hello; sleep 2; exit 3"], policy: "Never", phase: "Failed", code: 3),
        Ending(command: ["sh", "-c", "false || exit 0"], policy: "OnFailure", phase: "Succeeded", code: 0),
        Ending(command: ["sh", "-ec", "true && sleep 1 && false"], policy: "Never", phase: "Failed", code: 1),
    ]

    @Test(arguments: endings) func podsEndAsTheirCommandsDo(_ ending: Ending) async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("job", spec: ["restartPolicy": .string(ending.policy), "containers": [Self.container(ending.command)]])
        await cluster.advance(.seconds(10))
        let pod = await cluster.pod("job")
        #expect(pod.at("status", "phase")?.string == ending.phase)
        #expect(pod.at("status", "containerStatuses")?[0]?.at("state", "terminated", "exitCode")?.integer == ending.code)
        let ready = await cluster.condition("Ready", of: "job")
        #expect(ready?["reason"]?.string == (ending.phase == "Succeeded" ? "PodCompleted" : "PodFailed"))
    }

    @Test func commandsThatAreNotUnderstoodRunForEver() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod(
            "web", spec: ["restartPolicy": "Never", "containers": [Self.container(["sh", "-c", "nginx -g daemon; exit 1"])]])
        await cluster.advance(.seconds(3600))
        #expect(await cluster.pod("web").at("status", "phase") == "Running")
    }

    @Test func anAnnotationSaysHowAContainerEnds() async throws {
        let cluster = try await Self.cluster()
        await cluster.send(
            "POST", "/api/v1/namespaces/default/pods",
            [
                "apiVersion": "v1", "kind": "Pod",
                "metadata": ["name": "job", "annotations": ["eks-sim.dev/exit.app": "7 after 5s"]],
                "spec": ["restartPolicy": "Never", "containers": [["name": "app", "image": "app:1"]]],
            ])
        await cluster.advance(.seconds(6))
        #expect(await cluster.pod("job").at("status", "phase") == "Running")
        await cluster.advance(.seconds(3))
        #expect(await cluster.pod("job").at("status", "containerStatuses")?[0]?.at("state", "terminated", "exitCode") == 7)
    }

    @Test func crashingContainersAreRestartedEverSlower() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("crash", spec: ["containers": [Self.container(["false"])]])
        await cluster.advance(.seconds(5))
        let early = await cluster.pod("crash").at("status", "containerStatuses")?[0]
        #expect(early?["restartCount"] == 1)
        #expect(early?.at("state", "waiting", "reason") == "CrashLoopBackOff")
        let uid = await cluster.pod("crash").at("metadata", "uid")?.string ?? ""
        #expect(
            early?.at("state", "waiting", "message")?.string
                == "back-off 10s restarting failed container=app pod=crash_default(\(uid))")
        #expect(early?.at("lastState", "terminated", "exitCode") == 1)
        await cluster.advance(.seconds(120))
        let later = await cluster.pod("crash").at("status", "containerStatuses")?[0]
        #expect(later?["restartCount"] == 4)
        #expect(await reasons(cluster, "crash").contains("BackOff"))
    }

    @Test func readinessTakesAsLongAsItsProbe() async throws {
        let cluster = try await Self.cluster()
        let probe: JSON = ["httpGet": ["path": "/", "port": 80], "initialDelaySeconds": 20]
        await cluster.createPod("web", spec: ["containers": [["name": "app", "image": "app:1", "readinessProbe": probe]]])
        await cluster.advance(.seconds(10))
        #expect(await cluster.pod("web").at("status", "phase") == "Running")
        let unready = await cluster.condition("Ready", of: "web")
        #expect(unready?["reason"] == "ContainersNotReady" && unready?["message"] == "containers with unready status: [app]")
        await cluster.advance(.seconds(15))
        #expect(await cluster.condition("Ready", of: "web")?["status"] == "True")
    }

    @Test func readinessGatesKeepAPodUnready() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("web", spec: ["readinessGates": [["conditionType": "example.com/lb"]]])
        await cluster.advance(.seconds(5))
        let ready = await cluster.condition("Ready", of: "web")
        #expect(ready?["reason"] == "ReadinessGatesNotReady")
        #expect(ready?["message"] == "corresponding condition of pod readiness gate \"example.com/lb\" does not exist.")
        await cluster.send(
            "PATCH", "/api/v1/namespaces/default/pods/web/status",
            ["status": ["conditions": [["type": "example.com/lb", "status": "True"]]]], type: "application/strategic-merge-patch+json")
        await cluster.advance(.seconds(5))
        #expect(await cluster.condition("Ready", of: "web")?["status"] == "True")
    }

    @Test func aDeletedPodEndsGracefully() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("web")
        await cluster.createPod("stubborn", spec: ["containers": [Self.container(["sleep", "3600"])]])
        await cluster.advance(.seconds(5))
        for name in ["web", "stubborn"] { await cluster.send("DELETE", "/api/v1/namespaces/default/pods/\(name)") }
        await cluster.advance(.seconds(2))
        #expect(await cluster.pod("web")["reason"] == "NotFound")
        #expect(await cluster.pod("stubborn").at("metadata", "deletionTimestamp") != nil)
        #expect(await cluster.events(of: "stubborn").last == "Normal Killing: Stopping container app")
        await cluster.advance(.seconds(30))
        #expect(await cluster.pod("stubborn")["reason"] == "NotFound")
        await cluster.createPod("next")
        await cluster.advance(.seconds(3))
        #expect(await cluster.pod("next").at("status", "podIP") == "100.64.0.1")
    }

    @Test func kubeletsGoOnWhereTheyStopped() async throws {
        let cluster = try await Self.cluster()
        await cluster.createPod("web")
        await cluster.createPod("job", spec: ["restartPolicy": "Never", "containers": [Self.container(["sleep", "60"])]])
        await cluster.advance(.seconds(5))
        let before = await cluster.pod("web")
        await cluster.controllers.stop()
        await cluster.controllers.start(minorVersion: 36)
        await cluster.advance(.seconds(5))
        #expect(await cluster.pod("web")["status"] == before["status"])
        await cluster.createPod("other")
        await cluster.advance(.seconds(90))
        #expect(await cluster.pod("job").at("status", "phase") == "Succeeded")
        #expect(await cluster.pod("other").at("status", "podIP") != before.at("status", "podIP"))
    }

    /// A network that has no address but for the first so many.
    private final class DryNetwork: PodNetwork {
        private let left: Lock<Int>
        init(_ count: Int) { left = Lock(count) }

        func connect(_ sandbox: PodSandbox) async throws(PodNetworkFailure) -> [String] {
            let number = left.withLock { left -> Int in
                left -= 1
                return left
            }
            guard number >= 0 else { throw .noAddress }
            return ["10.0.0.\(number + 10)"]
        }

        func disconnect(_ sandbox: PodSandbox) async { left.withLock { $0 = max($0, 0) + 1 } }
        func restore(_ sandbox: PodSandbox, addresses: [String]) async {}
    }

    @Test func aPodWithoutAnAddressIsTriedAgain() async throws {
        let cluster = try await RunningCluster(network: DryNetwork(1))
        try await cluster.controllers.join(Self.machine("n1"))
        await cluster.advance(.seconds(5))
        await cluster.createPod("first")
        await cluster.advance(.seconds(5))
        await cluster.createPod("second")
        await cluster.advance(.seconds(5))
        #expect(await cluster.pod("second").at("status", "phase") == "Pending")
        let event = await cluster.events(of: "second").last ?? ""
        #expect(
            event.hasPrefix(
                "Warning FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \""
            ))
        #expect(
            event.hasSuffix(
                "\": plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: failed to assign an IP address to container"))
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/first")
        await cluster.advance(.seconds(15))
        #expect(await cluster.pod("second").at("status", "podIP") == "10.0.0.10")
    }
}
