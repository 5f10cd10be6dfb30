public import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store

/// What EKS itself does to nodes of managed node groups and for them, through the API server.
extension ClusterControllers {
    private static let awsAuth = "/api/v1/namespaces/kube-system/configmaps/aws-auth"

    /// The names of the nodes that say that they are ready.
    public var readyNodes: Set<String> {
        let range = try? cluster.store.range(cluster.collection(group: "", "nodes"), prefix: "", at: nil, after: nil, limit: 0)
        let nodes = (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
        return Set(
            nodes.filter { node in
                node.at("status", "conditions")?.array?.contains { $0["type"] == "Ready" && $0["status"] == "True" } == true
            }.map(\.objectName))
    }

    /// Changes a Node as EKS' node manager; answers whether the server did.
    public func patch(node name: String, _ change: JSON) async -> Bool {
        await asNodeManager { client in
            await client.send("PATCH", "/api/v1/nodes/\(name)", change, type: "application/merge-patch+json").isSuccess
        }
    }

    /// Puts other taints of its node group on a node, and leaves those of others alone; answers whether the server did.
    public func retaint(node name: String, from old: [NodeMachine.NodeTaint], to new: [NodeMachine.NodeTaint]) async -> Bool {
        await asNodeManager { client in
            let node = await client.send("GET", "/api/v1/nodes/\(name)")
            guard node.isSuccess else { return false }
            func isOne(_ taint: JSON, of group: [NodeMachine.NodeTaint]) -> Bool {
                group.contains { taint["key"]?.string == $0.key && taint["effect"]?.string == $0.effect }
            }
            let others = (node.object.at("spec", "taints")?.array ?? []).filter { !isOne($0, of: old) && !isOne($0, of: new) }
            let taints = others + new.map(\.json)
            let change: JSON = [
                "metadata": ["resourceVersion": .string(node.object.objectResourceVersion)],
                "spec": ["taints": taints.isEmpty ? .null : .array(taints)],
            ]
            return await client.send("PATCH", "/api/v1/nodes/\(name)", change, type: "application/merge-patch+json").isSuccess
        }
    }

    func asNodeManager<Answer>(_ body: (ComponentClient) async -> Answer) async -> Answer {
        await asUser(UserInfo(username: "eks:node-manager", groups: ["system:authenticated"]), body)
    }

    /// Lets the nodes of a role in by a line of `aws-auth`, unless there is one for the role; answers `false` when it could not be written.
    public func mapNodeRole(_ arn: String) async -> Bool {
        let line =
            "- groups:\n  - system:bootstrappers\n  - system:nodes\n  rolearn: \(arn)\n  username: system:node:{{EC2PrivateDNSName}}\n"
        return await asUser(UserInfo(username: "eks:cluster-bootstrap", groups: ["system:masters"])) { client -> Bool in
            let present = await client.send("GET", Self.awsAuth)
            guard present.isSuccess else {
                let map: JSON = [
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "aws-auth", "namespace": "kube-system"],
                    "data": ["mapRoles": .string(line)],
                ]
                return await client.send("POST", "/api/v1/namespaces/kube-system/configmaps", map).isSuccess
            }
            let known = present.object.at("data", "mapRoles")?.string ?? ""
            guard !known.contains(arn) else { return true }
            // What cannot be read, or is written in another style, is left to its owner.
            let isBlock = known.isEmpty || known.hasPrefix("- ") || known.hasPrefix("-\n")
            guard isBlock else { return true }
            let text = known.isEmpty || known.hasSuffix("\n") ? known + line : known + "\n" + line
            return await client.send(
                "PATCH", Self.awsAuth, ["data": ["mapRoles": .string(text)]], type: "application/merge-patch+json"
            ).isSuccess
        }
    }

    private func asUser<Answer>(_ user: UserInfo, _ body: (ComponentClient) async -> Answer) async -> Answer {
        let client = ComponentClient(access, as: user, userAgent: "eks.amazonaws.com")
        defer { client.close() }
        return await body(client)
    }
}
