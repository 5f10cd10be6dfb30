import JSON
import Scheduling

/// Nodes and pods as the API server stores them, with what a test is about.
enum Objects {
    static func node(
        _ name: String, cpu: String = "4", memory: String = "16Gi", pods: String = "110", zone: String? = nil, labels: JSONObject = [:],
        taints: JSON = [], isUnschedulable: Bool = false, more allocatable: JSONObject = [:]
    ) -> JSON {
        var all: JSONObject = ["kubernetes.io/hostname": .string(name)]
        if let zone { all["topology.kubernetes.io/zone"] = .string(zone) }
        for member in labels { all[member.key] = member.value }
        var amounts: JSONObject = ["cpu": .string(cpu), "memory": .string(memory), "pods": .string(pods)]
        for member in allocatable { amounts[member.key] = member.value }
        return [
            "metadata": ["name": .string(name), "labels": .object(all)],
            "spec": ["taints": taints, "unschedulable": .bool(isUnschedulable)], "status": ["allocatable": .object(amounts)],
        ]
    }

    static func pod(
        _ name: String, namespace: String = "default", labels: JSONObject = [:], on node: String? = nil, cpu: String? = nil,
        memory: String? = nil, requests: JSONObject = [:], priority: Int64 = 0, started: String = "2026-01-01T00:00:00Z",
        spec: JSONObject = [:], status: JSONObject = [:]
    ) -> JSON {
        var wanted = requests
        if let cpu { wanted["cpu"] = .string(cpu) }
        if let memory { wanted["memory"] = .string(memory) }
        var all: JSONObject = [
            "containers": [["name": "app", "image": "app:1", "resources": ["requests": .object(wanted)]]], "priority": .integer(priority),
        ]
        if let node { all["nodeName"] = .string(node) }
        for member in spec { all[member.key] = member.value }
        var state = status
        state["startTime"] = .string(started)
        return [
            "metadata": [
                "name": .string(name), "namespace": .string(namespace), "uid": .string("uid-\(namespace)-\(name)"),
                "labels": .object(labels),
            ],
            "spec": .object(all), "status": .object(state),
        ]
    }
}

extension Scheduler {
    /// A scheduler that knows these objects; pods with a node are placed.
    init(_ nodes: [JSON], _ pods: [JSON] = [], minorVersion: Int = 36) {
        self.init(minorVersion: minorVersion)
        for node in nodes { cache.set(SchedulingNode(node)) }
        for pod in pods { cache.place(SchedulablePod(pod)) }
    }

    /// The node of a pod, or the text of the refusal.
    mutating func outcome(_ pod: JSON) -> String {
        switch schedule(SchedulablePod(pod)) {
        case .bind(let placement): placement.node
        case .wait(let refusal): refusal.message
        }
    }

    /// Schedules pods one after the other and answers their nodes, or the texts of the refusals.
    mutating func place(_ pods: [JSON]) -> [String] {
        pods.map { object in
            let pod = SchedulablePod(object)
            switch schedule(pod) {
            case .bind(let placement):
                cache.place(pod.placed(on: placement.node))
                return placement.node
            case .wait(let refusal): return refusal.message
            }
        }
    }
}
