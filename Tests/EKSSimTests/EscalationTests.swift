import EKSSim
import JSON
import Testing

@Suite("Nobody grants through RBAC what they do not hold")
struct EscalationTests {
    private static let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"

    private static func role(_ name: String, _ verbs: JSON, _ resource: JSON) -> JSON {
        [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": ["name": .string(name)],
            "rules": [["apiGroups": ["", "rbac.authorization.k8s.io"], "resources": [resource], "verbs": verbs]],
        ]
    }

    private static func binding(_ name: String, _ kind: String, _ role: String) -> JSON {
        [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": ["name": .string(name)],
            "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": .string(kind), "name": .string(role)],
            "subjects": [["kind": "ServiceAccount", "name": "bot", "namespace": "default"]],
        ]
    }

    @Test("a role or binding beyond one's own rights is refused in Kubernetes' words; what is held may be granted")
    func refused() async throws {
        let cluster = try await SimulatedCluster.start()
        let admin = cluster.forge.token
        let accounts = "/api/v1/namespaces/default/serviceaccounts"
        _ = try await cluster.kubernetes("POST", accounts, token: admin, body: ["metadata": ["name": "bot"]])
        for object in [Self.role("writer", ["create", "update"], "roles"), Self.role("binder", ["create"], "rolebindings")] {
            #expect(try await cluster.kubernetes("POST", "\(Self.rbac)/roles", token: admin, body: object).status == 201)
        }
        for name in ["writer", "binder"] {
            let binding = Self.binding(name, "Role", name)
            #expect(try await cluster.kubernetes("POST", "\(Self.rbac)/rolebindings", token: admin, body: binding).status == 201)
        }
        let answer = try await cluster.kubernetes("POST", "\(accounts)/bot/token", token: admin, body: ["spec": [:]])
        let bot = try #require(answer.json.at("status", "token")?.string)

        let secrets = Self.role("secrets", ["get"], "secrets")
        let refused = try await cluster.kubernetes("POST", "\(Self.rbac)/roles", token: bot, body: secrets)
        #expect(refused.status == 403)
        #expect(
            refused.json["message"]?.string
                == """
                roles.rbac.authorization.k8s.io "secrets" is forbidden: user "system:serviceaccount:default:bot" \
                (groups=["system:serviceaccounts" "system:serviceaccounts:default" "system:authenticated"]) is attempting to grant RBAC \
                permissions not currently held:
                {APIGroups:[""], Resources:["secrets"], Verbs:["get"]}
                {APIGroups:["rbac.authorization.k8s.io"], Resources:["secrets"], Verbs:["get"]}
                """)
        #expect(
            try await cluster.kubernetes("PUT", "\(Self.rbac)/roles/writer", token: bot, body: Self.role("writer", ["*"], "roles")).status
                == 403)
        #expect(
            try await cluster.kubernetes("POST", "\(Self.rbac)/rolebindings", token: bot, body: Self.binding("x", "ClusterRole", "admin"))
                .status
                == 403)
        #expect(
            try await cluster.kubernetes("POST", "\(Self.rbac)/rolebindings", token: bot, body: Self.binding("x", "Role", "none")).status
                == 404)
        let held = Self.role("held", ["create"], "roles")
        #expect(try await cluster.kubernetes("POST", "\(Self.rbac)/roles", token: bot, body: held).status == 201)
        #expect(
            try await cluster.kubernetes("POST", "\(Self.rbac)/rolebindings", token: bot, body: Self.binding("x", "Role", "held")).status
                == 201)
        #expect(try await cluster.kubernetes("POST", "\(Self.rbac)/roles", token: admin, body: secrets).status == 201)
        await cluster.simulator.stop()
    }
}
