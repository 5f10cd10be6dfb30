import JSON
import KubeAPI
import Store

extension Registry {
    private static let settlings = 16

    /// Brings a stored object to what a controller wants of it, past admission; again when others were faster. It goes when nothing holds
    /// it any more.
    ///
    /// - Parameter settled: the object as it is to be, from what it is; `nil` to leave it alone.
    func settle(_ resource: ResourceType, _ namespace: String, _ name: String, _ settled: (JSON) -> JSON?) async {
        let key = cluster.key(resource, namespace: namespace, name: name)
        for _ in 0..<Self.settlings {
            guard let entry = cluster.store.get(key), let old = try? JSON(parsing: entry.value), let object = settled(old), object != old
            else { return }
            let isGone = object.isBeingDeleted && Self.mayGo(object)
            let write: Transaction.Write = isGone ? .delete(key, last: StoredObject.value(object)) : .put(key, StoredObject.value(object))
            do {
                _ = try await cluster.store.commit(Transaction(conditions: [.modified(key, entry.modified)], writes: [write]))
                if isGone { await effects.removed(object, resource) }
                return
            } catch {
                guard case .conflict = error else { return }
            }
        }
    }
}
