import JSON
import KubeAPI
import RBAC
import Store
import World

/// What Kubernetes' own controllers make of a write: namespace contents, the service account and root CA of a namespace, aggregated
/// ClusterRoles, Service ranges, quotas, dependents of deleted objects. Done before the write is answered, so that the same requests always
/// give the same state.
struct ClusterEffects: Sendable {
    let registry: Registry
    private var cluster: ClusterState { registry.cluster }

    /// Objects that come with a new one, in the same commit: the `default` ServiceAccount and `kube-root-ca.crt` of a namespace.
    func companions(of object: JSON, _ resource: ResourceType) -> [(key: Key, object: JSON)] {
        guard resource.group.isEmpty, resource.resource == "namespaces" else { return [] }
        return ["serviceaccounts", "configmaps"].compactMap { companion($0, namespace: object.objectName) }
    }

    /// One of the objects that every namespace has.
    private func companion(_ plural: String, namespace: String) -> (key: Key, object: JSON)? {
        guard let resource = cluster.resources.lookup(group: "", version: "v1", resource: plural) else { return nil }
        var object: JSON =
            plural == "serviceaccounts"
            ? ["kind": "ServiceAccount", "apiVersion": "v1", "metadata": ["name": "default"]]
            : [
                "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": [
                    "name": "kube-root-ca.crt",
                    "annotations": ["kubernetes.io/description": .string(Self.rootCADescription)],
                ], "data": ["ca.crt": .string(cluster.certificateAuthority)],
            ]
        ObjectMetadata.prepareForCreate(&object, namespace: namespace, generation: false, world: cluster.world, at: cluster.world.now)
        return (cluster.key(resource, namespace: namespace, name: object.objectName), object)
    }

    /// `pkg/controller/certificates/rootcacertpublisher`
    private static let rootCADescription =
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or "
        + "kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."

    /// Follows up on an object that was created or changed.
    func written(_ object: JSON, _ resource: ResourceType) async {
        cluster.signals.signal(resource.group, resource.resource)
        switch (resource.group, resource.resource) {
        case ("", "namespaces") where object.isBeingDeleted: await NamespaceFinisher(registry: registry).finish(object.objectName)
        case ("rbac.authorization.k8s.io", "clusterroles"): await aggregate()
        case (APISurfaces.group, APISurfaces.resource):
            await DefinitionController(registry: registry).settle(group: object.at("spec", "group")?.string ?? "")
            if object.isBeingDeleted { await DefinitionController(registry: registry).finish(object.objectName) }
        case ("", "secrets"): await TokenSecrets(registry: registry).fill(object)
        case ("networking.k8s.io", "servicecidrs"): await ServiceRangeController(registry: registry).settle()
        case ("", "services"): await ServiceRangeController(registry: registry).settleDeletions()
        case ("", "resourcequotas"): await QuotaController(registry: registry).settle(object)
        case ("", "pods") where QuotaUsage.hasEnded(object):
            await QuotaController(registry: registry).settle(namespace: object.objectNamespace, without: object, resource)
        default: break
        }
        await GarbageCollector(registry: registry).collect(withoutOwners: object, resource)
        let waits = object.objectFinalizers
        if object.isBeingDeleted, waits.contains("foregroundDeletion") || waits.contains("orphan") {
            await GarbageCollector(registry: registry).resolve(object, resource)
        }
    }

    /// Follows up on an object that is gone.
    func removed(_ object: JSON, _ resource: ResourceType) async {
        cluster.signals.signal(resource.group, resource.resource)
        if resource.group == "rbac.authorization.k8s.io", resource.resource == "clusterroles" { await aggregate() }
        if resource.group == APISurfaces.group, resource.resource == APISurfaces.resource {
            await DefinitionController(registry: registry).settle(group: object.at("spec", "group")?.string ?? "")
        }
        if let custom = resource.custom, custom.isTerminating {
            await DefinitionController(registry: registry).finish(custom.definition)
        }
        let namespace = object.objectNamespace
        if resource.group.isEmpty, resource.resource == "serviceaccounts" {
            await TokenSecrets(registry: registry).remove(of: object)
        }
        if resource.group.isEmpty, resource.resource == "services" {
            await removeEndpoints(of: object)
            await ServiceRangeController(registry: registry).settleDeletions()
        }
        if resource.group == "networking.k8s.io", resource.resource == "servicecidrs" || resource.resource == "ipaddresses" {
            await ServiceRangeController(registry: registry).settleDeletions()
        }
        if resource.isNamespaced {
            let owner = registry.namespace(namespace)
            if let owner, owner.isBeingDeleted { return await NamespaceFinisher(registry: registry).finish(namespace) }
            if owner != nil {
                await restoreCompanion(object, resource)
                await QuotaController(registry: registry).settle(namespace: namespace, without: object, resource)
            }
        }
        await GarbageCollector(registry: registry).collect(ownedBy: object, resource)
        await GarbageCollector(registry: registry).resolveOwners(waitingFor: object)
    }

    /// The Endpoints of a Service go with it (`pkg/controller/endpoint`).
    private func removeEndpoints(of service: JSON) async {
        guard let endpoints = cluster.resources.lookup(group: "", version: "v1", resource: "endpoints"),
            let options = try? DeleteOptions(body: [:], query: QueryParameters([]))
        else { return }
        // There may be none.
        _ = try? await registry.delete(endpoints, service.objectNamespace, service.objectName, options, nil)
    }

    /// The controllers make a deleted `default` ServiceAccount or `kube-root-ca.crt` again.
    private func restoreCompanion(_ object: JSON, _ resource: ResourceType) async {
        let isCompanion =
            (resource.resource, object.objectName) == ("serviceaccounts", "default")
            || (resource.resource, object.objectName) == ("configmaps", "kube-root-ca.crt")
        guard resource.group.isEmpty, isCompanion, let made = companion(resource.resource, namespace: object.objectNamespace) else {
            return
        }
        // Somebody may have made it meanwhile, which is as good.
        _ = try? await cluster.store.commit(
            Transaction(conditions: [.absent(made.key)], writes: [.put(made.key, StoredObject.value(made.object))]))
    }

    /// Sets the rules of aggregated ClusterRoles anew (`pkg/controller/clusterroleaggregation`).
    private func aggregate() async {
        guard let resource = cluster.resources.lookup(group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterroles") else {
            return
        }
        let range = try? cluster.store.range(cluster.collection(resource), prefix: "", at: nil, after: nil, limit: 0)
        let entries = range?.entries ?? []
        let roles = entries.compactMap { try? JSON(parsing: $0.value) }
        guard roles.count == entries.count else { return }
        for (index, rules) in ClusterRoleAggregator.changes(roles) {
            var role = roles[index]
            role["rules"] = rules
            let key = Key(cluster.collection(resource), entries[index].name)
            let object = ObjectDefaults.ordered(role, resource.storageKind)
            _ = try? await cluster.store.commit(
                Transaction(conditions: [.modified(key, entries[index].modified)], writes: [.put(key, StoredObject.value(object))]))
        }
    }
}

extension Registry {
    /// A namespace; `nil` when there is none.
    func namespace(_ name: String) -> JSON? {
        cluster.store.get(Key(cluster.collection(group: "", "namespaces"), name)).flatMap { try? JSON(parsing: $0.value) }
    }
}

/// Unites the rules of ClusterRoles by label selector.
enum ClusterRoleAggregator {
    /// The aggregated roles whose rules have to change, by index, with their new rules.
    static func changes(_ roles: [JSON]) -> [(index: Int, rules: JSON)] {
        var roles = roles
        var changed: [Int: JSON] = [:]
        // A role that aggregates may itself be aggregated: until nothing moves, at most as often as there are roles.
        for _ in roles.indices {
            var isStable = true
            for (index, role) in roles.enumerated() {
                guard let selectors = role.at("aggregationRule", "clusterRoleSelectors")?.array else { continue }
                var rules: [JSON] = []
                for selector in selectors.compactMap({ LabelSelector($0) }) {
                    let matching = roles.enumerated().filter {
                        $0.offset != index && selector.matches($0.element.at("metadata", "labels")?.object)
                    }
                    for other in matching.map(\.element).sorted(by: { $0.objectName < $1.objectName }) {
                        for rule in other["rules"]?.array ?? [] where !rules.contains(rule) { rules.append(rule) }
                    }
                }
                guard JSON.array(rules) != role["rules"] ?? [] else { continue }
                roles[index]["rules"] = .array(rules)
                changed[index] = .array(rules)
                isStable = false
            }
            if isStable { break }
        }
        return changed.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
