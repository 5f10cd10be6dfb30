import Benchmark
import JSON
import KubeAPIServer
import RBAC
import Store
import World

/// SubjectAccessReview decisions in a cluster with 1,000 RoleBindings besides the bootstrap policy: 500 users in 50 namespaces.
func authorizationBenchmarks() {
    let cases = Access.cases()
    let snapshot = RBACSnapshot(
        clusterRoles: Access.bootstrap.clusterRoles, roles: Access.bootstrap.roles + Access.roles,
        clusterRoleBindings: Access.bootstrap.clusterRoleBindings, roleBindings: Access.bootstrap.roleBindings + Access.bindings)
    Benchmark("RBAC: decide, 1,000 RoleBindings") { benchmark in
        for number in benchmark.scaledIterations { blackHole(snapshot.authorize(cases[number % cases.count])) }
    }
    Benchmark("API server: SubjectAccessReview decision, 1,000 RoleBindings") { benchmark in
        let authorizer = await Access.authorizer()
        let first = await authorizer.authorize(cases[0], trace: nil)
        precondition(first.isAllowed)
        benchmark.startMeasurement()
        for number in benchmark.scaledIterations { blackHole(await authorizer.authorize(cases[number % cases.count], trace: nil)) }
    }
}

/// A cluster's RBAC objects and questions about them.
enum Access {
    static let bootstrap = BootstrapPolicy.published

    /// Two roles a namespace: one reads pods and configuration, one changes deployments.
    static let roles: [JSON] = (0..<50).flatMap { namespace -> [JSON] in
        let reader: JSON = [["verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods", "configmaps", "services"]]]
        let writer: JSON = [
            ["verbs": ["get", "list", "watch"], "apiGroups": ["", "apps"], "resources": ["pods", "deployments", "replicasets"]],
            ["verbs": ["create", "update", "patch", "delete"], "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"]],
        ]
        return [("reader", reader), ("writer", writer)].map { name, rules in
            ["kind": "Role", "metadata": ["name": .string(name), "namespace": .string("team-\(namespace)")], "rules": rules]
        }
    }

    /// Twenty bindings a namespace, of users, groups and service accounts.
    static let bindings: [JSON] = (0..<1000).map { number in
        let subject: JSON =
            switch number % 4 {
            case 0: ["kind": "Group", "name": .string("group-\(number / 4)")]
            case 1: ["kind": "ServiceAccount", "name": .string("account-\(number)"), "namespace": .string("team-\(number % 50)")]
            default: ["kind": "User", "name": .string("user-\(number % 500)")]
            }
        return [
            "kind": "RoleBinding", "metadata": ["name": .string("binding-\(number)"), "namespace": .string("team-\(number % 50)")],
            "roleRef": ["kind": "Role", "name": number % 3 == 0 ? "writer" : "reader"], "subjects": [subject],
        ]
    }

    /// Questions, of which about a half are answered with yes.
    static func cases() -> [Attributes] {
        (0..<1000).map { number in
            let binding = (number * 4 + 2) % 1000
            let user = UserInfo(username: "user-\(binding % 500)", groups: ["group-\(number % 250)", "system:authenticated"])
            return number.isMultiple(of: 2)
                ? Attributes(user: user, verb: "list", namespace: "team-\(binding % 50)", apiVersion: "v1", resource: "pods")
                : Attributes(
                    user: user, verb: "delete", namespace: "team-\(number % 50)", apiVersion: "v1", resource: "secrets", name: "s")
        }
    }

    /// The authorizer of a cluster that stores all of these.
    static func authorizer() async -> ClusterAuthorizer {
        let world = World(clock: .frozen(at: Instant(seconds: 1_795_478_400)))
        let store = MemoryStore(world: world)
        let cluster = ClusterState(id: "bench", name: "bench", store: store, world: world, certificateAuthority: "")
        let objects: [(String, [JSON])] = [
            ("clusterroles", bootstrap.clusterRoles), ("roles", bootstrap.roles + roles),
            ("clusterrolebindings", bootstrap.clusterRoleBindings), ("rolebindings", bootstrap.roleBindings + bindings),
        ]
        for (resource, objects) in objects {
            let collection = cluster.collection(group: "rbac.authorization.k8s.io", resource)
            for object in objects {
                let namespace = object.at("metadata", "namespace")?.string
                let name = (namespace.map { $0 + "/" } ?? "") + (object.at("metadata", "name")?.string ?? "")
                _ = try? await store.commit(Transaction(writes: [.put(Key(collection, name), .bytes(object.serialized()))]))
            }
        }
        return ClusterAuthorizer(cluster: cluster, policies: nil)
    }
}
