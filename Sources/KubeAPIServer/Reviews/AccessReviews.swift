import HTTP
import JSON
import KubeAPI
import RBAC
import World

/// SubjectAccessReview and its kin (`pkg/registry/authorization`), SelfSubjectReview and TokenReview (`pkg/registry/authentication`).
struct AccessReviews: Sendable {
    let authorizer: ClusterAuthorizer
    let tokens: TokenAuthenticator
    let world: World

    /// Answers a review of a kind; `nil` for kinds that are no review.
    ///
    /// - Throws: 400 or 422.
    func review(_ object: JSON, _ request: APIRequest) async throws(KubeStatus) -> JSON? {
        switch request.resource.kind {
        case "SubjectAccessReview": try await subjectAccess(object, nil)
        case "LocalSubjectAccessReview": try await subjectAccess(object, request.namespace)
        case "SelfSubjectAccessReview": try await selfSubjectAccess(object, request.user)
        case "SelfSubjectRulesReview": try rules(object, request.user)
        case "SelfSubjectReview": selfSubject(object, request.user)
        case "TokenReview": try await token(object, request)
        default: nil
        }
    }

    // MARK: Access

    private func subjectAccess(_ object: JSON, _ namespace: String?) async throws(KubeStatus) -> JSON {
        let spec = object["spec"] ?? [:]
        var errors = attributeErrors(spec)
        let user = spec["user"]?.string ?? ""
        let groups = spec["groups"]?.array?.compactMap(\.string) ?? []
        if user.isEmpty, groups.isEmpty { errors.append(.invalid("spec.user", "", "at least one of user or group must be specified")) }
        if let namespace {
            if spec["nonResourceAttributes"].map({ !$0.isNull }) ?? false {
                errors = [
                    .invalid(
                        "spec.nonResourceAttributes", Self.shown(spec["nonResourceAttributes"] ?? [:]), "disallowed on this kind of request"
                    )
                ]
            } else if spec.at("resourceAttributes", "namespace")?.string ?? "" != namespace {
                errors.append(
                    .invalid(
                        "spec.resourceAttributes.namespace", spec.at("resourceAttributes", "namespace") ?? "",
                        "must match metadata.namespace"))
            }
        }
        errors += metadataErrors(object, namespace)
        try check(errors)
        let extra = (spec["extra"]?.object?.members ?? []).map {
            UserInfo.Extra(key: $0.key, values: $0.value.array?.compactMap(\.string) ?? [])
        }
        let info = UserInfo(username: user, uid: spec["uid"]?.string ?? "", groups: groups, extra: extra)
        var answer = object
        answer["status"] = await status(spec, info)
        if let namespace { answer.set(.string(namespace), at: ["metadata", "namespace"]) }
        return answer
    }

    private func selfSubjectAccess(_ object: JSON, _ user: UserInfo) async throws(KubeStatus) -> JSON {
        let spec = object["spec"] ?? [:]
        try check(attributeErrors(spec) + metadataErrors(object, nil))
        var answer = object
        answer["status"] = await status(spec, user)
        return answer
    }

    private func status(_ spec: JSON, _ user: UserInfo) async -> JSON {
        let decision = await authorizer.authorize(Self.attributes(spec, user), trace: nil)
        var status: JSON = ["allowed": .bool(decision.isAllowed)]
        if !decision.reason.isEmpty { status["reason"] = .string(decision.reason) }
        if !decision.evaluationError.isEmpty { status["evaluationError"] = .string(decision.evaluationError) }
        return status
    }

    private static func attributes(_ spec: JSON, _ user: UserInfo) -> Attributes {
        func text(_ section: String, _ name: String) -> String { spec.at(section, name)?.string ?? "" }
        guard let resource = spec["resourceAttributes"], !resource.isNull else {
            return Attributes(user: user, verb: text("nonResourceAttributes", "verb"), path: text("nonResourceAttributes", "path"))
        }
        let section = "resourceAttributes"
        return Attributes(
            user: user, verb: text(section, "verb"), namespace: text(section, "namespace"), apiGroup: text(section, "group"),
            apiVersion: text(section, "version"), resource: text(section, "resource"), subresource: text(section, "subresource"),
            name: text(section, "name"))
    }

    private func attributeErrors(_ spec: JSON) -> [FieldError] {
        let resource = spec["resourceAttributes"].flatMap { $0.isNull ? nil : $0 }
        let other = spec["nonResourceAttributes"].flatMap { $0.isNull ? nil : $0 }
        switch (resource, other) {
        case (nil, nil):
            return [
                .invalid("spec.resourceAttributes", .null, "exactly one of nonResourceAttributes or resourceAttributes must be specified")
            ]
        case (_?, let other?):
            return [
                .invalid("spec.nonResourceAttributes", Self.shown(other), "cannot be specified in combination with resourceAttributes")
            ]
        case (let resource?, nil): return selectorErrors(resource)
        default: return []
        }
    }

    /// A review has no metadata but what the server notes of its fields, and a local one its namespace.
    private func metadataErrors(_ object: JSON, _ namespace: String?) -> [FieldError] {
        let metadata = object["metadata"] ?? [:]
        let given = metadata.object?.members.filter { member in
            member.key != "managedFields" && !(member.key == "namespace" && namespace != nil)
        }
        guard let given, !given.isEmpty else { return [] }
        return [
            .invalid(
                "metadata", ObjectMetadata.ordered(metadata), namespace == nil ? "must be empty" : "must be empty except for namespace")
        ]
    }

    private func selectorErrors(_ resource: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        for name in ["fieldSelector", "labelSelector"] {
            guard let selector = resource[name], !selector.isNull else { continue }
            let field = "spec.resourceAttributes.\(name)"
            let raw = selector["rawSelector"]?.string ?? ""
            let hasRequirements = selector["requirements"]?.array?.isEmpty == false
            if !raw.isEmpty, hasRequirements {
                errors.append(.invalid("\(field).rawSelector", .string(raw), "may not specified at the same time as requirements"))
            }
            if raw.isEmpty, !hasRequirements {
                errors.append(.required("\(field).requirements", "when \(field) is specified, requirements or rawSelector is required"))
            }
        }
        return errors
    }

    /// NonResourceAttributes as Go prints the internal type, whose fields have no JSON names.
    private static func shown(_ attributes: JSON) -> JSON {
        ["Path": attributes["path"] ?? "", "Verb": attributes["verb"] ?? ""]
    }

    private func check(_ errors: [FieldError]) throws(KubeStatus) {
        guard !errors.isEmpty else { return }
        var status = KubeStatus.invalid(group: "authorization.k8s.io", kind: "", name: "", errors)
        status.details?["kind"] = nil
        throw status
    }

    // MARK: Rules

    private func rules(_ object: JSON, _ user: UserInfo) throws(KubeStatus) -> JSON {
        let namespace = object.at("spec", "namespace")?.string ?? ""
        guard !namespace.isEmpty else { throw .badRequest("no namespace on request") }
        let review = RulesReview(authorizer.snapshot, user: user, namespace: namespace, hasWebhook: authorizer.hasWebhook)
        var answer = object
        answer["spec"] = [:]
        answer["status"] = review.status
        return answer
    }

    // MARK: Identity

    private func selfSubject(_ object: JSON, _ user: UserInfo) -> JSON {
        var answer = object
        answer["metadata"] = ["creationTimestamp": .string(world.now.rfc3339)]
        answer["status"] = ["userInfo": user.json]
        return answer
    }

    private func token(_ object: JSON, _ request: APIRequest) async throws(KubeStatus) -> JSON {
        guard let token = object.at("spec", "token")?.string, !token.isEmpty else {
            throw .badRequest("token is required for TokenReview in authentication")
        }
        let wanted = object.at("spec", "audiences")?.array?.compactMap(\.string) ?? []
        var answer = object
        switch await tokens.review(token, audiences: wanted, trace: request.http.trace) {
        case .user(let user, let audiences):
            answer["status"] = ["authenticated": true, "user": user.authenticated.json, "audiences": JSON(strings: audiences)]
        case .notMine: answer["status"] = ["user": [:], "error": "invalid bearer token"]
        case .refused(let error):
            let isSaid = !error.isEmpty && error != "invalid bearer token"
            answer["status"] = ["user": [:], "error": .string(isSaid ? "[invalid bearer token, \(error)]" : "invalid bearer token")]
        }
        return answer
    }
}

extension UserInfo {
    /// `authentication.k8s.io/v1 UserInfo`.
    var json: JSON {
        var json: JSON = [:]
        if !username.isEmpty { json["username"] = .string(username) }
        if !uid.isEmpty { json["uid"] = .string(uid) }
        if !groups.isEmpty { json["groups"] = JSON(strings: groups) }
        if !extra.isEmpty {
            json["extra"] = .object(JSONObject(extra.sorted { $0.key < $1.key }.map { ($0.key, JSON(strings: $0.values)) }))
        }
        return json
    }
}
