import JSON

@testable import KubeControllers

/// Workloads of a cluster under test, in namespace `default`.
extension RunningCluster {
    /// The pod template of workloads: one container, labelled `app`.
    static func template(_ app: String, image: String = "app:1", spec: JSONObject = [:]) -> JSON {
        var all: JSONObject = ["containers": [["name": "app", "image": .string(image)]]]
        for member in spec { all[member.key] = member.value }
        return ["metadata": ["labels": ["app": .string(app)]], "spec": .object(all)]
    }

    /// Makes a workload of a kind of apps/v1 whose selector is its name.
    @discardableResult
    func createWorkload(
        _ kind: WorkloadKind, _ name: String, image: String = "app:1", spec: JSONObject = [:], pod: JSONObject = [:]
    ) async -> JSON {
        var all: JSONObject = [
            "selector": ["matchLabels": ["app": .string(name)]], "template": Self.template(name, image: image, spec: pod),
        ]
        for member in spec { all[member.key] = member.value }
        return await send(
            "POST", kind.path(namespace: "default"),
            [
                "apiVersion": .string(kind.apiVersion), "kind": .string(kind.name), "metadata": ["name": .string(name)],
                "spec": .object(all),
            ])
    }

    func workload(_ kind: WorkloadKind, _ name: String) async -> JSON { await get(kind.path(namespace: "default", name)) }

    /// Changes a workload by a merge patch.
    @discardableResult
    func change(_ kind: WorkloadKind, _ name: String, _ change: JSON) async -> JSON {
        await send("PATCH", kind.path(namespace: "default", name), change, type: "application/merge-patch+json")
    }

    /// Gives a workload's only container another image.
    func setImage(_ kind: WorkloadKind, _ name: String, _ image: String) async {
        await change(kind, name, ["spec": ["template": ["spec": ["containers": [["name": "app", "image": .string(image)]]]]]])
    }

    func items(_ path: String) async -> [JSON] { await get(path)["items"]?.array ?? [] }

    /// The pods that a label selects.
    func pods(_ app: String) async -> [JSON] { await items("/api/v1/namespaces/default/pods?labelSelector=app=\(app)") }

    func podNames(_ app: String) async -> [String] { await pods(app).map { $0.at("metadata", "name")?.string ?? "" } }

    /// The ReplicaSets of a Deployment by their image: `app:1=2` for two replicas.
    func replicaSets(_ app: String) async -> [String] {
        await items("/apis/apps/v1/namespaces/default/replicasets?labelSelector=app=\(app)").map { set in
            let image = set.at("spec", "template", "spec", "containers")?[0]?["image"]?.string ?? ""
            return "\(image)=\(set.at("spec", "replicas")?.integer ?? 0)"
        }.sorted()
    }

    /// A condition of a workload: `True NewReplicaSetAvailable: text`.
    func condition(_ type: String, of kind: WorkloadKind, _ name: String) async -> String {
        let found = await workload(kind, name).at("status", "conditions")?.array?.first { $0["type"]?.string == type }
        guard let found else { return "" }
        return "\(found["status"]?.string ?? "") \(found["reason"]?.string ?? ""): \(found["message"]?.string ?? "")"
    }

    /// Adds nodes whose kubelets run.
    func join(_ names: String...) async throws {
        for (index, name) in names.enumerated() { try await controllers.join(Self.machine(name, index + 1)) }
        await advance(.seconds(5))
    }

    private static func machine(_ name: String, _ number: Int) -> NodeMachine {
        NodeMachine(
            name: name, instanceID: "i-\(name)", instanceType: "m5.large", region: "ap-northeast-1", zone: "ap-northeast-1a",
            address: "172.31.0.\(number)", milliCPU: 2000, memory: 8 << 30, maximumPods: 29, labels: ["number": "\(number)"],
            kubeletVersion: "v1.36.0-eks-113cf36")
    }
}
