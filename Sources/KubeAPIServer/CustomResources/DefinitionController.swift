import JSON
import KubeAPI
import Store
import World

/// What the controllers of apiextensions-apiserver make of a change of CustomResourceDefinitions: names and conditions of a group
/// (`pkg/controller/status`), and the end of a definition with its objects (`pkg/controller/finalizer`).
struct DefinitionController: Sendable {
    let registry: Registry
    private var cluster: ClusterState { registry.cluster }
    private static let attempts = 16

    private var collection: String { cluster.collection(group: APISurfaces.group, APISurfaces.resource) }

    /// Settles the names of a group's definitions. Those that were there first come first.
    func settle(group: String) async {
        for _ in 0..<Self.attempts {
            guard let range = try? cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0) else { return }
            let entries = range.entries.sorted { $0.created < $1.created }
                .compactMap { entry in (try? JSON(parsing: entry.value)).map { (entry, $0) } }
                .filter { $0.1.at("spec", "group")?.string == group }
            let settled = DefinitionStatus.settled(entries.map(\.1), now: cluster.world.now)
            var transaction = Transaction(conditions: [], writes: [])
            for ((entry, before), after) in zip(entries, settled) where before != after {
                let key = Key(collection, entry.name)
                transaction.conditions.append(.modified(key, entry.modified))
                transaction.writes.append(.put(key, StoredObject.value(ObjectDefaults.ordered(after, Self.kind))))
            }
            guard !transaction.writes.isEmpty else { return }
            do {
                _ = try await cluster.store.commit(transaction)
                return
            } catch {
                guard case .conflict = error else { return }
            }
        }
    }

    private static let kind = GroupVersionKind(group: APISurfaces.group, version: "v1", kind: "CustomResourceDefinition")

    /// Deletes the objects of a definition that is being deleted; the definition goes when they are gone.
    func finish(_ name: String) async {
        guard let definition = definition(name), definition.isBeingDeleted,
            definition.objectFinalizers.contains(DefinitionStatus.cleanupFinalizer)
        else { return }
        guard DefinitionStatus.isTrue("Established", in: definition) else {
            return await release(name, reason: "NeverEstablished", message: "resource was never established")
        }
        await change(name) { object in
            DefinitionStatus.set(
                "Terminating", true, reason: "InstanceDeletionInProgress", message: "CustomResource deletion is in progress", in: &object,
                now: cluster.world.now)
        }
        guard let resource = cluster.resources.resources.first(where: { $0.custom?.definition == name }) else { return }
        let instances = objects(resource)
        for object in instances where !object.isBeingDeleted {
            guard let options = try? DeleteOptions(body: ["propagationPolicy": "Background"], query: QueryParameters([])) else { return }
            _ = try? await registry.delete(resource, object.objectNamespace, object.objectName, options, nil)
        }
        // What finalizers hold comes back here when it goes.
        guard objects(resource).isEmpty else { return }
        await release(name, reason: "InstanceDeletionCompleted", message: "removed all instances")
    }

    private func objects(_ resource: ResourceType) -> [JSON] {
        let range = try? cluster.store.range(cluster.collection(resource), prefix: "", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
    }

    private func definition(_ name: String) -> JSON? {
        cluster.store.get(Key(collection, name)).flatMap { try? JSON(parsing: $0.value) }
    }

    /// Takes the cleanup finalizer away, and with it the definition unless others hold it.
    private func release(_ name: String, reason: String, message: String) async {
        await change(name) { object in
            DefinitionStatus.set("Terminating", false, reason: reason, message: message, in: &object, now: cluster.world.now)
            let rest = object.objectFinalizers.filter { $0 != DefinitionStatus.cleanupFinalizer }
            object.set(rest.isEmpty ? nil : JSON(strings: rest), at: ["metadata", "finalizers"])
        }
    }

    /// Changes a definition; it goes when nothing holds it any more.
    private func change(_ name: String, _ edit: (inout JSON) -> Void) async {
        let key = Key(collection, name)
        for _ in 0..<Self.attempts {
            guard let entry = cluster.store.get(key), let old = try? JSON(parsing: entry.value), old.isBeingDeleted else { return }
            var object = old
            edit(&object)
            let isGone = Registry.mayGo(object)
            guard isGone || object != old else { return }
            let value = StoredObject.value(ObjectDefaults.ordered(object, Self.kind))
            do {
                _ = try await cluster.store.commit(
                    Transaction(
                        conditions: [.modified(key, entry.modified)], writes: [isGone ? .delete(key, last: value) : .put(key, value)]))
                if isGone { await settle(group: object.at("spec", "group")?.string ?? "") }
                return
            } catch {
                guard case .conflict = error else { return }
            }
        }
    }
}
