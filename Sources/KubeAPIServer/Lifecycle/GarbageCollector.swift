import JSON
import KubeAPI
import Store

/// Deletes, or sets free, the dependents of deleted objects (`pkg/controller/garbagecollector`).
struct GarbageCollector: Sendable {
    let registry: Registry
    private var cluster: ClusterState { registry.cluster }

    private struct Dependent {
        let resource: ResourceType
        let object: JSON
    }

    /// Deletes what an object that is gone owned, unless somebody else owns it too.
    func collect(ownedBy owner: JSON, _ resource: ResourceType) async {
        for dependent in dependents(of: owner, resource) {
            let others = owners(of: dependent.object).filter { $0["uid"]?.string != owner.objectUID }
            if others.isEmpty { await delete(dependent) } else { await release(dependent, from: owner.objectUID) }
        }
        cluster.owners.forget(owner.objectUID)
    }

    /// Finishes a deletion that waits for its dependents: deletes them (`foregroundDeletion`) or sets them free (`orphan`).
    func resolve(_ owner: JSON, _ resource: ResourceType) async {
        let isOrphaning = owner.objectFinalizers.contains("orphan")
        for dependent in dependents(of: owner, resource) {
            if isOrphaning {
                await release(dependent, from: owner.objectUID)
            } else if owners(of: dependent.object).allSatisfy({ $0["uid"]?.string == owner.objectUID }) {
                await delete(dependent)
            } else {
                await release(dependent, from: owner.objectUID)
            }
        }
        // What blocks by its own finalizers keeps the owner.
        let blocking = dependents(of: owner, resource).filter { dependent in
            owners(of: dependent.object).contains { $0["uid"]?.string == owner.objectUID && $0["blockOwnerDeletion"]?.bool == true }
        }
        guard isOrphaning || blocking.isEmpty else { return }
        await change(resource, owner) { object in
            let rest = object.objectFinalizers.filter { $0 != (isOrphaning ? "orphan" : "foregroundDeletion") }
            object.set(rest.isEmpty ? nil : JSON(strings: rest), at: ["metadata", "finalizers"])
        }
    }

    /// Finishes the deletions that waited for an object that is gone now.
    func resolveOwners(waitingFor dependent: JSON) async {
        for reference in owners(of: dependent) where reference["blockOwnerDeletion"]?.bool == true {
            guard case .present(let owner, let resource) = standing(reference, dependent), owner.isBeingDeleted,
                owner.objectFinalizers.contains("foregroundDeletion")
            else { continue }
            await resolve(owner, resource)
        }
    }

    /// Deletes an object whose owners are all gone; with one left, the references to the others go (`attemptToDeleteItem`).
    func collect(withoutOwners object: JSON, _ resource: ResourceType) async {
        let references = owners(of: object)
        guard !references.isEmpty, !object.isBeingDeleted else { return }
        var gone: Set<String> = []
        for reference in references {
            switch standing(reference, object) {
            // A kind that nobody serves may come back.
            case .unknown: return
            case .absent: gone.insert(reference["uid"]?.string ?? "")
            case .present: break
            }
        }
        guard !gone.isEmpty else { return }
        let dependent = Dependent(resource: resource, object: object)
        guard gone.count < Set(references.map { $0["uid"]?.string ?? "" }).count else { return await delete(dependent) }
        for uid in gone.sorted() { await release(dependent, from: uid) }
    }

    private enum Standing {
        case present(JSON, ResourceType)
        case absent
        case unknown
    }

    /// What has become of an owner.
    private func standing(_ reference: JSON, _ dependent: JSON) -> Standing {
        let version = reference["apiVersion"]?.string ?? ""
        let kind = reference["kind"]?.string ?? ""
        let resource = cluster.resources.resources.first { $0.kind == kind && $0.groupVersion == version && $0.isStored }
        // Nothing outside of namespaces is owned by what is in one.
        guard let resource, !resource.isNamespaced || !dependent.objectNamespace.isEmpty else { return .unknown }
        let namespace = resource.isNamespaced ? dependent.objectNamespace : ""
        guard let owner = registry.object(resource, namespace, reference["name"]?.string ?? ""),
            owner.objectUID == reference["uid"]?.string
        else { return .absent }
        return .present(owner, resource)
    }

    private func owners(of object: JSON) -> [JSON] { object.at("metadata", "ownerReferences")?.array ?? [] }

    /// Objects whose owner references name a uid, in the order of the resource table and of their names.
    private func dependents(of owner: JSON, _ resource: ResourceType) -> [Dependent] {
        let uid = owner.objectUID
        let known = Dictionary(grouping: cluster.owners.dependents(of: uid), by: \.collection)
        guard !known.isEmpty else { return [] }
        let prefix = owner.objectNamespace.isEmpty ? "" : owner.objectNamespace + "/"
        var found: [Dependent] = []
        var visited = Set<String>()
        for candidate in cluster.resources.resources where candidate.isStored && (prefix.isEmpty || candidate.isNamespaced) {
            let collection = cluster.collection(candidate)
            guard let keys = known[collection], visited.insert(collection).inserted else { continue }
            for key in keys.sorted(by: { $0.name < $1.name }) where key.name.hasPrefix(prefix) {
                guard let entry = cluster.store.get(key), let object = try? JSON(parsing: entry.value),
                    owners(of: object).contains(where: { $0["uid"]?.string == uid })
                else { continue }
                found.append(Dependent(resource: candidate, object: object))
            }
        }
        return found
    }

    private func delete(_ dependent: Dependent) async {
        guard
            let options = try? DeleteOptions(
                body: ["propagationPolicy": "Background", "preconditions": ["uid": .string(dependent.object.objectUID)]],
                query: QueryParameters([]))
        else { return }
        _ = try? await registry.delete(dependent.resource, dependent.object.objectNamespace, dependent.object.objectName, options, nil)
    }

    private func release(_ dependent: Dependent, from uid: String) async {
        await change(dependent.resource, dependent.object) { object in
            let rest = owners(of: object).filter { $0["uid"]?.string != uid }
            object.set(rest.isEmpty ? nil : .array(rest), at: ["metadata", "ownerReferences"])
        }
    }

    /// Changes the present state of an object, if it is still the one that is known.
    private func change(_ resource: ResourceType, _ known: JSON, _ edit: (inout JSON) -> Void) async {
        await registry.settle(resource, known.objectNamespace, known.objectName) { old in
            guard old.objectUID == known.objectUID else { return nil }
            var object = old
            edit(&object)
            return object
        }
    }
}
