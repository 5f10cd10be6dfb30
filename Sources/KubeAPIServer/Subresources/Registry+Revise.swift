import JSON
import KubeAPI
import Store

extension Registry {
    private static let revisions = 16

    /// Changes a stored object past defaulting, admission and validation, as the storage of some subresources does
    /// (`storage.Interface.GuaranteedUpdate`); again when others were faster. Answers the object as it is afterwards.
    ///
    /// - Throws: 404, what `change` throws, or 409 when the object does not come to rest.
    @discardableResult
    func revise(
        _ resource: ResourceType, _ namespace: String, _ name: String, isDryRun: Bool = false,
        _ change: (inout JSON) throws(KubeStatus) -> Void
    ) async throws(KubeStatus) -> JSON {
        let key = cluster.key(resource, namespace: namespace, name: name)
        for _ in 0..<Self.revisions {
            let entry = try entry(resource, namespace, name)
            let old = try tree(key, entry)
            var object = old
            try change(&object)
            object = ObjectDefaults.ordered(object, resource.storageKind, known: old)
            if object == old || isDryRun { return object }
            do throws(StoreError) {
                let write = Transaction.Write.put(key, StoredObject.value(object))
                let commit = try await cluster.store.commit(Transaction(conditions: [.modified(key, entry.modified)], writes: [write]))
                if let bytes = commit.values.first { cluster.trees.note(object, key, at: commit.revision, bytes) }
                await effects.written(object, resource)
                return StoredObject.tree(object, at: String(commit.revision))
            } catch {
                guard case .conflict = error else { throw .of(error) }
            }
        }
        throw .stale(group: resource.group, resource: resource.resource, name: name)
    }
}
