public import JSON
import KubeAPI

/// What the scheduler knows of a Node object.
public struct SchedulingNode: Sendable, Hashable {
    /// The node's name.
    public let name: String
    let labels: [String: String]
    let taints: [Taint]
    let isUnschedulable: Bool
    let allocatable: ResourceAmounts
    let maximumPods: Int
    /// Bytes by image name with tag or digest.
    let images: [String: Int64]

    /// Reads a Node object.
    public init(_ node: JSON) {
        name = node.objectName
        var labels: [String: String] = [:]
        for member in node.at("metadata", "labels")?.object ?? [:] { labels[member.key] = member.value.string ?? "" }
        self.labels = labels
        taints = (node.at("spec", "taints")?.array ?? []).map(Taint.init)
        isUnschedulable = node.at("spec", "unschedulable")?.bool ?? false
        let list = PodResources.list(node.at("status", "allocatable"))
        allocatable = ResourceAmounts(list)
        maximumPods = Int(clamping: list["pods"]?.value ?? 0)
        var images: [String: Int64] = [:]
        for image in node.at("status", "images")?.array ?? [] {
            for name in image["names"]?.strings ?? [] { images[name] = image["sizeBytes"]?.integer ?? 0 }
        }
        self.images = images
    }

    /// Where the node stands: nodes of different zones take turns (`utilnode.GetZoneKey`).
    var zone: String {
        let region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? ""
        let zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? ""
        return region.isEmpty && zone.isEmpty ? "" : "\(region):\u{0}:\(zone)"
    }
}
