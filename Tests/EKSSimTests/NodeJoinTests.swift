import EKSSim
import HTTP
import JSON
import Testing
import World

/// Node groups from the call to Node objects, on a standing clock.
@Suite("Nodes of managed node groups")
struct NodeJoinTests: NodegroupSuite {
    @Test("its instances become nodes, and the group is active when they are ready")
    func joins() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness)
            #expect(try await group(harness)["status"] == "CREATING")
            await advance(harness, .milliseconds(700))
            #expect(try await nodes(harness).values.filter { $0 }.isEmpty)
            await advance(harness, .seconds(10))
            #expect(try await Array(nodes(harness).values) == [true, true])
            #expect(try await group(harness)["status"] == "ACTIVE")
        }
    }

    @Test(
        "a role that lacks the right to look up instances keeps nodes out, and the group fails after a quarter of an hour",
        arguments: [[], ["AmazonEC2ContainerRegistryPullOnly"]])
    func keptOut(policies: [String]) async throws {
        try await Harness.run { harness in
            try await makeRole(harness, policies)
            try await makeGroup(harness)
            await advance(harness, .seconds(880))
            #expect(try await nodes(harness).isEmpty)
            #expect(try await group(harness)["status"] == "CREATING")
            await advance(harness, .seconds(30))
            let failed = try await group(harness)
            #expect(failed["status"] == "CREATE_FAILED")
            let issue = failed.at("health", "issues")?.array?.first
            #expect(issue?["code"] == "NodeCreationFailure")
            #expect(issue?["message"] == "Instances failed to join the kubernetes cluster")
            #expect(issue?["resourceIds"]?.array?.count == 2)
        }
    }

    @Test("without the network policy nodes register but do not get ready; with it they do", arguments: policies.dropFirst())
    func network(missing: String) async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies.filter { $0 != missing })
            try await makeGroup(harness)
            await advance(harness, .seconds(60))
            #expect(try await Array(nodes(harness).values) == [false, false])
            #expect(try await group(harness)["status"] == "CREATING")
            try await attach(harness, missing)
            await advance(harness, .seconds(30))
            #expect(try await Array(nodes(harness).values) == [true, true])
            #expect(try await group(harness)["status"] == "ACTIVE")
        }
    }

    @Test("a node's kubelet serves the logs of the agent and of the plugin")
    func logs() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness)
            await advance(harness, .seconds(60))
            var told = 0
            for node in try await nodes(harness).keys.sorted() {
                func read(_ path: String) async throws -> String {
                    try await harness.kubernetes("GET", "/api/v1/nodes/\(node)/proxy/logs/\(path)", token: harness.token()).text
                }
                #expect(try await read("").contains("<a href=\"aws-routed-eni/\">aws-routed-eni/</a>"))
                #expect(try await read("aws-routed-eni/").contains("<a href=\"ipamd.log\">ipamd.log</a>"))
                #expect(try await read("aws-routed-eni/nothing").hasPrefix("404 page not found"))
                #expect(try await read("aws-routed-eni/ipamd.log").hasPrefix("{\"level\":"))
                let lines = try await harness.simulator.agentPage(cluster: "demo", node: node, "plugin.log")
                guard !lines.isEmpty else { continue }
                told += 1
                #expect(try await read("aws-routed-eni/plugin.log") == lines)
                #expect(lines.contains("Received CNI add request: ContainerID("))
                #expect(lines.contains("K8S_POD_NAME=coredns-"))
            }
            #expect(told > 0)
        }
    }

    @Test("an hour in which nothing happens costs no look at the instances")
    func idle() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness)
            await advance(harness, .seconds(10))
            let timers = harness.simulator.world.timers.pending.count
            await advance(harness, .seconds(3600))
            #expect(harness.simulator.world.timers.pending.count <= timers)
            #expect(try await Array(nodes(harness).values) == [true, true])
        }
    }
}
