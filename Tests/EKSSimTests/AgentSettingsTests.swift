import EKSSim
import HTTP
import JSON
import Testing
import World

/// The settings that agents of the VPC CNI have from the DaemonSet `aws-node`.
@Suite("Settings of the VPC CNI on running nodes")
struct AgentSettingsTests: NodegroupSuite {
    private static let daemonSet = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"

    private func set(_ harness: Harness, _ name: String, _ value: String) async throws {
        let container: JSON = ["name": "aws-node", "env": [["name": .string(name), "value": .string(value)]]]
        let done = try await harness.kubernetes(
            "PATCH", Self.daemonSet, ["spec": ["template": ["spec": ["containers": [container]]]]], token: harness.token(),
            type: "application/strategic-merge-patch+json")
        #expect(done.status == 200, "\(done.text)")
    }

    /// Each node's addresses: those held and those in use.
    private func pools(_ harness: Harness) async throws -> [(held: Int64, used: Int64)] {
        (try await harness.simulator.pools(cluster: "demo", node: nil)["nodes"]?.array ?? []).map {
            ($0["held"]?.integer ?? 0, $0["used"]?.integer ?? 0)
        }
    }

    private func addresses(_ harness: Harness) async throws -> [String] {
        let pods = try await harness.kubernetes("GET", "/api/v1/namespaces/kube-system/pods", token: harness.token()).json
        return (pods["items"]?.array ?? []).filter { $0.at("metadata", "labels", "k8s-app") == "kube-dns" }
            .compactMap { $0.at("status", "podIP")?.string }.sorted()
    }

    @Test("a changed target reaches the agents as their pods are made anew, and the pods of the nodes keep their addresses")
    func target() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness)
            await advance(harness, .seconds(60))
            let before = try await addresses(harness)
            #expect(before.count == 2)
            // One warm interface beside the first: 9 addresses each.
            #expect(try await pools(harness).allSatisfy { $0.held == 18 })
            try await set(harness, "WARM_IP_TARGET", "2")
            await advance(harness, .seconds(300))
            #expect(try await pools(harness).allSatisfy { $0.held == $0.used + 2 })
            #expect(try await addresses(harness) == before)
        }
    }

    @Test("without a network plugin in the cluster nodes do not become ready, until somebody installs one")
    func noPlugin() async throws {
        try await Harness.run { harness in
            let shipped = try await harness.kubernetes("GET", Self.daemonSet, token: harness.token()).json
            try await harness.expect(200, "DELETE", Self.daemonSet, token: harness.token())
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness)
            await advance(harness, .seconds(60))
            #expect(try await Array(nodes(harness).values) == [false, false])
            #expect(try await group(harness)["status"] == "CREATING")
            var wanted: JSON = ["apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": ["name": "aws-node"]]
            wanted["spec"] = shipped["spec"]
            let made = try await harness.kubernetes(
                "POST", "/apis/apps/v1/namespaces/kube-system/daemonsets", wanted, token: harness.token())
            #expect(made.status == 201, "\(made.text)")
            await advance(harness, .seconds(30))
            #expect(try await Array(nodes(harness).values) == [true, true])
            #expect(try await group(harness)["status"] == "ACTIVE")
        }
    }
}
