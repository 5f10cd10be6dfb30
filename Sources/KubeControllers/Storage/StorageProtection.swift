import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store
import World

/// Lets storage that is being deleted go once nothing uses it: the controllers `pvc-protection`, `pv-protection` and `vac-protection` of
/// kube-controller-manager (`pkg/controller/volume/pvcprotection`, `pvprotection`, `vacprotection`).
actor StorageProtection {
    static let signals = [
        ChangeSignals.Resource("", "persistentvolumes"), ChangeSignals.Resource("", "persistentvolumeclaims"),
        ChangeSignals.Resource("storage.k8s.io", "volumeattributesclasses"),
    ]

    /// A kind of storage, with its finalizer and who removes that.
    private struct Kind {
        let group: String
        let resource: String
        let finalizer: String
        let client: ComponentClient
        var feed: CollectionFeed
        /// The objects that are being deleted and are still held, by key.
        var held: Set<String> = []
    }

    private static let volumes = 0
    private static let claims = 1
    private static let classes = 2

    private let cluster: ClusterState
    private var kinds: [Kind]
    /// Pods are followed while a claim waits for them.
    private var follower: UInt64?
    private let wake: @Sendable () -> Void

    init(_ access: ComponentAccess, minorVersion: Int, wake: @escaping @Sendable () -> Void) {
        cluster = access.cluster
        func kind(_ group: String, _ resource: String, _ short: String, _ account: String) -> Kind {
            let user = UserInfo(
                username: "system:serviceaccount:kube-system:\(account)",
                groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"])
            let client = ComponentClient(
                access, as: user, userAgent: "kube-controller-manager/v1.\(minorVersion).0 (linux/amd64) \(user.username)")
            return Kind(
                group: group, resource: resource, finalizer: "kubernetes.io/\(short)-protection", client: client,
                feed: CollectionFeed(access.cluster, group: group, resource))
        }
        kinds = [
            kind("", "persistentvolumes", "pv", "pv-protection-controller"),
            kind("", "persistentvolumeclaims", "pvc", "pvc-protection-controller"),
            kind("storage.k8s.io", "volumeattributesclasses", "vac", "volumeattributesclass-protection-controller"),
        ]
        self.wake = wake
    }

    /// Looks at what is being deleted.
    func work() async {
        for index in kinds.indices {
            await follow(index)
            for key in kinds[index].held.sorted() {
                guard let object = object(index, key), !isUsed(object, index) else { continue }
                await release(index, key, object)
            }
        }
        followPods(!kinds[Self.claims].held.isEmpty)
    }

    /// Ends following.
    func close() {
        followPods(false)
        for index in kinds.indices {
            kinds[index].feed.close()
            kinds[index].client.close()
        }
    }

    private func follow(_ index: Int) async {
        var feed = kinds[index].feed
        let changes = await feed.drain()
        kinds[index].feed = feed
        for change in changes {
            let parts = change.parts(["metadata": ["deletionTimestamp", "finalizers"]])
            let isHeld = parts.map { $0.isBeingDeleted && $0.objectFinalizers.contains(kinds[index].finalizer) } ?? false
            if isHeld { kinds[index].held.insert(change.key) } else { kinds[index].held.remove(change.key) }
        }
    }

    private func followPods(_ isWanted: Bool) {
        guard isWanted != (follower != nil) else { return }
        if let follower { cluster.signals.cancel(follower) }
        follower = isWanted ? cluster.signals.follow([ChangeSignals.Resource("", "pods")], wake) : nil
    }

    private func object(_ index: Int, _ key: String) -> JSON? {
        let key = Key(cluster.collection(group: kinds[index].group, kinds[index].resource), key)
        return cluster.store.get(key).flatMap { try? cluster.trees.tree(key, at: $0.modified, $0.value) }
    }

    private func isUsed(_ object: JSON, _ index: Int) -> Bool {
        switch index {
        case Self.volumes: object.at("status", "phase") == "Bound"
        case Self.claims: isUsed(claim: object)
        default: isUsed(attributesClass: object.objectName)
        }
    }

    /// Whether a pod that has a node names a claim, or has it made (`podUsesPVC`).
    private func isUsed(claim: JSON) -> Bool {
        let name = claim.objectName
        let pods = try? cluster.store.range(
            cluster.collection(group: "", "pods"), prefix: "\(claim.objectNamespace)/", at: nil, after: nil, limit: 0)
        return (pods?.entries ?? []).contains { entry in
            let wanted: JSONProjection = ["metadata": ["name"], "spec": ["nodeName", "volumes"]]
            guard let pod = try? JSON(parsing: entry.value, only: wanted), pod.at("spec", "nodeName")?.string?.isEmpty == false else {
                return false
            }
            return (pod.at("spec", "volumes")?.array ?? []).contains { volume in
                volume.at("persistentVolumeClaim", "claimName")?.string == name
                    || volume["ephemeral"] != nil && "\(pod.objectName)-\(volume["name"]?.string ?? "")" == name
            }
        }
    }

    /// Whether a claim or a volume names a VolumeAttributesClass.
    private func isUsed(attributesClass name: String) -> Bool {
        let wanted: JSONProjection = [
            "spec": ["volumeAttributesClassName"], "status": ["currentVolumeAttributesClassName", "modifyVolumeStatus"],
        ]
        return ["persistentvolumes", "persistentvolumeclaims"].contains { resource in
            let range = try? cluster.store.range(cluster.collection(group: "", resource), prefix: "", at: nil, after: nil, limit: 0)
            return (range?.entries ?? []).contains { entry in
                guard let object = try? JSON(parsing: entry.value, only: wanted) else { return false }
                return object.at("spec", "volumeAttributesClassName")?.string == name
                    || object.at("status", "currentVolumeAttributesClassName")?.string == name
                    || object.at("status", "modifyVolumeStatus", "targetVolumeAttributesClassName")?.string == name
            }
        }
    }

    /// Takes the finalizer away; on a conflict the change that came between calls again.
    private func release(_ index: Int, _ key: String, _ object: JSON) async {
        let kind = kinds[index]
        var object = object
        let left = object.objectFinalizers.filter { $0 != kind.finalizer }
        object.set(left.isEmpty ? nil : JSON(strings: left), at: ["metadata", "finalizers"])
        let root = kind.group.isEmpty ? "/api/v1" : "/apis/\(kind.group)/v1"
        let namespace = object.objectNamespace.isEmpty ? "" : "/namespaces/\(object.objectNamespace)"
        let answer = await kind.client.send("PUT", "\(root)\(namespace)/\(kind.resource)/\(object.objectName)", object)
        if answer.isSuccess { kinds[index].held.remove(key) }
    }
}
