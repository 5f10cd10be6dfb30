import KubeAPIServer
import RBAC
import Testing
import World

@Suite("Audit policies")
struct AuditPolicyTests {
    private static func about(
        _ verb: String, _ resource: String, group: String = "", namespace: String = "", name: String = "", user: String = "jane",
        groups: [String] = ["system:authenticated"]
    ) -> Attributes {
        let parts = resource.split(separator: "/").map(String.init)
        return Attributes(
            user: UserInfo(username: user, groups: groups), verb: verb, namespace: namespace, apiGroup: group, apiVersion: "v1",
            resource: parts[0], subresource: parts.count > 1 ? parts[1] : "", name: name)
    }

    private static func path(_ path: String, user: String = "jane") -> Attributes {
        Attributes(user: UserInfo(username: user), verb: "get", path: path)
    }

    private static func policy(_ rule: String) throws -> AuditPolicy {
        try AuditPolicy(parsing: Array("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [\(rule)]}".utf8))
    }

    struct RuleCase: Sendable, CustomTestStringConvertible {
        let rule: String
        let attributes: Attributes
        let matches: Bool
        var testDescription: String {
            "\(rule) \(matches ? "takes" : "leaves") \(attributes.verb) \(attributes.resource)\(attributes.path)"
        }

        init(_ rule: String, _ attributes: Attributes, _ matches: Bool) {
            self.rule = rule
            self.attributes = attributes
            self.matches = matches
        }
    }

    private static let cases = [
        RuleCase("", about("get", "pods"), true),
        RuleCase("", path("/api"), true),
        RuleCase("users: [jane]", about("get", "pods"), true),
        RuleCase("users: [joe]", about("get", "pods"), false),
        RuleCase("userGroups: [a, system:authenticated]", about("get", "pods"), true),
        RuleCase("userGroups: [a]", about("get", "pods"), false),
        RuleCase("users: [jane], userGroups: [a]", about("get", "pods"), false),
        RuleCase("verbs: [list]", about("get", "pods"), false),
        RuleCase("namespaces: [a]", about("get", "pods", namespace: "a"), true),
        RuleCase("namespaces: [a]", about("get", "nodes"), false),
        RuleCase("namespaces: [\"\"]", about("get", "nodes"), true),
        RuleCase("namespaces: [a]", path("/api"), false),
        RuleCase("resources: [{group: \"\"}]", about("get", "pods/log"), true),
        RuleCase("resources: [{}]", about("get", "deployments", group: "apps"), false),
        RuleCase("resources: [{resources: [pods]}]", about("get", "pods"), true),
        RuleCase("resources: [{resources: [pods]}]", about("get", "pods/log"), false),
        RuleCase("resources: [{resources: [pods/log]}]", about("get", "pods/log"), true),
        RuleCase("resources: [{resources: [pods/*]}]", about("get", "pods/log"), true),
        RuleCase("resources: [{resources: [pods/*]}]", about("get", "pods"), true),
        RuleCase("resources: [{resources: [\"*/log\"]}]", about("get", "pods/log"), true),
        RuleCase("resources: [{resources: [\"*/log\"]}]", about("get", "pods/exec"), false),
        RuleCase("resources: [{resources: [\"*\"]}]", about("get", "pods/exec"), true),
        RuleCase("resources: [{resources: [pods], resourceNames: [a]}]", about("get", "pods", name: "a"), true),
        RuleCase("resources: [{resources: [pods], resourceNames: [a]}]", about("list", "pods"), false),
        RuleCase("resources: [{resources: [pods]}]", path("/api"), false),
        RuleCase("nonResourceURLs: [/api]", path("/api"), true),
        RuleCase("nonResourceURLs: [/api]", path("/apis"), false),
        RuleCase("nonResourceURLs: [\"/api*\"]", path("/apis/apps"), true),
        RuleCase("nonResourceURLs: [\"*\"]", path("/"), true),
        RuleCase("nonResourceURLs: [\"*\"]", about("get", "pods"), false),
    ]

    @Test("a rule matches when every field that it sets does", arguments: cases)
    func matching(_ test: RuleCase) throws {
        let policy = try Self.policy("{level: Request\(test.rule.isEmpty ? "" : ", " + test.rule)}")
        #expect(policy.verdict(test.attributes).level == (test.matches ? .request : .none))
    }

    @Test("the first rule that matches counts, with the stages of rule and policy left out, and its own word about managed fields")
    func first() throws {
        let policy = try AuditPolicy(
            parsing: Array(
                """
                apiVersion: audit.k8s.io/v1
                kind: Policy
                omitStages: [RequestReceived]
                omitManagedFields: true
                rules:
                - level: Metadata
                  users: [jane]
                  omitStages: [Panic]
                - level: RequestResponse
                  omitManagedFields: false
                """.utf8))
        let jane = policy.verdict(Self.about("get", "pods"))
        #expect(jane.level == .metadata && jane.omittedStages == [.requestReceived, .panic] && jane.omitsManagedFields)
        let joe = policy.verdict(Self.about("get", "pods", user: "joe"))
        #expect(joe.level == .requestResponse && joe.omittedStages == [.requestReceived] && !joe.omitsManagedFields)
    }

    @Test(
        "a policy that cannot be meant is refused in the API server's words",
        arguments: [
            ("kind: Policy", "failed decoding: no kind \"Policy\" is registered for version \"\""),
            (
                "{apiVersion: audit.k8s.io/v2, kind: Policy}",
                "failed decoding: no kind \"Policy\" is registered for version \"audit.k8s.io/v2\""
            ),
            ("{apiVersion: audit.k8s.io/v1, kind: Policy}", "loaded illegal policy with 0 rules"),
            ("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: {}}", "failed decoding: rules is no list"),
        ])
    func refused(text: String, message: String) {
        #expect { try AuditPolicy(parsing: Array(text.utf8)) } throws: { "\($0)" == message }
    }

    @Test(
        "a rule that contradicts itself is refused in the API server's words",
        arguments: [
            ("{users: [a]}", "rules[0].level: Required value"),
            (
                "{level: All}",
                "rules[0].level: Unsupported value: \"All\": supported values: \"None\", \"Metadata\", \"Request\", \"RequestResponse\""
            ),
            (
                "{level: None, nonResourceURLs: [api]}",
                "rules[0].nonResourceURLs[0]: Invalid value: \"api\": non-resource URL rules must begin with a '/' character"
            ),
            (
                "{level: None, nonResourceURLs: [\"/a*/b\"]}",
                "rules[0].nonResourceURLs[0]: Invalid value: \"/a*/b\": non-resource URL wildcards '*' must be the final character of the rule"
            ),
            (
                "{level: None, resources: [{resourceNames: [a]}]}",
                "rules[0].resources.resourceNames: Invalid value: [\"a\"]: using resourceNames requires at least one resource"
            ),
            (
                "{level: None, nonResourceURLs: [/api], namespaces: [a]}",
                "rules[0].nonResourceURLs: Invalid value: [\"/api\"]: rules cannot apply to both regular resources and non-resource URLs"
            ),
            (
                "{level: None, omitStages: [Begin]}",
                "rules[0].omitStages[0]: Invalid value: \"Begin\": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic"
            ),
            (
                "{level: A}, {users: [a]}",
                "[rules[0].level: Unsupported value: \"A\": supported values: \"None\", \"Metadata\", \"Request\", \"RequestResponse\", "
                    + "rules[1].level: Required value]"
            ),
        ])
    func refusedRule(rule: String, message: String) {
        #expect { try Self.policy(rule) } throws: { "\($0)" == message }
    }

    private static let eksCases: [(Attributes, AuditPolicy.Level)] = [
        (about("patch", "configmaps", namespace: "kube-system", name: "aws-auth"), .requestResponse),
        (about("get", "configmaps", namespace: "kube-system", name: "aws-auth"), .metadata),
        (about("update", "configmaps", namespace: "default", name: "aws-auth"), .metadata),
        (about("create", "secrets", namespace: "a"), .metadata),
        (about("create", "tokenreviews", group: "authentication.k8s.io"), .metadata),
        (about("create", "serviceaccounts/token", namespace: "a", name: "b"), .request),
        (about("list", "pods", namespace: "a"), .request),
        (about("create", "pods", namespace: "a"), .requestResponse),
        (about("delete", "deployments", group: "apps", namespace: "a", name: "b"), .requestResponse),
        (about("create", "widgets", group: "example.com", namespace: "a"), .metadata),
        (about("create", "leases", group: "coordination.k8s.io", namespace: "a"), .metadata),
        (about("create", "events", namespace: "a"), .none),
        (about("create", "events", group: "events.k8s.io", namespace: "a"), .metadata),
        (about("watch", "services", user: "system:kube-proxy"), .none),
        (about("get", "nodes", name: "a", user: "system:node:a", groups: ["system:nodes"]), .none),
        (about("patch", "nodes/status", name: "a", user: "system:node:a", groups: ["system:nodes"]), .request),
        (path("/healthz"), .none), (path("/version"), .none), (path("/livez"), .metadata), (path("/apis"), .metadata),
    ]

    @Test("EKS logs what its best practices guide publishes", arguments: eksCases)
    func eks(attributes: Attributes, level: AuditPolicy.Level) {
        #expect(AuditPolicy.eks.verdict(attributes).level == level)
    }
}
