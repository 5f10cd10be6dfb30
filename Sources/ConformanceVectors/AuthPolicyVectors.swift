import JSON
import RBAC

/// Areas `access-policy` and `rbac-rule`: what RBAC and access policies grant.
enum AuthPolicyVectors {
    /// The identity of the vectors' user.
    static let username = "arn:aws:sts::111122223333:assumed-role/Dev/alice"
    private static let principalARN = "arn:aws:iam::111122223333:role/Dev"

    /// The user that the authenticator answers, as the API server completes it.
    static func user(_ json: JSON?) -> UserInfo {
        UserInfo(
            username: json?["username"]?.string ?? username, groups: json?["groups"]?.strings ?? [],
            extra: [UserInfo.Extra(key: "principalId", values: [VectorCluster.principalID])]
        ).authenticated
    }

    static func association(policyARN: String, scope: JSON?) -> AccessPolicyAssociation {
        let namespaces = scope?["namespaces"]?.strings ?? []
        return AccessPolicyAssociation(
            policyARN: policyARN, scope: scope?["type"]?.string == "namespace" ? .namespaces(namespaces) : .cluster,
            principalARN: principalARN)
    }

    /// The objects of `rbac`: rules bound cluster-wide to one subject, written `Kind:name`.
    static func objects(_ grants: JSON?) -> [JSON] {
        (grants?.array ?? []).enumerated().flatMap { index, grant -> [JSON] in
            let subject = (grant["subject"]?.string ?? "").split(separator: ":", maxSplits: 1).map(String.init)
            guard subject.count == 2 else { return [] }
            let name = JSON.string("grant-\(index)")
            return [
                ["kind": "ClusterRole", "metadata": ["name": name], "rules": grant["rules"] ?? []],
                [
                    "kind": "ClusterRoleBinding", "metadata": ["name": name],
                    "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name],
                    "subjects": [["apiGroup": "rbac.authorization.k8s.io", "kind": .string(subject[0]), "name": .string(subject[1])]],
                ],
            ]
        }
    }

    static func policy(_ given: JSON, _ expected: JSON) -> VectorOutcome {
        var cluster = VectorCluster.fresh
        cluster.store(objects(given["rbac"]))
        cluster.associations = (given["associations"]?.array ?? []).map {
            association(policyARN: $0["policyArn"]?.string ?? "", scope: $0["accessScope"])
        }
        var user = user(given["user"])
        if let other = given["impersonate"] {
            let asked: JSON = ["user": other["username"] ?? "", "groups": other["groups"] ?? []]
            guard let impersonated = VectorRequest.user(as: asked) else { return .failed("nobody to impersonate") }
            user = impersonated
        }
        let attributes = VectorRequest.attributes(given["request"] ?? [:], user: user)
        let decision = cluster.authorize(attributes)
        var differences = Differences()
        differences.compare("allowed", expected["allowed"], .bool(decision.by != nil))
        differences.compare("by", expected["by"], decision.by.map(JSON.string) ?? .null)
        differences.compare("message", expected["message"], .string(attributes.forbiddenMessage(reason: decision.reason)))
        return VectorOutcome(differences.texts)
    }

    static func rule(_ given: JSON, _ expected: JSON) -> VectorOutcome {
        let rule = PolicyRule(json: given["rule"] ?? [:])
        let attributes = VectorRequest.attributes(given["request"] ?? [:], user: UserInfo(username: "u"))
        var differences = Differences()
        differences.compare("matches", expected["matches"], .bool(rule.allows(attributes)))
        differences.require(rule.mismatches(attributes).isEmpty == rule.allows(attributes), "near misses disagree with the decision")
        return VectorOutcome(differences.texts)
    }
}
