import JSON
import KubeAPI
import RBAC

/// Areas `kubernetes-authz` and `kubernetes-authn`: refusals in the API server's words, escalation, impersonation.
enum AuthRequestVectors {
    static func authorization(_ given: JSON, _ expected: JSON) async -> VectorOutcome {
        if isAdmitted(given) { return await AuthServerVectors.admission(given, expected) }
        var cluster = VectorCluster.fresh
        if let policy = given["accessPolicy"]?.string {
            let scope: JSON? = given["scope"].map { ["type": "namespace", "namespaces": $0] }
            cluster.associations = [
                AuthPolicyVectors.association(policyARN: "arn:aws:eks::aws:cluster-access-policy/\(policy)", scope: scope)
            ]
        }
        let user = AuthPolicyVectors.user([
            "username": given["user"] ?? .string(AuthPolicyVectors.username), "groups": given["groups"] ?? [],
        ])
        cluster.store(objects(given, user))
        if let headers = given["headers"] { return impersonate(headers, given, expected, user, cluster) }
        let answer: (code: Int, status: KubeStatus?)
        if let create = given["create"] {
            let (attributes, object) = creation(create, user)
            answer = await cluster.perform(attributes, body: object)
        } else {
            answer = await cluster.perform(attributes(given["request"] ?? [:], user), body: nil)
        }
        return compare(expected, answer)
    }

    /// Whether what is asked is decided after authorization.
    private static func isAdmitted(_ given: JSON) -> Bool {
        given.at("create", "kind")?.string == "Node" || given["patch"] != nil
            || given.at("request", "path")?.string?.contains("/exec") == true
    }

    private static func compare(_ expected: JSON, _ answer: (code: Int, status: KubeStatus?)) -> VectorOutcome {
        var differences = Differences()
        differences.compare("httpStatus", expected["httpStatus"], .integer(Int64(answer.code)))
        differences.compare("body", expected["status"], answer.status?.json ?? .null)
        let part = expected["messageContains"]?.string ?? ""
        differences.require(answer.status?.message.contains(part) ?? part.isEmpty, "message: expected …\(part)…")
        return VectorOutcome(differences.texts)
    }

    /// A request by attributes or by method and path.
    private static func attributes(_ request: JSON, _ user: UserInfo) -> Attributes {
        guard let method = request["method"]?.string else { return VectorRequest.attributes(request, user: user) }
        return VectorRequest.attributes(method: method, path: request["path"]?.string ?? "", user: user)
    }

    /// The RBAC objects of a case, which also writes dangling bindings as a sentence: `RoleBinding in team-b to Role nope2`.
    private static func objects(_ given: JSON, _ user: UserInfo) -> [JSON] {
        var objects = AuthPolicyVectors.objects(given["rbac"])
        for (index, phrase) in (given["rbac"]?.string ?? "").split(separator: ", ").enumerated() {
            let words = phrase.split(separator: " ").map(String.init)
            guard let kind = words.first, let name = words.last, words.count > 2 else { continue }
            let roleKind = words[words.count - 2] == "Role" ? "Role" : "ClusterRole"
            var metadata: JSON = ["name": .string("dangling-\(index)")]
            if kind == "RoleBinding" { metadata["namespace"] = .string(words[2]) }
            objects.append([
                "kind": .string(kind), "metadata": metadata,
                "roleRef": ["kind": .string(roleKind), "name": .string(name)],
                "subjects": [["kind": "User", "name": .string(user.username)]],
            ])
        }
        if let role = given["clusterRole"] {
            objects.append(["kind": "ClusterRole", "metadata": ["name": role["name"] ?? ""], "rules": role["rules"] ?? []])
        }
        for member in given["clusterRoles"]?.object?.members ?? [] {
            objects.append(["kind": "ClusterRole", "metadata": ["name": .string(member.key)], "rules": member.value["rules"] ?? .null])
        }
        return objects
    }

    /// What creating an object asks, and the object.
    private static func creation(_ create: JSON, _ user: UserInfo) -> (Attributes, JSON) {
        let kind = create["kind"]?.string ?? ""
        var metadata: JSON = ["name": create["name"] ?? ""]
        metadata["namespace"] = create["namespace"]
        var object: JSON = ["kind": .string(kind), "metadata": metadata]
        object["rules"] = create["rules"]
        if let reference = create["roleRef"]?.string?.split(separator: "/").map(String.init), reference.count == 2 {
            object["roleRef"] = ["kind": .string(reference[0]), "name": .string(reference[1])]
        }
        let attributes = Attributes(
            user: user, verb: "create", namespace: create["namespace"]?.string ?? "", apiGroup: "rbac.authorization.k8s.io",
            apiVersion: "v1", resource: kind.lowercased() + "s")
        return (attributes, object)
    }

    private static func impersonate(
        _ headers: JSON, _ given: JSON, _ expected: JSON, _ user: UserInfo, _ cluster: VectorCluster
    ) -> VectorOutcome {
        let pairs = (headers.object?.members ?? []).map { (name: $0.key, value: $0.value.string ?? "") }
        let impersonation: Impersonation?
        do throws(Impersonation.Problem) {
            impersonation = try Impersonation(headers: pairs, by: user)
        } catch {
            return compare(expected, (400, .badRequest(error.description)))
        }
        guard let impersonation else { return .failed("the headers ask for nobody") }
        for check in impersonation.checks {
            let decision = cluster.authorize(check)
            guard decision.by == nil else { continue }
            let status = VectorCluster.forbidden(check, decision.reason)
            return compare(expected, (status.code, status))
        }
        guard given["whoami"] != nil else { return .failed("the request passed as \(impersonation.user.username)") }
        var differences = Differences()
        differences.compare(
            "userInfo", expected["userInfo"],
            ["username": .string(impersonation.user.username), "groups": JSON(strings: impersonation.user.groups)])
        differences.require(impersonation.user.extra.isEmpty, "extra fields of the original user stayed")
        return VectorOutcome(differences.texts)
    }
}
