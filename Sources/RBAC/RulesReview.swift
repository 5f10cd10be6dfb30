public import JSON

/// The rules that hold for a user in a namespace, as `SelfSubjectRulesReview` answers them.
public struct RulesReview: Sendable, Hashable {
    /// Rules about resources.
    public var resourceRules: [PolicyRule]
    /// Rules about paths.
    public var nonResourceRules: [PolicyRule]
    /// Whether an authorizer could not list its rules.
    public var isIncomplete: Bool
    /// What went wrong, in the authorizers' words.
    public var errors: [String]

    /// What the authorizers list for a user: Node, RBAC, and a webhook if there is one, such as EKS' for access policies.
    public init(_ snapshot: RBACSnapshot, user: UserInfo, namespace: String, hasWebhook: Bool = false) {
        let found = snapshot.rules(for: user, namespace: namespace)
        resourceRules = found.rules.filter { !$0.resources.isEmpty }
        nonResourceRules = found.rules.filter { !$0.nonResourceURLs.isEmpty }
        let isNode = NodeAuthorizer.nodeName(of: user) != nil
        isIncomplete = isNode || hasWebhook
        errors = isNode ? ["node authorizer does not support user rule resolution"] : []
        if !found.errors.isEmpty { errors.append(AggregateError.text(found.errors)) }
        if hasWebhook { errors.append("webhook authorizer does not support user rule resolution") }
    }

    /// The `status` of the review.
    public var status: JSON {
        var status: JSON = [
            "resourceRules": .array(
                resourceRules.map { rule in
                    var json: JSON = [
                        "verbs": JSON(strings: rule.verbs), "apiGroups": JSON(strings: rule.apiGroups),
                        "resources": JSON(strings: rule.resources),
                    ]
                    if !rule.resourceNames.isEmpty { json["resourceNames"] = JSON(strings: rule.resourceNames) }
                    return json
                }),
            "nonResourceRules": .array(
                nonResourceRules.map { ["verbs": JSON(strings: $0.verbs), "nonResourceURLs": JSON(strings: $0.nonResourceURLs)] }),
            "incomplete": .bool(isIncomplete),
        ]
        if !errors.isEmpty { status["evaluationError"] = .string(AggregateError.text(errors)) }
        return status
    }
}
