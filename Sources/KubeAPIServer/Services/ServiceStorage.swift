import IPAddress
import JSON
import KubeAPI
import ServiceNetwork
import Store
import World

/// Gives Services their addresses and node ports in the transaction that stores them: an address is an IPAddress object, a node port a
/// key of its own, and both must be absent for the commit to happen, so that none is ever given twice.
struct ServiceStorage: StorageHook {
    func beginCreate(_ object: inout JSON, _ cluster: ClusterState, isDryRun: Bool) throws(KubeStatus) -> StorageEffects {
        let network = ClusterServiceNetwork(cluster)
        do throws(KubeStatus) {
            let allocation = try ServiceAllocator.create(&object, in: network, isDryRun: isDryRun)
            return effects(allocation, of: object, cluster)
        } catch {
            network.giveUp()
            throw error
        }
    }

    func beginUpdate(
        _ object: inout JSON, old: JSON, _ cluster: ClusterState, isDryRun: Bool
    ) throws(KubeStatus) -> StorageEffects {
        let network = ClusterServiceNetwork(cluster)
        do throws(KubeStatus) {
            let allocation = try ServiceAllocator.update(&object, old: old, in: network, isDryRun: isDryRun)
            return effects(allocation, of: object, cluster)
        } catch {
            network.giveUp()
            throw error
        }
    }

    func delete(_ object: JSON, _ cluster: ClusterState) -> StorageEffects {
        effects(ServiceAllocator<ClusterServiceNetwork>.delete(object), of: object, cluster)
    }

    private func effects(_ allocation: ServiceAllocation, of service: JSON, _ cluster: ClusterState) -> StorageEffects {
        var effects = StorageEffects()
        let addresses = cluster.collection(group: "networking.k8s.io", "ipaddresses")
        for address in allocation.addresses {
            let key = Key(addresses, address.description)
            effects.conditions.append(.absent(key))
            effects.before.append(.put(key, StoredObject.value(record(address, of: service, cluster))))
        }
        for port in allocation.nodePorts {
            let key = cluster.nodePortKey(port)
            effects.conditions.append(.absent(key))
            effects.before.append(.put(key, .bytes(Array("\(service.objectNamespace)/\(service.objectName)".utf8))))
        }
        if !allocation.releasedAddresses.isEmpty {
            let network = ClusterServiceNetwork(cluster)
            // An address whose range is gone stays behind, as on a real server.
            for address in allocation.releasedAddresses where network.holds(address) {
                effects.after.append(.delete(Key(addresses, address.description), last: nil))
            }
        }
        for port in Set(allocation.releasedNodePorts).sorted() { effects.after.append(.delete(cluster.nodePortKey(port), last: nil)) }
        return effects
    }

    /// The IPAddress object that says whose an address is.
    private func record(_ address: IPAddress, of service: JSON, _ cluster: ClusterState) -> JSON {
        var object: JSON = [
            "kind": "IPAddress", "apiVersion": "networking.k8s.io/v1",
            "metadata": [
                "name": .string(address.description),
                "labels": [
                    "ipaddress.kubernetes.io/ip-family": .string(address.family.name),
                    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
                ],
            ],
            "spec": [
                "parentRef": [
                    "resource": "services", "namespace": .string(service.objectNamespace), "name": .string(service.objectName),
                ]
            ],
        ]
        ObjectMetadata.prepareForCreate(&object, namespace: nil, generation: false, world: cluster.world, at: cluster.world.now)
        return object
    }
}

/// The Service ranges of a cluster, from its ServiceCIDR objects, and what is taken in them.
final class ClusterServiceNetwork: ServiceNetworkState {
    let ranges: [(family: IPAddress.Family, bands: [ServiceAddressBands])]
    /// The blocks of all ranges, those too from which nothing is given any more.
    private let blocks: [CIDRBlock]
    private let cluster: ClusterState
    private let addresses: String
    /// What was kept for this write.
    private let reserved = Lock<[IPAddress]>([])

    init(_ cluster: ClusterState) {
        self.cluster = cluster
        addresses = cluster.collection(group: "networking.k8s.io", "ipaddresses")
        let stored = try? cluster.store.range(
            cluster.collection(group: "networking.k8s.io", "servicecidrs"), prefix: "", at: nil, after: nil, limit: 0)
        var ranges: [(family: IPAddress.Family, bands: [ServiceAddressBands])] = []
        let all = (stored?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
        blocks = all.flatMap { ($0.at("spec", "cidrs")?.strings ?? []).compactMap { CIDRBlock($0) } }
        var objects = all.filter(Self.isReady)
        // The families are those of the cluster's own range, which also comes first.
        let own = objects.firstIndex { $0.objectName == "kubernetes" }.map { objects.remove(at: $0) }
        for (index, object) in ([own].compactMap(\.self) + objects).enumerated() {
            for bands in (object.at("spec", "cidrs")?.strings ?? []).compactMap({ CIDRBlock($0).flatMap(ServiceAddressBands.init) }) {
                if let place = ranges.firstIndex(where: { $0.family == bands.block.family }) {
                    ranges[place].bands.append(bands)
                } else if index == 0 {
                    ranges.append((bands.block.family, [bands]))
                }
            }
        }
        self.ranges = ranges
    }

    /// A range without a Ready condition counts as ready: nobody judged it yet.
    private static func isReady(_ object: JSON) -> Bool {
        guard !object.isBeingDeleted else { return false }
        let ready = object.at("status", "conditions")?.array?.first { $0["type"]?.string == "Ready" }
        return ready.map { $0["status"]?.string == "True" } ?? true
    }

    var nodePorts: NodePortBands { cluster.nodePorts }

    /// Whether any range has the address.
    func holds(_ address: IPAddress) -> Bool { blocks.contains { $0.contains(address) } }

    func isTaken(_ address: IPAddress) -> Bool { cluster.store.get(Key(addresses, address.description)) != nil }

    func reserveFirst(in range: IPRange) -> IPAddress? {
        let address = cluster.serviceAddresses.reserveFirst(in: range)
        if let address { reserved.withLock { $0.append(address) } }
        return address
    }

    /// Gives back what was kept: the write is refused.
    func giveUp() {
        for address in reserved.withLock({ $0 }) {
            cluster.serviceAddresses.note(Key(addresses, address.description), in: cluster.store)
        }
    }

    func isTaken(nodePort: Int) -> Bool { cluster.store.get(cluster.nodePortKey(nodePort)) != nil }

    func random(below bound: Int) -> Int { cluster.world.random.next(below: bound) }
}
