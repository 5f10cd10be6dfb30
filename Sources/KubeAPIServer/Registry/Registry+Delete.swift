import HTTP
import JSON
import KubeAPI
import Store
import World

extension Registry {
    private static let deleteAttempts = 16
    /// Seconds that a pod gets to end when nobody says.
    private static let defaultGrace: Int64 = 30

    /// DeleteOptions of the body, else of the query.
    ///
    /// - Throws: 400, 415, 422.
    func deleteOptions(_ request: APIRequest) throws(KubeStatus) -> DeleteOptions {
        guard !request.http.body.isEmpty else { return try DeleteOptions(body: nil, query: request.query) }
        let format = try ObjectDecoder.Format(contentType: request.http.headers["Content-Type"])
        var duplicates: [String] = []
        let body: JSON
        let expected = GroupVersionKind(group: "", version: "v1", kind: "DeleteOptions")
        do { body = try cluster.decoder.document(request.http.body, format, expected: expected, duplicates: &duplicates) } catch {
            switch error {
            case .envelope(let text), .content(_, let text): throw .badRequest(text)
            case .tooLarge(let limit): throw .requestEntityTooLarge(limit: limit)
            case .syntax(let text): throw .badRequest("couldn't get version/kind; json parse error: \(text)")
            }
        }
        let kind = body["kind"]?.string ?? ""
        guard kind.isEmpty || kind == "DeleteOptions" else {
            throw .badRequest(
                "no kind \(GoText.quoted(kind)) is registered for version \(GoText.quoted(body["apiVersion"]?.string ?? "")) in scheme "
                    + "\"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27\"")
        }
        request.audit?.note(request: Self.internalOptions(body))
        return try DeleteOptions(body: body, query: request.query)
    }

    /// Options as the audit log shows them, which says their version as the server's own.
    private static func internalOptions(_ body: JSON) -> JSON {
        let members = [
            "gracePeriodSeconds", "preconditions", "orphanDependents", "propagationPolicy", "dryRun",
            "ignoreStoreReadErrorWithClusterBreakingPotential",
        ]
        let sent = members.compactMap { name in body[name].map { (name, $0) } }
        return .object(JSONObject([("kind", "DeleteOptions"), ("apiVersion", "meta.k8s.io/__internal")] + sent))
    }

    /// `delete`.
    ///
    /// - Throws: 400, 403 for protected namespaces, 404, 409, 422.
    func delete(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let options = try deleteOptions(request)
        warn(options, request)
        var answer = try await delete(request.resource, request.namespace, request.name, options, request)
        answer.warnings += request.warnings.texts
        return answer
    }

    private func warn(_ options: DeleteOptions, _ request: APIRequest) {
        guard options.propagation == nil, let text = ResourceStrategy.of(request.resource).deletionWarning else { return }
        request.warnings.note([text])
    }

    /// Deletes an object, or begins to.
    func delete(
        _ resource: ResourceType, _ namespace: String, _ name: String, _ options: DeleteOptions, _ request: APIRequest?
    ) async throws(KubeStatus) -> RegistryAnswer {
        let strategy = ResourceStrategy.of(resource)
        let key = cluster.key(resource, namespace: namespace, name: name)
        for _ in 0..<Self.deleteAttempts {
            let entry = try entry(resource, namespace, name)
            let old = try tree(key, entry)
            try checkPreconditions(options, old, resource)
            if let request {
                try await admission.validate(
                    AdmissionAttributes(
                        operation: .delete, request: request, object: old, old: nil, isDryRun: options.isDryRun, options: options.json))
            }
            var object = old
            mark(&object, strategy, options)
            let isGone = Self.mayGo(object)
            if object == old, !isGone { return RegistryAnswer(status: 200, bytes: try await served(entry.value, resource)) }
            if !options.isDryRun {
                let write: Transaction.Write =
                    isGone ? .delete(key, last: last(object, old, strategy)) : .put(key, StoredObject.value(object))
                let freed = isGone ? StorageHooks.of(resource)?.delete(old, cluster) ?? .none : .none
                do {
                    var seen = entry.modified
                    if isGone, strategy.hasGracefulDeletion, object != old {
                        // That its time is over is a change of its own, which watchers see.
                        seen = try await cluster.store.commit(
                            Transaction(conditions: [.modified(key, seen)], writes: [.put(key, StoredObject.value(object))])
                        ).revision
                    }
                    let commit = try await cluster.store.commit(freed.transaction(write, conditions: [.modified(key, seen)]))
                    if isGone { await effects.removed(old, resource) } else { await effects.written(object, resource) }
                    return try await deleted(freed.value(of: commit), old, resource, isGone: isGone, strategy)
                } catch let error as StoreError {
                    guard case .conflict = error else { throw .of(error) }
                    continue
                } catch let status as KubeStatus {
                    throw status
                } catch {
                    throw .internalError("\(error)")
                }
            }
            return try await deleted(StoredObject.bytes(object, at: old.objectResourceVersion), old, resource, isGone: isGone, strategy)
        }
        throw .stale(group: resource.group, resource: resource.resource, name: name)
    }

    /// What watchers see last: for most kinds the object as it was.
    private func last(_ object: JSON, _ old: JSON, _ strategy: ResourceStrategy) -> Transaction.Value {
        StoredObject.value(strategy.hasGracefulDeletion ? object : old)
    }

    private func deleted(
        _ bytes: [UInt8], _ old: JSON, _ resource: ResourceType, isGone: Bool, _ strategy: ResourceStrategy
    ) async throws(KubeStatus) -> RegistryAnswer {
        if !isGone || strategy.returnsDeletedObject { return RegistryAnswer(status: 200, bytes: try await served(bytes, resource)) }
        let status = KubeStatus.success(group: resource.group, resource: resource.resource, name: old.objectName, uid: old.objectUID)
        return RegistryAnswer(status: 200, bytes: status.serialized())
    }

    /// Checks `uid` and `resourceVersion` that a deletion demands.
    ///
    /// - Throws: 409.
    func checkPreconditions(_ options: DeleteOptions, _ object: JSON, _ resource: ResourceType) throws(KubeStatus) {
        func conflict(_ text: String) -> KubeStatus {
            .conflict(group: resource.group, resource: resource.kind, name: object.objectName, text)
        }
        if let uid = options.uidPrecondition, uid != object.objectUID {
            throw conflict(
                "the UID in the precondition (\(uid)) does not match the UID in record (\(object.objectUID)). The object might have been deleted and then recreated"
            )
        }
        if let version = options.resourceVersionPrecondition, version != object.objectResourceVersion {
            throw conflict(
                "the ResourceVersion in the precondition (\(version)) does not match the ResourceVersion in record (\(object.objectResourceVersion)). "
                    + "The object might have been modified")
        }
    }

    /// Marks an object as going: deletion time, grace, the finalizers of a propagation (`rest.BeforeDelete`).
    private func mark(_ object: inout JSON, _ strategy: ResourceStrategy, _ options: DeleteOptions) {
        var metadata = object["metadata"] ?? [:]
        var finalizers = object.objectFinalizers
        switch options.propagation ?? strategy.defaultPropagation {
        case .orphan:
            finalizers.removeAll { $0 == "foregroundDeletion" }
            if !finalizers.contains("orphan"), !object.isBeingDeleted { finalizers.append("orphan") }
        case .foreground:
            finalizers.removeAll { $0 == "orphan" }
            if !finalizers.contains("foregroundDeletion") { finalizers.append("foregroundDeletion") }
        case .background:
            if options.propagation != nil { finalizers.removeAll { $0 == "orphan" || $0 == "foregroundDeletion" } }
        }
        metadata["finalizers"] = finalizers.isEmpty ? Optional.none : JSON(strings: finalizers)
        let grace = strategy.hasGracefulDeletion ? grace(object, options) : 0
        let isTerminating = (object.at("spec", "finalizers")?.array ?? []).isEmpty == false
        if !object.isBeingDeleted, !strategy.deletionFinalizers.isEmpty {
            metadata["deletionTimestamp"] = .string(cluster.world.now.rfc3339)
            finalizers += strategy.deletionFinalizers.filter { !finalizers.contains($0) }
            metadata["finalizers"] = JSON(strings: finalizers)
            if let condition = strategy.deletionCondition {
                DefinitionStatus.set(
                    condition.type, true, reason: condition.reason, message: condition.message, in: &object, now: cluster.world.now)
            }
        } else if !object.isBeingDeleted {
            metadata["deletionTimestamp"] = .string((cluster.world.now + .seconds(grace)).rfc3339)
            // Namespaces carry no grace: their own finalizers hold them.
            if !isTerminating { metadata["deletionGracePeriodSeconds"] = .integer(grace) }
            if let generation = metadata["generation"]?.integer, generation > 0 { metadata["generation"] = .integer(generation &+ 1) }
            if isTerminating { object.set("Terminating", at: ["status", "phase"]) }
        } else if strategy.hasGracefulDeletion, let present = metadata["deletionGracePeriodSeconds"]?.integer, grace < present {
            metadata["deletionTimestamp"] = .string((cluster.world.now + .seconds(grace)).rfc3339)
            metadata["deletionGracePeriodSeconds"] = .integer(grace)
        }
        object["metadata"] = ObjectMetadata.ordered(metadata)
    }

    /// How long a pod gets: nothing when no kubelet holds it or it has ended.
    private func grace(_ object: JSON, _ options: DeleteOptions) -> Int64 {
        let phase = object.at("status", "phase")?.string
        if (object.at("spec", "nodeName")?.string ?? "").isEmpty || phase == "Succeeded" || phase == "Failed" { return 0 }
        let own = object.at("spec", "terminationGracePeriodSeconds")?.integer ?? Self.defaultGrace
        let wanted = options.gracePeriodSeconds ?? own
        // A negative wish means the shortest that lets the container be told.
        return wanted < 0 ? 1 : min(wanted, Int64(Int32.max))
    }

    /// `deletecollection`: the selected objects one after the other; answers them as a list.
    ///
    /// - Throws: what a list or a delete throws.
    func deleteCollection(_ request: APIRequest) async throws(KubeStatus) -> Page {
        let options = try deleteOptions(request)
        warn(options, request)
        let listOptions = try ListOptions(request.query, isWatch: false)
        let page = try page(request, listOptions, try Selection(listOptions, request.resource), isExact: true)
        for entry in page.entries {
            let name = request.resource.isNamespaced ? String(entry.name.drop { $0 != "/" }.dropFirst()) : entry.name
            do { _ = try await delete(request.resource, request.namespace, name, options, request) } catch {
                // Somebody else was faster, which is what was wanted.
                if error.code == 404 { continue }
                throw error
            }
        }
        return page
    }
}
