import JSON
import KubeAPIServer
import Store
import VPCCNI

/// The Kubernetes objects that a node's agent reads, from the cluster's store.
struct NodeObjectsOverStore: NodeObjects {
    let cluster: ClusterState
    let name: String
    /// Puts a feature into the node's CNINode.
    let add: @Sendable (_ feature: String, _ value: String) async -> Void

    private func object(_ group: String, _ resource: String, _ key: String) -> JSON? {
        cluster.store.get(Key(cluster.collection(group: group, resource), key)).flatMap { try? JSON(parsing: $0.value) }
    }

    private static func texts(_ value: JSON?) -> [String: String] {
        Dictionary((value?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }) { first, _ in first }
    }

    func node() async -> NodeMetadata {
        let node = object("", "nodes", name)
        return NodeMetadata(
            labels: Self.texts(node?.at("metadata", "labels")), annotations: Self.texts(node?.at("metadata", "annotations")))
    }

    func isCordoned() async -> Bool {
        object("", "nodes", name)?.at("spec", "taints")?.array?.contains {
            $0["key"] == "node.kubernetes.io/unschedulable" && $0["effect"] == "NoSchedule"
        } == true
    }

    func eniConfig(_ name: String) async -> ENIConfig? {
        guard let config = object("crd.k8s.amazonaws.com", "eniconfigs", name), let subnet = config.at("spec", "subnet")?.string else {
            return nil
        }
        return ENIConfig(subnet: subnet, securityGroups: config.at("spec", "securityGroups")?.strings ?? [])
    }

    func pod(_ namespace: String, _ name: String) async -> BranchPod? {
        guard let pod = object("", "pods", "\(namespace)/\(name)") else { return nil }
        let limits = pod.at("spec", "containers")?.array?.first?.at("resources", "limits")
        return BranchPod(
            wantsBranchInterface: limits?["vpc.amazonaws.com/pod-eni"] != nil,
            annotation: pod.at("metadata", "annotations", "vpc.amazonaws.com/pod-eni")?.string)
    }

    func addFeature(_ name: String, _ value: String) async { await add(name, value) }

    func hasHostInterface(suffix: String) async -> Bool { true }
}
