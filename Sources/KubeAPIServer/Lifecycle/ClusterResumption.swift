import JSON
import KubeAPI
import Store

/// Takes up what the controllers of a cluster had begun when the process ended: after a restart nobody else would.
public struct ClusterResumption: Sendable {
    private let registry: Registry

    /// Resumes a cluster's controllers.
    public init(cluster: ClusterState) { registry = Registry(cluster: cluster) }

    /// Settles definitions that were written but not followed up on, and goes on with deletions.
    public func run() async {
        let definitions = objects(registry.cluster.collection(group: APISurfaces.group, APISurfaces.resource))
        for group in Set(definitions.compactMap { $0.at("spec", "group")?.string }).sorted() {
            await DefinitionController(registry: registry).settle(group: group)
        }
        let cluster = registry.cluster
        cluster.serviceAddresses.noteAll(in: cluster.store)
        cluster.owners.noteAll(
            cluster.resources.resources.lazy.filter(\.isStored).map { cluster.collection($0) }, in: cluster.store)
        for definition in definitions where definition.isBeingDeleted {
            await DefinitionController(registry: registry).finish(definition.objectName)
        }
        for namespace in objects(registry.cluster.collection(group: "", "namespaces")) where namespace.isBeingDeleted {
            await NamespaceFinisher(registry: registry).finish(namespace.objectName)
        }
        await ServiceRangeController(registry: registry).settle()
    }

    private func objects(_ collection: String) -> [JSON] {
        let range = try? registry.cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
    }
}
