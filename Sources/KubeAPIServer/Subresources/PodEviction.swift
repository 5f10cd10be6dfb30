import JSON
import KubeAPI
import Store
import World

/// `pods/eviction`: deletes a pod when its disruption budget allows it (`EvictionREST` of `pkg/registry/core/pod/storage/eviction.go`).
struct PodEviction: Sendable {
    /// The kinds that are read: both versions are one inside the server.
    static let kinds = ["v1", "v1beta1"].map { GroupVersionKind(group: "policy", version: $0, kind: "Eviction") }

    let registry: Registry
    private var cluster: ClusterState { registry.cluster }

    /// Evicts the pod of the path.
    ///
    /// - Throws: 400, 404, 409, 429 of the budget, or 500 for a pod of several budgets.
    func create(_ eviction: DecodedObject, _ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        try registry.checkNamespace(eviction.object, request)
        try await registry.admission.admitPart(.create, eviction.object, request)
        guard eviction.object.objectName == request.name else {
            throw .badRequest("name in URL does not match name in Eviction object")
        }
        var wish = eviction.object["deleteOptions"] ?? [:]
        try propagateDryRun(&wish, request)
        let isPinned = wish.at("preconditions", "resourceVersion") != nil
        let options = try DeleteOptions(body: wish, query: QueryParameters([]))
        let pod = try StoredObject.parse(registry.entry(request.resource, request.namespace, request.name).value)
        if DisruptionBudget.ignores(pod) {
            let isPending = !pod.isBeingDeleted && pod.at("status", "phase") == "Pending"
            if isPending, !isPinned { pin(&wish, to: pod) }
            try await delete(wish, request)
            return .done(eviction.warnings)
        }
        let budgets = AdmissionView(cluster: cluster).objects("policy", "poddisruptionbudgets", namespace: request.namespace)
            .filter { DisruptionBudget.covers($0, pod) }
        if budgets.count > 1 { throw DisruptionBudget.severalBudgets }
        guard let budget = budgets.first else {
            try await delete(wish, request)
            return .done(eviction.warnings)
        }
        if DisruptionBudget.spares(budget, unready: pod) {
            // It may have become ready since.
            pin(&wish, to: pod)
            do { try await delete(wish, request) } catch {
                throw error.code == 409 && !isPinned ? DisruptionBudget.outdated(budget.objectName) : error
            }
            return .done(eviction.warnings)
        }
        try await take(from: budget.objectName, request, isDryRun: options.isDryRun)
        try await delete(wish, request)
        return .done(eviction.warnings)
    }

    /// A dry run that the query or the eviction asks for is one for both.
    private func propagateDryRun(_ wish: inout JSON, _ request: APIRequest) throws(KubeStatus) {
        _ = try WriteOptions(request.query, .create)
        let asked = request.query.all("dryRun")
        let given = wish["dryRun"]?.array?.compactMap(\.string) ?? []
        guard !asked.isEmpty, asked != given else { return }
        guard given.isEmpty else {
            throw .badRequest(
                "Non-matching dry-run options in request and content: [\(asked.joined(separator: " "))] and [\(given.joined(separator: " "))]"
            )
        }
        wish["dryRun"] = JSON(strings: asked)
    }

    private func pin(_ wish: inout JSON, to pod: JSON) {
        wish.set(.string(pod.objectResourceVersion), at: ["preconditions", "resourceVersion"])
    }

    private func take(from budget: String, _ request: APIRequest, isDryRun: Bool) async throws(KubeStatus) {
        guard let resource = cluster.resources.lookup(group: "policy", version: "v1", resource: "poddisruptionbudgets") else {
            throw .noSuchPath
        }
        let now = cluster.world.now.rfc3339
        try await registry.revise(resource, request.namespace, budget, isDryRun: isDryRun) { (object: inout JSON) throws(KubeStatus) in
            try DisruptionBudget.take(from: &object, for: request.name, now: now)
        }
    }

    /// Says in the pod's status why it goes, and deletes it.
    private func delete(_ wish: JSON, _ request: APIRequest) async throws(KubeStatus) {
        var wish = wish
        let options = try DeleteOptions(body: wish, query: QueryParameters([]))
        let (resource, namespace, name) = (request.resource, request.namespace, request.name)
        if !options.isDryRun {
            let now = cluster.world.now.rfc3339
            let pod = try await registry.revise(resource, namespace, name) { (pod: inout JSON) throws(KubeStatus) in
                try registry.checkPreconditions(options, pod, resource)
                PodConditions.set(
                    "DisruptionTarget", reason: "EvictionByEvictionAPI", message: "Eviction API: evicting", in: &pod, now: now)
            }
            if options.resourceVersionPrecondition != nil { pin(&wish, to: pod) }
        }
        let pinned = try DeleteOptions(body: wish, query: QueryParameters([]))
        _ = try await registry.delete(resource, namespace, name, pinned, nil)
    }
}
