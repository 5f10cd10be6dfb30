import JSON
import KubeAPI

/// A PersistentVolumeClaim.
struct StorageClaim: Sendable, Hashable {
    let key: String
    let uid: String
    let volume: String
    let storageClass: String
    let bytes: Int64
    let accessModes: Set<String>
    let volumeMode: String
    let selector: LabelSelector?
    let isBeingDeleted: Bool
    let isLost: Bool
    /// The node that a volume is being made for.
    let selectedNode: String?

    init(_ claim: JSON) {
        key = "\(claim.objectNamespace)/\(claim.objectName)"
        uid = claim.objectUID
        volume = claim.at("spec", "volumeName")?.string ?? ""
        storageClass = claim.at("spec", "storageClassName")?.string ?? ""
        bytes = PodResources.list(claim.at("spec", "resources", "requests"))["storage"]?.value ?? 0
        accessModes = Set(claim.at("spec", "accessModes")?.strings ?? [])
        volumeMode = claim.at("spec", "volumeMode")?.string ?? "Filesystem"
        selector = LabelSelector(claim.at("spec", "selector"))
        isBeingDeleted = claim.isBeingDeleted
        isLost = claim.at("status", "phase")?.string == "Lost"
        selectedNode = claim.at("metadata", "annotations", "volume.kubernetes.io/selected-node")?.string
    }

    /// Whether the claim and its volume know each other.
    var isBound: Bool { !volume.isEmpty }
}

/// A PersistentVolume.
struct StorageVolume: Sendable, Hashable {
    let name: String
    let labels: JSONObject
    let storageClass: String
    let bytes: Int64
    let accessModes: Set<String>
    let volumeMode: String
    let nodes: [NodeTerm]?
    /// `namespace/name` of the claim it is meant for.
    let claim: String?
    let isAvailable: Bool
    let driver: String
    let handle: String

    init(_ volume: JSON) {
        name = volume.objectName
        labels = volume.at("metadata", "labels")?.object ?? [:]
        storageClass = volume.at("spec", "storageClassName")?.string ?? ""
        bytes = PodResources.list(volume.at("spec", "capacity"))["storage"]?.value ?? 0
        accessModes = Set(volume.at("spec", "accessModes")?.strings ?? [])
        volumeMode = volume.at("spec", "volumeMode")?.string ?? "Filesystem"
        nodes = volume.at("spec", "nodeAffinity", "required", "nodeSelectorTerms")?.array?.map(NodeTerm.init)
        let reference = volume.at("spec", "claimRef")
        claim = reference.map { "\($0["namespace"]?.string ?? "")/\($0["name"]?.string ?? "")" }
        let phase = volume.at("status", "phase")?.string ?? ""
        isAvailable = !volume.isBeingDeleted && (phase.isEmpty || phase == "Available" || phase == "Pending")
        driver = volume.at("spec", "csi", "driver")?.string ?? ""
        handle = volume.at("spec", "csi", "volumeHandle")?.string ?? ""
    }

    func allows(_ node: SchedulingNode) -> Bool { nodes?.contains { $0.matches(node) } ?? true }

    /// Whether it can be given to a claim (`FindMatchingVolume`).
    func suits(_ claim: StorageClaim) -> Bool {
        guard isAvailable, bytes >= claim.bytes, storageClass == claim.storageClass, volumeMode == claim.volumeMode,
            claim.accessModes.isSubset(of: accessModes)
        else { return false }
        if let own = self.claim { return own == claim.key }
        return claim.selector?.matches(labels) ?? true
    }
}

/// A StorageClass.
struct StorageClass: Sendable, Hashable {
    let provisioner: String
    let waitsForPod: Bool
    let topologies: [NodeTerm]

    /// The provisioner of classes whose volumes are made by hand.
    static let noProvisioner = "kubernetes.io/no-provisioner"

    init(_ storageClass: JSON) {
        provisioner = storageClass["provisioner"]?.string ?? ""
        waitsForPod = storageClass["volumeBindingMode"]?.string == "WaitForFirstConsumer"
        topologies = (storageClass["allowedTopologies"]?.array ?? []).map { term in
            NodeTerm([
                "matchExpressions": .array(
                    (term["matchLabelExpressions"]?.array ?? []).map {
                        ["key": $0["key"] ?? "", "operator": "In", "values": $0["values"] ?? []]
                    })
            ])
        }
    }

    func allows(_ node: SchedulingNode) -> Bool { topologies.isEmpty || topologies.contains { $0.matches(node) } }
}
