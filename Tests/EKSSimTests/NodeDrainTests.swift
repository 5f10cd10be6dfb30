import EKSSim
import HTTP
import JSON
import Testing
import World

@Suite("Nodes of managed node groups that go")
struct NodeDrainTests: NodegroupSuite {
    private func start(_ harness: Harness, _ more: JSON = [:]) async throws {
        try await makeRole(harness, Self.policies)
        try await makeGroup(harness, more)
        await advance(harness, .seconds(30))
        #expect(try await group(harness)["status"] == "ACTIVE")
    }

    private func send(_ harness: Harness, _ method: String, _ path: String, _ body: JSON? = nil) async throws -> JSON {
        let answer = try await harness.kubernetes(method, path, body, token: harness.token())
        #expect((200..<300).contains(answer.status), "\(answer.text)")
        return answer.json
    }

    private func makePods(_ harness: Harness, on nodes: [String]) async throws {
        for (number, node) in nodes.enumerated() {
            _ = try await send(
                harness, "POST", "/api/v1/namespaces/default/pods",
                [
                    "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p-\(number)", "labels": ["app": "p"]],
                    "spec": ["nodeName": .string(node), "containers": [["name": "main", "image": "registry.local/app:1"]]],
                ])
        }
        await advance(harness, .seconds(10))
        #expect(try await pods(harness).count == nodes.count)
    }

    private func pods(_ harness: Harness) async throws -> [String] {
        let list = try await send(harness, "GET", "/api/v1/namespaces/default/pods")
        return (list["items"]?.array ?? []).map { $0.at("metadata", "name")?.string ?? "" }.sorted()
    }

    private func update(_ harness: Harness, _ body: JSON, to path: String) async throws -> String {
        let answer = try await harness.eks("POST", "/clusters/demo/node-groups/main/\(path)", body)
        #expect(answer.status == 200, "\(answer.text)")
        return answer.json.at("update", "id")?.string ?? ""
    }

    private func described(_ harness: Harness, _ id: String) async throws -> JSON? {
        try await harness.eks("GET", "/clusters/demo/updates/\(id)", query: [("nodegroupName", "main")]).json["update"]
    }

    private func protect(_ harness: Harness) async throws {
        _ = try await send(
            harness, "POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            [
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": ["name": "p"],
                "spec": ["minAvailable": "100%", "selector": ["matchLabels": ["app": "p"]]],
            ])
    }

    @Test("a group that shrinks empties the node that goes, whatever budgets say, and its instance ends after that")
    func shrinks() async throws {
        try await Harness.run { harness in
            try await start(harness)
            try await makePods(harness, on: nodes(harness).keys.sorted())
            try await protect(harness)
            _ = try await update(
                harness, ["scalingConfig": ["minSize": 1, "maxSize": 3, "desiredSize": 1]], to: "update-config")
            await advance(harness, .seconds(60))
            #expect(try await nodes(harness).count == 1)
            await advance(harness, .seconds(60))
            #expect(try await pods(harness).count == 1)
        }
    }

    @Test("an update replaces every node: the old ones take no pods any more, lose theirs, and end a minute after the last")
    func update() async throws {
        try await Harness.run { harness in
            try await start(harness)
            let before = try await nodes(harness).keys.sorted()
            try await makePods(harness, on: before)
            let id = try await update(harness, [:], to: "update-version")
            await advance(harness, .seconds(30))
            let old = try await send(harness, "GET", "/api/v1/nodes/\(before[0])")
            #expect(old.at("spec", "unschedulable") == true)
            #expect(old.at("metadata", "labels", "node.kubernetes.io/exclude-from-external-load-balancers") == "true")
            await advance(harness, .seconds(600))
            let after = try await nodes(harness)
            #expect(after.count == 2)
            #expect(Set(after.keys).isDisjoint(with: before))
            #expect(try await pods(harness).isEmpty)
            let done = try await described(harness, id)
            #expect(done?["status"] == "Successful")
        }
    }

    @Test("a budget that lets no pod go makes an update fail after a quarter of an hour, unless it is forced", arguments: [false, true])
    func budget(isForced: Bool) async throws {
        try await Harness.run { harness in
            try await start(harness)
            let before = try await nodes(harness).keys.sorted()
            try await makePods(harness, on: before)
            try await protect(harness)
            let id = try await update(harness, ["force": .bool(isForced)], to: "update-version")
            await advance(harness, .seconds(isForced ? 2400 : 1200))
            let done = try await described(harness, id)
            #expect(done?["status"] == (isForced ? "Successful" : "Failed"))
            let error = done?["errors"]?.array?.first
            #expect(error?["errorCode"] == (isForced ? nil : "PodEvictionFailure"))
            #expect(try await group(harness)["status"] == "ACTIVE")
            guard !isForced else {
                #expect(try await Set(nodes(harness).keys).isDisjoint(with: before))
                return
            }
            for name in Set(before).intersection(try await nodes(harness).keys) {
                #expect(try await send(harness, "GET", "/api/v1/nodes/\(name)").at("spec", "unschedulable") == nil)
            }
        }
    }

    @Test("changed taints of the group reach the nodes that are there, and those of others stay")
    func taints() async throws {
        try await Harness.run { harness in
            try await start(harness, ["taints": [["key": "a", "value": "1", "effect": "NO_SCHEDULE"]]])
            let name = try #require(try await nodes(harness).keys.sorted().first)
            _ = try await harness.kubernetes(
                "PATCH", "/api/v1/nodes/\(name)",
                ["spec": ["taints": [["key": "a", "value": "1", "effect": "NoSchedule"], ["key": "mine", "effect": "NoSchedule"]]]],
                token: harness.token(), type: "application/merge-patch+json")
            _ = try await update(
                harness,
                [
                    "taints": [
                        "addOrUpdateTaints": [["key": "b", "effect": "PREFER_NO_SCHEDULE"]],
                        "removeTaints": [["key": "a", "value": "1", "effect": "NO_SCHEDULE"]],
                    ]
                ], to: "update-config")
            await advance(harness, .seconds(30))
            let taints = try await send(harness, "GET", "/api/v1/nodes/\(name)").at("spec", "taints")
            #expect(
                taints == [["key": "mine", "effect": "NoSchedule"], ["key": "b", "effect": "PreferNoSchedule"]])
        }
    }
}
