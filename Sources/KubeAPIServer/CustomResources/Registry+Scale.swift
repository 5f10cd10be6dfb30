import HTTP
import JSON
import KubeAPI
import Store

/// The scale subresource of custom resources (`apiextensions-apiserver/pkg/registry/customresource/etcd.go`, `ScaleREST`).
extension Registry {
    private static let scaleKind = GroupVersionKind(group: "autoscaling", version: "v1", kind: "Scale")

    /// `get`: the scale of an object.
    ///
    /// - Throws: 404, or 500 when the object says no replicas.
    func scale(_ request: APIRequest) throws(KubeStatus) -> RegistryAnswer {
        let object = try StoredObject.parse(get(request))
        return RegistryAnswer(status: 200, bytes: try paths(request).scale(of: object).serialized())
    }

    /// `update`: PUT of a scale.
    ///
    /// - Throws: 400, 404, 409, 415, 422.
    func updateScale(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let options = try WriteOptions(request.query, .update)
        let decoded = try cluster.decoder.decode(
            request.http.body, contentType: request.http.headers["Content-Type"], as: Self.scaleKind, validation: options.validation)
        try checkIdentity(decoded.object, request)
        return try await write(request, isDryRun: options.isDryRun) { (_: JSON) throws(KubeStatus) -> Modified in
            Modified(object: decoded.object, warnings: decoded.warnings)
        }
    }

    /// `patch` of a scale.
    ///
    /// - Throws: 400, 404, 409, 415, 422.
    func patchScale(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        guard let type = PatchType(contentType: request.http.headers["Content-Type"]) else {
            throw .unsupportedMediaType(PatchType.customTypes)
        }
        let options = try WriteOptions(request.query, .patch)
        let patch = try ObjectPatch(request.http.body, type: type)
        let decoder = cluster.decoder
        return try await write(request, isDryRun: options.isDryRun) { (scale: JSON) throws(KubeStatus) -> Modified in
            let patched = try patch.apply(to: scale, kind: Self.scaleKind)
            let decoded: DecodedObject
            do throws(KubeStatus) {
                decoded = try decoder.canonical(patched, as: Self.scaleKind, validation: options.validation)
            } catch {
                throw patch.failure(error, patched)
            }
            try checkIdentity(decoded.object, request)
            return Modified(object: decoded.object, warnings: decoded.warnings)
        }
    }

    private func paths(_ request: APIRequest) throws(KubeStatus) -> ScalePaths {
        guard let paths = request.resource.custom?.version.scale else { throw .noSuchPath }
        return paths
    }

    /// Writes what a change makes of an object's scale into the object, and answers the scale.
    private func write(
        _ request: APIRequest, isDryRun: Bool, _ change: (JSON) throws(KubeStatus) -> Modified
    ) async throws(KubeStatus) -> RegistryAnswer {
        let paths = try paths(request)
        var answer = try await modify(request, isDryRun: isDryRun) { (object: JSON) throws(KubeStatus) -> Modified in
            let modified = try change(try paths.scale(of: object))
            var result = object
            paths.apply(modified.object, to: &result)
            return Modified(object: result, warnings: modified.warnings)
        }
        answer.bytes = try paths.scale(of: try StoredObject.parse(answer.bytes)).serialized()
        return answer
    }
}
