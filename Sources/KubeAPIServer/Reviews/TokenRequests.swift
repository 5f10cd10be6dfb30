import JSON
import KubeAPI
import Store
import World

/// `serviceaccounts/token` (`pkg/registry/core/serviceaccount/storage/token.go`).
struct TokenRequests: Sendable {
    private static let shortest: Int64 = 600
    private static let longest: Int64 = 1 << 32

    let registry: Registry
    let tokens: ServiceAccountTokens

    /// Issues a token for the ServiceAccount of the path.
    ///
    /// - Throws: 400, 404, 409, 422.
    func create(_ object: JSON, _ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        let name = request.name
        let account = try StoredObject.parse(registry.entry(request.resource, request.namespace, name).value)
        try registry.checkNamespace(object, request)
        let spec = object["spec"] ?? [:]
        let given = object.objectName
        var errors: [FieldError] = []
        if !given.isEmpty, given != name {
            errors.append(.invalid("metadata.name", .string(given), "must match the service account name if specified"))
        }
        let wanted = spec["expirationSeconds"]?.integer ?? 3600
        if wanted < Self.shortest {
            errors.append(.invalid("spec.expirationSeconds", .integer(wanted), "may not specify a duration less than 10 minutes"))
        }
        if wanted > Self.longest {
            errors.append(.invalid("spec.expirationSeconds", .integer(wanted), "may not specify a duration larger than 2^32 seconds"))
        }
        guard errors.isEmpty else {
            throw .invalid(group: "authentication.k8s.io", kind: "TokenRequest", name: given.isEmpty ? "" : name, errors)
        }
        let bound = try boundObject(spec["boundObjectRef"], name, request)
        let audiences = spec["audiences"]?.array?.compactMap(\.string) ?? []
        let seconds = min(wanted, ServiceAccountTokens.maximumSeconds)
        let issued: ServiceAccountTokens.Issued
        do {
            issued = try await tokens.issue(
                namespace: request.namespace, name: name, uid: account.objectUID,
                audiences: audiences.isEmpty ? [tokens.audience] : audiences,
                seconds: seconds, bound: bound)
        } catch {
            throw .internalError("\(error)")
        }
        let answer: JSON = [
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": [
                "name": .string(name), "namespace": .string(request.namespace), "uid": .string(account.objectUID),
                "creationTimestamp": .string(registry.cluster.world.now.rfc3339),
            ],
            "spec": [
                "audiences": JSON(strings: audiences.isEmpty ? [tokens.audience] : audiences), "expirationSeconds": .integer(seconds),
                "boundObjectRef": spec["boundObjectRef"] ?? .null,
            ],
            "status": ["token": .string(issued.token), "expirationTimestamp": .string(issued.expires.rfc3339)],
        ]
        let warning = "requested expiration of \(wanted) seconds shortened to \(seconds) seconds"
        return RegistryAnswer(status: 201, bytes: answer.serialized(), warnings: wanted > seconds ? [warning] : [])
    }

    /// What the token is to be bound to: a pod, secret or node that is there.
    private func boundObject(_ reference: JSON?, _ account: String, _ request: APIRequest) throws(KubeStatus) -> (
        kind: String, name: String, uid: String
    )? {
        guard let reference, !reference.isNull else { return nil }
        let kind = reference["kind"]?.string ?? ""
        let version = reference["apiVersion"]?.string ?? ""
        let plurals = ["Pod": "pods", "Secret": "secrets", "Node": "nodes"]
        guard version == "v1" || version.isEmpty, let plural = plurals[kind],
            let resource = registry.cluster.resources.lookup(group: "", version: "v1", resource: plural)
        else {
            let given = GroupVersionKind(apiVersion: version, kind: kind) ?? GroupVersionKind(group: "", version: version, kind: kind)
            throw .badRequest("cannot bind token to object of type \(given)")
        }
        let name = reference["name"]?.string ?? ""
        let object = try StoredObject.parse(registry.entry(resource, resource.isNamespaced ? request.namespace : "", name).value)
        if kind == "Pod", (object.at("spec", "serviceAccountName")?.string ?? "default") != account {
            throw .badRequest(
                "cannot bind token for serviceaccount \(GoText.quoted(account)) to pod running with different serviceaccount name.")
        }
        if let uid = reference["uid"]?.string, !uid.isEmpty, uid != object.objectUID {
            throw .conflict(
                group: "", resource: kind, name: name,
                "the UID in the bound object reference (\(uid)) does not match the UID in record. The object might have been deleted and then recreated"
            )
        }
        return (kind, name, object.objectUID)
    }
}
