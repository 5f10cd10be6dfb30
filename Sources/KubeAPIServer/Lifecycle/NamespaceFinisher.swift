import JSON
import KubeAPI
import Store
import World

/// Empties a namespace that is being deleted, and lets it go (`pkg/controller/namespace/deletion`).
struct NamespaceFinisher: Sendable {
    let registry: Registry
    private var cluster: ClusterState { registry.cluster }
    private static let attempts = 16

    /// Deletes what is in the namespace. What waits for finalizers stays, and the namespace's conditions say so.
    ///
    /// Every object that goes asks for this, those that go by it included: one at a time empties a namespace, again if it was asked for.
    func finish(_ name: String) async {
        let isFirst = cluster.emptying.withLock { emptying in emptying.updateValue(emptying[name] != nil, forKey: name) == nil }
        guard isFirst else { return }
        repeat { await empty(name) } while isAskedAgain(name)
    }

    private func isAskedAgain(_ name: String) -> Bool {
        cluster.emptying.withLock { emptying in
            guard emptying[name] == true else {
                emptying[name] = nil
                return false
            }
            emptying[name] = false
            return true
        }
    }

    private func empty(_ name: String) async {
        guard
            let options = try? DeleteOptions(
                body: ["gracePeriodSeconds": 0, "propagationPolicy": "Background"], query: QueryParameters([]))
        else { return }
        var remaining: [String: (count: Int, finalizers: [String: Int])] = [:]
        var visited = Set<String>()
        for resource in cluster.resources.resources where resource.isNamespaced && resource.isStored {
            let collection = cluster.collection(resource)
            guard visited.insert(collection).inserted else { continue }
            for object in objects(collection, name) where !object.isBeingDeleted || resource.resource == "pods" {
                _ = try? await registry.delete(resource, name, object.objectName, options, nil)
            }
            for object in objects(collection, name) {
                var entry = remaining[resource.qualifiedName] ?? (0, [:])
                entry.count += 1
                for finalizer in object.objectFinalizers { entry.finalizers[finalizer, default: 0] += 1 }
                remaining[resource.qualifiedName] = entry
            }
        }
        await settle(name, remaining)
    }

    private func objects(_ collection: String, _ namespace: String) -> [JSON] {
        let range = try? cluster.store.range(collection, prefix: namespace + "/", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
    }

    /// Takes the `kubernetes` finalizer away when nothing is left, and the namespace with it unless others hold it.
    private func settle(_ name: String, _ remaining: [String: (count: Int, finalizers: [String: Int])]) async {
        let key = Key(cluster.collection(group: "", "namespaces"), name)
        for _ in 0..<Self.attempts {
            guard let entry = cluster.store.get(key), let old = try? JSON(parsing: entry.value), old.isBeingDeleted else { return }
            var object = old
            object.set(.array(conditions(remaining, old)), at: ["status", "conditions"])
            if remaining.isEmpty {
                let others = (object.at("spec", "finalizers")?.array ?? []).filter { $0 != "kubernetes" }
                object["spec"] = others.isEmpty ? [:] : ["finalizers": .array(others)]
            }
            let isGone = Registry.mayGo(object)
            guard isGone || object != old else { return }
            let write: Transaction.Write = isGone ? .delete(key, last: StoredObject.value(object)) : .put(key, StoredObject.value(object))
            do {
                _ = try await cluster.store.commit(Transaction(conditions: [.modified(key, entry.modified)], writes: [write]))
                return
            } catch {
                guard case .conflict = error else { return }
            }
        }
    }

    private func conditions(_ remaining: [String: (count: Int, finalizers: [String: Int])], _ old: JSON) -> [JSON] {
        let names = remaining.keys.sorted()
        let contents = names.map { "\($0.contains(".") ? $0 : $0 + ".") has \(remaining[$0]?.count ?? 0) resource instances" }.joined(
            separator: ", ")
        var finalizers: [String: Int] = [:]
        for entry in remaining.values { finalizers.merge(entry.finalizers) { $0 + $1 } }
        let held = finalizers.keys.sorted().map { "\($0) in \(finalizers[$0] ?? 0) resource instances" }.joined(separator: ", ")
        let rows: [(type: String, isTrue: Bool, reason: String, message: String)] = [
            ("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered"),
            ("NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions", "All legacy kube types successfully parsed"),
            (
                "NamespaceDeletionContentFailure", false, "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization"
            ),
            (
                "NamespaceContentRemaining", !remaining.isEmpty, remaining.isEmpty ? "ContentRemoved" : "SomeResourcesRemain",
                remaining.isEmpty ? "All content successfully removed" : "Some resources are remaining: \(contents)"
            ),
            (
                "NamespaceFinalizersRemaining", !finalizers.isEmpty, finalizers.isEmpty ? "ContentHasNoFinalizers" : "SomeFinalizersRemain",
                finalizers.isEmpty
                    ? "All content-preserving finalizers finished" : "Some content in the namespace has finalizers remaining: \(held)"
            ),
        ]
        let before = old.at("status", "conditions")?.array ?? []
        return rows.map { row in
            let status: JSON = row.isTrue ? "True" : "False"
            let same = before.first { $0["type"]?.string == row.type && $0["status"] == status }
            return [
                "type": .string(row.type), "status": status,
                "lastTransitionTime": same?["lastTransitionTime"] ?? .string(cluster.world.now.rfc3339), "reason": .string(row.reason),
                "message": .string(row.message),
            ]
        }
    }
}
