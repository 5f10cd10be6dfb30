import JSON
import KubeAPI

/// PersistentVolumes, claims, classes and what nodes can attach.
struct StorageView: Sendable {
    private(set) var claims: [String: StorageClaim] = [:]
    private(set) var volumes: [String: StorageVolume] = [:]
    private(set) var classes: [String: StorageClass] = [:]
    /// How many volumes of a driver a node takes, by node and driver.
    private(set) var limits: [String: [String: Int]] = [:]
    private var volumesByClass: [String: Set<String>] = [:]

    /// Answers whether anything changed.
    mutating func set(kind: String, key: String, object: JSON?) -> Bool {
        switch kind {
        case "PersistentVolumeClaim":
            let claim = object.map(StorageClaim.init)
            guard claims[key] != claim else { return false }
            claims[key] = claim
        case "PersistentVolume":
            let volume = object.map(StorageVolume.init)
            guard volumes[key] != volume else { return false }
            if let old = volumes[key] { volumesByClass[old.storageClass]?.remove(key) }
            volumes[key] = volume
            if let volume { volumesByClass[volume.storageClass, default: []].insert(key) }
        case "StorageClass":
            let storageClass = object.map(StorageClass.init)
            guard classes[key] != storageClass else { return false }
            classes[key] = storageClass
        case "CSINode":
            let drivers = object?.at("spec", "drivers")?.array ?? []
            var counts: [String: Int] = [:]
            for driver in drivers {
                counts[driver["name"]?.string ?? ""] = driver.at("allocatable", "count")?.integer.map { Int(clamping: $0) }
            }
            guard limits[key] != counts else { return false }
            limits[key] = object == nil ? nil : counts
        default: return false
        }
        return true
    }

    /// The smallest volume on a node that suits a claim and is not among `taken`.
    func volume(for claim: StorageClaim, on node: SchedulingNode, except taken: Set<String>) -> StorageVolume? {
        let suitable = (volumesByClass[claim.storageClass] ?? []).compactMap { volumes[$0] }.filter {
            !taken.contains($0.name) && $0.suits(claim) && $0.allows(node)
        }
        // One that is kept for this claim goes before all others.
        return suitable.min { ($0.claim == nil ? 1 : 0, $0.bytes, $0.name) < ($1.claim == nil ? 1 : 0, $1.bytes, $1.name) }
    }

    /// Driver and handle of what a claim attaches: of its volume, or of the volume that will be made for it.
    func attachment(of key: String) -> (driver: String, handle: String)? {
        guard let claim = claims[key] else { return nil }
        if let volume = volumes[claim.volume] { return volume.driver.isEmpty ? nil : (volume.driver, volume.handle) }
        guard let provisioner = classes[claim.storageClass]?.provisioner, provisioner != StorageClass.noProvisioner else { return nil }
        return (provisioner, "claim:\(key)")
    }
}
