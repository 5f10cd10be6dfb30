import JSON
import Testing

@Suite("Writes that make their object")
struct CreateByUpdateTests {
    @Test(
        "a PUT or an apply that makes its object takes the right to create, and changes what stands without it",
        arguments: [
            (method: "PUT", type: "application/json", query: ""),
            (method: "PATCH", type: "application/apply-patch+yaml", query: "?fieldManager=test"),
        ])
    func needsCreate(method: String, type: String, query: String) async throws {
        let cluster = try await Cluster()
        let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
        _ = await cluster.send(
            "POST", "\(rbac)/roles",
            [
                "metadata": ["name": "writer"],
                "rules": [["apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["update", "patch"]]],
            ])
        _ = await cluster.send(
            "POST", "\(rbac)/rolebindings",
            [
                "metadata": ["name": "writers"], "subjects": [["kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"]],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "writer"],
            ])
        let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/a"
        let lease: JSON = [
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": ["name": "a"], "spec": ["holderIdentity": "eve"],
        ]
        let eve = [("Impersonate-User", "eve")]
        let refused = await cluster.send(method, path + query, lease, type: type, headers: eve)
        #expect(refused.status == 403 && refused.message.hasPrefix("leases.coordination.k8s.io \"a\" is forbidden: "))
        #expect(await cluster.send("GET", path).status == 404)

        #expect(await cluster.send(method, path + query, lease, type: type).status == 201)
        var changed = lease
        changed["spec"] = ["holderIdentity": "eve", "leaseDurationSeconds": 15]
        if method == "PUT" { changed["metadata"]?["resourceVersion"] = .string(await cluster.send("GET", path).revision) }
        #expect(await cluster.send(method, path + query, changed, type: type, headers: eve).status == 200)
    }
}
