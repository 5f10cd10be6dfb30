import HTTP
import JSON
import KubeAPI
import Store
import World

extension Registry {
    /// Server-side apply: merges the body into the object, or makes the object.
    ///
    /// - Throws: 400, 404 for subresources of what is not there, 409 for fields of other managers, 422, 500 for a body that does not fit.
    func apply(_ request: APIRequest, _ options: WriteOptions) async throws(KubeStatus) -> RegistryAnswer {
        let config = try ApplyConfiguration(request.http.body)
        let key = cluster.key(request.resource, namespace: request.namespace, name: request.name)
        if request.info.subresource.isEmpty, cluster.store.get(key) == nil {
            do throws(KubeStatus) { return try await createApplied(config, request, options) } catch {
                // Somebody else made it meanwhile: then it is merged into that.
                guard error.reason == "AlreadyExists", !options.isDryRun else { throw error }
            }
        }
        return try await modify(request, options) { (old: JSON) throws(KubeStatus) -> Modified in
            let applied = try applied(config, to: old, request, options)
            let decoded = try applied.object.map { (object: JSON) throws(KubeStatus) -> DecodedObject in try canonical(object, request) }
            let object = decoded?.object ?? old
            try checkIdentity(object, request)
            return Modified(object: object, managers: .decided(applied.managed), warnings: try repetition(config, options))
        }
    }

    private func createApplied(
        _ config: ApplyConfiguration, _ request: APIRequest, _ options: WriteOptions
    ) async throws(KubeStatus) -> RegistryAnswer {
        let applied = try applied(config, to: nil, request, options)
        let warnings = try repetition(config, options)
        var object = try canonical(applied.object ?? [:], request).object
        guard object.objectUID.isEmpty else {
            throw .conflict(
                group: request.resource.group, resource: request.resource.resource, name: request.name,
                "uid mismatch: the provided object specified uid \(object.objectUID), and no existing object was found")
        }
        try checkIdentity(object, request)
        // A version that nothing has yet is not asked for.
        object.remove(at: ["metadata", "resourceVersion"])
        return try await create(object, request, options, managers: .decided(applied.managed), warnings: warnings)
    }

    private func applied(
        _ config: ApplyConfiguration, to live: JSON?, _ request: APIRequest, _ options: WriteOptions
    ) throws(KubeStatus) -> FieldManager.Applied {
        try fieldManager(request).apply(
            config.object, to: live, stored: live?.at("metadata", "managedFields"), by: options.fieldManager, isForced: options.isForced,
            at: cluster.world.now.rfc3339)
    }

    /// A merged object in its type's form.
    private func canonical(_ object: JSON, _ request: APIRequest) throws(KubeStatus) -> DecodedObject {
        let kind = request.resource.groupVersionKind
        do throws(KubeStatus) { return try cluster.decoder.canonical(object, of: request.resource, validation: .ignore) } catch {
            let place = "\(object.objectNamespace)/\(object.objectName); \(kind)"
            let detail = error.message.split(separator: ": ", maxSplits: 1).last ?? ""
            throw .unexpected("failed to convert new typed object (\(place)) to object: \(detail)")
        }
    }

    /// What strict decoding has against a body.
    func repetition(_ config: ApplyConfiguration, _ options: WriteOptions) throws(KubeStatus) -> [String] {
        guard let note = config.repetition else { return [] }
        switch options.validation {
        case .strict: throw .badRequest("error strict decoding YAML: \(note)")
        case .warn: return [note]
        case .ignore: return []
        }
    }
}
