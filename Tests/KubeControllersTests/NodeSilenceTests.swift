import ConformanceVectors
import JSON
import KubeControllers
import Testing
import World

/// Nodes whose kubelets are not heard of, and what becomes of their pods.
@Suite("Nodes that are not heard of")
struct NodeSilenceTests {
    private static func machine(_ name: String, zone: String = "ap-northeast-1a") -> NodeMachine {
        NodeMachine(
            name: name, instanceID: "i-0\(name)", instanceType: "m5.large", region: "ap-northeast-1", zone: zone,
            address: "172.31.0.1\(name.last ?? "0")", milliCPU: 2000, memory: 8 << 30, maximumPods: 29, labels: [:],
            kubeletVersion: "v1.36.1-eks-1")
    }

    /// A cluster with ready nodes n1, n2, …
    private func cluster(nodes count: Int = 3) async throws -> RunningCluster {
        let cluster = try await RunningCluster()
        for number in 1...count { try await cluster.controllers.join(Self.machine("n\(number)")) }
        await cluster.advance(.seconds(10))
        return cluster
    }

    private func change(_ cluster: RunningCluster, _ node: String, _ change: (inout NodeMachine) -> Void) async throws {
        var machine = try #require(cluster.controllers.machines.first { $0.name == node })
        change(&machine)
        try await cluster.controllers.update(machine)
    }

    private func refuse(_ cluster: RunningCluster, _ node: String) async throws {
        try await change(cluster, node) { $0.refusedFrom = cluster.server.world.now }
        await cluster.advance(.zero)
    }

    private func ready(_ cluster: RunningCluster, _ node: String) async -> JSON? {
        await cluster.get("/api/v1/nodes/\(node)").at("status", "conditions")?.array?.first { $0["type"] == "Ready" }
    }

    /// `key:effect` of a node's taints.
    private func taints(_ cluster: RunningCluster, _ node: String) async -> Set<String> {
        let taints = await cluster.get("/api/v1/nodes/\(node)").at("spec", "taints")?.array ?? []
        return Set(taints.map { "\($0["key"]?.string?.split(separator: "/").last ?? ""):\($0["effect"]?.string ?? "")" })
    }

    private func reasons(_ cluster: RunningCluster, of name: String) async -> [String] {
        await cluster.events(of: name).map { String($0.split(separator: " ")[1].dropLast()) }
    }

    @Test(
        "a kubelet that is refused is missed after the grace period; its pods are not ready, and go when they do not tolerate that any more"
    )
    func refused() async throws {
        let cluster = try await cluster()
        await cluster.createPod("web", spec: ["nodeName": "n1"])
        await cluster.createPod(
            "agent", spec: ["nodeName": "n1", "tolerations": [["key": "node.kubernetes.io/unreachable", "operator": "Exists"]]])
        await cluster.advance(.seconds(10))
        try await refuse(cluster, "n1")
        await cluster.advance(.seconds(39))
        #expect(await ready(cluster, "n1")?["status"] == "True")
        #expect(await taints(cluster, "n1").isEmpty)
        await cluster.advance(.seconds(12))
        let unknown = await ready(cluster, "n1")
        #expect(unknown?["status"] == "Unknown" && unknown?["reason"] == "NodeStatusUnknown")
        #expect(unknown?["message"] == "Kubelet stopped posting node status.")
        #expect(await reasons(cluster, of: "n1").last == "NodeNotReady")
        #expect(await taints(cluster, "n1") == ["unreachable:NoSchedule", "unreachable:NoExecute"])
        for pod in ["web", "agent"] { #expect(await cluster.condition("Ready", of: pod)?["status"] == "False") }
        #expect(await reasons(cluster, of: "web").last == "NodeNotReady")
        await cluster.advance(.seconds(290))
        #expect(await cluster.pod("web").at("metadata", "deletionTimestamp") == nil)
        await cluster.advance(.seconds(15))
        #expect(await cluster.pod("web").at("metadata", "deletionTimestamp") != nil)
        #expect(await cluster.condition("DisruptionTarget", of: "web")?["reason"] == "DeletionByTaintManager")
        #expect(await cluster.events(of: "web").last == "Normal TaintManagerEviction: Marking for deletion Pod default/web")
        // Nobody is there to end it.
        await cluster.advance(.seconds(600))
        #expect(await cluster.pod("web")["kind"] == "Pod")
        #expect(await cluster.pod("agent").at("metadata", "deletionTimestamp") == nil)
    }

    @Test("a kubelet that is let in again says how it is, ends what was deleted meanwhile, and its taints go")
    func letInAgain() async throws {
        let cluster = try await cluster()
        for name in ["kept", "gone"] { await cluster.createPod(name, spec: ["nodeName": "n1"]) }
        await cluster.advance(.seconds(10))
        try await refuse(cluster, "n1")
        await cluster.advance(.seconds(70))
        #expect(await taints(cluster, "n1").count == 2)
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/gone")
        await cluster.advance(.seconds(60))
        #expect(await cluster.pod("gone")["kind"] == "Pod")
        try await change(cluster, "n1") { $0.refusedFrom = nil }
        await cluster.advance(.seconds(5))
        #expect(await ready(cluster, "n1")?["status"] == "True")
        #expect(await taints(cluster, "n1").isEmpty)
        #expect(await cluster.condition("Ready", of: "kept")?["status"] == "True")
        #expect(await cluster.events(of: "kept").last == "Normal TaintManagerEviction: Cancelling deletion of Pod default/kept")
        await cluster.advance(.seconds(40))
        #expect(await cluster.pod("gone")["code"] == 404)
        #expect(await cluster.pod("kept").at("status", "containerStatuses")?[0]?["restartCount"] == 0)
    }

    @Test("when no node is heard of, it is the controller that is cut off: pods stay")
    func allSilent() async throws {
        let cluster = try await cluster(nodes: 2)
        await cluster.createPod("web", spec: ["nodeName": "n1"])
        await cluster.advance(.seconds(5))
        for node in ["n1", "n2"] { try await refuse(cluster, node) }
        await cluster.advance(.seconds(1200))
        for node in ["n1", "n2"] { #expect(await taints(cluster, node) == ["unreachable:NoSchedule"]) }
        #expect(await cluster.pod("web").at("metadata", "deletionTimestamp") == nil)
    }

    @Test("a machine that stops takes everything with it, and its pods begin anew in their old places when it starts")
    func stopped() async throws {
        let cluster = try await cluster()
        await cluster.createPod("web", spec: ["nodeName": "n1"])
        await cluster.createPod("job", spec: ["nodeName": "n1", "restartPolicy": "Never"])
        await cluster.advance(.seconds(10))
        let uid = await cluster.get("/api/v1/nodes/n1").at("metadata", "uid")
        let boot = await cluster.get("/api/v1/nodes/n1").at("status", "nodeInfo", "bootID")
        try await change(cluster, "n1") { $0.isStopped = true }
        await cluster.advance(.seconds(60))
        #expect(await taints(cluster, "n1") == ["unreachable:NoSchedule", "unreachable:NoExecute", "shutdown:NoSchedule"])
        try await change(cluster, "n1") {
            $0.isStopped = false
            $0.boots = 1
        }
        await cluster.advance(.seconds(20))
        let node = await cluster.get("/api/v1/nodes/n1")
        #expect(node.at("metadata", "uid") == uid && node.at("status", "nodeInfo", "bootID") != boot)
        #expect(await ready(cluster, "n1")?["status"] == "True")
        #expect(await taints(cluster, "n1").isEmpty)
        #expect(await reasons(cluster, of: "n1").contains("Rebooted"))
        let web = await cluster.pod("web").at("status", "containerStatuses")?[0]
        #expect(web?["restartCount"] == 1 && web?["ready"] == true)
        #expect(web?.at("lastState", "terminated", "exitCode") == 255 && web?.at("lastState", "terminated", "reason") == "Unknown")
        #expect(await reasons(cluster, of: "web").contains("SandboxChanged"))
        #expect(await cluster.pod("job").at("status", "phase") == "Failed")
    }

    @Test("controllers that start anew know whom they do not hear of")
    func restart() async throws {
        let cluster = try await cluster()
        await cluster.createPod("web", spec: ["nodeName": "n1"])
        await cluster.advance(.seconds(10))
        try await refuse(cluster, "n1")
        try await change(cluster, "n2") { $0.isStopped = true }
        await cluster.advance(.seconds(20))
        let others = try await cluster.restarted()
        await cluster.advance(.seconds(60))
        #expect(await ready(cluster, "n1")?["status"] == "Unknown")
        #expect(await ready(cluster, "n2")?["status"] == "Unknown")
        #expect(await ready(cluster, "n3")?["status"] == "True")
        #expect(await taints(cluster, "n2").contains("shutdown:NoSchedule"))
        await cluster.advance(.seconds(320))
        #expect(await cluster.pod("web").at("metadata", "deletionTimestamp") != nil)
        await others.stop()
    }

    @Test(
        "a taint of effect NoExecute takes the pods that do not tolerate it at once, and others after their time",
        arguments: [
            ("[]", 0), (#"[{"key":"out","operator":"Exists"}]"#, nil),
            (#"[{"key":"out","operator":"Exists","effect":"NoExecute","tolerationSeconds":30}]"#, 30),
            (#"[{"key":"out","value":"other","effect":"NoExecute"}]"#, 0),
            (
                #"[{"operator":"Exists","tolerationSeconds":60,"effect":"NoExecute"},{"key":"out","operator":"Exists","effect":"NoSchedule"}]"#,
                60
            ),
        ] as [(String, Int64?)])
    func noExecute(tolerations: String, seconds: Int64?) async throws {
        let cluster = try await cluster(nodes: 1)
        try await cluster.createPod(
            "web", spec: ["nodeName": "n1", "tolerations": JSON(parsing: tolerations)])
        await cluster.advance(.seconds(10))
        await cluster.send(
            "PATCH", "/api/v1/nodes/n1", ["spec": ["taints": [["key": "out", "value": "now", "effect": "NoExecute"]]]],
            type: "application/merge-patch+json")
        func isGone() async -> Bool { await cluster.pod("web")["code"] == 404 }
        guard let seconds else {
            await cluster.advance(.seconds(3600))
            return #expect(await !isGone())
        }
        if seconds > 1 {
            await cluster.advance(.seconds(seconds - 2))
            #expect(await !isGone())
        }
        await cluster.advance(.seconds(3))
        #expect(await isGone())
    }

    @Test("a pod whose time runs stays when the taint goes before it is over")
    func acquitted() async throws {
        let cluster = try await cluster(nodes: 1)
        let tolerations: JSON = [["key": "out", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30]]
        await cluster.createPod("web", spec: ["nodeName": "n1", "tolerations": tolerations])
        await cluster.advance(.seconds(10))
        for taints: JSON in [[["key": "out", "effect": "NoExecute"]], .null] {
            await cluster.send(
                "PATCH", "/api/v1/nodes/n1", ["spec": ["taints": taints]], type: "application/merge-patch+json")
            await cluster.advance(.seconds(20))
        }
        await cluster.advance(.seconds(60))
        #expect(await cluster.pod("web").at("metadata", "deletionTimestamp") == nil)
        #expect(await cluster.events(of: "web").last == "Normal TaintManagerEviction: Cancelling deletion of Pod default/web")
    }

    @Test("of a small zone that is mostly lost the pods stay; elsewhere a node loses its pods every ten seconds")
    func zones() async throws {
        let cluster = try await RunningCluster()
        for number in 1...6 {
            try await cluster.controllers.join(Self.machine("n\(number)", zone: "ap-northeast-1\(number < 5 ? "a" : "c")"))
        }
        await cluster.advance(.seconds(10))
        for node in ["n1", "n2", "n3"] { try await refuse(cluster, node) }
        await cluster.advance(.seconds(600))
        for node in ["n1", "n2", "n3"] { #expect(await taints(cluster, node) == ["unreachable:NoSchedule"]) }
        // With one back, the rest of the zone is no longer most of it.
        try await change(cluster, "n3") { $0.refusedFrom = nil }
        await cluster.advance(.seconds(1))
        let first = await taints(cluster, "n1").count + taints(cluster, "n2").count
        #expect(first == 3)
        await cluster.advance(.seconds(11))
        for node in ["n1", "n2"] { #expect(await taints(cluster, node) == ["unreachable:NoSchedule", "unreachable:NoExecute"]) }
    }
}
