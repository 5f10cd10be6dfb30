import HTTP
import JSON
import KubeAPI
import World

/// The scale subresource (`ScaleREST` of each workload, `apiextensions-apiserver/pkg/registry/customresource/etcd.go`).
extension Registry {
    private static let scaleKind = GroupVersionKind(group: "autoscaling", version: "v1", kind: "Scale")

    /// `get`: the scale of an object.
    ///
    /// - Throws: 404, or 500 when the object says no replicas.
    func scale(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let object = try StoredObject.parse(await get(request))
        return RegistryAnswer(status: 200, bytes: try paths(request).scale(of: object).serialized())
    }

    /// `update`: PUT of a scale.
    ///
    /// - Throws: 400, 404, 409, 415, 422.
    func updateScale(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let options = try WriteOptions(request.query, .update)
        let decoded = try cluster.decoder.decode(
            request.http.body, contentType: request.http.headers["Content-Type"], as: Self.scaleKind, validation: options.validation)
        request.audit?.note(request: decoded.object)
        try checkIdentity(decoded.object, request)
        return try await write(request, options) { (_: JSON, _: JSON?) throws(KubeStatus) -> Modified in
            Modified(object: decoded.object, managers: .sent(nil), warnings: decoded.warnings)
        }
    }

    /// `patch` of a scale, server-side apply among them.
    ///
    /// - Throws: 400, 404, 409, 415, 422.
    func patchScale(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        guard let type = PatchType(contentType: request.http.headers["Content-Type"]) else {
            throw request.resource.custom == nil ? .unsupportedPatchType : .unsupportedMediaType(PatchType.customTypes)
        }
        let options = try WriteOptions(request.query, .patch, patch: type)
        request.audit?.note(patch: request.http.body)
        let decoder = cluster.decoder
        if type == .apply {
            let config = try ApplyConfiguration(request.http.body)
            return try await write(request, options) { (scale: JSON, managers: JSON?) throws(KubeStatus) -> Modified in
                let applied = try scaleManager.apply(
                    config.object, to: scale, stored: managers, by: options.fieldManager, isForced: options.isForced,
                    at: cluster.world.now.rfc3339)
                let object = try decoder.canonical(applied.object ?? scale, as: Self.scaleKind, validation: .ignore).object
                try checkIdentity(object, request)
                return Modified(object: object, managers: .decided(applied.managed), warnings: try repetition(config, options))
            }
        }
        let patch = try ObjectPatch(request.http.body, type: type)
        return try await write(request, options) { (scale: JSON, _: JSON?) throws(KubeStatus) -> Modified in
            let patched = try patch.apply(to: scale, kind: Self.scaleKind)
            let decoded: DecodedObject
            do throws(KubeStatus) {
                decoded = try decoder.canonical(patched, as: Self.scaleKind, validation: options.validation)
            } catch {
                throw patch.failure(error, patched)
            }
            try checkIdentity(decoded.object, request)
            return Modified(object: decoded.object, managers: .sent(nil), warnings: decoded.warnings)
        }
    }

    private var scaleManager: FieldManager {
        FieldManager(BuiltinMergeTypes(Self.scaleKind), kind: Self.scaleKind, subresource: "scale", ignoring: FieldSet())
    }

    private func paths(_ request: APIRequest) throws(KubeStatus) -> ScalePaths {
        guard let paths = ScalePaths.of(request.resource) else { throw .noSuchPath }
        return paths
    }

    /// Writes what a change makes of an object's scale into the object, and answers the scale. The change is given the scale and its managers.
    private func write(
        _ request: APIRequest, _ options: WriteOptions, _ change: (JSON, JSON?) throws(KubeStatus) -> Modified
    ) async throws(KubeStatus) -> RegistryAnswer {
        let paths = try paths(request)
        var answer = try await modify(request, options) { (object: JSON) throws(KubeStatus) -> Modified in
            let scale = try paths.scale(of: object)
            let managers = ScaleManagers(request.resource, stored: object.at("metadata", "managedFields"))
            let modified = try change(scale, managers.scale)
            // Custom resources are checked as the objects they are.
            let problems = ScalePaths.problems(modified.object)
            guard request.resource.custom != nil || problems.isEmpty else {
                throw .invalid(group: Self.scaleKind.group, kind: Self.scaleKind.kind, name: request.name, problems)
            }
            var result = object
            paths.apply(modified.object, to: &result)
            return Modified(
                object: result, managers: .decided(managers.parent(scaleManagers(scale, modified, managers.scale, request, options))),
                warnings: modified.warnings)
        }
        answer.bytes = try paths.scale(of: try StoredObject.parse(answer.bytes)).serialized()
        return answer
    }

    private func scaleManagers(
        _ old: JSON, _ modified: Modified, _ stored: JSON?, _ request: APIRequest, _ options: WriteOptions
    ) -> ManagedFields {
        switch modified.managers {
        case .decided(let managed): managed
        case .sent:
            scaleManager.updated(
                old, to: modified.object, stored: stored, sent: nil, by: manager(request, options), at: cluster.world.now.rfc3339)
        }
    }
}
