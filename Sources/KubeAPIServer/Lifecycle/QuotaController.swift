import JSON
import KubeAPI
import Store

/// The resource quota controller: `status.hard` follows `spec.hard`, and `status.used` is counted anew when something ceases to count
/// (`pkg/controller/resourcequota`). What comes is counted by admission.
struct QuotaController: Sendable {
    let registry: Registry
    private var cluster: ClusterState { registry.cluster }

    /// Counts for one quota.
    func settle(_ quota: JSON) async {
        guard cluster.profile.controlsQuotas, !quota.isBeingDeleted, let quotas else { return }
        await registry.settle(quotas, quota.objectNamespace, quota.objectName) { counted($0, quotas) }
    }

    /// Counts for the quotas of a namespace that bound what has ceased to count.
    func settle(namespace: String, without object: JSON, _ resource: ResourceType) async {
        guard cluster.profile.controlsQuotas, let quotas else { return }
        for quota in objects(quotas, namespace) where QuotaUsage(of: object, resource).isNamed(by: Self.hard(quota)) { await settle(quota) }
    }

    private var quotas: ResourceType? { cluster.resources.lookup(group: "", version: "v1", resource: "resourcequotas") }

    private static func hard(_ quota: JSON) -> [String] { (quota.at("spec", "hard")?.object?.members ?? []).map(\.key) }

    /// A quota with its status as it is to be.
    private func counted(_ quota: JSON, _ type: ResourceType) -> JSON {
        let names = Self.hard(quota)
        var used: PodResources.List = [:]
        var visited: Set<String> = []
        for resource in cluster.resources.resources where resource.isNamespaced && resource.isStored {
            guard visited.insert(cluster.collection(resource)).inserted else { continue }
            let counts = names.filter { QuotaUsage.tracks($0, resource) }
            guard !counts.isEmpty else { continue }
            for name in counts { used[name] = used[name] ?? .zero }
            for object in objects(resource, quota.objectNamespace) {
                let usage = QuotaUsage(of: object, resource)
                guard usage.isInScope(of: quota) else { continue }
                for name in counts { used[name] = (used[name] ?? .zero) + (usage.delta[name] ?? .zero) }
            }
        }
        let amounts = used.sorted { $0.key < $1.key }.map { JSONObject.Member(key: $0.key, value: .string($0.value.text)) }
        var result = quota
        result.set(quota.at("spec", "hard") ?? [:], at: ["status", "hard"])
        result.set(.object(JSONObject(unique: amounts)), at: ["status", "used"])
        return ObjectDefaults.ordered(result, type.storageKind)
    }

    private func objects(_ resource: ResourceType, _ namespace: String) -> [JSON] {
        let range = try? cluster.store.range(cluster.collection(resource), prefix: namespace + "/", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
    }
}
