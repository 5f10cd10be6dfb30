import JSON
import RBAC
import Testing

/// A small cluster: `dev` may get pods in `team-a`, `ops` everything about nodes.
private enum Cluster {
    static func role(_ name: String, _ rules: JSON, namespace: String? = nil, labels: JSON = [:], selectors: JSON? = nil) -> JSON {
        var role: JSON = ["metadata": ["name": .string(name), "labels": labels], "rules": rules]
        if let namespace { role.set(.string(namespace), at: ["metadata", "namespace"]) }
        if let selectors { role["aggregationRule"] = ["clusterRoleSelectors": selectors] }
        return role
    }

    static func binding(_ name: String, _ kind: String, _ role: String, group: String, namespace: String? = nil) -> JSON {
        var binding: JSON = [
            "metadata": ["name": .string(name)], "roleRef": ["kind": .string(kind), "name": .string(role)],
            "subjects": [["kind": "Group", "name": .string(group)]],
        ]
        if let namespace { binding.set(.string(namespace), at: ["metadata", "namespace"]) }
        return binding
    }

    static let snapshot = RBACSnapshot(
        clusterRoles: [role("nodes", [["apiGroups": [""], "resources": ["nodes"], "verbs": ["*"]]])],
        roles: [role("pods", [["apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]]], namespace: "team-a")],
        clusterRoleBindings: [
            binding("ops-nodes", "ClusterRole", "nodes", group: "ops"), binding("ops-gone", "ClusterRole", "gone", group: "lost"),
        ],
        roleBindings: [binding("dev-pods", "Role", "pods", group: "dev", namespace: "team-a")])
}

@Suite("RBAC")
struct RBACSnapshotTests {
    private let dev = UserInfo(username: "arn:aws:sts::111122223333:assumed-role/Dev/alice", groups: ["dev", "system:authenticated"])

    private func pods(_ verb: String, in namespace: String) -> Attributes {
        Attributes(user: dev, verb: verb, namespace: namespace, resource: "pods")
    }

    @Test("a grant names binding, role and subject")
    func reason() {
        let decision = Cluster.snapshot.authorize(pods("list", in: "team-a"))
        #expect(decision.isAllowed)
        #expect(decision.reason == "RBAC: allowed by RoleBinding \"dev-pods/team-a\" of Role \"pods\" to Group \"dev\"")
    }

    @Test("a refusal says what nearly granted it: the verb, the namespace, or the subject")
    func nearMisses() {
        func misses(_ attributes: Attributes) -> [String] { Cluster.snapshot.nearMisses(attributes).map(\.text) }
        #expect(
            misses(pods("delete", in: "team-a")) == [
                "RoleBinding \"dev-pods/team-a\" of Role \"pods\" names you, but its verb is [\"get\", \"list\"], not \"delete\" [verb]"
            ])
        #expect(
            misses(pods("list", in: "team-b")) == [
                "RoleBinding \"dev-pods/team-a\" grants it to you, but only in its own namespace, not at namespace \"team-b\" [namespace]"
            ])
        #expect(
            misses(Attributes(user: dev, verb: "list", resource: "nodes")) == [
                "ClusterRoleBinding \"ops-nodes\" grants it, but to Group \"ops\" [subject]"
            ])
    }

    @Test("the smallest fix adds the verb to a rule of this resource alone, else grants to the user's own group in the request's namespace")
    func smallestFix() {
        #expect(
            Cluster.snapshot.smallestFix(pods("delete", in: "team-a"))
                == #"kubectl patch role pods -n team-a --type=json -p '[{"op":"add","path":"/rules/0/verbs/-","value":"delete"}]'"#)
        #expect(
            Cluster.snapshot.smallestFix(
                Attributes(user: dev, verb: "patch", namespace: "team-a", apiGroup: "apps", resource: "deployments", subresource: "scale"))
                    == """
                    kubectl create role patch-deployments-scale --verb=patch --resource=deployments.apps/scale -n team-a
                    kubectl create rolebinding patch-deployments-scale --role=patch-deployments-scale --group=dev -n team-a
                    """)
        #expect(
            Cluster.snapshot.smallestFix(Attributes(user: UserInfo(username: "a b"), verb: "get", path: "/metrics"))
                == """
                kubectl create clusterrole get-path-metrics --verb=get --non-resource-url=/metrics
                kubectl create clusterrolebinding get-path-metrics --clusterrole=get-path-metrics --user='a b'
                """)
        let account = UserInfo(username: "system:serviceaccount:ci:bot", groups: ["system:serviceaccounts"])
        #expect(
            Cluster.snapshot.smallestFix(Attributes(user: account, verb: "get", resource: "nodes"))?.hasSuffix("--serviceaccount=ci:bot")
                == true)
        let anonymous = UserInfo(username: "system:anonymous", groups: ["system:unauthenticated"])
        #expect(Cluster.snapshot.smallestFix(Attributes(user: anonymous, verb: "get", resource: "nodes")) == nil)
    }

    @Test("the smallest fix takes a name that no role or binding has")
    func smallestFixName() {
        let taken = RBACSnapshot(
            clusterRoles: [Cluster.role("get-nodes", [])], roles: [],
            clusterRoleBindings: [Cluster.binding("get-nodes-2", "ClusterRole", "x", group: "y")],
            roleBindings: [])
        #expect(
            taken.smallestFix(Attributes(user: dev, verb: "get", resource: "nodes"))?.contains("kubectl create clusterrole get-nodes-3 ")
                == true)
    }

    @Test("equal errors of several bindings are told once")
    func aggregatedErrors() {
        let lost = Attributes(user: UserInfo(username: "u", groups: ["lost"]), verb: "get", resource: "pods")
        let twice = RBACSnapshot(
            clusterRoles: [], roles: [],
            clusterRoleBindings: [
                Cluster.binding("a", "ClusterRole", "gone", group: "lost"), Cluster.binding("b", "ClusterRole", "gone", group: "lost"),
            ], roleBindings: [])
        let reason = "RBAC: clusterrole.rbac.authorization.k8s.io \"gone\" not found"
        #expect(Cluster.snapshot.authorize(lost).reason == reason)
        #expect(twice.authorize(lost).reason == reason)
    }

    @Test("the message of a 403 names object, user, verb and place")
    func messages() {
        let list = pods("list", in: "team-b")
        var exec = pods("create", in: "team-b")
        exec.subresource = "exec"
        exec.name = "p"
        let user = "User \"arn:aws:sts::111122223333:assumed-role/Dev/alice\" cannot"
        #expect(
            [
                list.forbiddenMessage(), exec.forbiddenMessage(reason: "why"),
                Attributes(user: dev, verb: "get", path: "/x").forbiddenMessage(),
            ]
                == [
                    "pods is forbidden: \(user) list resource \"pods\" in API group \"\" in the namespace \"team-b\"",
                    "pods \"p\" is forbidden: \(user) create resource \"pods/exec\" in API group \"\" in the namespace \"team-b\": why",
                    "forbidden: \(user) get path \"/x\"",
                ])
    }

    @Test("an aggregated role gathers through other aggregated roles, every rule once, never its own")
    func aggregation() {
        let pods: JSON = ["apiGroups": [""], "resources": ["pods"], "verbs": ["get"]]
        let nodes: JSON = ["apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]]
        let settled = ClusterRoleAggregation.settled([
            Cluster.role(
                "top", [], labels: ["to-top": "1"],
                selectors: [["matchLabels": ["to-top": "1"]], ["matchExpressions": [["key": "x", "operator": "Exists"]]]]),
            Cluster.role("mid", [["stale": true]], labels: ["to-top": "1"], selectors: [["matchLabels": ["to-mid": "1"]]]),
            Cluster.role("a", [pods, nodes], labels: ["to-mid": "1"]), Cluster.role("b", [pods], labels: ["x": "y"]),
        ])
        #expect(settled.map { $0["rules"] } == [[pods, nodes], [pods, nodes], [pods, nodes], [pods]])
    }
}

@Suite("Escalation, nodes, impersonation")
struct EscalationTests {
    private let dev = UserInfo(username: "dev", groups: ["dev", "system:authenticated"])

    private func refusal(_ request: Attributes, _ object: JSON, allowing verbs: Set<String> = []) async -> EscalationCheck.Refusal? {
        do throws(EscalationCheck.Refusal) {
            try await EscalationCheck(snapshot: Cluster.snapshot, request: request).confirm(object) { verbs.contains($0.verb) }
            return nil
        } catch {
            return error
        }
    }

    @Test("nobody writes a role with more than they hold, unless they may escalate")
    func roles() async {
        let request = Attributes(
            user: dev, verb: "create", namespace: "team-a", apiGroup: "rbac.authorization.k8s.io", resource: "roles")
        let role: JSON = ["rules": [["apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "delete"]]]]
        let text = """
            user "dev" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:
            {APIGroups:[""], Resources:["pods"], Verbs:["delete"]}
            {APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}
            """
        #expect(await refusal(request, role) == .forbidden(text))
        #expect(await refusal(request, role, allowing: ["escalate"]) == nil)
        #expect(await refusal(request, ["rules": [["apiGroups": [""], "resources": ["pods"], "verbs": ["list"]]]]) == nil)
    }

    @Test("a binding needs the rights of its role, or the verb bind; its role must exist")
    func bindings() async {
        let request = Attributes(
            user: dev, verb: "create", namespace: "team-a", apiGroup: "rbac.authorization.k8s.io", resource: "rolebindings")
        func binding(_ kind: String, _ name: String) -> JSON { ["roleRef": ["kind": .string(kind), "name": .string(name)]] }
        #expect(await refusal(request, binding("Role", "pods")) == nil)
        #expect(await refusal(request, binding("Role", "none")) == .roleNotFound("none"))
        #expect(await refusal(request, binding("ClusterRole", "nodes")) != nil)
        #expect(await refusal(request, binding("ClusterRole", "nodes"), allowing: ["bind"]) == nil)
    }

    @Test("a node reads what belongs to its pods, and lists only its own")
    func nodes() {
        let authorizer = NodeAuthorizer(rules: BootstrapPolicy.published.rules(ofClusterRole: "system:node")) { object, node in
            node == "n1" && object == NodeAuthorizer.Object(kind: .secret, namespace: "a", name: "s")
        }
        let node = UserInfo(username: "system:node:n1", groups: ["system:nodes"])
        var list = Attributes(user: node, verb: "list", resource: "pods")
        #expect(authorizer.authorize(list).reason == "can only list/watch pods with spec.nodeName field selector")
        list.fieldSelector = ["spec.nodeName": "n1"]
        #expect(authorizer.authorize(list).isAllowed)
        #expect(authorizer.authorize(Attributes(user: node, verb: "get", namespace: "a", resource: "secrets", name: "s")).isAllowed)
        #expect(!authorizer.authorize(Attributes(user: node, verb: "get", namespace: "b", resource: "secrets", name: "s")).isAllowed)
        #expect(NodeAuthorizer.nodeName(of: UserInfo(username: "system:node:n1")) == nil)
    }

    @Test("who impersonates asks for every part, and keeps nothing of their own")
    func impersonation() throws {
        let headers = [
            (name: "impersonate-user", value: "system:serviceaccount:a:s"), (name: "Impersonate-Group", value: "g"),
            (name: "Impersonate-Extra-Scopes%2fX", value: "v"), (name: "Impersonate-Uid", value: "7"),
        ]
        var admin = dev
        admin.extra = [UserInfo.Extra(key: "principalId", values: ["AROA"])]
        let result = try #require(try Impersonation(headers: headers, by: admin))
        #expect(result.checks.map(\.resource) == ["serviceaccounts", "groups", "userextras", "uids"])
        #expect(result.checks.map(\.subresource) == ["", "", "scopes/x", ""])
        #expect(
            result.user
                == UserInfo(
                    username: "system:serviceaccount:a:s", uid: "7", groups: ["g", "system:authenticated"],
                    extra: [UserInfo.Extra(key: "scopes/x", values: ["v"])]))
        #expect(throws: Impersonation.Problem.self) { try Impersonation(headers: [(name: "Impersonate-Group", value: "g")], by: admin) }
        #expect(try Impersonation(headers: [], by: admin) == nil)
    }
}
