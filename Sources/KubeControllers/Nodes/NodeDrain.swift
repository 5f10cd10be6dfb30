import Encoding
import JSON
import KubeAPI
import KubeAPIServer
import Store

/// How EKS empties nodes of managed node groups before their instances end, as its user `eks:node-manager`.
extension ClusterControllers {
    private static let excluded = "node.kubernetes.io/exclude-from-external-load-balancers"

    /// Takes a node out of service for new pods and load balancers, or puts it back; answers whether the server did. A node that is gone
    /// needs neither.
    public func setCordoned(node name: String, _ isCordoned: Bool) async -> Bool {
        await asNodeManager { client in
            let change: JSON = [
                "metadata": ["labels": .object([Self.excluded: isCordoned ? "true" : .null])],
                "spec": ["unschedulable": isCordoned ? true : .null],
            ]
            let answer = await client.send("PATCH", "/api/v1/nodes/\(name)", change, type: "application/merge-patch+json")
            return answer.isSuccess || answer.status == 404
        }
    }

    /// Makes the pods of a node go, those of DaemonSets and static ones excepted: by eviction, which disruption budgets may refuse, or by
    /// deletion. Answers how many are left.
    public func drain(node name: String, respectsBudgets: Bool) async -> Int {
        let leaving = pods(of: name).filter(Self.mustGo)
        return await asNodeManager { client in
            for pod in leaving where !pod.isBeingDeleted {
                let path = "/api/v1/namespaces/\(pod.objectNamespace)/pods/\(pod.objectName)"
                let preconditions: JSON = ["uid": .string(pod.objectUID)]
                guard respectsBudgets else {
                    let options: JSON = ["apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions]
                    _ = await client.send("DELETE", path, options)
                    continue
                }
                let eviction: JSON = [
                    "apiVersion": "policy/v1", "kind": "Eviction",
                    "metadata": ["name": .string(pod.objectName), "namespace": .string(pod.objectNamespace)],
                    "deleteOptions": ["preconditions": preconditions],
                ]
                _ = await client.send("POST", path + "/eviction", eviction)
            }
            return leaving.count
        }
    }

    private static func mustGo(_ pod: JSON) -> Bool {
        let owners = pod.at("metadata", "ownerReferences")?.array ?? []
        let isOfDaemonSet = owners.contains { $0["controller"]?.bool == true && $0["kind"] == "DaemonSet" }
        return !isOfDaemonSet && pod.at("metadata", "annotations", "kubernetes.io/config.mirror") == nil
    }

    private func pods(of node: String) -> [JSON] {
        let collection = cluster.collection(group: "", "pods")
        let range = try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
        let mark = Array("\"nodeName\":\"\(node)\"".utf8)
        // Most pods are on other nodes, and need not be parsed to see that.
        return (range?.entries ?? []).filter { $0.value.firstRange(ofBytes: mark) != nil }
            .compactMap { try? cluster.trees.tree(Key(collection, $0.name), at: $0.modified, $0.value) }
            .filter { $0.at("spec", "nodeName")?.string == node }
    }
}
