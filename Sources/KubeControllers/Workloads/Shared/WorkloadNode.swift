import JSON
import KubeAPI
import Scheduling

/// What controllers have to know of a node.
struct WorkloadNode: Sendable, Hashable {
    let name: String
    let zone: String
    let placement: PlacementNode

    init(_ node: JSON) {
        name = node.objectName
        zone = node.at("metadata", "labels", "topology.kubernetes.io/zone")?.string ?? ""
        placement = PlacementNode(node)
    }
}
