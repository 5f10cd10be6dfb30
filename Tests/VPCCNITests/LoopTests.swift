import Testing
import VPCCNI
import VPCModel
import World

@Suite("The agent's loop")
struct LoopTests {
    /// What can be seen of an agent and its VPC.
    private struct Sight: Equatable {
        let calls: [LocalVPC.Call]
        let blocks: [String]
        let free: UInt128
    }

    private func sight(_ node: TestNode) async -> Sight {
        let store = await node.agent.store
        return Sight(
            calls: node.vpc.takeCalls(),
            blocks: store.interfaces.flatMap { interface in interface.blocks.map { "\(interface.id) \($0.block)" } },
            free: node.vpc.subnets[0].pool.availableAddressCount)
    }

    @Test(
        "passes that are left out would have done nothing",
        arguments: [
            [:], ["WARM_IP_TARGET": "3"], ["ENABLE_PREFIX_DELEGATION": "true"],
            ["ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "2"],
            ["WARM_IP_TARGET": "2", "MINIMUM_IP_TARGET": "12", "ENABLE_PREFIX_DELEGATION": "true"], ["WARM_ENI_TARGET": "0"],
        ])
    func skipping(environment: [String: String]) async throws {
        let skipping = try TestNode("m5.large", environment)
        let stepping = try TestNode("m5.large", environment)
        for node in [skipping, stepping] {
            _ = await node.agent.start(at: TestNode.epoch)
            await node.agent.startLoop(at: TestNode.epoch)
        }
        var state: UInt64 = 7
        var time = 0.0
        var pods: [String] = []
        for round in 0..<60 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            time += Double(state >> 56)
            _ = await skipping.agent.run(until: TestNode.at(time))
            // A change that is none wakes the other agent for each pass.
            var step = max(time - 256, 0)
            while step < time {
                step = min(step + 2.5, time)
                await stepping.agent.nodeChanged()
                _ = await stepping.agent.run(until: TestNode.at(step))
            }
            let (left, right) = (await sight(skipping), await sight(stepping))
            guard left == right else {
                Issue.record("round \(round), at \(time): \(left) and \(right)")
                return
            }
            if state >> 40 & 1 == 0 || pods.isEmpty {
                let name = "p\(round)"
                for node in [skipping, stepping] { _ = try await node.add(name, at: time) }
                pods.append(name)
            } else {
                let name = pods.remove(at: Int(state >> 44) % pods.count)
                for node in [skipping, stepping] { try? await node.delete(name, at: time) }
            }
        }
    }

    @Test("an hour in which nothing happens takes a few passes, and the agent says that nothing is to come")
    func idle() async throws {
        let node = try TestNode()
        _ = await node.agent.start(at: TestNode.epoch)
        await node.agent.startLoop(at: TestNode.epoch)
        _ = await node.agent.run(until: TestNode.at(130))
        #expect(await node.agent.nextDeadline() == nil)
        let before = await node.agent.metrics.requests
        _ = await node.agent.run(until: TestNode.at(3600))
        #expect(await node.agent.metrics.requests["DescribeNetworkInterfaces"] == (before["DescribeNetworkInterfaces"] ?? 0) + 1)
        #expect(await node.agent.log.lines.count < 128)
    }

    @Test("two hundred nodes fill their pools for ten thousand pods, and no address is given twice")
    func manyNodes() async throws {
        let subnets = (0..<4).map { "subnet-\($0)" }
        let vpc = try TestNode.vpc([
            "subnet-0": "10.0.0.0/16", "subnet-1": "10.1.0.0/16", "subnet-2": "10.2.0.0/16", "subnet-3": "10.3.0.0/16",
        ])
        var given: Set<String> = []
        for index in 0..<200 {
            let node = try TestNode("m5.4xlarge", ["WARM_IP_TARGET": "5"], vpc: vpc, id: "i-\(index)", subnet: subnets[index % 4])
            _ = await node.agent.start(at: TestNode.epoch)
            await node.agent.startLoop(at: TestNode.epoch)
            var time = 0.0
            for pod in 0..<50 {
                var address = try await node.add("p\(pod)", at: time)
                while address == nil {
                    time += 5
                    _ = await node.agent.run(until: TestNode.at(time))
                    address = try await node.add("p\(pod)", at: time)
                }
                given.insert(address ?? "")
            }
            _ = await node.agent.run(until: TestNode.at(3600))
        }
        #expect(given.count == 10000)
    }
}
