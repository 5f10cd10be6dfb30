import HTTP
import JSON
import KubeAPI
import Store
import World

/// `serviceaccounts/token` (`pkg/registry/core/serviceaccount/storage/token.go`).
struct TokenRequests: Sendable {
    private static let shortest: Int64 = 600
    private static let longest: Int64 = 1 << 32
    /// What the admission plugin ServiceAccount asks for the token that every pod mounts.
    private static let mountedSeconds: Int64 = 3607

    /// How long a mounted token really lives: a year, on EKS 90 days (EKS User Guide, service-accounts).
    private static func extendedSeconds(_ profile: ClusterProfile) -> Int64 { (profile == .eks ? 90 : 365) * 86_400 }

    /// What tokens can be bound to.
    private static let bindable: [String: (plural: String, member: any WritableKeyPath<TokenSubject, ObjectIdentity?> & Sendable)] = [
        "Pod": ("pods", \.pod), "Secret": ("secrets", \.secret), "Node": ("nodes", \.node),
    ]

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
        try await registry.admission.admitPart(.create, object, request)
        var subject = TokenSubject(namespace: request.namespace, account: ObjectIdentity(name: name, uid: account.objectUID))
        try bind(&subject, to: spec["boundObjectRef"], request)
        let asked = spec["audiences"]?.array?.compactMap(\.string) ?? []
        let audiences = asked.isEmpty ? [tokens.audience] : asked
        let seconds = min(wanted, ServiceAccountTokens.maximumSeconds)
        var life = seconds
        // Old clients never read a mounted token again: theirs lives on, and its use is warned of.
        if subject.pod != nil, seconds == Self.mountedSeconds, audiences == [tokens.audience] {
            subject.warnAfterSeconds = seconds
            life = Self.extendedSeconds(registry.cluster.profile)
        }
        let issued: ServiceAccountTokens.Issued
        do { issued = try await tokens.issue(subject, audiences: audiences, seconds: life) } catch { throw .internalError("\(error)") }
        request.http.trace.annotate("authentication.kubernetes.io/issued-credential-id", "JTI=\(issued.id)")
        let answer: JSON = [
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": [
                "name": .string(name), "namespace": .string(request.namespace), "uid": .string(account.objectUID),
                "creationTimestamp": .string(registry.cluster.world.now.rfc3339),
            ],
            "spec": [
                "audiences": JSON(strings: audiences), "expirationSeconds": .integer(seconds),
                "boundObjectRef": spec["boundObjectRef"] ?? .null,
            ],
            "status": [
                "token": .string(issued.token),
                "expirationTimestamp": .string((registry.cluster.world.now + .seconds(seconds)).rfc3339),
            ],
        ]
        let warning = "requested expiration of \(wanted) seconds shortened to \(seconds) seconds"
        return RegistryAnswer(status: 201, bytes: answer.serialized(), warnings: wanted > seconds ? [warning] : [])
    }

    /// Notes what the token is to be bound to: a pod with its node, a secret or a node that is there.
    private func bind(_ subject: inout TokenSubject, to reference: JSON?, _ request: APIRequest) throws(KubeStatus) {
        guard let reference, !reference.isNull else { return }
        let kind = reference["kind"]?.string ?? ""
        let version = reference["apiVersion"]?.string ?? ""
        guard version == "v1", let part = Self.bindable[kind],
            let resource = registry.cluster.resources.lookup(group: "", version: "v1", resource: part.plural)
        else {
            let given = GroupVersionKind(apiVersion: version, kind: kind) ?? GroupVersionKind(group: "", version: version, kind: kind)
            throw .badRequest("cannot bind token to object of type \(given)")
        }
        let name = reference["name"]?.string ?? ""
        let object = try StoredObject.parse(registry.entry(resource, resource.isNamespaced ? request.namespace : "", name).value)
        if kind == "Pod" {
            guard object.at("spec", "serviceAccountName")?.string ?? "default" == subject.account.name else {
                throw .badRequest(
                    "cannot bind token for serviceaccount \(GoText.quoted(subject.account.name)) to pod running with different serviceaccount name."
                )
            }
            subject.node = node(of: object)
        }
        if let uid = reference["uid"]?.string, !uid.isEmpty, uid != object.objectUID {
            throw .conflict(
                group: "", resource: kind, name: name,
                "the UID in the bound object reference (\(uid)) does not match the UID in record. The object might have been deleted and then recreated"
            )
        }
        subject[keyPath: part.member] = ObjectIdentity(name: name, uid: object.objectUID)
    }

    /// The node that a pod runs on, with its uid when it is there.
    private func node(of pod: JSON) -> ObjectIdentity? {
        guard let name = pod.at("spec", "nodeName")?.string, !name.isEmpty else { return nil }
        let nodes = registry.cluster.resources.lookup(group: "", version: "v1", resource: "nodes")
        return ObjectIdentity(name: name, uid: nodes.flatMap { registry.object($0, "", name) }?.objectUID ?? "")
    }
}
