import HTTP
import JSON
import KubeAPI

extension Registry {
    /// `patch`: JSON patch, merge patch, strategic merge patch, server-side apply.
    ///
    /// - Throws: 400, 404, 409, 415, 422.
    func patch(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let named = PatchType(contentType: request.http.headers["Content-Type"])
        // Strategic merge needs types, which custom resources do not have.
        if request.resource.custom != nil, named == nil || named == .strategicMerge { throw .unsupportedMediaType(PatchType.customTypes) }
        guard let type = named else { throw .unsupportedPatchType }
        let options = try WriteOptions(request.query, .patch, patch: type)
        request.audit?.note(patch: request.http.body)
        if type == .apply { return try await apply(request, options) }
        let patch = try ObjectPatch(request.http.body, type: type)
        let resource = request.resource
        let decoder = cluster.decoder
        return try await modify(request, options) { (old: JSON) throws(KubeStatus) -> Modified in
            let patched = try patch.apply(to: old, kind: resource.groupVersionKind)
            let decoded: DecodedObject
            do throws(KubeStatus) {
                decoded = try decoder.canonical(patched, of: resource, validation: options.validation, known: old)
            } catch {
                throw patch.failure(error, patched)
            }
            try checkIdentity(decoded.object, request)
            return Modified(object: decoded.object, managers: .sent(decoded.managedFields), warnings: decoded.warnings)
        }
    }
}
