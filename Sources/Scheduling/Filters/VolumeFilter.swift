import JSON

/// Plugins VolumeRestrictions, NodeVolumeLimits, VolumeBinding and VolumeZone, as far as objects tell.
struct VolumeFilter: Sendable {
    private let storage: StorageView
    private let disks: [PodContent.Disk]
    private let bound: [StorageClaim]
    private let waiting: [StorageClaim]
    private let hasExclusiveConflict: Bool

    /// Looks at the pod's claims.
    ///
    /// - Throws: the refusal that concerns all nodes.
    init(_ pod: PodRequirements, _ cache: ClusterCache) throws(Refusal) {
        storage = cache.storage
        disks = pod.disks
        var bound: [StorageClaim] = []
        var waiting: [StorageClaim] = []
        var hasConflict = false
        var hasUnboundImmediate = false
        for name in pod.claims {
            let key = "\(pod.namespace)/\(name)"
            guard let claim = storage.claims[key] else { throw Refusal(text: "persistentvolumeclaim \"\(name)\" not found") }
            if claim.isLost {
                throw Refusal(text: "persistentvolumeclaim \"\(name)\" bound to non-existent persistentvolume \"\(claim.volume)\"")
            }
            if claim.isBeingDeleted { throw Refusal(text: "persistentvolumeclaim \"\(name)\" is being deleted") }
            if claim.accessModes.contains("ReadWriteOncePod"), cache.slots.contains(where: { $0.claims[key] != nil }) { hasConflict = true }
            if claim.isBound {
                bound.append(claim)
            } else if storage.classes[claim.storageClass]?.waitsForPod ?? false {
                waiting.append(claim)
            } else {
                hasUnboundImmediate = true
            }
        }
        if hasUnboundImmediate { throw Refusal(text: "pod has unbound immediate PersistentVolumeClaims") }
        self.bound = bound
        self.waiting = waiting
        hasExclusiveConflict = hasConflict
    }

    /// No node will do, whatever is on it.
    struct Refusal: Error, Sendable {
        let text: String
    }

    /// Whether the pod has no volumes that matter.
    var isIdle: Bool { disks.isEmpty && bound.isEmpty && waiting.isEmpty }

    func reject(_ slot: NodeSlot, _ node: SchedulingNode) -> Rejection? {
        guard !isIdle else { return nil }
        if disks.contains(where: { disk in slot.disks.contains { $0.id == disk.id && !($0.isReadOnly && disk.isReadOnly) } }) {
            return .disk
        }
        if hasExclusiveConflict { return .exclusiveClaim }
        if exceedsLimits(slot, node) { return .volumeCount }
        var reasons: [String] = []
        for claim in bound {
            guard let volume = storage.volumes[claim.volume] else { return .missingVolume }
            if !volume.allows(node), reasons.isEmpty { reasons += Rejection.volumeAffinity.reasons }
        }
        if places(on: node) == nil { reasons += Rejection.noVolume.reasons }
        guard reasons.isEmpty else { return Rejection(isUnresolvable: true, reasons: reasons) }
        return bound.contains { !isReachable(storage.volumes[$0.volume], from: node) } ? .volumeZone : nil
    }

    private func exceedsLimits(_ slot: NodeSlot, _ node: SchedulingNode) -> Bool {
        guard let limits = storage.limits[node.name], !limits.isEmpty else { return false }
        var attached: [String: Set<String>] = [:]
        for key in slot.claims.keys { if let item = storage.attachment(of: key) { attached[item.driver, default: []].insert(item.handle) } }
        var wanted: [String: Set<String>] = [:]
        for claim in bound + waiting {
            if let item = storage.attachment(of: claim.key) { wanted[item.driver, default: []].insert(item.handle) }
        }
        return wanted.contains { driver, handles in
            guard let limit = limits[driver] else { return false }
            let present = attached[driver] ?? []
            let added = handles.subtracting(present).count
            return added > 0 && present.count + added > limit
        }
    }

    /// What the waiting claims would get on a node: a volume that exists, or `nil` for one to be made. `nil` when there is neither.
    func places(on node: SchedulingNode) -> [(claim: StorageClaim, volume: String?)]? {
        var taken: Set<String> = []
        var places: [(claim: StorageClaim, volume: String?)] = []
        for claim in waiting {
            if let selected = claim.selectedNode {
                guard selected == node.name else { return nil }
                places.append((claim, nil))
            } else if let volume = storage.volume(for: claim, on: node, except: taken) {
                taken.insert(volume.name)
                places.append((claim, volume.name))
            } else {
                guard let storageClass = storage.classes[claim.storageClass], storageClass.provisioner != StorageClass.noProvisioner,
                    storageClass.allows(node)
                else { return nil }
                places.append((claim, nil))
            }
        }
        return places
    }

    private static let zoneLabels = [
        "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    ]

    /// Whether a volume's zone labels name the node's.
    private func isReachable(_ volume: StorageVolume?, from node: SchedulingNode) -> Bool {
        guard let volume, Self.zoneLabels.contains(where: { node.labels[$0] != nil }) else { return true }
        return Self.zoneLabels.allSatisfy { label in
            guard let zones = volume.labels[label]?.string else { return true }
            let allowed = zones.split(separator: "__").map(String.init)
            return node.labels[label].map(allowed.contains) ?? false
        }
    }
}
