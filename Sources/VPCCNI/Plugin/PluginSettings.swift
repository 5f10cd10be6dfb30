import JSON

/// What the CNI plugin is configured with: the file that `aws-node` writes to `/etc/cni/net.d` at its start
/// (amazon-vpc-cni-k8s, cmd/aws-vpc-cni, `10-aws.conflist`).
public final class PluginSettings: Sendable {
    /// The largest packet of pods.
    let mtu: Int
    /// What the names of host interfaces begin with.
    let vethPrefix: String
    /// Where the plugin writes.
    let logFile: String
    /// The least level that it writes.
    let logLevel: String
    /// How security groups of pods are enforced.
    let enforcingMode: String
    /// What the agent says of network policies; empty when there are none.
    let networkPolicyMode: String

    /// Reads the environment of `aws-node`.
    public init(environment: [String: String]) {
        let host = AgentSettings(environment: environment).hostNetwork
        func text(_ name: String, _ otherwise: String) -> String {
            environment[name].flatMap { $0.isEmpty ? nil : $0 } ?? otherwise
        }
        mtu = host.mtu
        vethPrefix = host.vethPrefix
        logFile = text("AWS_VPC_K8S_PLUGIN_LOG_FILE", "/var/log/aws-routed-eni/plugin.log")
        logLevel = text("AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "Debug")
        enforcingMode = text("POD_SECURITY_GROUP_ENFORCING_MODE", "strict")
        networkPolicyMode = text("NETWORK_POLICY_ENFORCING_MODE", "")
    }

    /// Whether lines of a level are written (pkg/utils/logger).
    func writes(_ level: AgentLog.Level) -> Bool {
        let order: [AgentLog.Level] = [.debug, .info, .warn, .error]
        let least: AgentLog.Level? =
            switch logLevel.lowercased() {
            case "info": .info
            case "warn": .warn
            case "error": .error
            case "fatal": nil
            default: .debug
            }
        guard let least, let from = order.firstIndex(of: least), let place = order.firstIndex(of: level) else { return false }
        return place >= from
    }

    /// What the plugin reads from its standard input, with what it answered before.
    func input(previous: JSON?) -> String {
        var input: JSON = [
            "cniVersion": .string(Self.version), "mtu": .string("\(mtu)"), "name": "aws-cni", "pluginLogFile": .string(logFile),
            "pluginLogLevel": .string(logLevel), "podSGEnforcingMode": .string(enforcingMode),
        ]
        input["prevResult"] = previous
        input["type"] = "aws-cni"
        input["vethPrefix"] = .string(vethPrefix)
        return input.text
    }

    static let version = "1.0.0"
}
