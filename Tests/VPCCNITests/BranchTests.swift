import IPAddress
import JSON
import Testing
import VPCCNI
import World

@Suite("Security groups for pods")
struct BranchTests {
    private func branch(_ vlan: Int) throws -> BranchInterfaces.Branch {
        BranchInterfaces.Branch(
            id: "eni-\(vlan)", hardwareAddress: "0e:00:00:00:00:01", address: IPAddress(10, 0, 0, 200), vlan: vlan,
            subnetBlock: try #require(CIDRBlock("10.0.0.0/22")), association: "trunk-assoc-1")
    }

    @Test("an interface outlives its pod by the cool-down, with its VLAN and its place")
    func cooldown() throws {
        var branches = BranchInterfaces(limit: 1)
        branches.add(try branch(1), to: "a")
        branches.remove("a", at: Instant(seconds: 100))
        #expect(!branches.canCreate && branches.nextVLAN == 2 && branches.nextDeadline == Instant(seconds: 160))
        #expect(branches.due(at: Instant(seconds: 159)).isEmpty)
        for branch in branches.due(at: Instant(seconds: 160)) { branches.deleted(branch) }
        #expect(branches.canCreate && branches.nextVLAN == 1 && branches.nextDeadline == nil)
    }

    @Test("the agent reads the annotation that the controller writes")
    func annotation() async throws {
        let node = try TestNode("m5.large", ["ENABLE_POD_ENI": "true"])
        let objects = BranchObjects(annotation: try branch(3).annotation)
        let agent = IPAMAgent(
            node.agent.settings, on: node.type, instanceID: "i-1", maxPods: 29, network: node.network, objects: objects)
        let trunk = AttachedInterface(id: "", device: 2, subnet: "subnet-a", kind: .trunk, primary: IPAddress(10, 0, 0, 250))
        try node.vpc.attach(trunk, to: "i-1")
        _ = await agent.start(at: TestNode.epoch)
        let pod = try #require(try await agent.add(TestNode.pod("a"), at: TestNode.at(1)).pod)
        #expect(pod.address == IPAddress(10, 0, 0, 200) && pod.vlan == 3 && pod.device == -1)
        #expect(pod.branchGateway == IPAddress(10, 0, 0, 1) && pod.branchHardwareAddress == "0e:00:00:00:00:01")
        #expect(await agent.statistics(at: TestNode.at(1)).assigned == 0)
    }

    @Test("a pod on Fargate that nobody's policy is for loses an annotation that it brought along")
    func forgedGroups() {
        let pod: JSON = [
            "metadata": ["labels": ["eks.amazonaws.com/fargate-profile": "fp"], "annotations": ["fargate.amazonaws.com/pod-sg": "sg-9"]],
            "spec": ["containers": [["name": "app"]]],
        ]
        let mutation = PodWebhooks.mutate(pod, namespace: "default", policies: [], serviceAccountLabels: nil)
        #expect(mutation.message == nil && mutation.pod.at("metadata", "annotations", "fargate.amazonaws.com/pod-sg") == nil)
    }

    @Test("a selector by expressions, and one that cannot be read")
    func expressions() throws {
        func policy(_ selector: JSON) -> SecurityGroupPolicy? {
            SecurityGroupPolicy([
                "metadata": ["namespace": "default"], "spec": ["podSelector": selector, "securityGroups": ["groupIds": ["sg-1"]]],
            ])
        }
        let matching = try #require(policy(["matchExpressions": [["key": "role", "operator": "In", "values": ["db", "web"]]]]))
        #expect(matching.matches(podLabels: ["role": "web"], serviceAccountLabels: nil))
        #expect(!matching.matches(podLabels: ["role": "x"], serviceAccountLabels: nil))
        #expect(policy(["matchExpressions": [["key": "role", "operator": "Near"]]]) == nil)
    }
}

/// A node whose pods all have a branch interface.
private struct BranchObjects: NodeObjects {
    let annotation: String
    func node() -> NodeMetadata { NodeMetadata() }
    func isCordoned() -> Bool { false }
    func eniConfig(_ name: String) -> ENIConfig? { nil }
    func pod(_ namespace: String, _ name: String) -> BranchPod? { BranchPod(wantsBranchInterface: true, annotation: annotation) }
    func addFeature(_ name: String, _ value: String) {}
    func hasHostInterface(suffix: String) -> Bool { true }
}
