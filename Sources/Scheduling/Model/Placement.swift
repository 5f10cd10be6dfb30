public import JSON
import KubeAPI

/// What of a node decides whether a pod that is meant for each node belongs on it: labels and taints.
public struct PlacementNode: Sendable, Hashable {
    let name: String
    let labels: [String: String]
    let taints: [Taint]

    /// Reads a Node object.
    public init(_ node: JSON) {
        name = node.objectName
        var labels: [String: String] = [:]
        for member in node.at("metadata", "labels")?.object ?? [:] { labels[member.key] = member.value.string ?? "" }
        self.labels = labels
        taints = (node.at("spec", "taints")?.array ?? []).map(Taint.init)
    }
}

/// What a pod's spec says about nodes, without regard to room: `nodeName`, `nodeSelector`, required node affinity and tolerations.
public struct Placement: Sendable {
    private let node: String
    private let selection: NodeSelection
    private let tolerations: [Toleration]

    /// Reads a pod's spec.
    public init(_ spec: JSON) {
        node = spec["nodeName"]?.string ?? ""
        selection = NodeSelection(spec)
        tolerations = (spec["tolerations"]?.array ?? []).map(Toleration.init)
    }

    /// Whether the spec asks for the node, or for any.
    public func selects(_ other: PlacementNode) -> Bool {
        (node.isEmpty || node == other.name) && selection.allows(name: other.name, labels: other.labels)
    }

    /// Whether the taints of the node let a pod onto it.
    public func isLet(onto other: PlacementNode) -> Bool { !other.taints.contains { $0.keepsOff && !tolerations.tolerate($0) } }

    /// Whether the taints of the node let a pod stay that is there.
    public func mayStay(on other: PlacementNode) -> Bool {
        !other.taints.contains { $0.effect == "NoExecute" && !tolerations.tolerate($0) }
    }
}
