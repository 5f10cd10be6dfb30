import JSON
import Testing

@Suite("NodeRestriction: what kubelets may change")
struct NodeRestrictionTests {
    private struct Case: Sendable {
        let title: String
        let method: String
        let path: String
        let body: JSON
        /// A part of the refusal; `nil` when it passes.
        let refusal: String?
    }

    private static let node1: [(String, String)] = [("Impersonate-User", "system:node:n1"), ("Impersonate-Group", "system:nodes")]
    private static let pods = "/api/v1/namespaces/default/pods"

    private static func node(_ name: String, labels: JSON = [:], taints: JSON? = nil) -> JSON {
        var node: JSON = ["kind": "Node", "apiVersion": "v1", "metadata": ["name": .string(name), "labels": labels]]
        if let taints { node["spec"] = ["taints": taints] }
        return node
    }

    private static func pod(_ name: String, on node: String, _ metadata: JSON = [:], _ spec: JSON = [:]) -> JSON {
        var pod: JSON = [
            "kind": "Pod", "apiVersion": "v1", "metadata": ["name": .string(name)],
            "spec": ["nodeName": .string(node), "containers": [["name": "c", "image": "i"]]],
        ]
        for member in metadata.object?.members ?? [] { pod["metadata"]?[member.key] = member.value }
        for member in spec.object?.members ?? [] { pod["spec"]?[member.key] = member.value }
        return pod
    }

    /// A cluster with nodes n1 and n2, and a pod on each.
    private static func cluster() async throws -> (Cluster, uids: [String: String]) {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", "/api/v1/namespaces/default/serviceaccounts", ["metadata": ["name": "default"]])
        var uids: [String: String] = [:]
        for name in ["n1", "n2"] {
            let made = await cluster.send("POST", "/api/v1/nodes", node(name))
            uids[name] = made.json.at("metadata", "uid")?.string
            let pod = await cluster.send("POST", pods, pod("on-\(name)", on: name))
            uids["on-\(name)"] = pod.json.at("metadata", "uid")?.string
        }
        return (cluster, uids)
    }

    private func check(_ cases: [Case], _ cluster: Cluster) async {
        for item in cases {
            let type = item.method == "PATCH" ? "application/merge-patch+json" : "application/json"
            let answer = await cluster.send(item.method, item.path, item.body, type: type, headers: Self.node1)
            if let refusal = item.refusal {
                #expect(answer.status == 403 && answer.message.contains(refusal), "\(item.title): \(answer.status) \(answer.message)")
            } else {
                #expect(answer.status < 300, "\(item.title): \(answer.status) \(answer.message)")
            }
        }
    }

    @Test("nodes: its own, with labels of its own, never the taints")
    func nodes() async throws {
        let (cluster, _) = try await Self.cluster()
        _ = await cluster.send("DELETE", "/api/v1/nodes/n1")
        let one = "/api/v1/nodes/n1"
        await check(
            [
                Case(
                    title: "another node", method: "POST", path: "/api/v1/nodes", body: Self.node("n3"),
                    refusal: "node \"n1\" is not allowed to modify node \"n3\""),
                Case(
                    title: "reserved labels", method: "POST", path: "/api/v1/nodes",
                    body: Self.node("n1", labels: ["node-role.kubernetes.io/x": "", "a.node-restriction.kubernetes.io/y": ""]),
                    refusal:
                        "is not allowed to set the following labels: a.node-restriction.kubernetes.io/y, node-role.kubernetes.io/x"),
                Case(
                    title: "labels of EKS and of the kubelet", method: "POST", path: "/api/v1/nodes",
                    body: Self.node(
                        "n1",
                        labels: ["eks.amazonaws.com/nodegroup": "g", "kubernetes.io/hostname": "n1", "x.kubelet.kubernetes.io/y": ""]),
                    refusal: nil),
                Case(
                    title: "taints", method: "PATCH", path: one, body: ["spec": ["taints": [["key": "k", "effect": "NoSchedule"]]]],
                    refusal: "node \"n1\" is not allowed to modify taints"),
                Case(
                    title: "a reserved label later", method: "PATCH", path: one,
                    body: ["metadata": ["labels": ["node-role.kubernetes.io/master": ""]]],
                    refusal: "is not allowed to modify labels: node-role.kubernetes.io/master"),
                Case(title: "a label of its own", method: "PATCH", path: one, body: ["metadata": ["labels": ["team": "a"]]], refusal: nil),
                Case(
                    title: "its status", method: "PATCH", path: "\(one)/status", body: ["status": ["phase": "Running"]], refusal: nil),
                Case(
                    title: "the status of another", method: "PATCH", path: "/api/v1/nodes/n2/status", body: ["status": [:]],
                    refusal: "node \"n1\" is not allowed to modify node \"n2\""),
            ], cluster)
    }

    @Test("pods: mirror pods of its own and nothing in them; deletes and evicts what is on it")
    func pods() async throws {
        let (cluster, uids) = try await Self.cluster()
        let owner: JSON = [
            "apiVersion": "v1", "kind": "Node", "name": "n1", "uid": .string(uids["n1"] ?? ""), "controller": true,
        ]
        let mirror: JSON = ["annotations": ["kubernetes.io/config.mirror": "x"], "ownerReferences": [owner]]
        func create(_ title: String, _ pod: JSON, _ refusal: String?) -> Case {
            Case(title: title, method: "POST", path: Self.pods, body: pod, refusal: refusal)
        }
        var stolen = owner
        stolen["uid"] = .string(uids["n2"] ?? "")
        await check(
            [
                create("an ordinary pod", Self.pod("a", on: "n1"), "can only create mirror pods"),
                create("on another node", Self.pod("a", on: "n2", mirror), "can only create pods with spec.nodeName set to itself"),
                create(
                    "without owner", Self.pod("a", on: "n1", ["annotations": ["kubernetes.io/config.mirror": "x"]]),
                    "can only create pods with an owner reference set to itself"),
                create(
                    "of another uid", Self.pod("a", on: "n1", ["annotations": mirror["annotations"] ?? [:], "ownerReferences": [stolen]]),
                    "node n1 UID mismatch"),
                create(
                    "with a service account", Self.pod("a", on: "n1", mirror, ["serviceAccountName": "default"]),
                    "a mirror pod may not reference service accounts"),
                create(
                    "with a secret", Self.pod("a", on: "n1", mirror, ["volumes": [["name": "v", "secret": ["secretName": "s"]]]]),
                    "a mirror pod may not reference secrets"),
                create(
                    "with a configmap", Self.pod("a", on: "n1", mirror, ["volumes": [["name": "v", "configMap": ["name": "s"]]]]),
                    "can not create pods that reference configmaps"),
                create(
                    "with a claim",
                    Self.pod("a", on: "n1", mirror, ["volumes": [["name": "v", "persistentVolumeClaim": ["claimName": "s"]]]]),
                    "can not create pods that reference persistentvolumeclaims"),
                create("a mirror pod", Self.pod("a", on: "n1", mirror), nil),
                Case(
                    title: "status of a pod elsewhere", method: "PATCH", path: "\(Self.pods)/on-n2/status",
                    body: ["status": ["phase": "Running"]], refusal: "for pods with spec.nodeName set to itself"),
                Case(
                    title: "status of its pod", method: "PATCH", path: "\(Self.pods)/on-n1/status",
                    body: ["status": ["phase": "Running"]], refusal: nil),
                Case(
                    title: "labels by status", method: "PATCH", path: "\(Self.pods)/on-n1/status",
                    body: ["metadata": ["labels": ["a": "b"]]], refusal: "cannot update labels through pod status"),
                Case(
                    title: "delete elsewhere", method: "DELETE", path: "\(Self.pods)/on-n2", body: [:],
                    refusal: "can only delete pods with spec.nodeName set to itself"),
                Case(
                    title: "evict elsewhere", method: "POST", path: "\(Self.pods)/on-n2/eviction",
                    body: ["kind": "Eviction", "apiVersion": "policy/v1", "metadata": ["name": "on-n2"]],
                    refusal: "can only evict pods with spec.nodeName set to itself"),
                Case(title: "delete its own", method: "DELETE", path: "\(Self.pods)/on-n1?gracePeriodSeconds=0", body: [:], refusal: nil),
            ], cluster)
    }

    @Test("tokens: bound to a pod of its own, by uid, for an audience that the pod wants")
    func tokens() async throws {
        let (cluster, uids) = try await Self.cluster()
        func token(_ title: String, _ reference: JSON?, audience: String? = nil, _ refusal: String?) -> Case {
            var spec: JSON = ["audiences": JSON(strings: audience.map { [$0] } ?? [])]
            spec["boundObjectRef"] = reference
            return Case(
                title: title, method: "POST", path: "/api/v1/namespaces/default/serviceaccounts/default/token",
                body: ["kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": spec], refusal: refusal)
        }
        func pod(_ name: String, uid: String?) -> JSON {
            var reference: JSON = ["kind": "Pod", "apiVersion": "v1", "name": .string(name)]
            reference["uid"] = uid.map(JSON.string)
            return reference
        }
        await check(
            [
                // The Node authorizer knows the account by the pods; what is bound is for admission.
                token("unbound", nil, "node requested token not bound to a pod"),
                token("without uid", pod("on-n1", uid: nil), "node requested token with a pod binding without a uid"),
                token("of another uid", pod("on-n1", uid: uids["on-n2"]), "does not match the UID in record"),
                token("of a pod elsewhere", pod("on-n2", uid: uids["on-n2"]), "bound to a pod scheduled on a different node"),
                token(
                    "for nobody's audience", pod("on-n1", uid: uids["on-n1"]), audience: "vault",
                    "audience \"vault\" not found in pod spec volume"),
                token("of its pod", pod("on-n1", uid: uids["on-n1"]), nil),
            ], cluster)
    }

    @Test("leases and CSINodes of its own name; either half of a node is an ordinary user")
    func others() async throws {
        let (cluster, _) = try await Self.cluster()
        func lease(_ name: String, _ namespace: String) -> (String, JSON) {
            (
                "/apis/coordination.k8s.io/v1/namespaces/\(namespace)/leases",
                ["kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": ["name": .string(name)]]
            )
        }
        for (name, namespace, refusal) in [
            ("n2", "kube-node-lease", "can only access node lease with the same name as the requesting node"),
            ("n1", "default", "can only access leases in the \"kube-node-lease\" system namespace"), ("n1", "kube-node-lease", nil),
        ] {
            let (path, body) = lease(name, namespace)
            await check([Case(title: "lease \(name)", method: "POST", path: path, body: body, refusal: refusal)], cluster)
        }
        let halves: [[(String, String)]] = [
            [("Impersonate-User", "system:node:n1")], [("Impersonate-User", "x"), ("Impersonate-Group", "system:nodes")],
        ]
        for headers in halves {
            let answer = await cluster.send("GET", "/api/v1/nodes/n1", headers: headers)
            #expect(answer.status == 403 && !answer.message.contains("node 'n1'"), "\(answer.message)")
        }
        let nameless = await cluster.send(
            "GET", "/api/v1/nodes/n1", headers: [("Impersonate-User", "system:node:"), ("Impersonate-Group", "system:nodes")])
        #expect(nameless.message.hasSuffix("unknown node for user \"system:node:\""), "\(nameless.message)")
    }
}
