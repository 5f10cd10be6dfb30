import IPAddress
import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store
import World

/// Brings IPAddress objects in line with the Services: makes those that are missing again, deletes those that no Service has
/// (`pkg/registry/core/service/ipallocator/controller/repairip.go`). A pass is made at most every three minutes, and only after a change.
actor ServiceAddressRepair {
    static let signals = [ChangeSignals.Resource("", "services"), ChangeSignals.Resource("networking.k8s.io", "ipaddresses")]

    private static let interval = Duration.seconds(180)
    /// An address may be there a little before its Service.
    private static let grace = Duration.seconds(60)
    private static let addresses = "/apis/networking.k8s.io/v1/ipaddresses"
    private static let allocator = "ipallocator.k8s.io"

    private let cluster: ClusterState
    private let world: World
    private let client: ComponentClient
    private let recorder: EventRecorder
    private let setAlarm: @Sendable (Instant?) -> Void
    private var nextPass: Instant
    private var seen: [Revision] = []
    /// What was told already, so that each pass does not tell it again.
    private var told: Set<String> = []

    init(_ access: ComponentAccess, minorVersion: Int, setAlarm: @escaping @Sendable (Instant?) -> Void) {
        cluster = access.cluster
        world = access.cluster.world
        client = ComponentClient(
            access, as: UserInfo(username: "system:apiserver", groups: ["system:masters"]),
            userAgent: "kube-apiserver/v1.\(minorVersion).0 (linux/amd64)")
        recorder = EventRecorder(client, access, controller: "ipallocator-repair-controller", instance: "ipallocator-repair-controller")
        self.setAlarm = setAlarm
        nextPass = world.now + Self.interval
    }

    private var collections: [String] {
        [cluster.collection(group: "", "services"), cluster.collection(group: "networking.k8s.io", "ipaddresses")]
    }

    /// Makes a pass when its time has come and something has changed.
    func work() async {
        let revisions = collections.map { cluster.store.revision(of: $0) }
        guard revisions != seen else { return setAlarm(nil) }
        guard world.now >= nextPass else { return setAlarm(nextPass) }
        nextPass = world.now + Self.interval
        let isWaiting = await pass()
        // What the pass itself wrote calls for no other one.
        seen = isWaiting ? [] : collections.map { cluster.store.revision(of: $0) }
        setAlarm(isWaiting ? nextPass : nil)
    }

    /// Ends it.
    func close() { client.close() }

    private func objects(_ collection: String) -> [JSON] {
        let range = try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
    }

    /// Looks at every Service and every address; answers whether something has to be looked at again.
    private func pass() async -> Bool {
        let services = objects(collections[0])
        let ranges = objects(cluster.collection(group: "networking.k8s.io", "servicecidrs")).flatMap {
            ($0.at("spec", "cidrs")?.strings ?? []).compactMap { CIDRBlock($0) }
        }
        var owners: [String: JSON] = [:]
        for object in objects(collections[1]) { owners[object.objectName] = object }
        var wanted: [String: Set<String>] = [:]
        func addresses(_ service: JSON) -> [IPAddress] {
            (service.at("spec", "clusterIPs")?.strings ?? []).compactMap { IPAddress($0) }
        }
        func name(_ service: JSON) -> String { "\(service.objectNamespace)/\(service.objectName)" }
        for service in services {
            for address in addresses(service) { wanted[address.description, default: []].insert(name(service)) }
        }
        for service in services {
            for address in addresses(service) {
                let known = owners[address.description]
                let others = wanted[address.description] ?? []
                await settle(
                    address, of: service, name(service), ranges, known, hasOther: known.map { others.contains(Self.owner($0)) } ?? false)
            }
        }
        var isWaiting = false
        for (name, object) in owners.sorted(by: { $0.key < $1.key }) where wanted[name] == nil {
            if await settle(name, object) { isWaiting = true }
        }
        return isWaiting
    }

    private static func owner(_ address: JSON) -> String {
        let parent = address.at("spec", "parentRef")
        return "\(parent?["namespace"]?.string ?? "")/\(parent?["name"]?.string ?? "")"
    }

    private func settle(_ address: IPAddress, of service: JSON, _ name: String, _ ranges: [CIDRBlock], _ known: JSON?, hasOther: Bool) async
    {
        let shown = "[\(address.family.name)]: \(address)"
        guard ranges.contains(where: { $0.contains(address) }) else {
            return await tell(
                service, "ClusterIPOutOfRange",
                "Cluster IP \(shown) is not within any configured Service CIDR; please recreate service")
        }
        guard let known else {
            await tell(service, "ClusterIPNotAllocated", "Cluster IP \(shown) is not allocated; repairing")
            return await make(address, for: service)
        }
        guard Self.owner(known) != name else { return }
        guard !hasOther else {
            return await tell(
                service, "ClusterIPAlreadyAllocated",
                "Cluster IP [\(address.family.name)]:\(address) was assigned to multiple services; please recreate service")
        }
        await tell(service, "ClusterIPNotAllocated", "Cluster IP \(shown) has a wrong reference; repairing")
        _ = await client.send("DELETE", "\(Self.addresses)/\(address)")
        await make(address, for: service)
    }

    private func make(_ address: IPAddress, for service: JSON) async {
        let object: JSON = [
            "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": [
                "name": .string(address.description),
                "labels": [
                    "ipaddress.kubernetes.io/ip-family": .string(address.family.name),
                    "ipaddress.kubernetes.io/managed-by": .string(Self.allocator),
                ],
            ],
            "spec": [
                "parentRef": [
                    "resource": "services", "namespace": .string(service.objectNamespace), "name": .string(service.objectName),
                ]
            ],
        ]
        _ = await client.send("POST", Self.addresses, object)
    }

    /// Deletes an address of the allocator's that no Service has; answers whether it is to be looked at again.
    private func settle(_ name: String, _ object: JSON) async -> Bool {
        guard object.at("metadata", "labels", "ipaddress.kubernetes.io/managed-by")?.string == Self.allocator, !object.isBeingDeleted else {
            return false
        }
        let made = object.at("metadata", "creationTimestamp")?.string.flatMap(Instant.init(rfc3339:)) ?? world.now
        guard world.now - made >= Self.grace else { return true }
        await recorder.record(
            ObjectReference(object, kind: "IPAddress", apiVersion: "networking.k8s.io/v1"), type: "Warning",
            reason: "IPAddressNotAllocated", action: "IPAddressAllocation",
            note: "IPAddress: \(name) for Service \(Self.owner(object)) appears to have leaked: cleaning up")
        _ = await client.send("DELETE", "\(Self.addresses)/\(name)")
        return false
    }

    private func tell(_ service: JSON, _ reason: String, _ note: String) async {
        guard told.insert("\(service.objectUID) \(note)").inserted || reason == "ClusterIPNotAllocated" else { return }
        await recorder.record(
            ObjectReference(service, kind: "Service"), type: "Warning", reason: reason, action: "ClusterIPAllocation", note: note)
    }
}
