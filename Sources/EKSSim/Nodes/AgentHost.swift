import JSON
import KubeControllers
import VPCCNI
import World

/// A node with its agent, which comes and goes as its pod does while the pods of the node keep their addresses.
struct AgentHost: Sendable {
    /// The node.
    var machine: NodeMachine
    /// The agent, from its start on; what it wrote stays readable when it has failed.
    var agent: IPAMAgent?
    /// Whether the agent answers the plugin.
    var isUp = false
    /// What outlives an agent: its state file.
    var file = StateFile()
    /// Sandboxes that ended while no agent answered.
    var gone: Set<SandboxKey> = []
    /// Counts the starts: an earlier one that ends late is not heard.
    var start = 0
    /// What of `aws-node` runs on the node.
    var pod: AgentPod?
    /// How the traffic of pods with branch interfaces goes: as it was set when they were connected, by their UIDs.
    var modes: [String: EnforcingMode] = [:]
    /// What the plugin is configured with, from the first start of an agent on.
    var pluginSettings: PluginSettings?
    /// What the plugin was called for; the file outlives agents.
    var pluginLog = PluginLog(capacity: 32)

    init(_ machine: NodeMachine) { self.machine = machine }
}

/// A container of `aws-node` that runs: the agent is a program in it.
struct AgentPod: Sendable {
    /// The pod's.
    let uid: String
    /// The container's: another one after each start.
    let containerID: String
    /// The variables that it was made with.
    let environment: [String: String]
    /// The credentials that it was given; `nil` for those of its node.
    let credentials: AgentCredentials?
}

/// The settings of agents as the DaemonSet `aws-node` and its pods carry them.
enum AgentEnvironment {
    static let namespace = AgentEntryPoint.namespace
    static let name = AgentEntryPoint.name
    /// The container that sets the node's kernel up, and what it is told.
    private static let initialiser = "aws-vpc-cni-init"
    private static let kernelSetting = "DISABLE_TCP_EARLY_DEMUX"

    /// The variables of the agent's container in a pod's `spec`; `nil` when there is no such container. What comes from elsewhere than the
    /// text itself is nothing that the agent's decisions depend on.
    static func of(spec: JSON?) -> [String: String]? {
        guard let container = spec?["containers"]?.array?.first(where: { $0["name"]?.string == name }) else { return nil }
        var environment: [String: String] = [:]
        for variable in container["env"]?.array ?? [] {
            if let name = variable["name"]?.string, let value = variable["value"]?.string { environment[name] = value }
        }
        let first = spec?["initContainers"]?.array?.first { $0["name"]?.string == initialiser }
        environment[kernelSetting] = first?["env"]?.array?.first { $0["name"]?.string == kernelSetting }?["value"]?.string
        return environment
    }
}
