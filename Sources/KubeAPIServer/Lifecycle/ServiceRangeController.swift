import Encoding
import IPAddress
import JSON
import KubeAPI
import ServiceNetwork
import Store
import World

/// Looks after ServiceCIDR objects (`pkg/controller/servicecidrs`): a range is ready, and stays while addresses need it.
struct ServiceRangeController: Sendable {
    private static let finalizer = "networking.k8s.io/service-cidr-finalizer"
    /// How long after its deletion a range goes at the earliest, so that every allocator has seen it.
    private static let grace = Duration.seconds(10)

    let registry: Registry
    private var cluster: ClusterState { registry.cluster }
    private var ranges: String { cluster.collection(group: "networking.k8s.io", "servicecidrs") }

    /// Follows up on changes of ranges.
    func settle() async {
        guard cluster.profile.controlsServiceRanges else { return }
        for entry in entries(ranges) { await settle(entry.name) }
    }

    /// Follows up on changes of addresses: only ranges that are being deleted wait for those.
    func settleDeletions() async {
        guard cluster.profile.controlsServiceRanges else { return }
        let mark = Array("\"deletionTimestamp\"".utf8)
        for entry in entries(ranges) where entry.value.firstRange(ofBytes: mark) != nil { await settle(entry.name) }
    }

    private func settle(_ name: String) async {
        guard let resource = cluster.resources.lookup(group: "networking.k8s.io", version: "v1", resource: "servicecidrs") else { return }
        await registry.settle(resource, "", name) { old in ObjectDefaults.ordered(settled(old), resource.storageKind) }
    }

    /// A range as it is to be.
    private func settled(_ old: JSON) -> JSON {
        var object = old
        guard old.isBeingDeleted else {
            if !old.objectFinalizers.contains(Self.finalizer) { setFinalizers(&object, old.objectFinalizers + [Self.finalizer]) }
            // The API server keeps the condition of its own range.
            if old.objectName != "kubernetes" { setReady(&object, true, reason: "", "Kubernetes Service CIDR is ready") }
            return object
        }
        guard !isNeeded(old) else {
            setReady(
                &object, false, reason: "Terminating",
                "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR")
            return object
        }
        let deleted = old.at("metadata", "deletionTimestamp")?.string.flatMap { Instant(rfc3339: $0) } ?? cluster.world.now
        guard cluster.world.now - deleted >= Self.grace else {
            cluster.world.timers.schedule(at: deleted + Self.grace, "ServiceCIDR \(old.objectName)") { await settleDeletions() }
            return object
        }
        setFinalizers(&object, old.objectFinalizers.filter { $0 != Self.finalizer })
        return object
    }

    /// Whether an address that the allocator gave is in no other range than this one.
    private func isNeeded(_ range: JSON) -> Bool {
        let own = blocks(range)
        let others = entries(ranges).filter { $0.name != range.objectName }.compactMap { try? JSON(parsing: $0.value) }.flatMap(blocks)
        guard !own.allSatisfy({ block in others.contains { $0.contains(block) } }) else { return false }
        return entries(cluster.collection(group: "networking.k8s.io", "ipaddresses")).contains { entry in
            guard let address = IPAddress(entry.name), own.contains(where: { $0.contains(address) }),
                !others.contains(where: { $0.contains(address) }), let object = try? JSON(parsing: entry.value)
            else { return false }
            return object.at("metadata", "labels", "ipaddress.kubernetes.io/managed-by")?.string == "ipallocator.k8s.io"
        }
    }

    private func blocks(_ range: JSON) -> [CIDRBlock] { (range.at("spec", "cidrs")?.strings ?? []).compactMap { CIDRBlock($0) } }

    private func entries(_ collection: String) -> [Entry] {
        (try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0))?.entries ?? []
    }

    private func setFinalizers(_ object: inout JSON, _ finalizers: [String]) {
        if finalizers.isEmpty {
            object.remove(at: ["metadata", "finalizers"])
        } else {
            object.set(JSON(strings: finalizers), at: ["metadata", "finalizers"])
        }
    }

    private func setReady(_ object: inout JSON, _ isReady: Bool, reason: String, _ message: String) {
        var conditions = object.at("status", "conditions")?.array ?? []
        let place = conditions.firstIndex { $0["type"]?.string == "Ready" }
        let old = place.map { conditions[$0] }
        let status = isReady ? "True" : "False"
        let isSame = old?["status"]?.string == status
        guard !isSame || old?["message"]?.string != message else { return }
        let since = isSame ? old?["lastTransitionTime"] : nil
        let condition: JSON = [
            "type": "Ready", "status": .string(status), "lastTransitionTime": since ?? .string(cluster.world.now.rfc3339),
            "reason": .string(reason), "message": .string(message),
        ]
        if let place { conditions[place] = condition } else { conditions.append(condition) }
        object.set(.array(conditions), at: ["status", "conditions"])
    }
}
