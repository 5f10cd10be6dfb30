import Encoding
import JSON
import KubeAPI
import KubeAPIServer
import Store
import World

/// Nodes whose kubelets are not heard of.
extension NodeController {
    static let shutDown = "node.cloudprovider.kubernetes.io/shutdown"
    private static let kept = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"]

    /// A kubelet is not heard of, or is again.
    func hear(_ node: String, _ silence: KubeletSilence?) {
        silent[node] = silence
        lapses.set(node, silence.map { $0.since + grace })
        setNextAlarm()
    }

    /// A node is gone.
    func forget(_ node: String) {
        lapses.set(node, nil)
        silent[node] = nil
        disruption.remove(node)
    }

    static func isReady(_ node: JSON) -> Bool {
        node.at("status", "conditions")?.array?.contains { $0["type"] == "Ready" && $0["status"] == "True" } ?? false
    }

    /// Says of nodes whose kubelets were silent for too long that nobody knows how they are.
    func lapse() async {
        var lapsed: Set<String> = []
        while let name = lapses.take(by: world.now) {
            guard let silence = silent[name] else { continue }
            let answer = await client.send("GET", "/api/v1/nodes/\(name)")
            guard answer.isSuccess else { continue }
            if await markUnknown(name, answer.object) { lapsed.insert(name) }
            if silence.isStopped { await taintShutDown(name) }
        }
        if !lapsed.isEmpty { await markPodsNotReady(on: lapsed) }
    }

    /// Answers whether the node was ready until now.
    private func markUnknown(_ name: String, _ node: JSON) async -> Bool {
        let present = node.at("status", "conditions")?.array ?? []
        let stale = present.filter { Self.kept.contains($0["type"]?.string ?? "") && $0["status"] != "Unknown" }
        guard !stale.isEmpty else { return false }
        let now = JSON.string(world.now.rfc3339)
        let conditions = stale.map { known in
            var condition = known
            condition["status"] = "Unknown"
            condition["reason"] = "NodeStatusUnknown"
            condition["message"] = "Kubelet stopped posting node status."
            condition["lastTransitionTime"] = now
            return condition
        }
        _ = await client.patch("/api/v1/nodes/\(name)/status", ["status": ["conditions": .array(conditions)]])
        guard Self.isReady(node) else { return false }
        let reference = ObjectReference(node, kind: "Node")
        await recorder.record(
            events, reference, type: "Normal", reason: "NodeNotReady", message: "Node \(name) status is now: NodeNotReady")
        return true
    }

    /// Pods of nodes that are not ready are not either: Services leave them out.
    private func markPodsNotReady(on nodes: Set<String>) async {
        for (node, pod) in BoundPods.all(access) where nodes.contains(node) {
            guard var ready = pod.at("status", "conditions")?.array?.first(where: { $0["type"] == "Ready" }), ready["status"] == "True"
            else { continue }
            ready["status"] = "False"
            ready["lastTransitionTime"] = .string(world.now.rfc3339)
            let path = "/api/v1/namespaces/\(pod.objectNamespace)/pods/\(pod.objectName)/status"
            _ = await client.patch(path, ["metadata": ["uid": .string(pod.objectUID)], "status": ["conditions": [ready]]])
            await recorder.record(
                events, ObjectReference(pod, kind: "Pod"), type: "Warning", reason: "NodeNotReady", message: "Node is not ready")
        }
    }

    // MARK: Stopped instances

    /// The cloud's controller marks nodes whose instances are stopped, which keeps them (`cloud-provider`, node lifecycle controller).
    private func taintShutDown(_ name: String) async {
        let answer = await cloud.send("GET", "/api/v1/nodes/\(name)")
        let taints = answer.object.at("spec", "taints")?.array ?? []
        guard answer.isSuccess, !taints.contains(where: { $0["key"]?.string == Self.shutDown }) else { return }
        await set(taints + [["key": .string(Self.shutDown), "effect": "NoSchedule"]], on: name, answer.object)
    }

    private func set(_ taints: [JSON], on name: String, _ node: JSON) async {
        let change: JSON = [
            "metadata": ["resourceVersion": .string(node.objectResourceVersion)], "spec": ["taints": .array(taints)],
        ]
        _ = await cloud.send("PATCH", "/api/v1/nodes/\(name)", change, type: "application/merge-patch+json")
    }

    // MARK: Pods of nodes that are not heard of

    /// Lets the next nodes lose their pods, as many as zones allow, or none when no node at all is heard of.
    func executeTaints() async {
        for name in disruption.advance(to: world.now) {
            let answer = await client.send("GET", "/api/v1/nodes/\(name)")
            if answer.isSuccess { await settle(name, answer.object) }
        }
    }
}
