import IPAddress
import Testing
import VPCCNI
import VPCModel
import World

/// A node with its agent, in a VPC of one subnet or more.
struct TestNode {
    let vpc: LocalVPC
    let network: LocalInstance
    let objects: TestObjects
    let type: InstanceLimits
    var agent: IPAMAgent
    var environment: [String: String]
    static let epoch = Instant(seconds: 1_000_000_000)

    init(
        _ type: String = "m5.large", _ environment: [String: String] = [:], vpc: LocalVPC? = nil, id: String = "i-1",
        subnet: String = "subnet-a", maxPods: Int = 110
    ) throws {
        self.type = try #require(InstanceLimits.of(type))
        self.vpc = try vpc ?? Self.vpc(["subnet-a": "10.0.0.0/22"])
        network = self.vpc.addInstance(id, self.type)
        try self.vpc.attachPrimary(to: id, subnet: subnet)
        objects = TestObjects()
        self.environment = ["ENABLE_IPv4": "true"].merging(environment) { $1 }
        agent = IPAMAgent(
            AgentSettings(environment: self.environment), on: self.type, instanceID: id, maxPods: maxPods, network: network,
            objects: objects)
    }

    static func vpc(_ subnets: KeyValuePairs<String, String>, tags: [String: [String: String]] = [:]) throws -> LocalVPC {
        LocalVPC(
            blocks: [try #require(CIDRBlock("10.0.0.0/8"))],
            subnets: try subnets.map { subnet in
                LocalVPC.Subnet(id: subnet.key, tags: tags[subnet.key] ?? [:], block: try #require(CIDRBlock(subnet.value)))
            })
    }

    /// A time so many seconds after the node's start.
    static func at(_ seconds: Double) -> Instant { epoch + .seconds(seconds) }

    static func pod(_ name: String) -> AddRequest {
        AddRequest(
            key: SandboxKey(networkName: "aws-cni", containerID: "sandbox-\(name)", ifName: "eth0"),
            pod: PodMetadata(namespace: "default", name: name))
    }

    func add(_ name: String, at seconds: Double) async throws -> String? {
        try await agent.add(Self.pod(name), at: Self.at(seconds)).pod?.address.description
    }

    func delete(_ name: String, at seconds: Double) async throws {
        try await agent.delete(Self.pod(name).key, pod: Self.pod(name).pod, at: Self.at(seconds))
    }

    /// The agent's process ends and begins again.
    mutating func restart(at seconds: Double) async -> StartError? {
        let file = await agent.stateFile
        agent = IPAMAgent(
            AgentSettings(environment: environment), on: type, instanceID: network.id, maxPods: 110, network: network, objects: objects)
        return await agent.start(at: Self.at(seconds), restoring: file).error
    }

    /// Names of the calls since the last time.
    func calls() -> [String] { vpc.takeCalls().map(\.api) }
}

/// A node without labels, pods or ENIConfigs.
struct TestObjects: NodeObjects {
    func node() -> NodeMetadata { NodeMetadata() }
    func isCordoned() -> Bool { false }
    func eniConfig(_ name: String) -> ENIConfig? { nil }
    func pod(_ namespace: String, _ name: String) -> BranchPod? { nil }
    func addFeature(_ name: String, _ value: String) {}
    func hasHostInterface(suffix: String) -> Bool { true }
}
