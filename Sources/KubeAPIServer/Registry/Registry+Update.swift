import HTTP
import JSON
import KubeAPI
import Store
import World

extension Registry {
    /// How often a write without `resourceVersion` is tried again when others were faster.
    private static let attempts = 16

    /// `update`: PUT of the object or a part of it.
    ///
    /// - Throws: 400, 404, 409, 413, 415, 422.
    func update(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let options = try WriteOptions(request.query, .update)
        let decoded = try cluster.decoder.decode(
            request.http.body, contentType: request.http.headers["Content-Type"], of: request.resource,
            validation: options.validation)
        request.audit(decoded.object)
        try checkIdentity(decoded.object, request)
        let strategy = ResourceStrategy.of(request.resource)
        let key = cluster.key(request.resource, namespace: request.namespace, name: request.name)
        if strategy.allowsCreateOnUpdate, request.info.subresource.isEmpty, cluster.store.get(key) == nil {
            guard decoded.object.objectResourceVersion.isEmpty else {
                throw .stale(group: request.resource.group, resource: request.resource.resource, name: request.name)
            }
            var object = decoded.object
            object.set(.string(request.name), at: ["metadata", "name"])
            return try await create(object, request, options, managers: .sent(decoded.managedFields), warnings: decoded.warnings)
        }
        return try await modify(request, options) { (_: JSON) throws(KubeStatus) -> Modified in
            Modified(object: decoded.object, managers: .sent(decoded.managedFields), warnings: decoded.warnings)
        }
    }

    /// What a modification makes of an object.
    struct Modified: Sendable {
        var object: JSON
        var managers: ManagerSource
        var warnings: [String] = []
    }

    /// `name` and `namespace` of a body must be those of the path.
    func checkIdentity(_ object: JSON, _ request: APIRequest) throws(KubeStatus) {
        let namespace = object.objectNamespace
        guard !request.resource.isNamespaced || namespace.isEmpty || namespace == request.namespace else {
            throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
        }
        let name = object.objectName
        guard !name.isEmpty else {
            throw .badRequest("the name of the object (\(request.name) based on URL) was undeterminable: name must be provided")
        }
        guard name == request.name else {
            throw .badRequest("the name of the object (\(name)) does not match the name on the URL (\(request.name))")
        }
    }

    /// Changes an object by `change`, which is given the present one in the version of the path; again when others were faster.
    func modify(
        _ request: APIRequest, _ options: WriteOptions, _ change: (JSON) throws(KubeStatus) -> Modified
    ) async throws(KubeStatus) -> RegistryAnswer {
        let resource = request.resource
        let key = cluster.key(resource, namespace: request.namespace, name: request.name)
        for _ in 0..<Self.attempts {
            let entry = try entry(resource, request.namespace, request.name)
            let stored = try tree(key, entry)
            let old = try await conversion.current(stored, resource)
            let before = try await conversion.served(old, resource)
            let modified = try change(before)
            let isUnconditional = try checkPreconditions(modified.object, old, entry, request)
            var object = try await conversion.stored(modified.object, resource)
            let repeated = ObjectMetadata.withoutRepeatedOwners(&object)
            ObjectDefaults.apply(to: &object, resource, known: old)
            let managedFields = managedFields(
                changing: before, to: asServed(object, modified.object, resource), old: old, modified.managers, request, options)
            var attributes = AdmissionAttributes(operation: .update, request: request, object: object, old: old, isDryRun: options.isDryRun)
            object = try await admission.mutate(attributes)
            try await admission.confirmNoEscalation(object, old: old, request)
            let hook = request.info.subresource.isEmpty ? StorageHooks.of(resource) : nil
            var taken = StorageEffects.none
            defer { taken.settle(in: cluster) }
            try prepare(&object, old: old, request) { (object: inout JSON) throws(KubeStatus) in
                taken = try hook?.beginUpdate(&object, old: old, cluster, isDryRun: options.isDryRun) ?? .none
            }
            // Nothing changed, but perhaps a manager's time: nothing is written, and the version stays.
            let managers = old.at("metadata", "managedFields")
            let keepsManagers = ManagedFields.areSame(managedFields, managers)
            object["metadata"]?["managedFields"] = keepsManagers ? managers : managedFields
            attributes.object = object
            try await admission.validate(attributes)
            var warnings = modified.warnings + repeated + attributes.noted.texts
            if request.info.subresource.isEmpty { warnings += ObjectWarnings.update(object, old: old, resource) }
            if object == stored {
                return RegistryAnswer(
                    status: 200, bytes: try await served(entry.value, resource, at: entry.modified), warnings: warnings)
            }
            if keepsManagers { object["metadata"]?["managedFields"] = managedFields }
            if options.isDryRun {
                let bytes = StoredObject.bytes(object, at: old.objectResourceVersion)
                return RegistryAnswer(status: 200, bytes: try await served(bytes, resource), warnings: warnings)
            }
            let isGone = object.isBeingDeleted && Self.mayGo(object)
            // The last finalizer went: the object goes with it, answered at its last version; watchers see what was stored.
            let write: Transaction.Write = isGone ? .delete(key, last: StoredObject.value(old)) : .put(key, StoredObject.value(object))
            if isGone { taken = StorageHooks.of(resource)?.delete(old, cluster) ?? .none }
            do {
                let commit = try await cluster.store.commit(taken.transaction(write, conditions: [.modified(key, entry.modified)]))
                if !isGone, commit.values.count == 1 { cluster.trees.note(object, key, at: commit.revision, commit.values[0]) }
                if isGone { await effects.removed(object, resource) } else { await effects.written(object, resource) }
                let bytes = isGone ? StoredObject.bytes(object, at: old.objectResourceVersion) : taken.value(of: commit)
                return RegistryAnswer(status: 200, bytes: try await served(bytes, resource), warnings: warnings)
            } catch let error as StoreError {
                guard case .conflict(let changed, _) = error else { throw .of(error) }
                guard isUnconditional || changed != key else {
                    throw .stale(group: resource.group, resource: resource.resource, name: request.name)
                }
            } catch let status as KubeStatus {
                throw status
            } catch {
                throw .internalError("\(error)")
            }
        }
        throw .stale(group: resource.group, resource: resource.resource, name: request.name)
    }

    /// Whether nothing holds an object that is being deleted.
    static func mayGo(_ object: JSON) -> Bool {
        object.objectFinalizers.isEmpty && (object.at("metadata", "deletionGracePeriodSeconds")?.integer ?? 0) == 0
            && (object.at("spec", "finalizers")?.array ?? []).isEmpty
    }

    /// Checks `resourceVersion` and `uid` of a body; whether the write may be tried again on newer states.
    private func checkPreconditions(_ new: JSON, _ old: JSON, _ entry: Entry, _ request: APIRequest) throws(KubeStatus) -> Bool {
        let resource = request.resource
        let uid = new.objectUID
        if !uid.isEmpty, uid != old.objectUID, request.http.method == "PUT" {
            let path = resource.isNamespaced ? "\(request.namespace)/\(request.name)" : request.name
            let directory = resource.group.isEmpty ? resource.resource : "\(resource.group)/\(resource.resource)"
            throw .conflict(
                group: resource.group, resource: resource.resource, name: request.name,
                "StorageError: invalid object, Code: 4, Key: /registry/\(directory)/\(path), ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
                    + "UID in precondition: \(uid), UID in object meta: \(old.objectUID)")
        }
        let version = new.objectResourceVersion
        guard !version.isEmpty, version != "0" else {
            guard ResourceStrategy.of(resource).allowsUnconditionalUpdate || request.http.method == "PATCH" else {
                throw .invalid(
                    group: resource.group, kind: resource.resource, name: request.name,
                    [.invalid("metadata.resourceVersion", 0, "must be specified for an update")])
            }
            return true
        }
        guard UInt64(version) != nil else {
            throw .unexpected("strconv.ParseUint: parsing \(GoText.quoted(version)): invalid syntax")
        }
        guard version == String(entry.modified) else {
            throw .stale(group: resource.group, resource: resource.resource, name: request.name)
        }
        // A patch that kept the version it was made on may be made again on a newer one.
        return request.http.method == "PATCH"
    }

    /// Brings a wished object into the form that is stored: the parts that this path may not change come from the old one.
    private func prepare(
        _ object: inout JSON, old: JSON, _ request: APIRequest, complete: (inout JSON) throws(KubeStatus) -> Void
    ) throws(KubeStatus) {
        let resource = request.resource
        let strategy = ResourceStrategy.of(resource)
        switch request.info.subresource {
        case "status":
            var result = old
            result["status"] = object["status"]
            if strategy.statusKeepsMetadata { object["metadata"] = old["metadata"] }
            if strategy.statusKeepsLabels { object.set(old.at("metadata", "labels"), at: ["metadata", "labels"]) }
            result["metadata"] = object["metadata"]
            object = result
        case "approval":
            // Nothing but the conditions is approved.
            var result = old
            result.set(object.at("status", "conditions"), at: ["status", "conditions"])
            result["metadata"] = object["metadata"]
            object = result
        case "ephemeralcontainers":
            var result = old
            result.set(object.at("spec", "ephemeralContainers"), at: ["spec", "ephemeralContainers"])
            result.set(object.at("metadata", "uid"), at: ["metadata", "uid"])
            object = result
        case "resize": object = PodResize.applied(object, to: old)
        case "finalize": object = finalized(object, old)
        default:
            if resource.subresource("status") != nil { object["status"] = old["status"] }
            if resource.subresource("finalize") != nil, let finalizers = old.at("spec", "finalizers") {
                object.set(finalizers, at: ["spec", "finalizers"])
            }
        }
        object.set(.string(request.name), at: ["metadata", "name"])
        object.set(resource.isNamespaced ? .string(request.namespace) : nil, at: ["metadata", "namespace"])
        ObjectMetadata.prepareForUpdate(&object, old: old)
        try complete(&object)
        ObjectPreparation.update(
            &object, old: old, resource, subresource: request.info.subresource, now: cluster.world.now.rfc3339)
        if strategy.countsGenerations, request.info.subresource != "status", strategy.changesGeneration(object, old) {
            object.set(.integer((old.at("metadata", "generation")?.integer ?? 0) &+ 1), at: ["metadata", "generation"])
        }
        var metadata = object["metadata"] ?? [:]
        metadata["resourceVersion"] = old.at("metadata", "resourceVersion")
        object["metadata"] = ObjectMetadata.ordered(metadata)
        object = ObjectDefaults.ordered(object, resource.storageKind, known: old)
        let part: ObjectValidation.Part =
            switch request.info.subresource {
            case "status": .status
            case "approval": .approval
            case "ephemeralcontainers": .ephemeralContainers
            case "resize": .resize
            case "finalize": .finalize
            default: .object
            }
        var errors = ObjectValidation.updateProblems(
            object, old: old, resource, part: part, .init(requested: resource.groupVersionKind))
        errors += resource.definitionProblems(object, old: old, subresource: request.info.subresource)
        guard errors.isEmpty else { throw .invalid(group: resource.storageKind.group, kind: resource.kind, name: request.name, errors) }
    }

    /// `finalize` changes only `spec.finalizers`.
    private func finalized(_ object: JSON, _ old: JSON) -> JSON {
        var result = old
        let finalizers = object.at("spec", "finalizers")
        if let finalizers, finalizers.array?.isEmpty == false {
            result.set(finalizers, at: ["spec", "finalizers"])
        } else {
            result.remove(at: ["spec", "finalizers"])
        }
        return result
    }
}
