import HTTP
import JSON
import KubeAPI

extension Registry {
    /// `patch`: JSON patch, merge patch, strategic merge patch.
    ///
    /// - Throws: 400, 404, 409, 415, 422, and for server-side apply 415: it is not simulated yet.
    func patch(_ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let named = PatchType(contentType: request.http.headers["Content-Type"])
        // Strategic merge needs types, which custom resources do not have.
        if request.resource.custom != nil, named == nil || named == .strategicMerge { throw .unsupportedMediaType(PatchType.customTypes) }
        guard let type = named else { throw .unsupportedPatchType }
        let options = try WriteOptions(request.query, .patch)
        if let force = request.query["force"], force != "false", force != "0", type != .apply {
            throw .invalid(
                group: "meta.k8s.io", kind: "PatchOptions", name: "", [.forbidden("force", "may not be specified for non-apply patch")])
        }
        let patch = try ObjectPatch(request.http.body, type: type)
        let resource = request.resource
        let decoder = cluster.decoder
        return try await modify(request, isDryRun: options.isDryRun) { (old: JSON) throws(KubeStatus) -> Modified in
            let patched = try patch.apply(to: old, kind: resource.groupVersionKind)
            let decoded: DecodedObject
            do throws(KubeStatus) {
                decoded = try decoder.canonical(patched, of: resource, validation: options.validation)
            } catch {
                throw patch.failure(error, patched)
            }
            try checkIdentity(decoded.object, request)
            return Modified(object: decoded.object, warnings: decoded.warnings)
        }
    }
}
